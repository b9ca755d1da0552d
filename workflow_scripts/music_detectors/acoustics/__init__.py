"""Acoustic covariates of clips: properties of sound that a unit may respond to."""
