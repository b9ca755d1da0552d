"""The study's log-Mel spectrogram, by torchaudio."""

from functools import cache
from typing import overload

import numpy as np
import torch
from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

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

# Two clips at once stay in the processor's cache from one step to the next.
_CLIPS_AT_ONCE = 2


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Return the log-Mel spectrograms (n, 64, frames) float32 in dB of `samples` (n, length).

    `samples` are at SAMPLE_RATE, int16 or floats of full scale 1. A power spectrogram in windows
    of 25 ms every 12.5 ms, centred, with reflection at the ends, in 64 bands of the HTK mel scale
    from 0 to 8,000 Hz, as dB re 1 with a floor of -100 dB (Kim, Kim & Jeong, Nature Communications
    15:148, 2024).
    """
    n, length = samples.shape
    frames = np.empty((n, N_MELS, frames_of(length)), dtype=np.float32)
    spectrogram, decibel = _transforms()
    with torch.inference_mode():
        for first in range(0, n, _CLIPS_AT_ONCE):
            block = samples[first : first + _CLIPS_AT_ONCE]
            block = to_float(block) if block.dtype == np.int16 else block.astype(np.float32)
            frames[first : first + len(block)] = decibel(spectrogram(torch.from_numpy(block)))
    return frames


@overload
def frames_of(n_samples: int) -> int: ...
@overload
def frames_of(n_samples: np.ndarray) -> np.ndarray: ...
def frames_of(n_samples: int | np.ndarray) -> int | np.ndarray:
    """Return how many frames `n_samples` (at least 1) samples make.

    The samples are padded by N_FFT // 2 at both ends, and N_FFT is odd.
    """
    return 1 + (n_samples + 2 * (N_FFT // 2) - N_FFT) // HOP_LENGTH


def taper_and_bands() -> tuple[np.ndarray, np.ndarray]:
    """Return the taper (N_FFT,) of a window and the bands (frequencies, 64), float32."""
    spectrogram, _ = _transforms()
    return spectrogram.spectrogram.window.numpy(), spectrogram.mel_scale.fb.numpy()


@cache
def _transforms() -> tuple[MelSpectrogram, AmplitudeToDB]:
    spectrogram = MelSpectrogram(
        sample_rate=SAMPLE_RATE,
        n_fft=N_FFT,
        win_length=WIN_LENGTH,
        hop_length=HOP_LENGTH,
        f_min=F_MIN,
        f_max=F_MAX,
        n_mels=N_MELS,
        power=2.0,
        mel_scale="htk",
        norm=None,
    )
    return spectrogram, AmplitudeToDB(stype="power", top_db=None)
