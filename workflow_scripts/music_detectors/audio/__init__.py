"""The samples of the corpus's clips: fetched, decoded to mono at one rate, stored in shards."""
