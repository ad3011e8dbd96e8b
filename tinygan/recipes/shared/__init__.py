"""What systems share: the adversarial step, settings, conditions, tangents."""
