"""The bins in which the index of segregation counts points."""

import numpy as np

BINS = 64
"""Bins of the index along each axis, as in the study."""

# On average, about as in the study.
_CLIPS_PER_BIN = 4
_MIN_BINS = 2


def coarse_bins(clips: int) -> int:
    """Return the number of bins per axis for four of `clips` per bin: at least 2, at most 64."""
    return min(BINS, max(_MIN_BINS, round((clips / _CLIPS_PER_BIN) ** 0.5)))


def bins_of(xy: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return the number of the bin (n,) of each of the points `xy` (n, 2).

    The `bins` of an axis have equal widths and span the range of all points, as in
    `numpy.histogram2d`.
    """
    numbers = np.zeros(len(xy), dtype=np.int64)
    for values in xy.T.astype(np.float64):
        edges = np.histogram_bin_edges(values, bins)
        along = np.searchsorted(edges, values, side="right") - 1
        numbers = numbers * bins + np.clip(along, 0, bins - 1)
    return numbers
