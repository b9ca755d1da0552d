"""The columns of the tables in genres/; docs/statistics.md defines each."""

ENOUGH_BLOCKS = 5
"""The least number of blocks of recordings that must have clips of a genre for the claims: with
fewer, the error over sounds of its effect has fewer than four degrees of freedom."""

GENRES = {
    "seed": int,
    "mid": str,
    "name": str,
    "n_clips": int,
    "n_other": int,
    "response": float,
    "other_response": float,
    "d_prime": float,
    "hedges_g": float,
    "auc": float,
    "error": float,
    "t": float,
    "p": float,
    "p_fdr": float,
    "p_holm": float,
    "n_blocks": int,
    "deviation_error": float,
}
"""`genres/{target}/{condition}.tsv`: one row per network and genre, in the order of classes.tsv.

Statistics compare the mean responses of the selective units to test clips of the genre with those
to other test clips. `error` is the standard error of `hedges_g` over sounds, on which `t` and p
rest. `n_blocks` is the number of blocks that have clips of the genre, and
`deviation_error` the standard error over sounds of `hedges_g` less its mean over the genres with
clips in enough blocks. A corpus without genres has no rows.
"""

GENRES_LEFT_OUT = {
    "block": int,
    "seed": int,
    "mid": str,
    "name": str,
    "n_clips": int,
    "n_other": int,
    "hedges_g": float,
    "n_blocks": int,
    "deviation_error": float,
}
"""`genres/{target}/{condition}-left-out.tsv`: columns of the table of genres that claims rest on,
without each block of test clips.

`n_blocks` and `deviation_error` are those of all clips.
"""
