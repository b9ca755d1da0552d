"""The columns of the audio tables."""

STATUS = {
    "clip_id": str,
    "status": str,
    "reason": str,
    "message": str,
    "attempts": int,
    "source": str,
    "n_samples": int,
    "rms_db": float,
}
"""`audio/{split}/{shard}.status.tsv`: one row for every clip of the shard, in the order of
clips.tsv.

`reason` is one of a few fixed phrases, `message` gives details; `n_samples` is the number of
decoded samples; `rms_db` is their level in dB re full scale, empty if there is none.
"""

USABLE = ("ok", "short")
"""The statuses whose clips have a row in the shard."""

YIELD = {
    "split": str,
    "class": str,
    "name": str,
    "status": str,
    "reason": str,
    "clips": int,
    "share": float,
    "example": str,
}
"""`audio/yield.tsv`: clips by split, class, status and reason; class `*` is all clips of the split.

Combinations without clips have no row. `share` is the share of the clips of that class and split; a
clip with several labels counts in each. `example` is the first such clip and its message, in the
rows of class `*` for unusable clips.
"""

SPLIT_YIELD = {
    "split": str,
    "clips": int,
    "usable": int,
    "share": float,
    "mirror_2023": float,
    "mirror_2023_share": float,
}
"""`audio/yield_splits.tsv`: one row per split: its clips, how many are usable, and their share.

`mirror_2023` is how many clips of the same list a mirror of AudioSet had in March 2023, empty for
other lists.
"""

GATE = {**SPLIT_YIELD, "needed": int}
"""`audio/gate.tsv`: yield_splits.tsv and the number of usable clips `needed`; exists only if
reached.
"""

LEVEL = {"n_clips": int, "rms": float}
"""`audio/level.tsv`: one row, the number of usable clips of both splits and the mean of their RMS
amplitudes, re full scale.

The RMS of a clip is that of its sound, without the zeros that pad it.
"""

CLIPPED = {"split": str, "clips": int, "clipped": int, "most": str, "most_share": float}
"""`audio/clipped.tsv`: one row per split: its usable clips, and how many of them are clipped.

A clip is clipped if 0.1 % of its samples or more are at full scale (0.999 of it) or beyond. `most`
is the id of the clip with the largest share, `most_share`; it is empty if none is clipped.
"""

ARCHIVES = {
    "archive": str,
    "kind": str,
    "member": str,
    "offset": int,
    "size": int,
    "refused": str,
}
"""`audio/archives.tsv`: one row per sound file in the configured archives, in their order.

`kind` is tar or parquet; `offset` and `size` locate the content in a tar archive, in bytes; in a
Parquet file `offset` is the number of the row, from 0 on, and `size` is 0; `refused` is empty, or
the reason why the member is not read: link, device, sparse file, path out of the archive,
unreadable name.
"""
