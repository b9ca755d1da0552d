"""Responses of the selective units to each genre of the target."""
