"""Permutations of the target label among clips, for all units at once."""

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from music_detectors.selectivity.effects import Moments, d_prime, hedges_g, welch_t
from music_detectors.selectivity.weighted import (
    blocks_of_draws,
    mean_and_spread,
    moments_of_sums,
    weighted_rank_sums,
    weighted_sums,
)

STATISTICS = ("welch_t", "d_prime", "hedges_g", "auc")
"""The statistics of a unit that are tested by permuting labels."""

_UNITS_IN_A_BLOCK = 64
_NO_DIFFERENCE = {"auc": 0.5}
# A permutation that returns the observed groups must count as at least as extreme, although its
# statistics are computed differently and differ in the last digits.
_JUST_BELOW = 1 - 1e-9


def permuted_labels(
    n_target: int, n_other: int, permutations: int, generator: np.random.Generator
) -> np.ndarray:
    """Return random labels (permutations, clips), true for `n_target` clips of each permutation."""
    clips = n_target + n_other
    labels = np.zeros((permutations, clips), dtype=bool)
    for row in labels:
        row[generator.choice(clips, n_target, replace=False, shuffle=False)] = True
    return labels


class PermutedStatistics:
    """The statistics of every unit under permuted labels."""

    def __init__(self, responses: np.ndarray, n_target: int) -> None:
        """Prepare `responses` (clips, units) for permutations with `n_target` target clips each."""
        self._responses = responses
        self._n_target = n_target
        self._mean_and_spread = mean_and_spread(responses)
        all_clips = np.ones((1, len(responses)), dtype=bool)
        self._totals = weighted_sums(all_clips, responses, *self._mean_and_spread)

    @cached_property
    def _twice_ranks(self) -> np.ndarray:
        return twice_mean_ranks(self._responses)

    def moments(self, labels: np.ndarray) -> tuple[Moments, Moments]:
        """Return the moments (permutations, units) of target and of other clips under `labels`."""
        sums, squares = weighted_sums(labels, self._responses, *self._mean_and_spread)
        n_other = len(self._responses) - self._n_target
        return (
            moments_of_sums(self._n_target, sums, squares),
            moments_of_sums(n_other, self._totals[0] - sums, self._totals[1] - squares),
        )

    def statistics(self, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Return each of STATISTICS (permutations, units) by name.

        `labels` (permutations, clips) are true for target.
        """
        target, other = self.moments(labels)
        n_target, n_other = target.n, other.n
        twice_u = weighted_rank_sums(labels, self._twice_ranks) - n_target * (n_target + 1)
        return {
            "welch_t": welch_t(target, other),
            "d_prime": d_prime(target, other),
            "hedges_g": hedges_g(target, other),
            "auc": twice_u / (2 * n_target * n_other),
        }


def max_statistic_p(
    target: np.ndarray,
    other: np.ndarray,
    observed: Mapping[str, np.ndarray],
    permutations: int,
    generator: np.random.Generator,
    more_statistics: Mapping[str, Callable[[np.ndarray], np.ndarray]] | None = None,
) -> dict[str, np.ndarray]:
    """Return the two-sided p (units,) of each of STATISTICS, corrected over the units.

    p is (1 + permutations whose most extreme statistic over the units is at least as extreme as the
    unit's) / (1 + `permutations`), where `observed` are the statistics (units,) of `target` (clips,
    units) against `other` (clips, units), and extreme means far from the value of no difference
    (Westfall & Young 1993). All statistics share the permuted labels. `more_statistics` are
    functions from labels (permutations, clips) to values (permutations, units).
    """
    more_statistics = more_statistics or {}
    permuted = PermutedStatistics(np.concatenate([target, other]), len(target))
    largest: dict[str, list[np.ndarray]] = {name: [] for name in (*STATISTICS, *more_statistics)}
    for size in blocks_of_draws(permutations, len(target) + len(other)):
        labels = permuted_labels(len(target), len(other), size, generator)
        values_by_name = permuted.statistics(labels)
        values_by_name |= {name: statistic(labels) for name, statistic in more_statistics.items()}
        for name, values in values_by_name.items():
            largest[name].append(_distance(name, values).max(axis=1))
    p = {}
    for name, maxima in largest.items():
        ordered = np.sort(np.concatenate(maxima))
        extreme = _distance(name, observed[name]) * _JUST_BELOW
        p[name] = (1 + permutations - ordered.searchsorted(extreme)) / (1 + permutations)
    return p


def twice_mean_ranks(responses: np.ndarray) -> np.ndarray:
    """Return twice the rank (clips, units) of each clip's response in a unit, int32.

    Ranks start at 1; clips with equal responses have the mean of their ranks.
    """
    clips, units = responses.shape
    twice_ranks = np.empty(responses.shape, dtype=np.int32)
    for first in range(0, units, _UNITS_IN_A_BLOCK):
        block = slice(first, first + _UNITS_IN_A_BLOCK)
        # Contiguous values of each unit are sorted faster.
        by_unit = np.ascontiguousarray(responses[:, block].T)
        ranked = np.empty(by_unit.shape, dtype=np.int32)
        for values, unit_ranks in zip(by_unit, ranked, strict=True):
            order = values.argsort()
            ordered = values[order]
            starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
            ends = np.r_[starts[1:], clips]
            # Ties have the ranks start + 1 to end, whose mean is half of start + 1 + end.
            unit_ranks[order] = np.repeat(starts + 1 + ends, ends - starts)
        twice_ranks[:, block] = ranked.T
    return twice_ranks


def _distance(name: str, values: np.ndarray) -> np.ndarray:
    return np.abs(values - _NO_DIFFERENCE.get(name, 0.0))
