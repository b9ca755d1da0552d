"""Moments of every unit under many weightings of the clips at once, by matrix products.

Permuted labels weight each clip by 0 or 1, a bootstrap sample by how often it contains the clip.
With weights W (draws, clips) and standardised responses Z (clips, units), W [Z, Z^2] holds all sums
and sums of squares.
"""

from collections.abc import Iterator

import numpy as np

from music_detectors.selectivity.effects import Moments, moments

_CLIPS_IN_A_BLOCK = 1024
_DRAWS_IN_A_BLOCK = 1024
_MAX_WEIGHT_BYTES = 64_000_000

# Without variance, rounding leaves at most this share of a sum of squares.
_NO_VARIANCE = 1e-12


def mean_and_spread(responses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation (units,) of `responses`; 1 replaces an SD of 0."""
    _, mean, variance = moments(responses)
    return mean, np.sqrt(np.where(variance > 0, variance, 1.0))


def blocks_of_draws(draws: int, clips: int) -> Iterator[int]:
    """Yield block sizes that add up to `draws` and limit the memory of a block's weights."""
    size = max(1, min(_DRAWS_IN_A_BLOCK, _MAX_WEIGHT_BYTES // clips))
    for start in range(0, draws, size):
        yield min(size, draws - start)


def weighted_sums(
    weights: np.ndarray, responses: np.ndarray, mean: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of z and of z^2 under each of `weights`, both (draws, units).

    `weights` (draws, clips) are small whole numbers or booleans. z is (`responses` - `mean`) /
    `spread`, with `responses` (clips, units), and `mean` and `spread` (units,). Clips are processed
    in blocks to limit memory.
    """
    clips, units = responses.shape
    sums = np.zeros((len(weights), 2 * units))
    # Allocate once: allocating for each block takes as long as the computation.
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


def weighted_rank_sums(weights: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Return the exact sums (draws, units) of `ranks` (clips, units) under each of `weights`.

    `weights` (draws, clips) are booleans, `ranks` whole numbers whose sums are below 2^53.
    """
    sums = np.zeros((len(weights), ranks.shape[1]))
    for start in range(0, len(ranks), _CLIPS_IN_A_BLOCK):
        rows = slice(start, start + _CLIPS_IN_A_BLOCK)
        sums += weights[:, rows].astype(np.float64) @ ranks[rows].astype(np.float64)
    return sums


def moments_of_sums(n: int, sums: np.ndarray, squares: np.ndarray) -> Moments:
    """Return the moments of `n` clips from the `sums` of z and the sums of its `squares`."""
    mean = sums / n
    squared_deviations = squares - sums * mean
    squared_deviations[squared_deviations <= _NO_VARIANCE * squares] = 0
    return Moments(n, mean, squared_deviations / (n - 1))
