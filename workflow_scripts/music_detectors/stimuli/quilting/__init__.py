"""How a sound quilt is made: the size of segments, their order and their joins."""
