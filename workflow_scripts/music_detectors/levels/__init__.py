"""Responses to the target at several levels, compared with other sounds at one level."""
