"""``python -m bench``: every kernel and whole step held to its definition, then timed against PyTorch in one process."""
