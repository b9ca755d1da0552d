"""A fixed model in one file: the mean level of each Mel band."""

from collections.abc import Mapping

from torch import Tensor

from music_detectors.models.protocol import FixedModel


class MelMeans(FixedModel):
    """One layer, whose units are Mel bands."""

    layers = ("bands",)
    reported = "bands"

    def responses(self, tensors: Mapping[str, Tensor], log_mel: Tensor) -> Mapping[str, Tensor]:
        return {"bands": log_mel.mean(2)}
