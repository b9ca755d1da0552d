"""The columns of the tables of lesions; docs/statistics.md defines each."""

LESIONS = {
    "seed": int,
    "layer": str,
    "lesion": str,
    "fraction": float,
    "n_units": int,
    "group": str,
    "n_classes": int,
    "n_clips": int,
    "mean_average_precision": float,
    "change": float,
    "percentile": float,
}
"""`lesions/{target}/{condition}/fraction-{fraction}/lesions.tsv`: one row per network, lesion and
group of classes (natural or target).

`lesion` is none (`fraction` and `n_units` 0), top, middle, bottom, norm, or random-0001 and on. The
mean is over the group's `n_classes` classes with positives among the `n_clips` test clips, `change`
is its difference from the mean without a lesion, `percentile` is the share of the random lesions
whose mean is not above it; empty for none and for random lesions.
"""

LESION_CLASSES = {
    "seed": int,
    "layer": str,
    "lesion": str,
    "fraction": float,
    "index": int,
    "mid": str,
    "name": str,
    "group": str,
    "n_positive": int,
    "average_precision": float,
    "change": float,
    "random_mean": float,
    "random_sd": float,
}
"""`lesions/{target}/{condition}/fraction-{fraction}/classes.tsv`: one row per network, named lesion
and class, of every group.

`random_mean` and `random_sd` are the mean and the sample standard deviation of the class's average
precision over the random lesions. Values of a class without positives are
empty, as are those two for none.
"""
