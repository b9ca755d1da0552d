"""The columns of the selectivity tables; docs/statistics.md defines each."""

UNITS = {
    "layer": str,
    "reported": bool,
    "unit": int,
    "n_target": int,
    "n_other": int,
    "n_groups_target": int,
    "n_groups_other": int,
    "n_permuted": int,
    "mean_target": float,
    "mean_other": float,
    "welch_t": float,
    "cluster_t": float,
    "p_unit": float,
    "p_fdr": float,
    "p_permutation": float,
    "d_prime": float,
    "d_prime_p_permutation": float,
    "auc": float,
    "auc_p_permutation": float,
    "hedges_g": float,
    "hedges_g_p_permutation": float,
    "hedges_g_low": float,
    "hedges_g_high": float,
    "partial_difference": float,
    "partial_t": float,
    "partial_t_p_permutation": float,
    "partial_p": float,
    "partial_d": float,
    "rank": int,
    "selective": bool,
    "test_n_target": int,
    "test_n_other": int,
    "test_n_groups_target": int,
    "test_n_groups_other": int,
    "test_mean_target": float,
    "test_mean_other": float,
    "test_welch_t": float,
    "test_cluster_t": float,
    "test_d_prime": float,
    "test_auc": float,
    "test_hedges_g": float,
    "test_hedges_g_low": float,
    "test_hedges_g_high": float,
    "test_partial_difference": float,
    "test_partial_t": float,
    "test_partial_p": float,
    "test_partial_d": float,
}
"""`selectivity/{target}/{condition}/seed-{seed}/units.tsv`: one row per unit, ordered by layer and
unit number.

`reported` says whether the layer is the one that the model reports unless another is configured.

Columns without a prefix are computed on train clips, which `rank` and `selective` rest on; columns
with `test_` on test clips. `rank` 1 is the most selective unit of its layer. Ranks and corrections
are within a layer. `cluster_t`, the p, `partial_t` and the interval have groups of clips
(recordings) as the draws. The `partial` columns, the effect with acoustic covariates in the model,
are empty if there are too few clips.
"""

CLIP_RESPONSES = {
    "clip_id": str,
    "split": str,
    "role": str,
    "response": float,
    "all_units": float,
}
"""`selectivity/{target}/{condition}/seed-{seed}/clip_responses.tsv`: one row per usable clip of
both splits, including mixed clips.

`response` is the mean over the selective units of the reported layer, `all_units` that over all its
units.
"""

CLASS_RESPONSES = {
    "index": int,
    "mid": str,
    "name": str,
    "branch": str,
    "target": bool,
    "genre": bool,
    "n_clips": int,
    "response": float,
    "response_sd": float,
}
"""`selectivity/{target}/{condition}/seed-{seed}/class_responses.tsv`: one row per class, in the
order of classes.tsv.

`response` and `response_sd` are the mean and the sample standard deviation, over the `n_clips`
test clips with the label, of the mean response of the selective units.
"""

SELECTIVITY_SUMMARY = {
    "condition": str,
    "seed": int,
    "layer": str,
    "reported": bool,
    "n_units": int,
    "n_selective": int,
    "n_significant_fdr": int,
    "n_significant_permutation": int,
    "n_target_test": int,
    "n_other_test": int,
    "differs_in": str,
    "welch_t": float,
    "test_mean_target": float,
    "test_mean_other": float,
    "test_welch_t": float,
    "test_cluster_t": float,
    "test_d_prime": float,
    "test_auc": float,
    "test_hedges_g": float,
    "test_partial_difference": float,
    "test_partial_t": float,
    "test_partial_d": float,
    "test_ratio": float,
    "response_hedges_g": float,
    "response_partial_d": float,
    "response_balanced_d": float,
    "test_balanced_ratio": float,
    "test_all_mean_target": float,
    "test_all_mean_other": float,
    "test_all_ratio": float,
    "test_all_common_language": float,
    "test_all_balanced_common_language": float,
}
"""`selectivity/{target}/summary.tsv`: one row per network and layer; statistics are means over the
selective units.

`test_ratio` and the columns with `response_` compare the mean response of the selective units to
target test clips with that to other ones, as the claims do: `response_hedges_g` in standard
deviations, `response_partial_d` with acoustic covariates in the model, in its residual standard
deviations. The `test_all` columns describe the mean response of all units. Columns with `balanced`
hold at equal length and level of the clips; they are empty where these tell the target from other
clips. All of these are filled for the reported layer; ratios are empty for models whose responses
are negative for some clips. `differs_in` says in words in which of length and level target and
other test clips differ (balance.tsv); it is empty for none.

The `n_significant` columns count units with a corrected p below 0.05 on train clips, which is that
of a larger response to the target. `n_target_test` and `n_other_test` are the test clips behind the
test columns.
"""

SELECTIVITY_LEFT_OUT = {
    "block": int,
    "condition": str,
    "seed": int,
    "layer": str,
    "reported": bool,
    "n_target_test": int,
    "n_other_test": int,
    "test_ratio": float,
    "response_hedges_g": float,
    "response_partial_d": float,
    "response_balanced_d": float,
    "test_balanced_ratio": float,
    "test_all_common_language": float,
    "test_all_balanced_common_language": float,
}
"""`selectivity/{target}/left_out.tsv`: columns of summary.tsv that claims rest on, without each
block of test clips: one row per block and network, for the reported layer.
"""

MATCHED = {
    "clip_id": str,
    "split": str,
    "role": str,
    "duration_seconds": float,
    "level_db": float,
    "matched": bool,
}
"""`selectivity/{target}/matched.tsv`: one row per target and other clip with sound: its length and
level, and whether it is among those of its split that are matched in both.

Columns that begin with `matched_` in other tables are of matched clips alone.
"""

BALANCE = {
    "measure": str,
    "mean_target": float,
    "mean_other": float,
    "sd": float,
    "standardised_difference": float,
    "differs": bool,
}
"""`selectivity/{target}/balance.tsv`: whether target and other test clips differ, one row per
measure.

Measures are `duration_seconds` and `level_db` of the acoustic covariates; `sd` is the square root
of the mean variance of both groups. Where `differs` is true, the standardised difference is above
0.25 in size, and the difference above 2 % of the length or 0.2 dB.
"""
