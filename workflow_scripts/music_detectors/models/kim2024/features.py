"""How each unit responds to a clip, on average over the clip."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from music_detectors.models.kim2024 import Kim2024, cpu
from music_detectors.models.kim2024.architecture import Network

# The first layer's outputs are the largest; a GPU has room for those of a whole batch.
_CLIPS_AT_ONCE_IN_FIRST_LAYER = 4


class PooledFeatures:
    """A network in evaluation mode, reduced to one response per unit and clip.

    Batch normalisation is folded into the convolutions, pooling comes before ReLU, and a CPU's
    convolutions are those of `cpu`. All this changes the responses only by rounding.
    """

    def __init__(self, network: Network, device: torch.device) -> None:
        """Copy the weights of `network`, which is not changed, to `device`."""
        blocks = (
            (network.conv1, network.norm1),
            (network.conv2, network.norm2),
            (network.conv3, network.norm3),
            (network.conv4, network.norm4),
        )
        folded = [_folded(convolution, norm) for convolution, norm in blocks]
        first, *others = [(weight.to(device), bias.to(device)) for weight, bias in folded]
        # Frames before mels, as the convolutions on a CPU expect them.
        self._stride = network.conv1.stride[::-1]
        self._first_weight, self._first_bias = first
        self._convolve: Callable[[Tensor, Tensor], Tensor]
        if device.type == "cpu":
            self._convolve = cpu.convolve
            others = [(cpu.transformed(weight), bias) for weight, bias in others]
        else:
            self._convolve = nn.functional.conv2d
        self._others = others
        self._fc1 = [tensor.detach().to(device) for tensor in network.fc1.parameters()]
        self._fc2 = [tensor.detach().to(device) for tensor in network.fc2.parameters()]

    def _first(self, clips: Tensor) -> Tensor:
        weight, bias = self._first_weight, self._first_bias
        return nn.functional.conv2d(clips, weight, bias, stride=self._stride)

    @torch.inference_mode()
    def __call__(self, log_mel: Tensor) -> dict[str, Tensor]:
        """Return the responses (n, units) float32 of every layer to `log_mel` (n, 64, frames).

        The first three are means over frequency and time of a block's output (after ReLU and
        pooling), `avgpool` is that of the last block, `fc1` is after ReLU, `fc2` are the logits.
        """
        x = log_mel.transpose(1, 2).unsqueeze(1).float()
        at_once = len(x) if x.is_cuda else _CLIPS_AT_ONCE_IN_FIRST_LAYER
        x = torch.cat([_pooled(self._first(clips), stride=2) for clips in x.split(at_once)])
        x = x.relu_()
        responses = [_mean(x)]
        for (weight, bias), pooling in zip(self._others, (True, True, False), strict=True):
            x = self._convolve(x, weight)
            x = _pooled(x, stride=1) if pooling else x
            x = x.add_(bias[:, None, None]).relu_()
            responses.append(_mean(x))
        responses.append(nn.functional.linear(responses[-1], *self._fc1).relu_())
        responses.append(nn.functional.linear(responses[-1], *self._fc2))
        return dict(zip(Kim2024.layers, responses, strict=True))


def layer_responses(network: Network, log_mel: Tensor, layer: str) -> Tensor:
    """Return the responses (n, units) of `layer` to `log_mel` (n, 64, frames), with gradients.

    They are those of `PooledFeatures` but for rounding; `network` is in evaluation mode.
    """
    x = log_mel.float().unsqueeze(1)
    blocks = (
        ("conv1", network.conv1, network.norm1, 2),
        ("conv2", network.conv2, network.norm2, 1),
        ("conv3", network.conv3, network.norm3, 1),
        ("avgpool", network.conv4, network.norm4, None),
    )
    for name, convolution, norm, stride in blocks:
        x = norm(convolution(x))
        x = (x if stride is None else nn.functional.max_pool2d(x, 2, stride)).relu()
        if name == layer:
            return x.mean((2, 3))
    x = network.fc1(x.mean((2, 3))).relu()
    return x if layer == "fc1" else network.fc2(x)


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return weight and bias of the convolution that does what `convolution` and `norm` do.

    The weight is that for images with frames before mels.
    """
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
    weight = convolution.weight.detach().double().transpose(2, 3) * scale[:, None, None, None]
    bias = norm.bias.detach().double() - norm.running_mean.double() * scale
    # With one input channel, `contiguous` would not fix the layout, or that of the output.
    return weight.float().to(memory_format=torch.channels_last), bias.float()


def _pooled(x: Tensor, stride: int) -> Tensor:
    """Return `x` after max pooling by 2 x 2; PyTorch would store the places of maxima too."""
    x = torch.maximum(x[:, :, :-1:stride], x[:, :, 1::stride])
    return torch.maximum(x[..., :-1:stride], x[..., 1::stride])


def _mean(x: Tensor) -> Tensor:
    """Return the mean of `x` (n, channels, height, width) over height and width."""
    return x.permute(0, 2, 3, 1).flatten(1, 2).sum(1) / (x.shape[2] * x.shape[3])
