"""Standard errors that carry the groups of clips: cluster-robust t, and the interval of Hedges' g.

Clips of one group (a recording) resemble each other, so groups, not clips, are the draws. A group
with clips of both roles has two parts (`Parts`), whose errors are added before they are squared.
"""

from collections.abc import Iterator

import numpy as np
from scipy import sparse, special

from music_detectors.common.parts import Parts
from music_detectors.selectivity.effects import ratio, refuse_unless_finite

_UNITS_IN_A_BLOCK = 64
_CONFIDENCE = 0.95
# In standard deviations: smaller differences of means are rounding errors.
_NO_DIFFERENCE = 1e-12
# Without variance, rounding leaves at most this share of a sum of squares.
_NO_VARIANCE = 1e-12


def grouped_effects(responses: np.ndarray, parts: Parts) -> dict[str, np.ndarray]:
    """Return cluster_t, hedges_g_low and hedges_g_high (units,) by name.

    `responses` are (clips, units), `parts` those of the clips, of at least two groups of each role.

    `cluster_t` is the difference of the means over its cluster-robust standard error (Liang & Zeger
    1986): with e the sum over a part of the deviations from the mean of its role, N the clips and
    G the groups of the role, the variance is the sum over groups of (e / N)^2 G / (G - 1). Where
    each clip is its own group, it is Welch's t.

    The others are the ends of the 95% interval of Hedges' g by the delete-a-group jackknife (Kott
    2001), with the quantiles of Student's t at Satterthwaite's degrees of freedom. They are
    infinite if without some group no clip of either role differs from the rest of its role.
    """
    refuse_unless_finite(responses)
    units = responses.shape[1]
    t, low, high = np.empty((3, units))
    for start in range(0, units, _UNITS_IN_A_BLOCK):
        block = slice(start, start + _UNITS_IN_A_BLOCK)
        t[block], low[block], high[block] = _of_block(responses[:, block], parts)
    return {"cluster_t": t, "hedges_g_low": low, "hedges_g_high": high}


def _of_block(responses: np.ndarray, parts: Parts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    (target_mean, *of_target), (other_mean, *of_other) = _sums(responses, parts)
    difference, by_role = target_mean - other_mean, [of_target, of_other]
    places = np.empty(len(parts.is_target), dtype=np.int64)
    for is_role in (parts.is_target, ~parts.is_target):
        places[is_role] = np.arange(is_role.sum())
    pairs = places[parts.pairs]

    errors = [
        sums / n.sum() * np.sqrt(len(n) / (len(n) - 1)) * sign
        for (n, sums, _), sign in zip(by_role, (1, -1), strict=True)
    ]
    t = ratio(difference, np.sqrt(_variance(errors, pairs)))

    left_out = _without_each_part(by_role, difference)
    known = np.isfinite(left_out[0]).all(axis=0) & np.isfinite(left_out[1]).all(axis=0)
    scaled = []
    for values in left_out:
        values[:, ~known] = 0
        scaled.append((values - values.mean(axis=0)) * np.sqrt(1 - 1 / len(values)))
    variances = [np.square(values).sum(axis=0) for values in scaled]
    of_df = sum(v**2 / (len(values) - 1) for v, values in zip(variances, scaled, strict=True))
    df = np.full(len(t), float(len(parts.is_target) - 2))
    np.divide(sum(variances) ** 2, of_df, out=df, where=of_df > 0)
    half = special.stdtrit(df, (1 + _CONFIDENCE) / 2) * np.sqrt(_variance(scaled, pairs))
    # g is d times this factor, which is for all clips also where a group is left out.
    m = len(responses) - 2
    unbiased = special.poch((m - 1) / 2, 0.5) / np.sqrt(m / 2)
    within = sum(squares.sum(axis=0) for _, _, squares in by_role)
    g, half = unbiased * ratio(difference, np.sqrt(within / m)), unbiased * half
    known &= np.isfinite(g)
    return t, np.where(known, g - half, -np.inf), np.where(known, g + half, np.inf)


def _sums(
    responses: np.ndarray, parts: Parts
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield sums over the parts of target, then of other.

    They are the role's mean (units,) less the first clip, each part's number of clips, and its sums
    of deviations from the mean and of their squares, (parts, units) each.
    """
    is_target = parts.is_target[parts.of_clip]
    for of_role, is_role in ((is_target, parts.is_target), (~is_target, ~parts.is_target)):
        clips = responses[of_role].astype(np.float64)
        # Subtract the role's first clip first, so that a constant unit has no rounding error, and
        # the first of all from the mean, so that a large common level costs no digits.
        deviations = clips - clips[0]
        shift = deviations.mean(axis=0)
        deviations -= shift
        indicator = sparse.csr_array(
            (np.ones(len(clips)), (parts.of_clip[of_role], np.arange(len(clips)))),
            shape=(len(is_role), len(clips)),
        )[is_role]
        mean = (clips[0] - responses[0]) + shift
        sums, squares = indicator @ deviations, indicator @ np.square(deviations)
        yield mean, parts.n_clips[is_role], sums, squares


def _variance(errors: list[np.ndarray], pairs: np.ndarray) -> np.ndarray:
    """Return the sums (units,) of squares over groups of the parts' `errors`, added by group."""
    target, other = errors
    crossed = (target[pairs[:, 0]] * other[pairs[:, 1]]).sum(axis=0)
    every = np.square(target).sum(axis=0) + np.square(other).sum(axis=0)
    variance = every + 2 * crossed
    variance[variance <= _NO_VARIANCE * every] = 0
    return variance


def _without_each_part(by_role: list[list[np.ndarray]], difference: np.ndarray) -> list[np.ndarray]:
    """Return d (parts, units) without each part of target and without each part of other."""
    clips = sum(n.sum() for n, _, _ in by_role)
    within = sum(squares.sum(axis=0) for _, _, squares in by_role)
    spread = np.sqrt(within / (clips - 2))
    found = []
    for (n, sums, squares), sign in zip(by_role, (1, -1), strict=True):
        n, left = n[:, None], n.sum() - n[:, None]
        of_role = squares.sum(axis=0)
        kept = of_role - squares - np.square(sums) / left
        kept[kept <= _NO_VARIANCE * of_role] = 0
        changed = difference - sign * sums / left
        changed[np.abs(changed) < _NO_DIFFERENCE * spread] = 0
        found.append(
            ratio(changed, np.sqrt((kept + within - of_role) / np.maximum(clips - n - 2, 1)))
        )
    return found
