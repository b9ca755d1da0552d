"""The columns of the tables in genres/; docs/statistics.md defines each."""

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
"""`genres/{target}/{condition}.tsv`: one row per network and genre, in the order of classes.tsv.

Statistics compare the mean responses of the selective units to test clips of the genre with those
to other test clips. A corpus without genres has no rows.
"""
