"""From spectrograms to trained networks."""
