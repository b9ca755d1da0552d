"""Sums over many weightings of clips, or of their groups, at once, by matrix products."""

from collections.abc import Callable, Iterator

import numpy as np

from music_detectors.selectivity.effects import moments

_ROWS_IN_A_BLOCK = 1024
_DRAWS_IN_A_BLOCK = 1024
_MAX_WEIGHT_BYTES = 64_000_000

SMALL = 10_000
"""Up to so many rows, products of matrices are in float64, so that draws which equal the observed
roles give the observed statistics. With more rows, none is equal."""


def precision(rows: int) -> type[np.floating]:
    """Return in what the products of blocks of `rows` are computed; their sums are in float64."""
    return np.float64 if rows <= SMALL else np.float32


def mean_and_spread(responses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation (units,) of `responses`; 1 replaces an SD of 0."""
    _, mean, variance = moments(responses)
    return mean, np.sqrt(np.where(variance > 0, variance, 1.0))


def blocks_of_draws(draws: int, rows: int) -> Iterator[int]:
    """Yield block sizes that add up to `draws` and limit the memory of a block's weights."""
    size = max(1, min(_DRAWS_IN_A_BLOCK, _MAX_WEIGHT_BYTES // rows))
    for start in range(0, draws, size):
        yield min(size, draws - start)


def weighted_sums(
    weights: np.ndarray, values: Callable[[slice], np.ndarray], columns: int
) -> np.ndarray:
    """Return the sums (draws, columns) of `values` under each of `weights` (draws, rows).

    `values` returns the rows of a slice, (rows, `columns`); they are asked for in blocks, to limit
    memory. `weights` are booleans. The products of a block are computed in `precision`.
    """
    sums = np.zeros((len(weights), columns))
    rows = weights.shape[1]
    # Allocate once: allocating for each block takes as long as the computation.
    kind = precision(rows)
    floats = np.empty((len(weights), min(_ROWS_IN_A_BLOCK, rows)), dtype=kind)
    product = np.empty(sums.shape, dtype=kind)
    for start in range(0, rows, _ROWS_IN_A_BLOCK):
        block = slice(start, min(start + _ROWS_IN_A_BLOCK, rows))
        own = floats[:, : block.stop - start]
        own[:] = weights[:, block]
        sums += np.matmul(own, values(block).astype(kind, copy=False), out=product)
    return sums
