"""Bootstrap intervals of Hedges' g, for all units at once."""

import numpy as np

from music_detectors.selectivity.effects import Moments, hedges_g
from music_detectors.selectivity.weighted import (
    blocks_of_draws,
    mean_and_spread,
    moments_of_sums,
    weighted_sums,
)

# In standard deviations: smaller differences of means are rounding errors.
_NO_DIFFERENCE = 1e-12


def bootstrap_counts(clips: int, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Return how often each of `clips` occurs in each bootstrap sample, (draws, clips)."""
    counts = np.empty((draws, clips), dtype=np.uint8)
    for row in counts:
        row[:] = np.bincount(generator.integers(clips, size=clips), minlength=clips)
    return counts


def hedges_g_interval(
    target: np.ndarray, other: np.ndarray, bootstraps: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends (units,) of the 95% percentile interval of Hedges' g (Efron 1979).

    Each of `bootstraps` draws takes clips with replacement from `target` (clips, units) and,
    separately, from `other` (clips, units); all units share the draws. The ends are the values at
    the 2.5% and 97.5% positions of the sorted draws, without interpolation.
    """
    # Both groups share a scale. Each is centred on its own mean, so that its variance is not a
    # small difference of two large sums.
    _, spread = mean_and_spread(np.concatenate([target, other]))
    (target_mean, _), (other_mean, _) = mean_and_spread(target), mean_and_spread(other)
    difference = (target_mean - other_mean) / spread
    drawn = []
    for size in blocks_of_draws(bootstraps, len(target) + len(other)):
        a = _bootstrap_moments(target, target_mean, spread, size, generator)
        b = _bootstrap_moments(other, other_mean, spread, size, generator)
        means = a.mean + difference
        # If neither group of a draw has variance, the difference is zero or far above rounding.
        means = np.where(np.abs(means - b.mean) < _NO_DIFFERENCE, b.mean, means)
        drawn.append(hedges_g(a._replace(mean=means), b))
    ordered = np.sort(np.concatenate(drawn), axis=0)
    low, high = (-(-bootstraps * thousandths // 1000) - 1 for thousandths in (25, 975))
    return ordered[low], ordered[high]


def _bootstrap_moments(
    group: np.ndarray,
    centre: np.ndarray,
    spread: np.ndarray,
    draws: int,
    generator: np.random.Generator,
) -> Moments:
    """Return the moments (draws, units) of bootstrap samples of `group`, in units of `spread`."""
    counts = bootstrap_counts(len(group), draws, generator)
    return moments_of_sums(len(group), *weighted_sums(counts, group, centre, spread))
