"""The columns of the tables in profiles/; docs/statistics.md defines each."""

ALL = "all"
"""In contrasts, stands for all sounds of the target's categories, or for all others."""

PROFILE_SOUNDS = {
    "seed": int,
    "sound": str,
    "category": str,
    "target": bool,
    "response": float,
}
"""`profiles/{target}/{probe}/{condition}/sounds.tsv`: one row per network and sound, in the order
of the probe set.

`target` says whether the category is one of the target's; `response` is the mean over the selective
units of the reported layer.
"""

PROFILE_CATEGORIES = {
    "seed": int,
    "category": str,
    "target": bool,
    "n_sounds": int,
    "response": float,
    "response_sd": float,
}
"""`profiles/{target}/{probe}/{condition}/categories.tsv`: one row per network and category.

`response` and `response_sd` are the mean and the sample standard deviation over its sounds.
"""

PROFILE_CONTRASTS = {
    "category": str,
    "other": str,
    "n_networks": int,
    "difference": float,
    "low": float,
    "high": float,
    "p_networks": float,
    "p_networks_holm": float,
    "p_sounds": float,
    "p_sounds_holm": float,
}
"""`profiles/{target}/{probe}/{condition}/contrasts.tsv`: one row per category of the target, or all
of them, and other category, or all others.

`difference` is the mean over networks of the difference of the mean responses, `low` and `high` its
95% t interval over networks. Values of p are one-sided: by a paired t test over networks, and by
Welch's over the sounds' responses averaged over networks. Holm's correction is over the rows
without `all`, and empty for others.
"""

PROFILE_RATIOS = {
    "seed": int,
    "n_target": int,
    "n_other": int,
    "response_target": float,
    "response_other": float,
    "ratio": float,
    "hedges_g": float,
}
"""`profiles/{target}/{probe}/{condition}/ratios.tsv`: one row per network.

`ratio` is the mean response to the sounds of the target's categories over that to the others, empty
where the latter is not positive; `hedges_g` is the same difference in standard deviations.
"""

PROFILE_COMPONENTS = {
    "seed": int,
    "component": str,
    "n_sounds": int,
    "pearson": float,
    "pearson_low": float,
    "pearson_high": float,
    "spearman": float,
    "spearman_low": float,
    "spearman_high": float,
}
"""`profiles/{target}/{probe}/{condition}/components.tsv`: one row per network and component of the
reference profiles: the correlation over sounds, and its 95% bootstrap interval over sounds.

It has no rows if the probe set has no reference profiles.
"""

COMPONENT_MEANS = {
    "component": str,
    "n_networks": int,
    "n_sounds": int,
    "pearson": float,
    "pearson_low": float,
    "pearson_high": float,
    "spearman": float,
    "spearman_low": float,
    "spearman_high": float,
}
"""`profiles/{target}/{probe}/{condition}/component_means.tsv`: one row per component: the mean over
networks of its correlation, and its 95% interval over networks and sounds.
"""

RATIOS_LEFT_OUT = {"block": int, "seed": int, "n_target": int, "n_other": int, "ratio": float}
"""`profiles/{target}/{probe}/{condition}/left_out_ratios.tsv`: columns of ratios.tsv that claims
rest on, without each block of sounds.

Blocks are drawn for each probe set, the same for every network and condition.
"""

CATEGORIES_LEFT_OUT = {
    "block": int,
    "seed": int,
    "category": str,
    "target": bool,
    "n_sounds": int,
    "response": float,
}
"""`profiles/{target}/{probe}/{condition}/left_out_categories.tsv`: columns of categories.tsv that
claims rest on, without each block of sounds.

A category that has no sound without a block has no row for it.
"""

COMPONENTS_LEFT_OUT = {
    "block": int,
    "seed": int,
    "component": str,
    "n_sounds": int,
    "pearson": float,
}
"""`profiles/{target}/{probe}/{condition}/left_out_components.tsv`: columns of components.tsv that
claims rest on, without each block of sounds.
"""
