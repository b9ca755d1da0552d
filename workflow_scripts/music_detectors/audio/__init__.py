"""From a clip of the corpus to its samples: mono, at one rate, in shards."""
