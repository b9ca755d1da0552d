"""The study's log-Mel spectrogram, with torchaudio's filters and without PyTorch."""

from functools import cache
from typing import overload

import numpy as np
import scipy.fft

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import to_float

N_FFT = 551
WIN_LENGTH = N_FFT
HOP_LENGTH = N_FFT // 2
N_MELS = 64
F_MIN = 0.0
F_MAX = 8_000.0

PARAMETERS: dict[str, int | float] = {
    "sample_rate": SAMPLE_RATE,
    "n_fft": N_FFT,
    "win_length": WIN_LENGTH,
    "hop_length": HOP_LENGTH,
    "n_mels": N_MELS,
    "f_min": F_MIN,
    "f_max": F_MAX,
}
"""How a spectrogram was made, as its shard says: rates in Hz, lengths in samples."""

# The least power, -100 dB.
_LEAST = np.float32(1e-10)


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Return the log-Mel spectrograms (n, 64, frames) float32 in dB of `samples` (n, length).

    `samples` are at SAMPLE_RATE, int16 or floats of full scale 1. A power spectrogram in windows
    of 25 ms every 12.5 ms, centred, with reflection at the ends, in 64 bands of the HTK mel scale
    from 0 to 8,000 Hz, as dB re 1 with a floor of -100 dB (Kim, Kim & Jeong, Nature Communications
    15:148, 2024). Computed in float32.
    """
    n, length = samples.shape
    spectrograms = np.empty((n, N_MELS, frames_of(length)), dtype=np.float32)
    for row, sound in enumerate(samples):
        sound = to_float(sound) if sound.dtype == np.int16 else sound.astype(np.float32)
        padded = np.pad(sound, N_FFT // 2, mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP_LENGTH]
        spectrograms[row] = log_mel_spectra(windows).T
    return spectrograms


def log_mel_spectra(windows: np.ndarray) -> np.ndarray:
    """Return the log-Mel spectra (..., 64) float32 in dB of `windows` (..., N_FFT) float32."""
    taper, bands = _taper_and_bands()
    # scipy.fft stays in single precision; frequencies above the highest band are left out.
    spectra = scipy.fft.rfft(windows * taper, axis=-1)[..., : len(bands)]
    power = (spectra.real**2 + spectra.imag**2) @ bands
    return 10 * np.log10(np.maximum(power, _LEAST))


@overload
def frames_of(n_samples: int) -> int: ...
@overload
def frames_of(n_samples: np.ndarray) -> np.ndarray: ...
def frames_of(n_samples: int | np.ndarray) -> int | np.ndarray:
    """Return how many frames `n_samples` (at least 1) samples make.

    The samples are padded by N_FFT // 2 at both ends, and N_FFT is odd.
    """
    return 1 + (n_samples + 2 * (N_FFT // 2) - N_FFT) // HOP_LENGTH


def filter_bank() -> np.ndarray:
    """Return the weights (frequencies, 64) float32 of the bands, triangles on the HTK mel scale.

    They are those of
    torchaudio.functional.melscale_fbanks, which rounds its steps to float32, up to this rounding.
    """
    # As torchaudio has it: half the rate is the last frequency, though N_FFT is odd.
    frequencies = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1)
    lowest, highest = 2595 * np.log10(1 + np.array([F_MIN, F_MAX]) / 700)
    corners = 700 * (10 ** (np.linspace(lowest, highest, N_MELS + 2) / 2595) - 1)
    widths = np.diff(corners)
    distances = corners - frequencies[:, None]
    rising = -distances[:, :-2] / widths[:-1]
    falling = distances[:, 2:] / widths[1:]
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


@cache
def _taper_and_bands() -> tuple[np.ndarray, np.ndarray]:
    """Return the taper (N_FFT,) of a window and the bands (frequencies, 64), float32.

    The taper is a periodic Hann window. Rows of frequencies above the highest band are left out.
    """
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WIN_LENGTH) / WIN_LENGTH)
    bands = filter_bank()
    used = np.flatnonzero(bands.any(axis=1))[-1] + 1
    return taper.astype(np.float32), bands[:used]
