"""Permutations of the target label among clips, for all units at once."""

import numpy as np

from stages.selectivity.effects import welch_t
from stages.selectivity.weighted import (
    blocks_of_draws,
    moments_of_sums,
    standard,
    weighted_sums,
)

# A relabelling that gives the observed groups back must count as at least as extreme, although
# its t comes by another way and differs in the last digits.
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
    """Welch's t of every unit under any relabelling of the clips of two groups."""

    def __init__(self, responses: np.ndarray, n_target: int) -> None:
        """Prepare `responses` (clips, units), of which every relabelling names `n_target`."""
        self._responses = responses
        self._n_target = n_target
        self._standard = standard(responses)
        all_clips = np.ones((1, len(responses)), dtype=bool)
        self._totals = weighted_sums(all_clips, responses, *self._standard)

    def welch_t(self, labels: np.ndarray) -> np.ndarray:
        """Return t (relabellings, units) under `labels` (relabellings, clips), true for target."""
        sums, squares = weighted_sums(labels, self._responses, *self._standard)
        n_other = len(self._responses) - self._n_target
        target = moments_of_sums(self._n_target, sums, squares)
        other = moments_of_sums(n_other, self._totals[0] - sums, self._totals[1] - squares)
        return welch_t(target, other)


def max_statistic_p(
    target: np.ndarray,
    other: np.ndarray,
    t: np.ndarray,
    permutations: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Return the two-sided p (units,) of `t`, corrected over the units (Westfall & Young 1993).

    It is (1 + relabellings whose largest absolute t over the units reaches the unit's) / (1 +
    `permutations`), where `t` (units,) is Welch's t of `target` (clips, units) against `other`
    (clips, units).
    """
    relabelled = Relabelled(np.concatenate([target, other]), len(target))
    largest = [
        np.abs(relabelled.welch_t(permuted_labels(len(target), len(other), size, generator))).max(
            axis=1
        )
        for size in blocks_of_draws(permutations, len(target) + len(other))
    ]
    in_order = np.sort(np.concatenate(largest))
    reached = permutations - in_order.searchsorted(np.abs(t) * _JUST_BELOW)
    return (1 + reached) / (1 + permutations)
