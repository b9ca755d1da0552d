"""Moments of every unit under many weightings of the clips at once, by matrix products.

A relabelling weights each clip 0 or 1, a bootstrap draw by how often the clip is drawn. With W
(draws, clips) and standardised responses Z (clips, units), W [Z, Z^2] holds every sum and sum of
squares.
"""

from collections.abc import Iterator

import numpy as np

from music_detectors.selectivity.effects import Moments, moments

_CLIPS_IN_A_BLOCK = 1024
_DRAWS_IN_A_BLOCK = 1024
_BYTES_OF_WEIGHTS = 64_000_000

# The share of a sum of squares that rounding may leave where there is no variance.
_NO_VARIANCE = 1e-12


def standard(responses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation (units,) of `responses`, 1 where it is 0."""
    _, mean, variance = moments(responses)
    return mean, np.sqrt(np.where(variance > 0, variance, 1.0))


def blocks_of_draws(draws: int, clips: int) -> Iterator[int]:
    """Yield sizes that add up to `draws`, so that each block's weights (a byte each) fit memory."""
    size = max(1, min(_DRAWS_IN_A_BLOCK, _BYTES_OF_WEIGHTS // clips))
    for start in range(0, draws, size):
        yield min(size, draws - start)


def weighted_sums(
    weights: np.ndarray, responses: np.ndarray, mean: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of z and of z^2 under each of `weights`, both (draws, units).

    `weights` (draws, clips) are small whole numbers or booleans, z is (`responses` - `mean`) /
    `spread` with `responses` (clips, units) and the others (units,). The working memory is that of
    a block of clips.
    """
    clips, units = responses.shape
    sums = np.zeros((len(weights), 2 * units))
    # Made once: memory fresh from the system costs as much as what is done with it.
    longest = min(_CLIPS_IN_A_BLOCK, clips)
    floats, powers = np.empty((len(weights), longest)), np.empty((longest, 2 * units))
    product = np.empty_like(sums)
    z, squares = np.hsplit(powers, 2)
    for start in range(0, clips, _CLIPS_IN_A_BLOCK):
        rows = slice(start, min(start + _CLIPS_IN_A_BLOCK, clips))
        n = rows.stop - rows.start
        np.subtract(responses[rows], mean, out=z[:n])
        np.divide(z[:n], spread, out=z[:n])
        np.square(z[:n], out=squares[:n])
        floats[:, :n] = weights[:, rows]
        sums += np.matmul(floats[:, :n], powers[:n], out=product)
    return sums[:, :units], sums[:, units:]


def weighted_places(weights: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the sums (draws, units) of `places` (clips, units) under each of `weights`, exactly.

    `weights` (draws, clips) are booleans, `places` whole numbers whose sums are below 2^53.
    """
    sums = np.zeros((len(weights), places.shape[1]))
    for start in range(0, len(places), _CLIPS_IN_A_BLOCK):
        rows = slice(start, start + _CLIPS_IN_A_BLOCK)
        sums += weights[:, rows].astype(np.float64) @ places[rows].astype(np.float64)
    return sums


def moments_of_sums(n: int, sums: np.ndarray, squares: np.ndarray) -> Moments:
    """Return the moments, in standard units, of `n` clips from their `sums` and `squares`."""
    mean = sums / n
    squared_deviations = squares - sums * mean
    squared_deviations[squared_deviations <= _NO_VARIANCE * squares] = 0
    return Moments(n, mean, squared_deviations / (n - 1))
