"""Training: the loop, run directories, checkpoints, settings."""
