"""Which classes and clips there are, and what part each takes."""
