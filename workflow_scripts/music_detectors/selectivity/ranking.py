"""Units in order of selectivity, and how many of them a share is."""

import numpy as np


def ranks(t: np.ndarray, constant: np.ndarray) -> np.ndarray:
    """Return the places (units,) from 1 by `t` downwards; equal ones by number, `constant` last."""
    order = np.lexsort((-t, constant))
    places = np.empty(len(t), dtype=np.int64)
    places[order] = np.arange(1, len(t) + 1)
    return places


def share_of_units(fraction: float, units: int) -> int:
    """Return how many of `units` are `fraction` of them: rounded, at least one."""
    return max(1, round(fraction * units))
