"""How far apart target and other clips are in a two-dimensional embedding of responses."""
