"""The Gabor filter bank of Schädler, Meyer & Kollmeier (2012), with the study's parameters.

JASA 131:4134, https://doi.org/10.1121/1.3699200; details follow the authors' reference
implementation, version 3.0 (`gbfb.m`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from music_detectors.common.errors import InputError
from music_detectors.models.protocol import FixedModel

if TYPE_CHECKING:
    from torch import Tensor


class Gabor(FixedModel):
    """263 filters of the log-Mel; a unit's response is a filter's rectified output, averaged.

    `bank.modulations()` says which filter each unit is.
    """

    layers = ("filters",)
    reported = "filters"

    def check_size(self, mels: int, frames: int) -> None:
        """Raise InputError unless the number of bands is even."""
        if mels % 2:
            raise InputError(f"the Gabor filter bank needs an even number of mel bands, not {mels}")

    def responses(self, tensors: Mapping[str, Tensor], log_mel: Tensor) -> Mapping[str, Tensor]:
        """Return the responses (n, 263) of the only layer."""
        from music_detectors.models.gabor.filtering import filtered

        return {"filters": filtered(log_mel)}
