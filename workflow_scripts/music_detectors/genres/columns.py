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
"""genres: one row a network and genre, in the order of classes.tsv; no row without genres.

Statistics are of the mean response of the selective units to test clips, genre against other.
"""
