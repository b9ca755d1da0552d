"""The target among random sets of classes, in all networks of a condition together."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.specificity.columns import (
    EVERY_CLIP,
    MEASURES,
    SETS,
    SETS_OF_NETWORK,
    SPECIFICITY,
    SPECIFICITY_LEFT_OUT,
)

# What random sets have in common in all networks.
_SHARED = ["block", "set", "classes", "n_target", "n_other", "is_matched"]


def summarise_specificity(
    measures: Sequence[str | os.PathLike],
    sets: Sequence[str | os.PathLike],
    networks: str | os.PathLike,
    left_out: str | os.PathLike,
    table: str | os.PathLike,
    *,
    alpha: float,
) -> None:
    """Write networks.tsv, left_out.tsv and sets.tsv of a condition from those of its networks.

    `measures` and `sets` are the networks' tables; `table` gets the mean over networks of each
    random set. The target is compared with the value that a share `alpha` of the random sets
    reaches. Raises InputError when a table cannot be read, or is of other sets than the first.
    """
    of_networks = [read_table(path, MEASURES) for path in measures]
    of_sets = [read_table(path, SETS_OF_NETWORK) for path in sets]
    first = of_sets[0]
    for path, own in zip(sets, of_sets, strict=True):
        if not own[_SHARED].equals(first[_SHARED]):
            why = f"has other sets of classes, or of clips, than {sets[0]}"
            raise damaged(path, "table", why, sets[0])
    values = {
        name: np.array([own[name].to_numpy() for own in of_sets])
        for name in ("effect", "segregation", "matched_effect", "matched_segregation")
    }
    rows = pd.concat(of_networks, ignore_index=True)
    without = []
    for block in first["block"].unique():
        own = rows[rows["block"] == block]
        # The networks' rows for the target come first, then those for each other branch.
        names = own["withheld_by"].unique()
        own = pd.concat([own[own["withheld_by"] == name] for name in names], ignore_index=True)
        of_block = (first["block"] == block).to_numpy()
        of_target = own["withheld_by"] == ""
        for prefix in ("", "matched_"):
            chosen = of_block & (first["is_matched"].to_numpy() if prefix else True)
            for name, p in (("effect", "p"), ("segregation", "segregation_p")):
                random, share = among_random(values[f"{prefix}{name}"][:, chosen], alpha)
                own.loc[of_target, f"{prefix}random_{name}"] = random
                own.loc[of_target, f"{prefix}{p}"] = share
        if block == EVERY_CLIP:
            write_table(networks, own, SPECIFICITY)
        else:
            without.append(own)
    write_table(left_out, stacked(without, SPECIFICITY_LEFT_OUT), SPECIFICITY_LEFT_OUT)
    drawn = (first["block"] == EVERY_CLIP) & (first["set"] > 0)
    means = {
        name: np.mean([own.loc[drawn, name].to_numpy() for own in of_sets], axis=0)
        for name in ("effect", "held_out", "segregation")
    }
    write_table(table, first[drawn].assign(**means), SETS)


def among_random(values: np.ndarray, alpha: float) -> tuple[np.ndarray, float]:
    """Return what a share `alpha` of the random sets reaches, and the p of the target among them.

    `values` (networks, 1 + sets) are those of the target, then of the sets. Sets are ordered by
    their mean over networks; the first result (networks,) has the values of the set in question,
    so that the mean of the target exceeds theirs exactly when p is at most `alpha`. p is the share
    of target and sets that reach the target's mean. Both are NaN if a value is missing, and the
    first where there are too few sets for such a p.
    """
    means = values.mean(axis=0)
    target, of_sets_drawn = means[0], means[1:]
    nothing = np.full(len(values), np.nan)
    if not np.isfinite(means).all() or not len(of_sets_drawn):
        return nothing, np.nan
    p = (1 + (of_sets_drawn >= target).sum()) / len(means)
    # A tolerance, since a product such as 0.05 x 20 may fall short of 1.
    reached = int(np.floor(alpha * len(means) + 1e-9))
    if not reached:
        return nothing, float(p)
    order = np.argsort(-of_sets_drawn, kind="stable")
    return values[:, 1 + order[reached - 1]], float(p)
