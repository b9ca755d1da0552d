"""A manifest from folders of recordings: which they are, and which clips are cut from them."""
