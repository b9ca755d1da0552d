"""The study's log-Mel spectrogram, by torchaudio."""

from functools import cache

import numpy as np
import torch
from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

from stages.audio.storage import SAMPLE_RATE, to_float

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
"""What a spectrogram shard says of how it was made: rates in Hz, lengths in samples."""

# So few clips at once stay in the processor's cache from one step to the next.
_CLIPS_AT_ONCE = 2


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Return the log-Mel spectrograms (n, 64, frames) float32 in dB of `samples` (n, length).

    `samples` are at SAMPLE_RATE, int16 or floats of full scale 1. A power spectrogram in windows
    of 25 ms every 12.5 ms, centred, with reflection at the ends, in 64 bands of the HTK mel scale
    from 0 to 8,000 Hz, as dB re 1 with a floor of -100 dB (Kim, Kim & Jeong, Nature Communications
    15:148, 2024).
    """
    return _computed(samples, frames_of(samples.shape[1]), HOP_LENGTH, centred=True)


def log_mel_of_windows(samples: np.ndarray) -> np.ndarray:
    """Return the log-Mel spectra (n, 64, windows) float32 in dB of successive windows.

    They are those of `log_mel`, but of windows that begin with the first of the `samples`
    (n, length), at least N_FFT of them, and follow each other without overlap; a rest is left out.
    """
    return _computed(samples, samples.shape[1] // N_FFT, N_FFT, centred=False)


def _computed(samples: np.ndarray, n_frames: int, hop_length: int, centred: bool) -> np.ndarray:
    frames = np.empty((len(samples), N_MELS, n_frames), dtype=np.float32)
    spectrogram, decibel = _transforms(hop_length, centred)
    with torch.inference_mode():
        for first in range(0, len(samples), _CLIPS_AT_ONCE):
            block = samples[first : first + _CLIPS_AT_ONCE]
            block = to_float(block) if block.dtype == np.int16 else block.astype(np.float32)
            frames[first : first + len(block)] = decibel(spectrogram(torch.from_numpy(block)))
    return frames


def frames_of(n_samples: int | np.ndarray) -> int | np.ndarray:
    """Return how many frames `n_samples` (at least 1) samples make.

    The samples are padded by N_FFT // 2 at both ends, and N_FFT is odd.
    """
    return 1 + (n_samples + 2 * (N_FFT // 2) - N_FFT) // HOP_LENGTH


@cache
def _transforms(hop_length: int, centred: bool) -> tuple[MelSpectrogram, AmplitudeToDB]:
    spectrogram = MelSpectrogram(
        sample_rate=SAMPLE_RATE,
        n_fft=N_FFT,
        win_length=WIN_LENGTH,
        hop_length=hop_length,
        center=centred,
        f_min=F_MIN,
        f_max=F_MAX,
        n_mels=N_MELS,
        power=2.0,
        mel_scale="htk",
        norm=None,
    )
    return spectrogram, AmplitudeToDB(stype="power", top_db=None)
