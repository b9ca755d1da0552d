"""What only a GPU can show: the same bytes, small errors, and how long it takes."""
