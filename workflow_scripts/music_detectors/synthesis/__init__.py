"""The sounds of the embedded corpus, synthesised from acoustic models."""
