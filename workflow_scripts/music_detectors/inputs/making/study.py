"""The built-in input, the study's log-Mel spectrogram, and the choice between it and others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from music_detectors.inputs.making.find import front_end
from music_detectors.inputs.making.front_end import FrontEnd
from music_detectors.spectrograms.log_mel import N_MELS, PARAMETERS, Count, frames_of, log_mel


@dataclass(frozen=True)
class Study(FrontEnd):
    """The log-Mel spectrogram of Kim, Kim & Jeong (2024), which has no settings."""

    SETTINGS: ClassVar = {}

    @property
    def bands(self) -> int:
        """How many Mel bands there are."""
        return N_MELS

    def check(self, seconds: float) -> None:
        """It is right for every sound."""

    def frames_of(self, n_samples: Count) -> Count:
        """Return how many frames `n_samples` make."""
        return frames_of(n_samples)

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Return the log-Mel spectrogram (64, frames) float32 of `samples`, in dB."""
        return log_mel(samples[None])[0]

    @property
    def parameters(self) -> dict[str, Any]:
        """Rates in Hz, and lengths in samples."""
        return dict(PARAMETERS)


def front_end_of(settings: Mapping | None) -> FrontEnd:
    """Return the front end that `settings` describe; without settings, the study's."""
    return Study() if settings is None else front_end(settings)
