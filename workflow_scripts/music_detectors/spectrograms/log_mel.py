"""Log-Mel spectrograms, the study's and others, with torchaudio's filters and without PyTorch."""

from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np

from music_detectors.audio.rate import SAMPLE_RATE

Count = TypeVar("Count", int, np.ndarray)
"""A number of samples or frames, or several numbers."""

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
# How many values of windows are computed together.
_AT_ONCE = 2**23
# The Mel scale of Slaney's Auditory Toolbox: linear up to here, and then logarithmic.
_LINEAR_HZ, _HZ_PER_MEL = 1_000.0, 200 / 3
_LOG_STEP = np.log(6.4) / 27


@dataclass(frozen=True)
class LogMel:
    """How a log-Mel spectrogram is made; the defaults are the study's.

    Rates are in Hz, lengths in samples at `sample_rate`. `mel_scale` is "htk" or "slaney"; with
    `norm` "slaney" instead of "none", every band has the same area.
    """

    sample_rate: int = SAMPLE_RATE
    n_fft: int = N_FFT
    win_length: int = WIN_LENGTH
    hop_length: int = HOP_LENGTH
    n_mels: int = N_MELS
    f_min: float = F_MIN
    f_max: float = F_MAX
    mel_scale: str = "htk"
    norm: str = "none"

    def spectrogram(self, sound: np.ndarray) -> np.ndarray:
        """Return the spectrogram (n_mels, frames) float32 in dB of `sound` (n,) float32.

        A power spectrogram in Hann windows, centred, with reflection at the ends, in Mel bands, as
        dB re 1 with a floor of -100 dB. Computed in float32.
        """
        padded = np.pad(sound, self.n_fft // 2, mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft)[:: self.hop_length]
        at_once = max(1, _AT_ONCE // self.n_fft)
        parts = [
            self.spectra(windows[first : first + at_once]).T
            for first in range(0, len(windows), at_once)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def spectra(self, windows: np.ndarray) -> np.ndarray:
        """Return the spectra (..., n_mels) float32 in dB of `windows` (..., n_fft) float32."""
        # The Snakefile reads this file, and scipy takes long to import.
        import scipy.fft

        taper, bands = _taper_and_bands(self)
        # scipy.fft stays in single precision; frequencies above the highest band are left out.
        spectra = scipy.fft.rfft(windows * taper, axis=-1)[..., : len(bands)]
        power = (spectra.real**2 + spectra.imag**2) @ bands
        return 10 * np.log10(np.maximum(power, _LEAST))

    def frames_at_rate(self, n_samples: Count) -> Count:
        """Return how many frames `n_samples` (at least 1) samples at `sample_rate` make.

        The samples are padded by n_fft // 2 at both ends.
        """
        return 1 + (n_samples + 2 * (self.n_fft // 2) - self.n_fft) // self.hop_length

    def filter_bank(self) -> np.ndarray:
        """Return the weights (frequencies, n_mels) float32 of the bands, triangles on a Mel scale.

        They are those of torchaudio.functional.melscale_fbanks, which rounds its steps to float32,
        up to this rounding.
        """
        # As torchaudio has it: half the rate is the last frequency, even if n_fft is odd.
        frequencies = np.linspace(0, self.sample_rate / 2, self.n_fft // 2 + 1)
        corners = self._corners()
        widths = np.diff(corners)
        distances = corners - frequencies[:, None]
        rising = -distances[:, :-2] / widths[:-1]
        falling = distances[:, 2:] / widths[1:]
        bands = np.maximum(0, np.minimum(rising, falling))
        if self.norm == "slaney":
            bands = bands * (2 / (corners[2:] - corners[:-2]))
        return bands.astype(np.float32)

    def _corners(self) -> np.ndarray:
        """Return the corners (n_mels + 2,) of the bands in Hz: equally spaced in Mel."""
        ends = np.array([self.f_min, self.f_max])
        if self.mel_scale == "htk":
            lowest, highest = 2595 * np.log10(1 + ends / 700)
            return 700 * (10 ** (np.linspace(lowest, highest, self.n_mels + 2) / 2595) - 1)
        knee = _LINEAR_HZ / _HZ_PER_MEL
        logarithmic = knee + np.log(np.maximum(ends, _LINEAR_HZ) / _LINEAR_HZ) / _LOG_STEP
        lowest, highest = np.where(ends < _LINEAR_HZ, ends / _HZ_PER_MEL, logarithmic)
        mels = np.linspace(lowest, highest, self.n_mels + 2)
        above = _LINEAR_HZ * np.exp(_LOG_STEP * (mels - knee))
        return np.where(mels < knee, mels * _HZ_PER_MEL, above)


STUDY = LogMel()
"""That of Kim, Kim & Jeong (Nature Communications 15:148, 2024)."""


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Return the study's log-Mel spectrograms (n, 64, frames) float32, in dB, of `samples`.

    `samples` (n, length) are at SAMPLE_RATE, int16 or floats of full scale 1. The windows have
    25 ms and come every 12.5 ms; the 64 bands are on the HTK Mel scale from 0 to 8,000 Hz.
    """
    from music_detectors.audio.storage import to_float

    n, length = samples.shape
    spectrograms = np.empty((n, N_MELS, frames_of(length)), dtype=np.float32)
    for row, sound in enumerate(samples):
        sound = to_float(sound) if sound.dtype == np.int16 else sound.astype(np.float32)
        spectrograms[row] = STUDY.spectrogram(sound)
    return spectrograms


def log_mel_spectra(windows: np.ndarray) -> np.ndarray:
    """Return the study's log-Mel spectra (..., 64) float32 in dB of `windows` (..., N_FFT)."""
    return STUDY.spectra(windows)


def frames_of(n_samples: Count) -> Count:
    """Return how many frames of the study's spectrogram `n_samples` (at least 1) samples make."""
    return STUDY.frames_at_rate(n_samples)


@cache
def _taper_and_bands(of: LogMel) -> tuple[np.ndarray, np.ndarray]:
    """Return the taper (n_fft,) of a window and the bands (frequencies, n_mels), float32.

    The taper is a periodic Hann window with zeros around it. Rows of frequencies above the highest
    band are left out.
    """
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(of.win_length) / of.win_length)
    taper = np.zeros(of.n_fft)
    before = (of.n_fft - of.win_length) // 2
    taper[before : before + of.win_length] = window
    bands = of.filter_bank()
    used = np.flatnonzero(bands.any(axis=1))[-1] + 1
    return taper.astype(np.float32), bands[:used]
