"""Differences between two groups of clips in every unit's response.

`target` and `other` are the responses (clips, units) of the two groups; what is returned is
(units,) float64. No statistic is ever NaN: where both groups are constant and equal, differences
are 0, p is 1 and the area under the curve 0.5; where both are constant and differ, t and the
standardised differences are infinite.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import special

_UNITS_IN_A_BLOCK = 64


class Moments(NamedTuple):
    """What the statistics need to know of a group: `n` clips, mean and sample variance.

    `mean` and `variance` are (units,), or (draws, units) for permuted or resampled clips.
    """

    n: int
    mean: np.ndarray
    variance: np.ndarray


def moments(responses: np.ndarray) -> Moments:
    """Return the moments of `responses` (clips, units), in float64 over two passes.

    The variance of a unit that is constant is exactly 0.
    """
    n, units = responses.shape
    mean, variance = np.empty(units), np.empty(units)
    for block in _blocks(units):
        # From the first clip, so that a constant has no rounding error to be taken for variance.
        first = responses[:1, block].astype(np.float64)
        from_first = responses[:, block] - first
        shift = from_first.mean(axis=0)
        mean[block] = first[0] + shift
        from_first -= shift
        variance[block] = np.einsum("ij,ij->j", from_first, from_first) / (n - 1)
    return Moments(n, mean, variance)


def welch_t(target: Moments, other: Moments) -> np.ndarray:
    """Return Welch's t, the difference of the means over its standard error (Welch 1947)."""
    error = np.sqrt(target.variance / target.n + other.variance / other.n)
    return _ratio(target.mean - other.mean, error)


def degrees_of_freedom(target: Moments, other: Moments) -> np.ndarray:
    """Return the degrees of freedom of Welch's t by Welch and Satterthwaite.

    Where both groups are constant, those of Student's t: the clips less two.
    """
    of_target, of_other = target.variance / target.n, other.variance / other.n
    squared = (of_target + of_other) ** 2
    each = of_target**2 / (target.n - 1) + of_other**2 / (other.n - 1)
    pooled = np.full(np.shape(each), float(target.n + other.n - 2))
    return np.divide(squared, each, out=pooled, where=each > 0)


def p_value(t: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Return the two-sided p of `t` at `freedom` degrees of freedom under Student's t."""
    return 2 * special.stdtr(freedom, -np.abs(t))


def d_prime(target: Moments, other: Moments) -> np.ndarray:
    """Return d', the difference of the means over the root of the mean of the variances."""
    spread = np.sqrt((target.variance + other.variance) / 2)
    return _ratio(target.mean - other.mean, spread)


def hedges_g(target: Moments, other: Moments) -> np.ndarray:
    """Return Hedges' g: the difference of the means over the pooled standard deviation, unbiased.

    The correction for small samples is the exact one, gamma(m / 2) / (sqrt(m / 2) gamma((m - 1) /
    2)) with m = clips less two (Hedges 1981).
    """
    m = target.n + other.n - 2
    pooled = ((target.n - 1) * target.variance + (other.n - 1) * other.variance) / m
    unbiased = special.poch((m - 1) / 2, 0.5) / np.sqrt(m / 2)
    return unbiased * _ratio(target.mean - other.mean, np.sqrt(pooled))


def auc(target: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve (units,): P(target > other) + P(equal) / 2.

    It is the Mann-Whitney U over the number of pairs. `target` and `other` are (clips, units).
    """
    units = target.shape[1]
    twice_u = np.empty(units, dtype=np.int64)
    for block in _blocks(units):
        hits = np.sort(np.ascontiguousarray(target[:, block].T), axis=1)
        rest = np.sort(np.ascontiguousarray(other[:, block].T), axis=1)
        for unit, (high, low) in enumerate(zip(hits, rest, strict=True), block.start):
            below, at_most = low.searchsorted(high, "left"), low.searchsorted(high, "right")
            twice_u[unit] = below.sum() + at_most.sum()
    return twice_u / (2 * len(target) * len(other))


def effects(target: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
    """Return every statistic of `target` (clips, units) against `other` (clips, units) by name.

    The names are those of units.tsv: mean_target, mean_other, welch_t, degrees_of_freedom, p,
    d_prime, auc, hedges_g. Each group has at least two clips.
    """
    of_target, of_other = moments(target), moments(other)
    t = welch_t(of_target, of_other)
    freedom = degrees_of_freedom(of_target, of_other)
    return {
        "mean_target": of_target.mean,
        "mean_other": of_other.mean,
        "welch_t": t,
        "degrees_of_freedom": freedom,
        "p": p_value(t, freedom),
        "d_prime": d_prime(of_target, of_other),
        "auc": auc(target, other),
        "hedges_g": hedges_g(of_target, of_other),
    }


def _blocks(units: int) -> Iterator[slice]:
    for start in range(0, units, _UNITS_IN_A_BLOCK):
        yield slice(start, min(start + _UNITS_IN_A_BLOCK, units))


def _ratio(difference: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return `difference` over `spread`; where that is zero, 0 or infinity by the difference."""
    limit = np.where(difference == 0, 0.0, np.copysign(np.inf, difference))
    return np.divide(difference, spread, out=limit, where=spread > 0)
