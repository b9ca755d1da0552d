"""The columns of the tables in emergence/; docs/statistics.md defines each."""

EMERGENCE = {
    "seed": int,
    "epoch": int,
    "natural_map": float,
    "chance": float,
    "ratio": float,
    "hedges_g": float,
    "decoding": float,
    "decoding_chance": float,
    "segregation": float,
    "n_target": int,
    "n_other": int,
    "matched_segregation": float,
    "matched_n_target": int,
    "matched_n_other": int,
}
"""`emergence/{target}/{condition}/seed-{seed}/emergence.tsv`: one row per epoch of `snapshots`;
all is measured on test clips.

`natural_map` and `chance` are means over the classes that are not withheld; `ratio` and `hedges_g`
are of the mean response of the units that are selective at that epoch; `decoding` is the average
precision from all units; `segregation` the index of the embedding, 0 by chance and 1 without
overlap, and `matched_segregation` that of clips that are matched in length and level.
"""

EMERGENCE_POINTS = {
    "seed": int,
    "epoch": int,
    "clip_id": str,
    "role": str,
    "x": float,
    "y": float,
}
"""`emergence/{target}/{condition}/seed-{seed}/points.tsv`: one row per epoch and target or other
test clip, with its position by t-SNE.
"""

EMERGENCE_LEFT_OUT = {"block": int, **EMERGENCE}
"""`emergence/{target}/{condition}/seed-{seed}/left_out.tsv`: the rows of the first and the last of
the `snapshots`, without the test clips of each block of `corpus/blocks.tsv`; positions and bins of
the embedding are those of all clips.
"""
