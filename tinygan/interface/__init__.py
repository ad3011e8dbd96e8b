"""Train, load, sample, evaluate: the functions that a notebook and the command line call."""
