"""The ranks of units by selectivity, and the number of units in a fraction."""

import numpy as np


def ranks(t: np.ndarray, constant: np.ndarray) -> np.ndarray:
    """Return the rank (units,) of each unit by `t`, 1 for the largest.

    Ties are ordered by unit number; `constant` units come last.
    """
    order = np.lexsort((-t, constant))
    ranked = np.empty(len(t), dtype=np.int64)
    ranked[order] = np.arange(1, len(t) + 1)
    return ranked


def share_of_units(fraction: float, units: int) -> int:
    """Return the number of units in `fraction` of `units`, rounded, at least one."""
    return max(1, round(fraction * units))
