"""Layers with tangents and adjoints, their compositions, and nets with one flat vector of parameters."""
