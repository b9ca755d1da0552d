"""Covariates from a clip's samples: level, spectrum and harmonicity."""

import math
from functools import cache

import numpy as np
from scipy import fft

from music_detectors.audio.rate import SAMPLE_RATE

LEVEL_FLOOR_DB = -100.0
"""Level of digital silence, in dB re full scale: that of the log-Mel's floor."""
RANGE_DB = 80.0
"""Values further below the loudest are raised to this, so that gaps do not decide."""

_FRAME = 1024
_HOP = 768
# A frame, the longest lag, and few prime factors: an autocorrelation that does not wrap around.
_N_FFT = 1536
# This many stay in the processor's cache, and memory is not allocated again and again.
_FRAMES_AT_ONCE = 50
_F_MAX = 8_000.0
# Repetition rates in Hz, and their lags in samples.
_LOWEST, _HIGHEST = 60.0, 1_000.0
_LAGS = slice(round(SAMPLE_RATE / _HIGHEST), round(SAMPLE_RATE / _LOWEST) + 1)
# As a share of the power of a full-scale square wave: far below one step of 16 bits.
_NO_POWER = 1e-14
_RATIO = 10 ** (-RANGE_DB / 10)


def sound_covariates(samples: np.ndarray) -> dict[str, float]:
    """Return the covariates of a clip's `samples` (n,), float32 of full scale 1, n at least 1.

    Names are those of the columns, from level_db to harmonicity. Centroid, bandwidth, flatness and
    harmonicity are NaN for silence.
    """
    power = float(np.dot(samples, samples)) / len(samples)
    floor = 10 ** (LEVEL_FLOOR_DB / 10)
    covariates = {"level_db": 10 * math.log10(max(power, floor))}
    frames = _Frames(samples)
    loudest = frames.power.max()
    if loudest <= _NO_POWER or not frames.spectrum.any():
        undefined = ("centroid_hz", "bandwidth_hz", "flatness", "harmonicity")
        return covariates | {"level_sd_db": 0.0} | dict.fromkeys(undefined, np.nan)
    levels = 10 * np.log10(np.maximum(frames.power, loudest * _RATIO))
    weights = frames.power / frames.power.sum()
    covariates["level_sd_db"] = float(levels.std())
    covariates |= _shape(frames.spectrum)
    covariates["flatness"] = float(weights @ frames.flatness)
    covariates["harmonicity"] = float(weights @ frames.harmonicity)
    return covariates


class _Frames:
    """Power, flatness and harmonicity of each frame (frames,) float64, and the spectrum of all.

    Frames overlap by at least a quarter, from the first to the last sample; a clip shorter than a
    frame is one frame, padded with its mean.
    """

    def __init__(self, samples: np.ndarray) -> None:
        n = len(samples)
        if n < _FRAME:
            # Placed in the middle of the window, because its ends let nothing through.
            ends = ((_FRAME - n) // 2, _FRAME - n - (_FRAME - n) // 2)
            samples = np.pad(samples, ends, constant_values=samples.mean())
            n = _FRAME
        count = 1 + -(-(n - _FRAME) // _HOP)
        starts = np.rint(np.linspace(0, n - _FRAME, count)).astype(np.int64)
        every = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)
        self.spectrum = np.zeros(len(_frequencies()))
        self.power, self.flatness, self.harmonicity = np.empty((3, count))
        for first in range(0, count, _FRAMES_AT_ONCE):
            rows = slice(first, first + _FRAMES_AT_ONCE)
            spectrum, correlation = _spectra(every[starts[rows]])
            self.spectrum += np.ones(len(spectrum), dtype=np.float32) @ spectrum
            self.power[rows] = np.maximum(correlation[:, 0], 0)
            self.flatness[rows] = _flatness(spectrum)
            self.harmonicity[rows] = _harmonicity(correlation)


@cache
def _window() -> tuple[np.ndarray, np.ndarray]:
    """Return the periodic Hann window of mean square 1, and its autocorrelation with 1 at lag 0."""
    window = np.sin(np.pi * np.arange(_FRAME) / _FRAME) ** 2
    window /= np.sqrt(np.mean(window**2))
    correlation = fft.irfft(np.abs(fft.rfft(window, 2 * _FRAME)) ** 2)[: _LAGS.stop + 1]
    return window.astype(np.float32), (correlation / correlation[0]).astype(np.float32)


def _spectra(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the power spectra (frames, bins) up to 8,000 Hz, without 0 Hz, and autocorrelations.

    An autocorrelation (frames, lags) at lag 0 is the frame's mean square. `frames` (frames, 1024)
    are changed in place: their means are subtracted and the window is applied.
    """
    frames -= frames.mean(axis=1, keepdims=True)
    frames *= _window()[0]
    bins = fft.rfft(frames, _N_FFT, axis=1)
    power = np.square(bins.real)
    power += np.square(bins.imag)
    power /= _FRAME
    correlation = fft.irfft(power, _N_FFT, axis=1)[:, : _LAGS.stop + 1]
    return power[:, 1 : len(_frequencies()) + 1], correlation


@cache
def _frequencies() -> np.ndarray:
    """Return the frequencies in Hz of the bins from above 0 up to 8,000 Hz."""
    return np.arange(1, int(_F_MAX * _N_FFT / SAMPLE_RATE) + 1) * (SAMPLE_RATE / _N_FFT)


def _shape(spectrum: np.ndarray) -> dict[str, float]:
    """Return mean and standard deviation in Hz of the power `spectrum` (bins,) over frequency."""
    power = spectrum / spectrum.sum()
    centroid = power @ _frequencies()
    bandwidth = np.sqrt(power @ (_frequencies() - centroid) ** 2)
    return {"centroid_hz": float(centroid), "bandwidth_hz": float(bandwidth)}


def _flatness(spectrum: np.ndarray) -> np.ndarray:
    """Return geometric over arithmetic mean of the power in each frame, (frames,)."""
    mean = spectrum.mean(axis=1, keepdims=True)
    mean[mean <= 0] = np.finfo(np.float32).tiny / _RATIO
    floored = np.maximum(spectrum / mean, np.float32(_RATIO))
    return np.exp(np.log(floored).mean(axis=1)) / floored.mean(axis=1)


def _harmonicity(correlation: np.ndarray) -> np.ndarray:
    """Return the height, 0 to 1, of the highest peak of each frame's autocorrelation, (frames,).

    Only local maxima count: a peak at lag 0 as broad as that of rumble shows no period.
    """
    at_zero = correlation[:, :1]
    heights = np.zeros_like(correlation)
    np.divide(correlation, at_zero * _window()[1], out=heights, where=at_zero > 0)
    here = heights[:, _LAGS]
    before = heights[:, _LAGS.start - 1 : _LAGS.stop - 1]
    after = heights[:, _LAGS.start + 1 : _LAGS.stop + 1]
    peaks = np.where((here > before) & (here >= after), here, 0)
    return np.clip(peaks.max(axis=1), 0, 1)
