"""Functions for a notebook: any PyTorch module and arrays of sound, by the workflow's own methods.

`from music_detectors import unit_responses` and so on gives them; docs/own-network.md shows how.
"""
