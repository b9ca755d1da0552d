"""From shards of samples to shards of log-Mel spectrograms."""
