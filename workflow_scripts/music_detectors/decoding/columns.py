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
"""decoding/{condition}.tsv: a row a network and set of features that the target is decoded from.

`features` are units (those of rank `first_rank` to `last_rank`), covariates (without ranks), or
units and covariates; scores are of the test clips. `chance` is what random scores reach.
"""
