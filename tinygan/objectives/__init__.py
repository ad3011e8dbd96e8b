"""Losses, divergences and penalties: functions that return a value and its cotangents."""
