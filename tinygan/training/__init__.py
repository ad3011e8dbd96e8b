"""The loop, its run directory, checkpoints, configuration."""
