"""`cochleagram`: envelopes of bands as wide as the ear's, compressed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import gcd
from typing import ClassVar

import numpy as np

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.common.errors import InputError
from music_detectors.inputs.making.front_end import FrontEnd
from music_detectors.inputs.making.resample import length_at
from music_detectors.spectrograms.log_mel import Count

# ERB numbers are ERBS log(1 + f / HZ), since a filter of the ear is 24.7 Hz + f / 9.265 wide
# (Glasberg & Moore, Hearing Research 47:103-138, 1990).
_ERBS, _HZ = 9.265, 24.7 * 9.265
# Zeros after a sound, in seconds: its filtered end must not reach the beginning.
_AFTER = 0.5
# An envelope is computed at this many times the width of its band, at least.
_TIMES = 6
_BOUND = {"type": "number", "minimum": 0, "description": "a number of Hz of at least 0"}


@dataclass(frozen=True)
class Cochleagram(FrontEnd):
    """Envelopes of `bands` half-cosine bands between `f_min` and `f_max`, in Hz.

    There are `frame_rate` values a second, raised to the power `compression`.
    """

    SETTINGS: ClassVar[Mapping[str, Mapping]] = {
        "bands": {
            "type": "integer",
            "minimum": 1,
            "maximum": 512,
            "description": "a whole number from 1 to 512",
        },
        "f_min": _BOUND,
        "f_max": _BOUND,
        "frame_rate": {
            "type": "integer",
            "minimum": 10,
            "maximum": 2_000,
            "description": "a whole number of frames a second from 10 to 2,000",
        },
        "compression": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "a number above 0 and at most 1",
        },
    }

    bands: int = 50
    f_min: float = 50.0
    f_max: float = 10_000.0
    frame_rate: int = 200
    compression: float = 0.3

    def check(self, seconds: float) -> None:
        """Raise InputError for bands that cannot be."""
        if self.f_max > SAMPLE_RATE / 2:
            raise InputError(
                f"f_max is {self.f_max:g}, above {SAMPLE_RATE / 2:g} Hz, half the rate of stored "
                "sound; lower it"
            )
        if self.f_min >= self.f_max:
            raise InputError(f"f_min is {self.f_min:g}, not below f_max ({self.f_max:g})")
        corners = self.corners()
        narrowest = corners[2] - corners[0]
        if narrowest * seconds < 4:
            raise InputError(
                f"bands is {self.bands}, of which the lowest is {narrowest:.3g} Hz wide, too "
                f"narrow for the {seconds:g} s that are played; lower it"
            )

    def corners(self) -> np.ndarray:
        """Return frequencies (bands + 2,) in Hz: a band's begin, middle and end are neighbours."""
        low, high = _ERBS * np.log1p(np.array([self.f_min, self.f_max]) / _HZ)
        return _HZ * np.expm1(np.linspace(low, high, self.bands + 2) / _ERBS)

    def frames_of(self, n_samples: Count) -> Count:
        """Return how many frames `n_samples` at 22,050 Hz make."""
        return length_at(n_samples, self.frame_rate)

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Return the cochleagram (bands, frames) float32 of `samples`.

        A band's gain over the ERB number of the frequency is half a period of a cosine, from corner
        to corner; neighbours overlap by half, and the squares of their gains add to 1 (McDermott &
        Simoncelli, Neuron 71:926-940, 2011). The envelope is the magnitude of the band's analytic
        signal, low-passed and sampled at the frame rate.
        """
        # The Snakefile reads this file, and scipy takes long to import.
        import scipy.fft
        from scipy.signal import resample_poly

        filters, length = _filters(self, len(samples)), _padded_length(len(samples))
        spectrum = scipy.fft.rfft(samples, length)
        cochleagram = np.empty((self.bands, self.frames_of(len(samples))), dtype=np.float32)
        for band, (first, gains) in enumerate(filters):
            # The magnitude stays the same when frequencies are shifted down to 0.
            halvings = _halvings(len(gains), length)
            shifted = spectrum[first : first + len(gains)] * gains
            analytic = scipy.fft.ifft(shifted, length >> halvings)
            envelope = np.abs(analytic) * np.float32(2 / (1 << halvings))
            rate = self.frame_rate << halvings
            common = gcd(rate, SAMPLE_RATE)
            sampled = resample_poly(envelope, rate // common, SAMPLE_RATE // common)
            cochleagram[band] = sampled[: cochleagram.shape[1]]
        # The low-pass filter rings.
        return np.maximum(cochleagram, 0) ** np.float32(self.compression)


@cache
def _filters(of: Cochleagram, n_samples: int) -> list[tuple[int, np.ndarray]]:
    """Return each band's first frequency in the spectrum of padded sound, and its gains float32."""
    frequencies = np.arange(_padded_length(n_samples) // 2 + 1)
    erbs = _ERBS * np.log1p(frequencies * SAMPLE_RATE / _padded_length(n_samples) / _HZ)
    corners = _ERBS * np.log1p(of.corners() / _HZ)
    filters = []
    for low, middle, high in zip(corners, corners[1:], corners[2:], strict=False):
        inside = np.flatnonzero((erbs > low) & (erbs < high))
        gains = np.cos((erbs[inside] - middle) / (high - low) * np.pi)
        filters.append((int(inside[0]), gains.astype(np.float32)))
    return filters


def _padded_length(n_samples: int) -> int:
    """Return the length of the transform, a multiple of 1,024 with small prime factors."""
    from scipy.fft import next_fast_len

    return 1024 * next_fast_len(-(-(n_samples + round(_AFTER * SAMPLE_RATE)) // 1024))


def _halvings(width: int, length: int) -> int:
    """Return how often the rate can be halved for a band of `width` frequencies out of `length`."""
    return next(
        times for times in range(10, -1, -1) if not times or length >> times >= _TIMES * width
    )


FRONT_END = Cochleagram
