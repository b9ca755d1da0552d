"""The target decoded from units and from acoustic covariates."""
