"""The columns of the tables in decoding/; docs/statistics.md defines each."""

DECODING = {
    "seed": int,
    "features": str,
    "first_rank": float,
    "last_rank": float,
    "n_features": int,
    "n_train": int,
    "n_test": int,
    "average_precision": float,
    "chance": float,
}
"""`decoding/{target}/{condition}.tsv`: one row per network and set of features.

`features` are units (those of rank `first_rank` to `last_rank`), covariates (without ranks), or
units and covariates. `average_precision` is on test clips; `chance` is that expected of random
scores.
"""
