"""Sound at another rate."""

from functools import cache
from math import gcd

import numpy as np

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.spectrograms.log_mel import Count

RATE = {
    "type": "integer",
    "minimum": 1000,
    "maximum": 192_000,
    "description": "a whole number of Hz from 1,000 to 192,000",
}
"""The JSON schema of a rate that sound is resampled to."""

# The window and cutoff that torchaudio's documentation gives for resampy's "kaiser_best".
_ZERO_CROSSINGS = 64
_ROLLOFF = 0.9475937167399596
_BETA = 14.769656459379492


def resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return `samples` (n,) float32, at 22,050 Hz, at `rate`: as many as `length_at` says.

    Band-limited interpolation (Smith & Gossett, IEEE International Conference on Acoustics, Speech
    and Signal Processing, 1984): a sinc of 64 zero crossings on each side, in a Kaiser window,
    which passes frequencies up to 0.95 of half the lower rate. There are zeros before and after.
    """
    if rate == SAMPLE_RATE:
        return samples
    from scipy.signal import resample_poly

    up, down = _ratio(rate)
    # The function multiplies its filter by `up`.
    return resample_poly(samples, up, down, window=_filter(up, down))


def length_at(n_samples: Count, rate: int) -> Count:
    """Return how many samples at `rate` stand for `n_samples` at 22,050 Hz, rounded up."""
    up, down = _ratio(rate)
    return -(-n_samples * up // down)


def _ratio(rate: int) -> tuple[int, int]:
    common = gcd(rate, SAMPLE_RATE)
    return rate // common, SAMPLE_RATE // common


@cache
def _filter(up: int, down: int) -> np.ndarray:
    """Return the filter (2 * half + 1,) float32 of odd length, at `up` times 22,050 Hz."""
    from scipy.special import i0

    step = min(up, down) * _ROLLOFF / (up * down)
    half = int(_ZERO_CROSSINGS / step)
    crossings = np.arange(-half, half + 1) * step
    window = i0(_BETA * np.sqrt(1 - (crossings / _ZERO_CROSSINGS) ** 2)) / i0(_BETA)
    return (step * np.sinc(crossings) * window).astype(np.float32)
