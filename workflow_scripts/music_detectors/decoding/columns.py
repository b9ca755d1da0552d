"""The columns of the tables in decoding/; docs/statistics.md defines each."""

DECODING = {
    "seed": int,
    "genre": str,
    "features": str,
    "first_rank": float,
    "last_rank": float,
    "n_features": int,
    "n_train": int,
    "n_test": int,
    "average_precision": float,
    "chance": float,
    "matched_n_test": int,
    "matched_average_precision": float,
    "matched_chance": float,
}
"""`decoding/{target}/{condition}/seed-{seed}/decoding.tsv`: one row per target or genre and set of
features.

`genre` is the MID of a genre, whose clips are decoded among other clips, and empty where the target
itself is decoded. `features` are units (those of rank `first_rank` to `last_rank`), covariates
(without ranks), units and covariates, all units, or all units and the features of a fixed model's
condition. `average_precision` is on test clips; `chance` is that expected of random scores.
Columns that begin with `matched_` are of a model that is fitted on and scores clips that are
matched in length and level.
"""

DECODING_LEFT_OUT = {"block": int, **DECODING}
"""`decoding/{target}/{condition}/seed-{seed}/left_out.tsv`: the rows that claims rest on, scored
without each block of test clips.

They are those of the first two blocks of units, of a genre those of the first, and of all else. The
model stays the same, since blocks are of test clips.
"""
