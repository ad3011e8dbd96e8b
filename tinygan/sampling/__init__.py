"""Samples of trained generators: requests, truncation, standing statistics, interpolation, latent traversals."""
