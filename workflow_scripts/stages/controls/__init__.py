"""What else could explain selectivity, and what the responses hold besides."""
