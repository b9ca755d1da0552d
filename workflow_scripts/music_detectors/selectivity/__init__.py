"""Selectivity of units: which respond more to the target than to other sounds, and how much."""
