"""Bootstrap intervals of Hedges' g, for all units at once."""

import numpy as np

from music_detectors.selectivity.effects import Moments, hedges_g
from music_detectors.selectivity.weighted import (
    blocks_of_draws,
    moments_of_sums,
    standard,
    weighted_sums,
)

# In standard deviations.
_NO_DIFFERENCE = 1e-12


def drawn_counts(clips: int, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Return how often each clip occurs when `clips` are drawn from `clips`, (draws, clips).

    The rows are multinomial.
    """
    counts = np.empty((draws, clips), dtype=np.uint8)
    for row in counts:
        row[:] = np.bincount(generator.integers(clips, size=clips), minlength=clips)
    return counts


def hedges_g_interval(
    target: np.ndarray, other: np.ndarray, bootstraps: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends (units,) of the 95 % percentile interval of Hedges' g (Efron 1979).

    `bootstraps` times, clips are drawn with replacement from `target` (clips, units) and from
    `other` (clips, units) apart, the same clips for every unit. The ends are the values in the
    2.5 % and the 97.5 % place of the ordered draws, without interpolation.
    """
    # The scale is common to both groups; each is centred on itself, so that its variance is not
    # the small difference of two large sums.
    _, spread = standard(np.concatenate([target, other]))
    (of_target, _), (of_other, _) = standard(target), standard(other)
    apart = (of_target - of_other) / spread
    drawn = []
    for size in blocks_of_draws(bootstraps, len(target) + len(other)):
        a = _drawn_moments(target, of_target, spread, size, generator)
        b = _drawn_moments(other, of_other, spread, size, generator)
        means = a.mean + apart
        # Draws without variance in either group have no difference, or one far above rounding.
        means = np.where(np.abs(means - b.mean) < _NO_DIFFERENCE, b.mean, means)
        drawn.append(hedges_g(a._replace(mean=means), b))
    in_order = np.sort(np.concatenate(drawn), axis=0)
    low, high = (-(-bootstraps * thousandths // 1000) - 1 for thousandths in (25, 975))
    return in_order[low], in_order[high]


def _drawn_moments(
    group: np.ndarray,
    centre: np.ndarray,
    spread: np.ndarray,
    draws: int,
    generator: np.random.Generator,
) -> Moments:
    """Return the moments (draws, units) of clips drawn from `group`, in units of `spread`."""
    counts = drawn_counts(len(group), draws, generator)
    return moments_of_sums(len(group), *weighted_sums(counts, group, centre, spread))
