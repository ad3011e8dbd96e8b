"""tinygan: generative adversarial networks from scratch, every derivative by hand."""

__version__ = "0.1.0"
