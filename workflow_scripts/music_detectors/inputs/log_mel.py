"""`log_mel`: a log-Mel spectrogram with other parameters than the study's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from music_detectors.common.errors import InputError
from music_detectors.inputs.making.front_end import FrontEnd
from music_detectors.inputs.making.resample import RATE, length_at, resampled
from music_detectors.spectrograms.log_mel import Count, LogMel

_LENGTH = {
    "type": "integer",
    "minimum": 1,
    "maximum": 65_536,
    "description": "a whole number of samples from 1 to 65,536",
}
_BOUND = {"type": "number", "minimum": 0, "description": "a number of Hz of at least 0"}


@dataclass(frozen=True, init=False)
class LogMelInput(LogMel, FrontEnd):
    """A log-Mel spectrogram; without settings, it is the study's."""

    SETTINGS: ClassVar[Mapping[str, Mapping]] = {
        "sample_rate": RATE,
        "n_fft": _LENGTH,
        "win_length": _LENGTH,
        "hop_length": _LENGTH,
        "n_mels": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1024,
            "description": "a whole number from 1 to 1,024",
        },
        "f_min": _BOUND,
        "f_max": _BOUND,
        "mel_scale": {"enum": ["htk", "slaney"]},
        "norm": {"enum": ["none", "slaney"]},
    }

    def __init__(self, **settings: Any) -> None:
        """Take `settings`; the window is as long as the transform if they do not say."""
        if "n_fft" in settings:
            settings = {"win_length": settings["n_fft"], **settings}
        super().__init__(**settings)

    @property
    def bands(self) -> int:
        """How many Mel bands there are."""
        return self.n_mels

    def check(self, seconds: float) -> None:
        """Raise InputError for a band or a window that cannot be."""
        if self.win_length > self.n_fft:
            raise InputError(
                f"win_length is {self.win_length}, more than n_fft ({self.n_fft}); lower it"
            )
        if self.n_fft // 2 >= seconds * self.sample_rate:
            raise InputError(
                f"n_fft is {self.n_fft}, more than twice the {seconds:g} s that are played at "
                f"sample_rate ({self.sample_rate}); lower it"
            )
        if self.f_max > self.sample_rate / 2:
            raise InputError(
                f"f_max is {self.f_max:g}, above {self.sample_rate / 2:g}, half of sample_rate; "
                "lower it"
            )
        if self.f_min >= self.f_max:
            raise InputError(f"f_min is {self.f_min:g}, not below f_max ({self.f_max:g})")
        empty = int((~self.filter_bank().any(axis=0)).sum())
        if empty:
            raise InputError(
                f"n_mels is {self.n_mels}, and {empty} of these bands have no frequency of the "
                f"transform within them; lower it, or raise n_fft ({self.n_fft})"
            )

    def frames_of(self, n_samples: Count) -> Count:
        """Return how many frames `n_samples` at 22,050 Hz make."""
        return self.frames_at_rate(length_at(n_samples, self.sample_rate))

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Return the log-Mel spectrogram (n_mels, frames) float32 of `samples`, in dB."""
        return self.spectrogram(resampled(samples, self.sample_rate))


FRONT_END = LogMelInput
