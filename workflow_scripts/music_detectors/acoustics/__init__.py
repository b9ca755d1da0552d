"""Acoustic covariates of clips: what a unit may answer to besides being the target."""
