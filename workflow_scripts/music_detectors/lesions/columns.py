"""The columns of the tables of lesions; docs/statistics.md defines each."""

LESIONS = {
    "seed": int,
    "layer": str,
    "lesion": str,
    "set_to": str,
    "fraction": float,
    "n_units": int,
    "response": float,
    "drive": float,
    "group": str,
    "clips": str,
    "n_classes": int,
    "n_clips": int,
    "mean_average_precision": float,
    "chance": float,
    "change": float,
    "percentile": float,
}
"""`lesions/{target}/{condition}/seed-{seed}/lesions.tsv`: one row per lesion, group of classes
(natural or target) and set of clips: all test clips, or the other clips alone, those without the
target (natural classes only).

`lesion` is none (`fraction` and `n_units` 0), top, middle, bottom, norm, random-0001 and on,
matched-response-0001 and on, or matched-drive-0001 and on; units are set to zero or to their mean.
`response` and `drive` are means over the silenced units, empty for none. `mean_average_precision`
is over the group's `n_classes` classes with positives among the `n_clips` clips, `chance` its
expected value for random labels, `change` its difference from the mean without a lesion;
`percentile` is the share of the random lesions whose mean is not above it, empty for none, for
drawn units and for units set to their mean.
"""

LESIONS_LEFT_OUT = {
    "block": int,
    **{
        name: kind
        for name, kind in LESIONS.items()
        if name not in ("layer", "change", "percentile")
    },
}
"""`lesions/{target}/{condition}/seed-{seed}/left_out.tsv`: the rows of natural classes and other
clips in lesions.tsv, without the clips of each block of `corpus/blocks.tsv`: of the lesions of the
fraction that claims use.

Draws of a kind have one row, their mean; of the random ones, the mean of the first 20.
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
"""`lesions/{target}/{condition}/seed-{seed}/classes.tsv`: one row per named lesion and class, of
every group.

`random_mean` and `random_sd` are the mean and the sample standard deviation of the class's average
precision over the random lesions. Values of a class without positives are
empty, as are those two for none.
"""
