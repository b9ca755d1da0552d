"""A residual network on the study's log-Mel, as a second architecture to train.

PyTorch is imported only where it is used, since lesions and the configuration do not need it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from music_detectors.models.protocol import Readout, TrainedModel

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

_LAST = "stage4"


class ResNet(TrainedModel):
    """A residual network of 18 layers with half of the usual channels.

    A response is the mean of a stage's rectified output over frequency and time.
    """

    layers = ("stem", "stage1", "stage2", "stage3", _LAST, "logits")
    reported = _LAST
    outputs = "logits"
    # Five halvings leave one frame of 32.
    least_frames = 32
    # Neighbours at the end are 32 frames apart, but a sound is not cut by as much as 0.4 s.
    frames_a_step = 8
    modules: ClassVar = {**{layer: layer for layer in layers[:-1]}, "logits": "last"}

    def network(self, classes: int) -> nn.Module:
        """Return a new network with `classes` outputs."""
        from music_detectors.models.resnet.architecture import Network

        return Network(classes)

    def lesioned_layer(self, layer: str) -> str:
        """Return the last stage, whose means alone determine the outputs."""
        return _LAST

    def readout(
        self, weights: Mapping[str, np.ndarray], responses: Mapping[str, np.ndarray], layer: str
    ) -> Readout:
        """Return the outputs as a function of the last stage: a matrix product.

        Raises KeyError when `weights` lack a tensor, ValueError when they do not give `responses`.
        """
        from music_detectors.models.kim2024.readout import readout_of

        # The study's second fully connected layer is the same function of rectified responses.
        return readout_of(
            {f"fc2.{kind}": weights[f"last.{kind}"] for kind in ("weight", "bias")},
            {"fc1": responses[layer], "fc2": responses[self.outputs]},
            "fc1",
        )
