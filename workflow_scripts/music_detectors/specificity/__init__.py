"""Whether selectivity is about the target, or about any set of classes."""
