"""The index of segregation of many sets of classes at once, adjusted for chance."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.special import gammaln, xlog1py, xlogy

from music_detectors.specificity.sets import MIN_CLIPS, OTHER, TARGET

_SHARES = np.linspace(0, 1, 201)
"""The shares of target clips for which the index expected by chance is tabulated."""


def segregations(
    sides: np.ndarray, bins: np.ndarray, of_clips: np.ndarray, blocks: Sequence[int]
) -> np.ndarray:
    """Return how much less each set's clips overlap with the others than by chance.

    `sides` (sets, clips) are the sides of test clips, `bins` (clips,) the bin of each in the
    embedding, and `of_clips` (clips,) its block. The result is (1 + blocks, sets): for all clips,
    and without each of `blocks`. It is the index of music_detectors.embedding, rescaled from its
    expectation for random roles (0) to 1. Roles are taken as independent for that: with a fixed
    number of targets, the expectation differs by a share of the order of one over the number of
    clips. NaN where a side has fewer than two clips.
    """
    _, places = np.unique(bins, return_inverse=True)
    clips = np.arange(len(bins))
    in_bin = csr_array((np.ones(len(bins), dtype=np.int64), (clips, places)))
    target, other = ((sides == side).astype(np.int64) @ in_bin for side in (TARGET, OTHER))
    expected = expected_overlaps(int((target + other).max(initial=0)))
    found = [_adjusted(target, other, expected)]
    for block in blocks:
        rows = np.flatnonzero(of_clips == block)
        own_target, own_other = (
            (sides[:, rows] == side).astype(np.int64) @ in_bin[rows] for side in (TARGET, OTHER)
        )
        found.append(_adjusted(target - own_target, other - own_other, expected))
    return np.array(found)


def expected_overlaps(most: int) -> np.ndarray:
    """Return the mean of sqrt(k (c - k)), k binomial, (c from 0 to `most`, shares of targets)."""
    table = np.zeros((most + 1, len(_SHARES)))
    for count in range(most + 1):
        k = np.arange(count + 1)
        # Not scipy.stats, whose import takes longer than all this.
        ways = gammaln(count + 1) - gammaln(k + 1) - gammaln(count - k + 1)
        chances = ways[:, None] + xlogy(k[:, None], _SHARES)
        chances += xlog1py((count - k)[:, None], -_SHARES)
        table[count] = np.sqrt(k * (count - k)) @ np.exp(chances)
    return table


def _adjusted(target: np.ndarray, other: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return the index (sets,) from the numbers of clips of each side, (sets, bins)."""
    n_sets, counts = len(target), len(expected)
    n_target, n_other = target.sum(axis=1), other.sum(axis=1)
    overlap = np.sqrt(target * other).sum(axis=1)
    # How many bins hold how many clips.
    held = target + other + counts * np.arange(n_sets)[:, None]
    histogram = np.bincount(held.ravel(), minlength=counts * n_sets).reshape(n_sets, counts)
    by_share = histogram @ expected
    enough = np.minimum(n_target, n_other) >= MIN_CLIPS
    share = n_target / np.maximum(n_target + n_other, 1)
    place = share * (len(_SHARES) - 1)
    low = np.minimum(place.astype(np.int64), len(_SHARES) - 2)
    rows = np.arange(n_sets)
    step = place - low
    by_chance = by_share[rows, low] * (1 - step) + by_share[rows, low + 1] * step
    return np.divide(
        by_chance - overlap, by_chance, out=np.full(n_sets, np.nan), where=enough & (by_chance > 0)
    )
