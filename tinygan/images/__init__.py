"""Operators on arrays of images: pyramids, rotations, grids."""
