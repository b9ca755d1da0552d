"""Corrections of p values for several tests, without a library that takes a second to import."""

import numpy as np


def false_discovery(p: np.ndarray) -> np.ndarray:
    """Return `p` (n,) adjusted for the share of false discoveries.

    After Benjamini & Hochberg, J. R. Stat. Soc. B 57:289 (1995); as in
    scipy.stats.false_discovery_control.
    """
    order = np.argsort(p)
    scaled = p[order] * (len(p) / np.arange(1, len(p) + 1))
    return _in_place(np.minimum.accumulate(scaled[::-1])[::-1], order)


def holm(p: np.ndarray) -> np.ndarray:
    """Return `p` (n,) adjusted for the probability of any false rejection.

    After Holm, Scand. J. Stat. 6:65 (1979).
    """
    order = np.argsort(p)
    scaled = p[order] * np.arange(len(p), 0, -1)
    return _in_place(np.maximum.accumulate(scaled), order)


def _in_place(sorted_p: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return `sorted_p`, at most 1, in the places that `order` took them from."""
    adjusted = np.empty_like(sorted_p)
    adjusted[order] = np.minimum(sorted_p, 1)
    return adjusted
