"""What the study claims, as estimates over networks, and what came of it."""
