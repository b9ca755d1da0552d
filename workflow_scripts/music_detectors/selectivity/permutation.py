"""Permutations of the target label among groups of clips, for all units at once."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import sparse

from music_detectors.common.parts import Parts
from music_detectors.selectivity.effects import Moments, d_prime, hedges_g, ratio
from music_detectors.selectivity.weighted import (
    blocks_of_draws,
    mean_and_spread,
    weighted_sums,
)

STATISTICS = ("cluster_t", "d_prime", "hedges_g", "auc")
"""The statistics of a unit that are tested by permuting labels."""

_UNITS_IN_A_BLOCK = 64
_NO_DIFFERENCE = {"auc": 0.5}
# A permutation that returns the observed roles must count as at least as extreme, although its
# statistics are computed differently and differ in the last digits.
_ROUNDING = 1e-9
# Without variance, rounding leaves at most this share of a sum of squares.
_NO_VARIANCE = 1e-12


class _Role(NamedTuple):
    """Under permuted labels, of one role: groups, clips (draws, 1), sum and square of responses
    (draws, units), and the sum over parts of the squared deviations of the part's sum."""

    groups: int
    clips: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    of_parts: np.ndarray


class PermutedStatistics:
    """The statistics of every unit under permuted labels.

    Labels belong to parts (a group's clips with one role), so sums over clips are sums over the
    parts' own sums, which are computed once.
    """

    def __init__(self, responses: np.ndarray, parts: Parts) -> None:
        """Prepare `responses` (clips, units), of whose clips `parts` are."""
        self._responses = responses
        self._parts = parts
        self._scale = mean_and_spread(responses)
        self._n_clips = parts.n_clips.astype(np.float64)
        self._units = responses.shape[1]
        self._by_part = None if parts.are_clips else self._sums_of_parts()
        self._columns = (2 if parts.are_clips else 4) * self._units
        every = np.ones((1, len(parts.n_clips)), dtype=bool)
        self._totals = weighted_sums(every, self._values, self._columns)
        self._of_pairs = self._pair_terms()

    def _standardised(self, rows: slice | np.ndarray) -> np.ndarray:
        return (self._responses[rows] - self._scale[0]) / self._scale[1]

    def _sums_of_parts(self) -> np.ndarray:
        """Return per part the sums of z and z^2, the squared sum of z, and it times its clips."""
        n_parts, n_clips = len(self._n_clips), len(self._responses)
        indicator = sparse.csr_array(
            (np.ones(n_clips), (self._parts.of_clip, np.arange(n_clips))), shape=(n_parts, n_clips)
        )
        found = np.empty((n_parts, 4 * self._units))
        for start in range(0, self._units, _UNITS_IN_A_BLOCK):
            block = slice(start, min(start + _UNITS_IN_A_BLOCK, self._units))
            z = (self._responses[:, block] - self._scale[0][block]) / self._scale[1][block]
            sums = indicator @ z
            columns = (sums, indicator @ np.square(z), np.square(sums))
            for place, values in enumerate((*columns, sums * self._n_clips[:, None])):
                first = place * self._units
                found[:, first + block.start : first + block.stop] = values
        return found

    def _values(self, rows: slice) -> np.ndarray:
        if self._by_part is not None:
            return self._by_part[rows]
        z = self._standardised(rows)
        return np.concatenate([z, np.square(z)], axis=1)

    def _pair_terms(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Return of groups with both roles: per part its sum times the clips of its partner, the
        sum over groups of the product of the parts' sums, and that of their clips."""
        pairs = self._parts.pairs
        if self._by_part is None:
            sums = self._standardised(pairs.ravel())
        else:
            sums = self._by_part[pairs.ravel(), : self._units]
        n = self._n_clips[pairs]
        one, two = sums[::2], sums[1::2]
        return (
            sums * n[:, ::-1].reshape(-1, 1),
            (one * two).sum(axis=0),
            float(n.prod(axis=1).sum()),
        )

    @cached_property
    def _rank_sums(self) -> np.ndarray:
        """Twice the sums (parts, units) of the ranks of the parts' clips, which are exact."""
        ranks = twice_mean_ranks(self._responses)
        if self._parts.are_clips:
            return ranks
        found = np.zeros((len(self._n_clips), self._units))
        np.add.at(found, self._parts.of_clip, ranks)
        return found

    def _roles(self, labels: np.ndarray) -> tuple[_Role, _Role]:
        sums = weighted_sums(labels, self._values, self._columns)
        clips = labels @ self._n_clips
        clips_squared = labels @ np.square(self._n_clips)
        target = self._role(self._parts.n_target, clips, clips_squared, sums)
        other = self._role(
            self._parts.n_other,
            self._n_clips.sum() - clips,
            np.square(self._n_clips).sum() - clips_squared,
            self._totals - sums,
        )
        return target, other

    def _role(
        self, groups: int, clips: np.ndarray, clips_squared: np.ndarray, sums: np.ndarray
    ) -> _Role:
        n = clips[:, None]
        total, squared, *of_parts = np.split(sums, self._columns // self._units, axis=1)
        mean = total / n
        squares = squared - total * mean
        squares[squares <= _NO_VARIANCE * squared] = 0
        if not of_parts:
            return _Role(groups, n, mean, squares, squares)
        squared, by_clips = of_parts
        deviations = squared - 2 * mean * by_clips + np.square(mean) * clips_squared[:, None]
        deviations[deviations <= _NO_VARIANCE * squared] = 0
        return _Role(groups, n, mean, squares, deviations)

    def _cluster_t(self, labels: np.ndarray, target: _Role, other: _Role) -> np.ndarray:
        """Return the t of `grouped_effects`."""
        of_target, of_other = (
            role.of_parts / np.square(role.clips) * (role.groups / (role.groups - 1))
            for role in (target, other)
        )
        variance = of_target + of_other
        pairs = self._parts.pairs
        if len(pairs):
            by_partner, products, clips = self._of_pairs
            of_target = labels[:, pairs.ravel()].astype(np.float64) @ by_partner
            of_other = by_partner.sum(axis=0) - of_target
            crossed = products - other.mean * of_target - target.mean * of_other
            crossed += target.mean * other.mean * clips
            corrections = [np.sqrt(role.groups / (role.groups - 1)) for role in (target, other)]
            every = variance.copy()
            variance -= 2 * corrections[0] * corrections[1] * crossed / target.clips / other.clips
            variance[variance <= _NO_VARIANCE * every] = 0
        return ratio(target.mean - other.mean, np.sqrt(variance))

    def statistics(self, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Return each of STATISTICS (permutations, units) by name.

        `labels` (permutations, parts) are true for target.
        """
        target, other = self._roles(labels)
        of_roles = [
            Moments(role.clips, role.mean, role.squares / (role.clips - 1))
            for role in (target, other)
        ]
        twice_u = weighted_sums(labels, lambda rows: self._rank_sums[rows], self._units)
        twice_u -= target.clips * (target.clips + 1)
        return {
            "cluster_t": self._cluster_t(labels, target, other),
            "d_prime": d_prime(*of_roles),
            "hedges_g": hedges_g(*of_roles),
            "auc": twice_u / (2 * target.clips * other.clips),
        }


def permutation_p(
    responses: np.ndarray,
    parts: Parts,
    observed: Mapping[str, np.ndarray],
    permutations: int,
    generator: np.random.Generator,
    more_statistics: Mapping[str, Callable[[np.ndarray], np.ndarray]] | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the one-sided p (units,) of `cluster_t`, and the corrected p of each of STATISTICS.

    A unit's own p is (1 + permutations in which its t is at least as large as the observed one) /
    (1 + `permutations`). The corrected p is the same for the largest statistic over the units
    (Westfall & Young 1993). `observed` are the statistics (units,) of `responses` (clips, units)
    with the roles of `parts`, which are permuted by group. All statistics share the permuted
    labels. `more_statistics` are functions from labels (permutations, parts) to values
    (permutations, units).
    """
    more_statistics = more_statistics or {}
    permuted = PermutedStatistics(responses, parts)
    names = (*STATISTICS, *more_statistics)
    bounds = {name: _just_below(name, observed[name]) for name in names}
    reached = np.zeros(responses.shape[1], dtype=np.int64)
    by_largest = {name: np.zeros_like(reached) for name in names}
    for size in blocks_of_draws(permutations, len(parts.is_target)):
        labels = parts.permuted(size, generator)
        values_by_name = permuted.statistics(labels)
        values_by_name |= {name: statistic(labels) for name, statistic in more_statistics.items()}
        reached += (values_by_name["cluster_t"] >= bounds["cluster_t"]).sum(axis=0)
        for name, values in values_by_name.items():
            largest = np.sort(values.max(axis=1))
            by_largest[name] += size - largest.searchsorted(bounds[name])
    p = {name: (1 + count) / (1 + permutations) for name, count in by_largest.items()}
    return (1 + reached) / (1 + permutations), p


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


def _just_below(name: str, values: np.ndarray) -> np.ndarray:
    """Return `values`, less what rounding may change."""
    from_none = np.abs(values - _NO_DIFFERENCE.get(name, 0.0))
    return values - np.where(np.isfinite(values), _ROUNDING * from_none, 0.0)
