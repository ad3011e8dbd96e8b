"""The experiments, a file or more a paper."""
