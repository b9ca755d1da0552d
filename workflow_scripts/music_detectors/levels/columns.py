"""The columns of the tables in levels/; docs/statistics.md defines each."""

LEVELS = {
    "seed": int,
    "level_db": float,
    "group": str,
    "n_target": int,
    "n_other": int,
    "response_target": float,
    "response_other": float,
    "ratio": float,
    "hedges_g": float,
}
"""`levels/{target}/{condition}.tsv`: one row per network, level of the target and group of units.

`level_db` is the level of target clips re the mean RMS of the corpus, which other clips have in
every row. A stimulus `level-6db` is the level -6.
"""

LEVELS_LEFT_OUT = {
    "block": int,
    "seed": int,
    "level_db": float,
    "group": str,
    "n_target": int,
    "n_other": int,
    "ratio": float,
    "hedges_g": float,
}
"""`levels/{target}/{condition}-left-out.tsv`: columns of the table of levels that claims rest on,
without each block of test clips, for the most selective units.
"""
