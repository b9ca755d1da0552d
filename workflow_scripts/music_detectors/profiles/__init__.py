"""Profiles over probe sets: the response of the selective units to each sound."""
