"""The study's convolutional network, arranged so that a training step is fast.

Kim, Kim & Jeong (2024), https://doi.org/10.1038/s41467-023-44516-0. The function is the study's;
what differs is how it is computed:

- tensors are channels last, which oneDNN and cuDNN prefer;
- max pooling comes before ReLU, which commutes with it and then has fewer elements;
- ReLU and dropout are one operation, whose gradient needs only the output;
- dropout masks take 16 random bits per element, not a float;
- training on a CPU goes through the functions in `cpu` where they are faster than PyTorch's;
- with PyTorch's autocast on, all convolutions but the first are in bfloat16, and all else is in
  float32: the first convolution, sums and statistics of batch normalisation, the mean over time,
  both fully connected layers, the loss;
- on a GPU, what follows a convolution in a block can be done by the kernels of `blocks`.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import max_pool2d

from music_detectors.models.kim2024 import cpu, gpu

# Of 65,536 values 52,429 keep an element: a probability of 0.800003, which the scale matches.
_VALUES = 1 << 16
_KEPT_VALUES = 52429
_KEPT_BELOW = _KEPT_VALUES - _VALUES // 2
_SCALE = _VALUES / _KEPT_VALUES


class Network(nn.Module):
    """Four convolutions, global average pooling and two fully connected layers."""

    def __init__(self, classes: int) -> None:
        """Make a network with `classes` outputs, initialised by PyTorch's default."""
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 5, stride=(2, 4), bias=False)
        self.norm1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 64, 5, bias=False)
        self.norm2 = nn.BatchNorm2d(64)
        self.conv3 = nn.Conv2d(64, 128, 5, bias=False)
        self.norm3 = nn.BatchNorm2d(128)
        self.conv4 = nn.Conv2d(128, 256, 5, bias=False)
        self.norm4 = nn.BatchNorm2d(256)
        self.fc1 = nn.Linear(256, 256)
        self.fc2 = nn.Linear(256, classes)
        self.fused = False
        """Whether training on a GPU uses the kernels of `blocks`."""
        # PyTorch's own types lack this argument.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, log_mel: Tensor, dropout: torch.Generator | None = None) -> Tensor:
        """Return the logits (n, classes) of `log_mel` (n, 64, frames), in dB.

        `dropout` is the generator that decides which fifth of the activations is dropped; without
        it, all are kept. Batch normalisation follows the module's mode, as in PyTorch.
        """
        device = log_mel.device.type
        half = torch.is_autocast_enabled(device)
        with torch.autocast(device, enabled=False):
            if log_mel.is_cuda or half:
                x = self._by_pytorch(log_mel, dropout, torch.bfloat16 if half else torch.float32)
            elif self._training and cpu.trains_faster():
                x = self._trained_on_cpu(log_mel, dropout)
            else:
                x = self.norm1(self.conv1(log_mel.float().unsqueeze(1)))
                x = _activation(max_pool2d(x, 2, 2), dropout)
                x = _activation(max_pool2d(self.norm2(self.conv2(x)), 2, 1), None)
                x = _activation(max_pool2d(self.norm3(self.conv3(x)), 2, 1), dropout)
                x = _activation(self.norm4(self.conv4(x)), dropout)
            x = _activation(self.fc1(x.float().mean((2, 3))), dropout)
            return self.fc2(x)

    @property
    def _training(self) -> bool:
        return self.training and torch.is_grad_enabled()

    def _by_pytorch(
        self, log_mel: Tensor, dropout: torch.Generator | None, dtype: torch.dtype
    ) -> Tensor:
        """Return the four blocks of `log_mel`, all but the first convolution in `dtype`."""
        if self.fused and self._training:
            return self._fused(log_mel, dropout, dtype)
        x = _activation(self._first_block(log_mel).to(dtype), dropout)
        x = self.norm2(gpu.convolution(x, self.conv2.weight))
        x = _activation(max_pool2d(x, 2, 1), None)
        x = self.norm3(gpu.convolution(x, self.conv3.weight))
        x = _activation(max_pool2d(x, 2, 1), dropout)
        return _activation(self.norm4(gpu.convolution(x, self.conv4.weight)), dropout)

    def _fused(
        self, log_mel: Tensor, dropout: torch.Generator | None, dtype: torch.dtype
    ) -> Tensor:
        """Return what `_by_pytorch` does, with other draws."""
        # Triton is there only with PyTorch for GPUs.
        from music_detectors.models.kim2024.blocks import Dropout, Pooling, block

        first = third = fourth = None
        if dropout is not None:
            seeds = torch.empty(3, 2, dtype=torch.int64, device=log_mel.device)
            seeds.random_(-(2**63), None, generator=dropout)
            first, third, fourth = (Dropout(seed, _KEPT_VALUES) for seed in seeds.unbind())
        x = gpu.first_convolution(log_mel.float(), self.conv1.weight, self.conv1.stride)
        x = block(x, self.norm1, Pooling(2, 2), first).to(dtype)
        x = block(gpu.convolution(x, self.conv2.weight), self.norm2, Pooling(2, 1), None)
        x = block(gpu.convolution(x, self.conv3.weight), self.norm3, Pooling(2, 1), third)
        return block(gpu.convolution(x, self.conv4.weight), self.norm4, Pooling(1, 1), fourth)

    def _first_block(self, log_mel: Tensor) -> Tensor:
        """Return the first convolution, normalised and pooled, in float32.

        bfloat16 would round decibels to a quarter; this convolution is 2 % of the work.
        """
        log_mel, stride = log_mel.float(), self.conv1.stride
        if log_mel.is_cuda or not self._training:
            x = self.norm1(gpu.first_convolution(log_mel, self.conv1.weight, stride))
            return max_pool2d(x, 2, 2)
        by_frame = log_mel.transpose(1, 2).unsqueeze(1), self.conv1.weight.transpose(2, 3)
        x = cpu.first_block(*by_frame, stride[::-1], self.norm1).transpose(2, 3)
        return x.contiguous(memory_format=torch.channels_last)

    def _trained_on_cpu(self, log_mel: Tensor, dropout: torch.Generator | None) -> Tensor:
        """Return the four blocks of `log_mel`, frames before mels."""
        first, second, third, fourth = (
            layer.weight.transpose(2, 3)
            for layer in (self.conv1, self.conv2, self.conv3, self.conv4)
        )
        x = log_mel.float().transpose(1, 2).unsqueeze(1)
        x = _activation(cpu.first_block(x, first, self.conv1.stride[::-1], self.norm1), dropout)
        before = cpu.convolution(x, second)
        x = _activation(cpu.max_pool(self.norm2(before), before), None)
        before = cpu.convolution(x, third)
        x = _activation(cpu.max_pool(self.norm3(before), before), dropout)
        return _activation(self.norm4(cpu.convolution(x, fourth)), dropout)


def _activation(x: Tensor, dropout: torch.Generator | None) -> Tensor:
    return nn.functional.relu(x) if dropout is None else _ReluDropout.apply(x, dropout)


class _ReluDropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, dropout: torch.Generator) -> Tensor:
        y = nn.functional.relu(x)
        y.mul_(_kept(x.shape, dropout)).mul_(_SCALE)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (y,) = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(gradient, y, 0).mul_(_SCALE), None


def _kept(shape: torch.Size, dropout: torch.Generator) -> Tensor:
    """Return which elements of a tensor of `shape` are kept, drawn in channels-last order."""
    words = torch.empty((shape.numel() + 3) // 4, dtype=torch.int64, device=dropout.device)
    words.random_(-(2**63), None, generator=dropout)
    kept = words.view(torch.int16)[: shape.numel()] < _KEPT_BELOW
    if len(shape) == 2:
        return kept.view(shape)
    n, channels, height, width = shape
    return kept.view(n, height, width, channels).permute(0, 3, 1, 2)
