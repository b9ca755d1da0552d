"""Covariates from a clip's log-Mel: how deeply it is modulated over time and over frequency."""

from functools import cache

import numpy as np
from scipy import fft

from music_detectors.acoustics.sound import RANGE_DB

# Frames of a stretch: 1.6 s at the study's 80 frames a second.
_STRETCH = 128
_RATES = {"slow": (0.0, 2.0), "medium": (2.0, 8.0), "fast": (8.0, np.inf)}
"""Ends in Hz, the first included."""
_SCALES = {"coarse": (0, 2), "middle": (2, 8), "fine": (8, np.inf)}
"""Ends in cycles over all bands, the first included."""


def modulation_covariates(log_mel: np.ndarray, frame_rate: float) -> dict[str, float]:
    """Return the depths of modulation in dB of `log_mel` (bands, frames) at `frame_rate` in Hz.

    A depth is the square root of the power that the log-Mel in dB, minus its mean, has in a region
    of rates (cycles per second, upward and downward together) and scales (cycles over the bands).
    The squares of all depths add up to the variance of the log-Mel. Names are those of the columns.
    """
    bands, _ = log_mel.shape
    stretches = _stretches(log_mel)
    # The cosine transform treats the bands as mirrored at both ends, so there is no edge.
    over_bands = fft.dct(stretches, axis=1, norm="ortho") / np.sqrt(bands)
    window = _window()
    # The mean under the window is not modulation.
    over_bands[:, 0] -= (over_bands[:, 0] @ window**2)[:, None] / (window @ window)
    over_both = fft.rfft(over_bands * window, axis=2)
    power = (np.square(over_both.real) + np.square(over_both.imag)).mean(axis=0, dtype=np.float64)
    rates, scales, both_signs = _regions(bands, frame_rate)
    power = scales @ (power * both_signs) @ rates.T / (_STRETCH * (window @ window))
    return {
        f"mod_{rate}_{scale}_db": float(np.sqrt(power[row, column]))
        for column, rate in enumerate(_RATES)
        for row, scale in enumerate(_SCALES)
    }


def _stretches(log_mel: np.ndarray) -> np.ndarray:
    """Return stretches (n, bands, 128) that cover all frames and overlap by at least half.

    A shorter clip is continued by its mirror image, which adds no edge and no silence. Values far
    below the loudest are raised to the bottom of the range.
    """
    values = log_mel.astype(np.float32)
    values = np.maximum(values, values.max() - np.float32(RANGE_DB))
    values -= values.mean()
    frames = values.shape[1]
    if frames < _STRETCH:
        return np.pad(values, ((0, 0), (0, _STRETCH - frames)), mode="symmetric")[None]
    count = 1 + -(-(frames - _STRETCH) // (_STRETCH // 2))
    starts = np.rint(np.linspace(0, frames - _STRETCH, count)).astype(np.int64)
    return np.stack([values[:, start : start + _STRETCH] for start in starts])


@cache
def _window() -> np.ndarray:
    """Return the periodic Hann window (128,) float32."""
    return (np.sin(np.pi * (np.arange(_STRETCH) + 0.5) / _STRETCH) ** 2).astype(np.float32)


@cache
def _regions(bands: int, frame_rate: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rates (3, 65) and scales (3, bands) of each region, and the weight of each rate.

    A rate between 0 and half the frame rate counts twice, for its negative too.
    """
    rate = fft.rfftfreq(_STRETCH, 1 / frame_rate)
    cycles = np.arange(bands) / 2
    rates = np.array([(low <= rate) & (rate < high) for low, high in _RATES.values()], float)
    scales = np.array([(low <= cycles) & (cycles < high) for low, high in _SCALES.values()], float)
    both_signs = np.full(len(rate), 2.0)
    both_signs[[0, -1]] = 1
    return rates, scales, both_signs
