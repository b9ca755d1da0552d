"""The ranks of units by selectivity, the number of units in a fraction, the reported layer."""

import numpy as np
import pandas as pd


def ranks(t: np.ndarray, constant: np.ndarray) -> np.ndarray:
    """Return the rank (units,) of each unit by `t`, 1 for the largest.

    Ties are ordered by unit number; `constant` units come last.
    """
    order = np.lexsort((-t, constant))
    ranked = np.empty(len(t), dtype=np.int64)
    ranked[order] = np.arange(1, len(t) + 1)
    return ranked


def is_constant(target: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return whether each unit (units,) responds alike to all clips of `target` and `other`.

    Both are responses (clips, units).
    """
    first = target[0]
    return (target == first).all(axis=0) & (other == first).all(axis=0)


def share_of_units(fraction: float, units: int) -> int:
    """Return the number of units in `fraction` of `units`, rounded, at least one."""
    return max(1, round(fraction * units))


def of_reported_layer(table: pd.DataFrame, layer: str) -> pd.DataFrame:
    """Return the rows of `layer`, or where there are none, those of the model's reported layer.

    `table` has the columns layer and reported of one network (units.tsv), or also condition and
    seed (summary.tsv), and then each network is treated by itself.
    """
    networks = [name for name in ("condition", "seed") if name in table]
    has = (table["layer"] == layer).astype(bool)
    if networks:
        with_layer = has.groupby([table[name] for name in networks]).transform("any")
    else:
        with_layer = pd.Series(has.any(), index=table.index)
    return table[has | (~with_layer & table["reported"])]
