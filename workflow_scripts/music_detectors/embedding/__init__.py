"""Whether the target lies apart from other sounds in a two-dimensional embedding of responses."""
