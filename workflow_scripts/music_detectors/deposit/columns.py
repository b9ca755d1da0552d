"""The columns of the tables for other programs, with what their schemas say of each."""

from music_detectors.selectivity.columns import UNITS

UNIT_TABLE = {"target": str, "condition": str, "seed": int} | UNITS
"""`tables/units.parquet`: every statistic of every unit of every network, for each target: the rows
of all `units.tsv`.

`target` is its name. The description of a column is in the metadata of its field.
"""

RESPONSE_TABLE = {
    "condition": str,
    "seed": int,
    "layer": str,
    "unit": int,
    "mid": str,
    "class": str,
    "branch": str,
    "target": bool,
    "genre": bool,
    "n_clips": int,
    "response": float,
    "response_sd": float,
}
"""`tables/responses.parquet`: the mean response of every unit of the reported layer to each class:
one row per network, unit and class.

`n_clips` test clips have the class among their labels; `response_sd` is the sample standard
deviation over them. Without clips, both numbers are missing. The description of a column is in the
metadata of its field.
"""

_COUNTS = {
    "n_target": "target clips used",
    "n_other": "other clips used",
    "n_groups_target": "groups (recordings) of the target clips",
    "n_groups_other": "groups (recordings) of the other clips",
    "mean_target": "mean response to target clips, in the units of the activation",
    "mean_other": "mean response to other clips, in the units of the activation",
    "welch_t": "Welch's t of target against other clips",
    "cluster_t": "the same difference over its standard error with groups as the draws",
    "d_prime": "difference of the means over the root of the mean variance of both roles",
    "auc": "probability that a target clip evokes more than an other clip (area under the ROC "
    "curve)",
    "hedges_g": "Hedges' g of target against other clips",
    "hedges_g_low": "lower end of the 95% interval of g, by the jackknife over groups",
    "hedges_g_high": "upper end of the 95% interval of g, by the jackknife over groups",
    "partial_difference": "difference of the means with acoustic covariates in the model",
    "partial_t": "that difference over its robust standard error",
    "partial_p": "two-sided p of partial_t",
    "partial_d": "that difference in residual standard deviations",
}

DESCRIPTIONS = {
    "target": "name of the target",
    "condition": "how the network came about, a name of the configuration",
    "seed": "number of the network within its condition",
    "layer": "layer of the unit",
    "reported": "whether the layer is the one that the model reports unless another is configured",
    "unit": "number of the unit in its layer, from 0",
    **{name: f"{text}, train split" for name, text in _COUNTS.items()},
    **{f"test_{name}": f"{text}, test split" for name, text in _COUNTS.items()},
    "n_permuted": "train clips that labels are permuted among: all, or a sample of very many",
    "p_unit": "permutation p of cluster_t, one-sided, of this unit alone",
    "p_fdr": "p_unit adjusted over the layer's units by Benjamini and Hochberg",
    "p_permutation": "permutation p of cluster_t, corrected over the layer by the largest value",
    "d_prime_p_permutation": "the same p of d_prime",
    "auc_p_permutation": "the same p of auc",
    "hedges_g_p_permutation": "the same p of hedges_g",
    "partial_t_p_permutation": "the same p of partial_t",
    "rank": "rank in the layer by welch_t, 1 for the largest",
    "selective": "whether the unit is in the most selective share of its layer",
}
"""What each column of `UNIT_TABLE` holds; docs/statistics.md defines the numbers."""

OF_RESPONSES = {
    **{name: DESCRIPTIONS[name] for name in ("condition", "seed", "layer", "unit")},
    "mid": "id of the class of sounds",
    "class": "name of the class",
    "branch": "topmost class above it, or target or other without an ontology",
    "target": "whether the class belongs to the target of the claims",
    "genre": "whether the class is a genre of the target",
    "n_clips": "test clips with the class among their labels",
    "response": "mean response over these clips, in the units of the activation",
    "response_sd": "sample standard deviation of the response over these clips",
}
"""What each column of `RESPONSE_TABLE` holds."""
