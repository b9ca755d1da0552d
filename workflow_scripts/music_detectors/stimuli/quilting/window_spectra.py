"""How much the spectrum of a clip changes where its segments meet."""

import numpy as np

from music_detectors.spectrograms.log_mel import log_mel_spectra
from music_detectors.stimuli.quilting.windows import WINDOW, WINDOW_MS, segment_samples


def changes_between(samples: np.ndarray, segment_ms: int) -> np.ndarray:
    """Return how much the spectrum changes from the end of each segment to the onset of each.

    `samples` (n,) float32 hold at least two whole segments; a last one that is not whole is left
    out. The result is (segments, segments) float64. Element j, k is the sum over bands of the
    squared differences between the log-Mel spectra in dB of the last two windows of segment j and
    those of the first two of segment k, in their order; element j, j + 1 is the change in the clip.
    """
    length = segment_samples(segment_ms)
    per_segment = segment_ms // WINDOW_MS
    whole = samples[: len(samples) // length * length].reshape(-1, per_segment, WINDOW)
    # The first two windows and the last two, which may be the same.
    spectra = log_mel_spectra(whole[:, sorted({0, 1, per_segment - 2, per_segment - 1})])
    onsets = spectra[:, :2].reshape(len(whole), -1).astype(np.float64)
    ends = spectra[:, -2:].reshape(len(whole), -1).astype(np.float64)
    sizes = np.square(ends).sum(axis=1)[:, None] + np.square(onsets).sum(axis=1)
    return np.maximum(sizes - 2 * (ends @ onsets.T), 0)
