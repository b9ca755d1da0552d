"""The network's convolutions by PyTorch, forwards and backwards, in float32 or bfloat16.

They are for GPUs, and for CPUs in bfloat16. cuDNN's deterministic gradients of the first
convolution and of the last one's images took two fifths of a training step on an H100. Here the
first convolution is a matrix product in float32, and the gradient of the last one's images is a
convolution itself. Images are (n, channels, mels, frames), channels last in memory.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d


def first_convolution(x: Tensor, weight: Tensor, stride: Sequence[int]) -> Tensor:
    """Return the convolution of `x` (n, mels, frames) with `weight` (outputs, 1, ...), float32."""
    return _FirstConvolution.apply(x, weight, stride)


def convolution(x: Tensor, weight: Tensor) -> Tensor:
    """Return the convolution of `x` with `weight` (outputs, channels, 5, 5), in the type of `x`."""
    return _Convolution.apply(x, weight.to(x.dtype))


class _FirstConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, stride: Sequence[int]) -> Tensor:
        outputs, _, *kernel = weight.shape
        windows = x.unfold(1, kernel[0], stride[0]).unfold(2, kernel[1], stride[1])
        # For each mel of each clip, a row for each place, with the values under the kernel.
        patches = windows.flatten(3).flatten(0, 1)
        ctx.save_for_backward(patches)
        ctx.shape = weight.shape
        y = patches.flatten(0, 1) @ weight.view(outputs, -1).T
        return y.view(*windows.shape[:3], outputs).permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[None, Tensor, None]:
        (patches,) = ctx.saved_tensors
        rows = gradient.permute(0, 2, 3, 1).flatten(0, 1)
        # Mel by mel, whose results are then summed in their order: the same sum each time.
        of_weight = torch.bmm(rows.transpose(1, 2), patches).sum(0)
        return None, of_weight.view(ctx.shape), None


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return conv2d(x, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        of_one_mel = gradient.shape[2] == 1
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            gradient,
            x,
            weight,
            None,
            (1, 1),
            (0, 0),
            (1, 1),
            False,
            (0, 0),
            1,
            (not of_one_mel, True, False),
        )
        return _of_images(gradient, weight) if of_one_mel else of_x, of_weight


def _of_images(gradient: Tensor, weight: Tensor) -> Tensor:
    """Return the gradient of the images from that of outputs of one mel.

    Each mel of the images has its own weights, and meets the outputs through a convolution in time.
    """
    outputs, channels, mels, wide = weight.shape
    by_mel = weight.flip(3).permute(2, 1, 0, 3).reshape(mels * channels, outputs, 1, wide)
    by_mel = by_mel.contiguous(memory_format=torch.channels_last)
    flat = conv2d(gradient, by_mel, padding=(0, wide - 1))
    # (n, mels x channels, 1, frames), channels last, to (n, channels, mels, frames), channels last.
    frames = flat.permute(0, 2, 3, 1).view(len(flat), -1, mels, channels)
    return frames.permute(0, 3, 2, 1).contiguous(memory_format=torch.channels_last)
