"""The convolutional network of Kim, Kim & Jeong (2024), with its fast paths.

PyTorch is imported only where it is used, since lesions and the configuration do not need it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from typing import TYPE_CHECKING

from music_detectors.common.errors import InputError
from music_detectors.models.protocol import Evaluation, Readout, TrainedModel

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, device, nn

N_MELS = 64
"""Mel bands of the input."""

MIN_FRAMES = 121
"""Frames that the convolutions and poolings need to leave one at the end."""

FRAMES_A_STEP = 8
"""Frames between neighbours at the end: the strides of the first convolution and pooling."""

CLIPS_AT_ONCE = 8
"""Enough clips for efficient matrix products on a CPU, few enough to stay in its cache."""


class Kim2024(TrainedModel):
    """The study's network: four convolutions, global pooling, two fully connected layers."""

    layers = ("conv1", "conv2", "conv3", "avgpool", "fc1", "fc2")
    reported = "avgpool"
    outputs = "fc2"
    clips_at_once = CLIPS_AT_ONCE
    least_frames = MIN_FRAMES
    frames_a_step = FRAMES_A_STEP

    def check_size(self, mels: int, frames: int) -> None:
        """Raise InputError unless spectrograms of `mels` bands x `frames` fit the network."""
        if mels != N_MELS or frames < MIN_FRAMES:
            raise InputError(
                f"spectrograms of {mels} bands x {frames} frames do not fit the network, which "
                f"needs {N_MELS} bands and at least {MIN_FRAMES} frames (1.5 s); raise "
                "corpus.clip_seconds"
            )

    def network(self, classes: int) -> nn.Module:
        """Return a new network with `classes` outputs, initialised by PyTorch's default."""
        from music_detectors.models.kim2024.architecture import Network

        return Network(classes)

    def evaluation(self, network: nn.Module, device: device) -> Evaluation:
        """Return `network` with batch normalisation folded into its convolutions."""
        from music_detectors.models.kim2024.architecture import Network
        from music_detectors.models.kim2024.features import PooledFeatures

        assert isinstance(network, Network)
        return PooledFeatures(network, device)

    def with_gradient(self, network: nn.Module, layer: str) -> Callable[[Tensor], Tensor]:
        """Return the responses of `layer` as a differentiable function of log-Mels."""
        from music_detectors.models.kim2024.architecture import Network
        from music_detectors.models.kim2024.features import layer_responses

        assert isinstance(network, Network)
        return lambda log_mel: layer_responses(network, log_mel, layer)

    def computed_by(self, device: device) -> str:
        """Return which convolutions a training uses on `device`."""
        import torch

        from music_detectors.models.kim2024 import cpu

        half = torch.is_autocast_enabled(device.type)
        ours = device.type == "cpu" and not half and cpu.trains_faster()
        return "convolutions by Toom and Cook" if ours else "convolutions by PyTorch"

    def fused_by(self) -> str:
        """Return the version of Triton, whose kernels follow the convolutions."""
        try:
            return f"blocks by Triton {metadata.version('triton')}"
        except metadata.PackageNotFoundError as error:
            raise InputError(
                "networks.blocks is triton, and Triton is not installed (PyTorch for NVIDIA's GPUs "
                "on Linux brings it); set networks.blocks to plain"
            ) from error

    def fuse(self, network: nn.Module) -> None:
        """Let `network` train with the kernels of `blocks`."""
        from music_detectors.models.kim2024.architecture import Network

        assert isinstance(network, Network)
        network.fused = True

    def lesioned_layer(self, layer: str) -> str:
        """Return `layer`, or avgpool in place of a convolution.

        The pooled responses of a convolution do not determine those of the next layer.
        """
        return layer if layer == "fc1" else "avgpool"

    def readout(
        self, weights: Mapping[str, np.ndarray], responses: Mapping[str, np.ndarray], layer: str
    ) -> Readout:
        """Return the outputs as a function of `layer`, avgpool or fc1: two matrix products.

        Raises KeyError when `weights` lack a tensor, ValueError when they do not give `responses`.
        """
        from music_detectors.models.kim2024.readout import readout_of

        return readout_of(weights, responses, layer)
