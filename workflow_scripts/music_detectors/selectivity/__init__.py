"""Which units respond to the target more than to other sounds, and how much more."""
