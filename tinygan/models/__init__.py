"""Functions that return a net: the architectures of the papers."""
