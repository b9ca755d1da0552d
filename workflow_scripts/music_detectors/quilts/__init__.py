"""Responses to sound quilts, by the length of their segments."""
