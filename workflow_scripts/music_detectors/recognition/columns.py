"""The columns of the recognition tables; docs/statistics.md defines each."""

MEMORISED = 0.95
"""The mean average precision on training clips from which labels count as memorised: that of the
study (Kim, Kim & Jeong 2024, Fig. 5), for networks on redrawn labels."""

AVERAGE_PRECISION = {
    "index": int,
    "mid": str,
    "name": str,
    "group": str,
    "clips": str,
    "n_positive": int,
    "n_clips": int,
    "average_precision": float,
    "chance": float,
    "prevalence": float,
}
"""`recognition/{condition}/seed-{seed}/average_precision.tsv`: for training, validation and test
clips, one row per class.

`group` is target for classes of the target, withheld for other classes that are withheld, natural
for the rest. `average_precision` and `chance`, the expected value for random scores, are empty for
a class without positives; `prevalence` is the share of positives.
"""

RECOGNITION_SUMMARY = {
    "condition": str,
    "seed": int,
    "clips": str,
    "group": str,
    "n_classes": int,
    "mean_average_precision": float,
    "mean_average_precision_low": float,
    "mean_average_precision_high": float,
    "chance": float,
    "prevalence": float,
    "learnt": str,
}
"""`recognition/summary.tsv`: one row per network, set of clips and group; means over
its `n_classes` classes with positives, and for test clips the 95% interval over clips.

`learnt` says whether the network learnt: yes, no, or why that is not asked.
"""

RECOGNITION_OF_BLOCKS = {
    "block": int,
    "clips": str,
    "group": str,
    "n_classes": int,
    "mean_average_precision": float,
    "chance": float,
}
"""`recognition/{condition}/seed-{seed}/left_out.tsv`: the means over the classes of each group
without the test clips of each block of `corpus/blocks.tsv`.
"""

RECOGNITION_LEFT_OUT = {"block": int, "condition": str, "seed": int, **RECOGNITION_OF_BLOCKS}
"""`recognition/left_out.tsv`: these rows of all networks."""
