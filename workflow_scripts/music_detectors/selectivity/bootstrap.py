"""Bootstrap samples."""

import numpy as np


def bootstrap_counts(clips: int, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Return how often each of `clips` occurs in each bootstrap sample, (draws, clips)."""
    counts = np.empty((draws, clips), dtype=np.uint8)
    for row in counts:
        row[:] = np.bincount(generator.integers(clips, size=clips), minlength=clips)
    return counts
