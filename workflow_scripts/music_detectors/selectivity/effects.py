"""Differences between two groups of clips in every unit's response.

`target` and `other` are the responses (clips, units) of the two groups; results are (units,)
float64. No statistic is ever NaN: if both groups are constant and equal, differences are 0, p is 1
and the area under the curve 0.5; if both are constant and differ, t and the standardised
differences are infinite. Responses that are not finite raise InputError, which names unit and clip.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import special

from music_detectors.common.errors import InputError

_UNITS_IN_A_BLOCK = 64


class Moments(NamedTuple):
    """The number of clips `n`, the mean and the sample variance of a group.

    `mean` and `variance` are (units,), or (draws, units) for permuted clips, where `n` may be
    (draws, 1).
    """

    n: int | np.ndarray
    mean: np.ndarray
    variance: np.ndarray


def moments(responses: np.ndarray) -> Moments:
    """Return the moments of `responses` (clips, units), computed in float64 in two passes.

    The variance of a constant unit is exactly 0. Raises InputError for fewer than two clips.
    """
    n, units = responses.shape
    if n < 2:
        raise InputError(f"{n} clips in a group, but a variance needs at least two; add clips")
    refuse_unless_finite(responses)
    mean, variance = np.empty(units), np.empty(units)
    for block in _blocks(units):
        # Subtract the first clip, so that a constant unit has no rounding error.
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
    return ratio(target.mean - other.mean, error)


def degrees_of_freedom(target: Moments, other: Moments) -> np.ndarray:
    """Return the degrees of freedom of Welch's t by Welch and Satterthwaite.

    If both groups are constant, they are those of Student's t: the number of clips minus two.
    """
    target_error, other_error = target.variance / target.n, other.variance / other.n
    numerator = (target_error + other_error) ** 2
    denominator = target_error**2 / (target.n - 1) + other_error**2 / (other.n - 1)
    pooled = np.full(np.shape(denominator), float(target.n + other.n - 2))
    return np.divide(numerator, denominator, out=pooled, where=denominator > 0)


def p_value(t: np.ndarray, df: np.ndarray | float) -> np.ndarray:
    """Return the two-sided p of `t` under Student's distribution with `df` degrees of freedom."""
    return 2 * special.stdtr(df, -np.abs(t))


def d_prime(target: Moments, other: Moments) -> np.ndarray:
    """Return d', the difference of the means over the root mean of the variances."""
    spread = np.sqrt((target.variance + other.variance) / 2)
    return ratio(target.mean - other.mean, spread)


def hedges_g(target: Moments, other: Moments) -> np.ndarray:
    """Return Hedges' g: the difference of the means over the pooled standard deviation, unbiased.

    The small-sample correction is the exact one, gamma(m / 2) / (sqrt(m / 2) gamma((m - 1) / 2)),
    with m the number of clips minus two (Hedges 1981).
    """
    m = target.n + other.n - 2
    pooled = ((target.n - 1) * target.variance + (other.n - 1) * other.variance) / m
    unbiased = special.poch((m - 1) / 2, 0.5) / np.sqrt(m / 2)
    return unbiased * ratio(target.mean - other.mean, np.sqrt(pooled))


def auc(target: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve (units,): P(target > other) + P(equal) / 2.

    It is the Mann-Whitney U over the number of pairs. `target` and `other` are (clips, units).
    """
    for responses in (target, other):
        refuse_unless_finite(responses)
    units = target.shape[1]
    twice_u = np.empty(units, dtype=np.int64)
    for block in _blocks(units):
        targets = np.sort(np.ascontiguousarray(target[:, block].T), axis=1)
        others = np.sort(np.ascontiguousarray(other[:, block].T), axis=1)
        for unit, (hits, rest) in enumerate(zip(targets, others, strict=True), block.start):
            below, at_most = rest.searchsorted(hits, "left"), rest.searchsorted(hits, "right")
            twice_u[unit] = below.sum() + at_most.sum()
    return twice_u / (2 * len(target) * len(other))


def response_ratio(target: np.ndarray, other: np.ndarray) -> float:
    """Return the mean of `target` (clips,) over that of `other` (clips,), the study's measure.

    Both are responses of one unit, or mean responses of several. NaN if a response is negative,
    since such responses have no natural zero, or if all responses to other clips are zero.
    """
    for responses in (target, other):
        refuse_unless_finite(responses[:, None])
    if min(target.min(), other.min()) < 0 or not other.any():
        return np.nan
    return float(target.mean(dtype=np.float64) / other.mean(dtype=np.float64))


def effects(target: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
    """Return every statistic of `target` (clips, units) against `other` (clips, units) by name.

    The names are mean_target, mean_other, welch_t, degrees_of_freedom, p, d_prime, auc, hedges_g.
    Raises InputError for a group of fewer than two clips and for responses that are not finite.
    """
    target_moments, other_moments = moments(target), moments(other)
    t = welch_t(target_moments, other_moments)
    df = degrees_of_freedom(target_moments, other_moments)
    return {
        "mean_target": target_moments.mean,
        "mean_other": other_moments.mean,
        "welch_t": t,
        "degrees_of_freedom": df,
        "p": p_value(t, df),
        "d_prime": d_prime(target_moments, other_moments),
        "auc": auc(target, other),
        "hedges_g": hedges_g(target_moments, other_moments),
    }


def refuse_unless_finite(responses: np.ndarray) -> None:
    """Raise InputError, naming unit and clip, if one of `responses` (clips, units) is not finite.

    A NaN would otherwise count as a constant unit, whose t is 0 or infinite.
    """
    finite = np.isfinite(responses)
    if not finite.all():
        clip, unit = np.argwhere(~finite)[0]
        raise InputError(
            f"the response of unit {unit} to clip {clip} (both from 0) is {responses[clip, unit]}, "
            "not a finite number; compute the responses again"
        )


def ratio(difference: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return `difference` over `spread`; without spread, 0 or an infinity with its sign.

    Raises InputError where either is NaN, which would else become an infinity.
    """
    if np.isnan(difference).any() or np.isnan(spread).any():
        raise InputError("a mean or a variance of responses is not a number; compute them again")
    limit = np.where(difference == 0, 0.0, np.copysign(np.inf, difference))
    return np.divide(difference, spread, out=limit, where=spread > 0)


def _blocks(units: int) -> Iterator[slice]:
    for start in range(0, units, _UNITS_IN_A_BLOCK):
        yield slice(start, min(start + _UNITS_IN_A_BLOCK, units))
