"""How good a trained generator is."""
