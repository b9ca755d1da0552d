"""Decoding of the target from units and from acoustic covariates."""
