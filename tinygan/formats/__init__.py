"""File formats: readers that check untrusted files, and writers. Every parser here is fuzzed by the tests."""
