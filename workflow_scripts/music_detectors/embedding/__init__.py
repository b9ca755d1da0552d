"""How far target and other clips lie apart in a two-dimensional embedding of responses."""
