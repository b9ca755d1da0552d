"""What a stimulus is, how it is found by its name, and its spectrograms."""
