"""`waveform`: the samples themselves, at a rate of choice."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from music_detectors.inputs.making.front_end import FrontEnd
from music_detectors.inputs.making.resample import RATE, length_at, resampled
from music_detectors.spectrograms.log_mel import Count


@dataclass(frozen=True)
class Waveform(FrontEnd):
    """Samples of full scale 1 at `sample_rate` Hz: one band, whose frames are samples."""

    SETTINGS: ClassVar = {"sample_rate": RATE}

    sample_rate: int

    @property
    def bands(self) -> int:
        """A frame is a sample."""
        return 1

    def check(self, seconds: float) -> None:
        """Every rate makes sense."""

    def frames_of(self, n_samples: Count) -> Count:
        """Return how many samples at `sample_rate` stand for `n_samples` at 22,050 Hz."""
        return length_at(n_samples, self.sample_rate)

    def features(self, samples: np.ndarray) -> np.ndarray:
        """Return `samples` (n,) at `sample_rate`, as (1, frames) float32."""
        return resampled(samples, self.sample_rate)[None]


FRONT_END = Waveform
