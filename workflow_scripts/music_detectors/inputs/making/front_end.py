"""What the file of a kind of input says: its settings, and how features are made of sound."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np

from music_detectors.spectrograms.log_mel import Count


class FrontEnd(ABC):
    """From sound at 22,050 Hz to what a model hears: features, in bands and frames.

    The file of a kind sets `FRONT_END` to a subclass that is a frozen dataclass, whose fields are
    the settings. The Snakefile reads it too, so the file imports large libraries (scipy, h5py,
    pandas, and what imports them) only inside the functions that compute.
    """

    SETTINGS: ClassVar[Mapping[str, Mapping]]
    """The JSON schema of each setting. Those of fields without a default are required."""

    @property
    @abstractmethod
    def bands(self) -> int:
        """How many values a frame has: bands of frequency, or 1 for samples."""

    @abstractmethod
    def check(self, seconds: float) -> None:
        """Raise InputError for settings that make no sense, for sounds of at least `seconds`.

        Its message begins with the name of the setting.
        """

    @abstractmethod
    def frames_of(self, n_samples: Count) -> Count:
        """Return how many frames `n_samples` (at least 1) samples at 22,050 Hz make."""

    @abstractmethod
    def features(self, samples: np.ndarray) -> np.ndarray:
        """Return the features (bands, frames) float32 of `samples` (n,), float32 of full scale 1.

        `samples` are at 22,050 Hz, with zeros after a sound that is shorter than others.
        """

    @property
    def parameters(self) -> dict[str, Any]:
        """How features were made, as their shard says: numbers and texts."""
        kind = type(self).__module__.rpartition(".")[2]
        return {"front_end": kind, **asdict(self)}  # type: ignore[call-overload]
