"""Files of other people: readers and writers of bytes."""
