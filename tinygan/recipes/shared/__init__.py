"""What systems share: the adversarial game, options, conditions, tangents."""
