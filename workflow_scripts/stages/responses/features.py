"""What each unit answers to a clip, on average over the clip."""

import torch
from torch import Tensor, nn

from stages.networks.architecture import Network
from stages.responses.files import LAYERS

CLIPS_AT_ONCE = 8
"""So few clips that on a CPU a layer's output is still in the cache for the next layer."""


class PooledFeatures:
    """A network as it is evaluated, reduced to what its layers answer per clip.

    Batch normalisation is folded into the convolutions and pooling comes before ReLU, which
    changes the responses by rounding alone.
    """

    def __init__(self, network: Network, device: torch.device) -> None:
        """Take the weights of `network`, which stays as it is, to `device`."""
        self._convolutions = [
            tuple(tensor.to(device) for tensor in _folded(convolution, norm))
            for convolution, norm in (
                (network.conv1, network.norm1),
                (network.conv2, network.norm2),
                (network.conv3, network.norm3),
                (network.conv4, network.norm4),
            )
        ]
        self._stride = network.conv1.stride
        self._fc1 = [tensor.detach().to(device) for tensor in network.fc1.parameters()]
        self._fc2 = [tensor.detach().to(device) for tensor in network.fc2.parameters()]
        units = [len(bias) for _, bias in (*self._convolutions, self._fc1, self._fc2)]
        self.units = dict(zip(LAYERS, units, strict=True))
        """How many units each of LAYERS has."""

    @torch.inference_mode()
    def __call__(self, log_mel: Tensor) -> dict[str, Tensor]:
        """Return the responses (n, units) float32 of each of LAYERS to `log_mel` (n, 64, frames).

        The first three are means over frequency and time of a block's output (after ReLU and
        pooling), `avgpool` is that of the last block, `fc1` is after ReLU, `fc2` are the logits.
        """
        first, second, third, fourth = self._convolutions
        x = log_mel.float().unsqueeze(1)
        x = nn.functional.conv2d(x, *first, stride=self._stride)
        x = nn.functional.max_pool2d(x, 2, 2).relu_()
        responses = [_mean(x)]
        x = nn.functional.max_pool2d(nn.functional.conv2d(x, *second), 2, 1).relu_()
        responses.append(_mean(x))
        x = nn.functional.max_pool2d(nn.functional.conv2d(x, *third), 2, 1).relu_()
        responses.append(_mean(x))
        responses.append(_mean(nn.functional.conv2d(x, *fourth).relu_()))
        responses.append(nn.functional.linear(responses[-1], *self._fc1).relu_())
        responses.append(nn.functional.linear(responses[-1], *self._fc2))
        return dict(zip(LAYERS, responses, strict=True))


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the convolution that does what `convolution` and `norm` do."""
    scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
    weight = convolution.weight.detach().double() * scale[:, None, None, None]
    bias = norm.bias.detach().double() - norm.running_mean.double() * scale
    # With one input channel, `contiguous` would leave the layout, and that of the output, open.
    return weight.float().to(memory_format=torch.channels_last), bias.float()


def _mean(x: Tensor) -> Tensor:
    """Return the mean of `x` (n, channels, height, width) over height and width."""
    return x.permute(0, 2, 3, 1).flatten(1, 2).sum(1) / (x.shape[2] * x.shape[3])
