"""The columns of the spectrogram tables."""

INDEX = {"clip_id": str, "shard": str, "row": int, "n_frames": int}
"""`spectrograms/{stimulus}/{split}/index.tsv`: where each usable clip of a split is, in the order
of clips.tsv.

The shard is the file `{shard}.h5` beside the index; `n_frames` is how many frames are sound.
"""
