"""Spectrograms that drive single units the most."""
