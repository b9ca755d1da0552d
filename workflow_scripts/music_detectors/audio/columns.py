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
"""{shard}.status.tsv: one row for every clip asked for, in the order of clips.tsv.

`reason` is one of a few fixed phrases, `message` says what was seen; `n_samples` are the samples
got (0 where there are none); `rms_db` is their level in dB re full scale, empty where there is
nothing to measure.
"""

USABLE = ("ok", "short", "silent")
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
"""yield.tsv: clips by split, class, status and reason; class `*` is all clips of the split.

What no clip of a class has come to has no row; shares are of the clips of that class and split, and
a clip with several labels counts in each. `example` is the first such clip and what was seen of it,
in the rows of class `*` for clips of no use.
"""

SPLIT_YIELD = {
    "split": str,
    "clips": int,
    "usable": int,
    "share": float,
    "mirror_2023": float,
    "mirror_2023_share": float,
}
"""yield_splits.tsv: one row a split: clips asked for, how many are usable, and their share.

`mirror_2023` is how many clips of the same list a mirror of AudioSet still had in March 2023, empty
for other lists.
"""

GATE = {**SPLIT_YIELD, "needed": int}
"""gate.tsv: yield_splits.tsv with the number of usable clips `needed`; made when all have them."""

ARCHIVES = {
    "archive": str,
    "member": str,
    "offset": int,
    "size": int,
    "refused": str,
}
"""archives.tsv: one row a sound file in the configured tar archives, in their order.

`offset` and `size` are bytes, and say where its content lies; `refused` is empty, or why the
member is not read: link, device, sparse file, path out of the archive, unreadable name.
"""
