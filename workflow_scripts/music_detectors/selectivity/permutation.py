"""Permutations of the target label among clips, for all units at once."""

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from music_detectors.selectivity.effects import Moments, d_prime, hedges_g, welch_t
from music_detectors.selectivity.weighted import (
    blocks_of_draws,
    moments_of_sums,
    standard,
    weighted_places,
    weighted_sums,
)

STATISTICS = ("welch_t", "d_prime", "hedges_g", "auc")
"""The statistics of a unit that are tested by relabelling."""

_UNITS_IN_A_BLOCK = 64
_NO_DIFFERENCE = {"auc": 0.5}
# A relabelling that gives the observed groups back must count as at least as extreme, although
# its statistics come by another way and differ in the last digits.
_JUST_BELOW = 1 - 1e-9


def permuted_labels(
    n_target: int, n_other: int, permutations: int, generator: np.random.Generator
) -> np.ndarray:
    """Return `permutations` relabellings (permutations, clips) with `n_target` targets each."""
    clips = n_target + n_other
    labels = np.zeros((permutations, clips), dtype=bool)
    for row in labels:
        row[generator.choice(clips, n_target, replace=False, shuffle=False)] = True
    return labels


class Relabelled:
    """The statistics of every unit under any relabelling of the clips of two groups."""

    def __init__(self, responses: np.ndarray, n_target: int) -> None:
        """Prepare `responses` (clips, units), of which every relabelling names `n_target`."""
        self._responses = responses
        self._n_target = n_target
        self._standard = standard(responses)
        all_clips = np.ones((1, len(responses)), dtype=bool)
        self._totals = weighted_sums(all_clips, responses, *self._standard)

    @cached_property
    def _places(self) -> np.ndarray:
        return twice_mean_ranks(self._responses)

    def moments(self, labels: np.ndarray) -> tuple[Moments, Moments]:
        """Return the moments (relabellings, units) of target and of other clips under `labels`."""
        sums, squares = weighted_sums(labels, self._responses, *self._standard)
        n_other = len(self._responses) - self._n_target
        return (
            moments_of_sums(self._n_target, sums, squares),
            moments_of_sums(n_other, self._totals[0] - sums, self._totals[1] - squares),
        )

    def statistics(self, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Return each of STATISTICS (relabellings, units) by name.

        `labels` (relabellings, clips) are true for target.
        """
        target, other = self.moments(labels)
        n_target, n_other = target.n, other.n
        twice_u = weighted_places(labels, self._places) - n_target * (n_target + 1)
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
    further: Mapping[str, Callable[[np.ndarray], np.ndarray]] | None = None,
) -> dict[str, np.ndarray]:
    """Return the two-sided p (units,) of each of STATISTICS, corrected over the units.

    It is (1 + relabellings whose most extreme statistic over the units is at least as extreme as
    the unit's) / (1 + `permutations`), where `observed` are the statistics (units,) of `target`
    (clips, units) against `other` (clips, units), and extreme is the distance from the value of no
    difference (Westfall & Young 1993). One draw of labels serves all statistics. `further`
    statistics are functions from labels (relabellings, clips) to values (relabellings, units).
    """
    further = further or {}
    relabelled = Relabelled(np.concatenate([target, other]), len(target))
    largest: dict[str, list[np.ndarray]] = {name: [] for name in (*STATISTICS, *further)}
    for size in blocks_of_draws(permutations, len(target) + len(other)):
        labels = permuted_labels(len(target), len(other), size, generator)
        values_by_name = relabelled.statistics(labels)
        values_by_name |= {name: statistic(labels) for name, statistic in further.items()}
        for name, values in values_by_name.items():
            largest[name].append(_distance(name, values).max(axis=1))
    p = {}
    for name, drawn in largest.items():
        in_order = np.sort(np.concatenate(drawn))
        extreme = _distance(name, observed[name]) * _JUST_BELOW
        p[name] = (1 + permutations - in_order.searchsorted(extreme)) / (1 + permutations)
    return p


def twice_mean_ranks(responses: np.ndarray) -> np.ndarray:
    """Return twice the rank (clips, units) of each clip among all in a unit's response, int32.

    Ranks are from 1 upwards; clips of equal response have the mean of their ranks.
    """
    clips, units = responses.shape
    places = np.empty(responses.shape, dtype=np.int32)
    for first in range(0, units, _UNITS_IN_A_BLOCK):
        block = slice(first, first + _UNITS_IN_A_BLOCK)
        # A unit's values side by side, for sorting and for what comes of it.
        by_unit = np.ascontiguousarray(responses[:, block].T)
        ranked = np.empty(by_unit.shape, dtype=np.int32)
        for values, of_unit in zip(by_unit, ranked, strict=True):
            order = values.argsort()
            in_order = values[order]
            new = np.flatnonzero(np.r_[True, in_order[1:] != in_order[:-1]])
            ends = np.r_[new[1:], clips]
            # Ranks start + 1 to end: their mean is half of start + 1 + end.
            of_unit[order] = np.repeat(new + 1 + ends, ends - new)
        places[:, block] = ranked.T
    return places


def _distance(name: str, values: np.ndarray) -> np.ndarray:
    return np.abs(values - _NO_DIFFERENCE.get(name, 0.0))
