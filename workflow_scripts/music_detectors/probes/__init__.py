"""Probe sets: sounds from outside the corpus, with categories and reference profiles."""
