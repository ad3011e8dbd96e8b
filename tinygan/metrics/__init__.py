"""Measures of a generator: functions of arrays, in NumPy."""
