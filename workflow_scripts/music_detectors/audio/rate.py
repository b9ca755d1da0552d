"""The sample rate of every sound that is stored or played."""

SAMPLE_RATE = 22_050
"""Samples per second: the study's rate."""
