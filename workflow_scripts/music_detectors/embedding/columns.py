"""The columns of the tables in embedding/; docs/statistics.md defines each."""

EMBEDDING_POINTS = {"seed": int, "clip_id": str, "role": str, "x": float, "y": float}
"""`embedding/{target}/{condition}/seed-{seed}/points.tsv`: one row per target or other test clip,
with its position by t-SNE.
"""

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
    "matched_coarse_index": float,
    "matched_coarse_permuted_mean": float,
    "matched_coarse_permuted_sd": float,
    "matched_coarse_p_permutation": float,
    "matched_n_target": int,
    "matched_n_other": int,
    "perplexity": float,
    "n_sampled_from": int,
}
"""`embedding/{target}/{condition}/seed-{seed}/segregation.tsv`: one row: the index of the points
of a network, and that with permuted roles.

Columns that begin with `coarse_` use bins that hold four clips on average, and those that begin
with `matched_` are of clips that are matched in length and level, at the same positions.
"""

SEGREGATION_LEFT_OUT = {
    "block": int,
    "seed": int,
    "coarse_index": float,
    "coarse_permuted_mean": float,
    "coarse_permuted_sd": float,
    "n_target": int,
    "n_other": int,
    "matched_coarse_index": float,
    "matched_coarse_permuted_mean": float,
    "matched_coarse_permuted_sd": float,
    "matched_n_target": int,
    "matched_n_other": int,
}
"""`embedding/{target}/{condition}/seed-{seed}/left_out.tsv`: the coarse index, and that with
permuted roles, without each block of test clips.

The other points stay where they are, and the bins too.
"""
