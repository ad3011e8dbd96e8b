"""``python -m bench``: check every kernel and training step against its definition, then time it against PyTorch."""
