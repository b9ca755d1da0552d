"""Log-Mel spectrograms, and their shards on disk."""
