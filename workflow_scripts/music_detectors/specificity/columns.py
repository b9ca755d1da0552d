"""The columns of the tables in specificity/; docs/statistics.md defines each."""

SPECIFICITY = {
    "seed": int,
    "withheld_by": str,
    "n_target": int,
    "n_other": int,
    "effect": float,
    "n_classes": int,
    "n_sets": int,
    "random_effect": float,
    "p": float,
    "target_by": str,
    "other_by": str,
    "folds": int,
    "same_classes": float,
    "held_out": float,
    "decoding": float,
    "segregation": float,
    "random_segregation": float,
    "segregation_p": float,
    "matched_n_target": int,
    "matched_n_other": int,
    "matched_n_sets": int,
    "matched_effect": float,
    "matched_random_effect": float,
    "matched_p": float,
    "matched_held_out": float,
    "matched_decoding": float,
    "matched_segregation": float,
    "matched_random_segregation": float,
    "matched_segregation_p": float,
}
"""`specificity/{target}/{condition}/networks.tsv`: one row per network for the target, and one for
the branches that each of `claims.compared.withheld_others` withholds, taken as the target.

`withheld_by` is empty for the target itself, else the condition that withholds the branches; these
rows have the `effect` alone. Columns that begin with `matched_` are of clips that are matched in
length and level, in the choice of units too.
"""

_AMONG_RANDOM = ("random_effect", "p", "random_segregation", "segregation_p")
_JOINED = (*_AMONG_RANDOM, *(f"matched_{name}" for name in _AMONG_RANDOM))

MEASURES = {
    "block": int,
    **{name: kind for name, kind in SPECIFICITY.items() if name not in _JOINED},
}
"""`specificity/{target}/{condition}/seed-{seed}/measures.tsv`: what networks.tsv has of one network
without the others.

`block` is the block of test clips that is left out, and -1 where none is.
"""

EVERY_CLIP = -1
"""The `block` where none is left out."""

SETS_OF_NETWORK = {
    "block": int,
    "set": int,
    "classes": str,
    "n_target": int,
    "n_other": int,
    "effect": float,
    "held_out": float,
    "segregation": float,
    "is_matched": bool,
    "matched_effect": float,
    "matched_segregation": float,
}
"""`specificity/{target}/{condition}/seed-{seed}/sets.tsv`: one row per block, as in measures.tsv,
and set of classes: the target (`set` 0) and the random ones.

`is_matched` says whether the set has clips on both sides among those that are matched in length and
level. `classes` and `held_out` are empty where a block is left out.
"""

SPECIFICITY_LEFT_OUT = {"block": int, **SPECIFICITY}
"""`specificity/{target}/{condition}/left_out.tsv`: the same, without each block of test clips."""

SETS = {
    "set": int,
    "classes": str,
    "n_target": int,
    "n_other": int,
    "effect": float,
    "held_out": float,
    "segregation": float,
}
"""`specificity/{target}/{condition}/sets.tsv`: one row per random set of classes taken as the
target: the mean over networks.

`classes` are MIDs joined by `;`, and the same for all conditions; `held_out` is empty for all but
the first sets.
"""
