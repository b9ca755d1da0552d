"""The columns of the tables of the controls; docs/statistics.md defines each."""

EMBEDDING_POINTS = {"seed": int, "clip_id": str, "role": str, "x": float, "y": float}
"""points.tsv: one row a network and usable target or other test clip, where t-SNE puts it."""

SEGREGATION = {
    "seed": int,
    "segregation_index": float,
    "permuted_mean": float,
    "permuted_sd": float,
    "p_permutation": float,
    "coarse_bins": int,
    "coarse_index": float,
    "coarse_permuted_mean": float,
    "coarse_permuted_sd": float,
    "coarse_p_permutation": float,
    "permutations": int,
    "n_target": int,
    "n_other": int,
    "perplexity": float,
}
"""segregation.tsv: one row a network; the index of its points, and that of permuted roles.

Columns that begin with `coarse_` are of bins as large as the number of clips asks for.
"""

GENRES = {
    "seed": int,
    "mid": str,
    "name": str,
    "n_clips": int,
    "n_other": int,
    "response": float,
    "other_response": float,
    "welch_t": float,
    "p": float,
    "p_fdr": float,
    "p_holm": float,
    "d_prime": float,
    "hedges_g": float,
    "auc": float,
}
"""genres: one row a network and genre, in the order of classes.tsv; no row without genres.

Statistics are of the mean response of the selective units to test clips, genre against other.
"""

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

QUILT_RESPONSES = {
    "seed": int,
    "stimulus": str,
    "segment_ms": float,
    "group": str,
    "role": str,
    "n_clips": int,
    "response": float,
    "response_sd": float,
}
"""quilts/{condition}/responses.tsv: a row a network, stimulus, group of units and role.

`response` and `response_sd` are the mean and the sample standard deviation over the clips of the
mean response of the units of the group; `segment_ms` is empty for intact clips.
"""
