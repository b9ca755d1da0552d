"""The network's layers on a CPU, with less arithmetic, memory and traffic than PyTorch's.

Each function equals the layers that it names, forwards and backwards, up to rounding. Images are
(n, channels, frames, mels), channels last in memory: time comes before frequency, so that
successive frames are one block of memory.

Convolutions use the algorithm of Toom and Cook along time (Winograd's for filters; Lavin & Gray,
CVPR 2016, https://doi.org/10.1109/CVPR.2016.435): four outputs of a filter of five take 8 products
instead of 20. Tiles of 8 input frames, kernels, and tiles of 4 output frames are each turned into
values at 8 points, where filtering is multiplication; over channels and mels that makes matrix
products. In single precision the errors are those of the direct sums, give or take a factor of 3.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_KERNEL = 5
_OUT, _IN = 4, 8
# The eighth point is infinity, where a polynomial's value is its last coefficient.
_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)

# Enough for efficient matrix products, few enough for their operands to stay in the cache.
_TILES_AT_ONCE = 200
_CLIPS_AT_ONCE_IN_FIRST_BLOCK = 4


def trains_faster() -> bool:
    """Return whether a training step through this module beats PyTorch's on this processor.

    It does with AVX2, and with AVX-512 on one of two processors that were measured
    (benchmarks/README.md). On other kinds nothing was measured.
    """
    return torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")


def convolution(x: Tensor, weight: Tensor) -> Tensor:
    """Return the convolution of `x` with `weight` (outputs, channels, 5, 5), differentiably.

    As in this whole module, there is no bias and no padding.
    """
    return _Convolution.apply(x, weight)


def transformed(weight: Tensor) -> Tensor:
    """Return `weight` (outputs, channels, 5, 5) at the points, as `convolve` expects it.

    It is (8, 5 x channels, outputs), where 5 counts mels.
    """
    outputs, channels = weight.shape[:2]
    by_frame = weight.permute(2, 3, 1, 0).reshape(_KERNEL, -1)
    return (_OF_KERNEL @ by_frame).view(_IN, _KERNEL * channels, outputs)


def convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """Return the convolution of `x`, a few clips, with a kernel that was `transformed`."""
    channels, outputs = x.shape[1], kernel.shape[2]
    frames, mels = (size - _KERNEL + 1 for size in x.shape[2:])
    inputs = _input_values(x)
    products = inputs.new_empty(len(inputs), _IN, mels * outputs)
    for patches, places in _by_mel(inputs, products, channels, outputs):
        torch.bmm(patches, kernel, out=places)
    tiles = torch.bmm(_OF_OUTPUT.expand(len(inputs), -1, -1), products)
    return tiles.view(len(x), -1, mels, outputs)[:, :frames].permute(0, 3, 1, 2)


def max_pool(x: Tensor, before: Tensor) -> Tensor:
    """Return `x` pooled by 2 x 2 with stride 1, without keeping it for the gradient.

    The gradient needs only the shape and layout of `x`. `before`, a tensor that is kept anyway, has
    the same.
    """
    return _MaxPool.apply(x, before.detach())


def first_block(x: Tensor, weight: Tensor, stride: Sequence[int], norm: nn.BatchNorm2d) -> Tensor:
    """Return convolution, `norm` (in training mode) and 2 x 2 max pooling of `x` (n, 1, ...).

    With one input channel, an output is a product with a patch of few values, whose mean and
    covariance give the batch statistics and their gradients. The outputs before pooling, by far
    the largest tensors of the network, exist for a few clips at a time only.
    """
    return _FirstBlock.apply(x, weight, norm.weight, norm.bias, stride, norm)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor) -> Tensor:
        kernel = transformed(weight)
        ctx.save_for_backward(x, kernel)
        shape = len(x), len(weight), x.shape[2] - _KERNEL + 1, x.shape[3] - _KERNEL + 1
        y = torch.empty(shape, memory_format=torch.channels_last)
        at_once = _clips_at_once(x)
        for clips, of_clips in zip(x.split(at_once), y.split(at_once), strict=True):
            of_clips.copy_(convolve(clips, kernel))
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, kernel = ctx.saved_tensors
        channels, outputs = x.shape[1], kernel.shape[2]
        of_kernel = torch.zeros_like(kernel)
        of_x = torch.empty_like(x, memory_format=torch.channels_last)
        at_once = _clips_at_once(x)
        for clips, of_clips, of_y in zip(
            x.split(at_once), of_x.split(at_once), gradient.split(at_once), strict=True
        ):
            of_products = _of_products(of_y)
            inputs = _input_values(clips)
            for patches, of_places in _by_mel(inputs, of_products, channels, outputs):
                of_kernel.baddbmm_(patches.transpose(1, 2), of_places)
            of_inputs = inputs.zero_()
            for of_patches, of_places in _by_mel(of_inputs, of_products, channels, outputs):
                of_patches.baddbmm_(of_places, kernel.transpose(1, 2))
            of_clips.copy_(_of_images(of_inputs, of_clips.shape))
        of_weight = (_OF_KERNEL.T @ of_kernel.flatten(1)).view(_KERNEL, _KERNEL, channels, outputs)
        return of_x, of_weight.permute(3, 2, 0, 1)


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, before: Tensor) -> Tensor:
        pooled, places = torch.ops.aten.max_pool2d_with_indices(x, (2, 2), (1, 1))
        ctx.save_for_backward(before, places)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        before, places = ctx.saved_tensors
        return _unpooled(gradient, before, places, stride=1), None


class _FirstBlock(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx,
        x: Tensor,
        weight: Tensor,
        scale: Tensor,
        shift: Tensor,
        stride: Sequence[int],
        norm: nn.BatchNorm2d,
    ) -> Tensor:
        # A constant added to the input changes nothing but the mean of the output.
        offset = x.mean()
        x = x - offset
        flat = weight.flatten(1).double()
        n, values = 0, flat.shape[1]
        mean, covariance = flat.new_zeros(values), flat.new_zeros(values, values)
        for patches in _patches(x, weight.shape[2:], stride):
            n += patches.shape[1]
            mean += patches.sum(1).double()
            covariance += (patches @ patches.T).double()
        mean /= n
        covariance = covariance / n - torch.outer(mean, mean)
        mean_output = flat @ mean
        variance = ((flat @ covariance) * flat).sum(1).clamp_min(0)
        tracked, running_mean, running_variance, momentum = _statistics(norm)
        tracked += 1
        running_mean.lerp_((mean_output + offset * flat.sum(1)).float(), momentum)
        running_variance.lerp_((variance * n / (n - 1)).float(), momentum)
        spread = (variance + norm.eps).sqrt()
        folded = torch.empty(weight.shape, memory_format=torch.channels_last)
        folded.copy_((flat * (scale / spread)[:, None]).view_as(weight))
        bias = (shift - mean_output * scale / spread).float()
        pooled, places = [], []
        for clips in x.split(_CLIPS_AT_ONCE_IN_FIRST_BLOCK):
            normed = torch.conv2d(clips, folded, bias, stride)
            of_clips = torch.ops.aten.max_pool2d_with_indices(normed, (2, 2), (2, 2))
            pooled.append(of_clips[0])
            places.append(of_clips[1])
        ctx.save_for_backward(x, weight, scale, torch.cat(places), mean, covariance, spread)
        ctx.stride, ctx.shape = stride, normed.shape[1:]
        return torch.cat(pooled)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple:
        x, weight, scale, places, mean, covariance, spread = ctx.saved_tensors
        of_shift = gradient.sum((0, 2, 3)).double()
        before = torch.empty((1, *ctx.shape), memory_format=torch.channels_last)
        with_patches = mean.new_zeros(len(weight), len(mean))
        for number, patches in enumerate(_patches(x, weight.shape[2:], ctx.stride)):
            clip = slice(number, number + 1)
            of_normed = _unpooled(gradient[clip], before, places[clip], stride=2)
            with_patches += (of_normed.permute(1, 0, 2, 3).flatten(1) @ patches.T).double()
        flat = weight.flatten(1).double()
        with_patches -= torch.outer(of_shift, mean)
        of_scale = (flat * with_patches).sum(1) / spread
        of_weight = with_patches - (of_scale / spread)[:, None] * (flat @ covariance)
        of_weight *= (scale / spread)[:, None]
        return (
            None,
            of_weight.float().view(weight.shape),
            of_scale.float(),
            of_shift.float(),
            None,
            None,
        )


def _matrices() -> tuple[Tensor, Tensor, Tensor]:
    """Return the matrices that turn 8 inputs and 5 weights into values, (8, 8) and (8, 5), and 8
    products into 4 outputs, (4, 8).
    """
    of_input, of_kernel, of_output = np.zeros((8, 8)), np.zeros((8, 5)), np.zeros((4, 8))
    for place, point in enumerate(_POINTS):
        others = np.array([other for other in _POINTS if other != point])
        of_input[place, :-1] = np.poly(others)[::-1]
        of_kernel[place] = point ** np.arange(_KERNEL) / np.prod(point - others)
        of_output[:, place] = point ** np.arange(_OUT)
    of_input[-1] = np.poly(_POINTS)[::-1]
    of_kernel[-1, -1] = of_output[-1, -1] = 1
    first, second, third = (
        torch.from_numpy(matrix).float() for matrix in (of_input, of_kernel, of_output)
    )
    return first, second, third


_OF_INPUT, _OF_KERNEL, _OF_OUTPUT = _matrices()


def _tiles(frames: int) -> int:
    """Return how many tiles hold the outputs of so many input frames; the last may be partial."""
    return -(-(frames - _KERNEL + 1) // _OUT)


def _clips_at_once(x: Tensor) -> int:
    return max(_TILES_AT_ONCE // _tiles(x.shape[2]), 1)


def _input_values(x: Tensor) -> Tensor:
    """Return the tiles of `x` (n, channels, frames, mels): (n x tiles, 8, mels x channels)."""
    rows = x.permute(0, 2, 3, 1).flatten(2)
    n, frames, size = rows.shape
    tiles = _tiles(frames)
    padded = rows.new_zeros(n, (tiles + 1) * _OUT, size)
    padded[:, :frames] = rows
    values = rows.new_empty(n, tiles, _IN, size)
    for clip, of_clip in zip(padded, values, strict=True):
        overlapping = clip.unfold(0, _IN, _OUT).transpose(1, 2)
        torch.bmm(_OF_INPUT.expand(tiles, -1, -1), overlapping, out=of_clip)
    return values.flatten(0, 1)


def _of_images(of_inputs: Tensor, shape: torch.Size) -> Tensor:
    """Return the gradient of `x` of `shape` from that of its `_input_values`."""
    n, channels, frames, mels = shape
    tiles = torch.bmm(_OF_INPUT.T.expand(len(of_inputs), -1, -1), of_inputs)
    tiles = tiles.view(n, -1, _IN, mels * channels)
    rows = tiles.new_zeros(n, tiles.shape[1] + 1, _OUT, mels * channels)
    rows[:, :-1] = tiles[:, :, :_OUT]
    rows[:, 1:] += tiles[:, :, _OUT:]
    return rows.view(n, -1, mels, channels)[:, :frames].permute(0, 3, 1, 2)


def _of_products(of_y: Tensor) -> Tensor:
    """Return the gradient of the products from that of the outputs (n, outputs, frames, mels)."""
    rows = of_y.permute(0, 2, 3, 1).flatten(2)
    n, frames, size = rows.shape
    padded = rows.new_zeros(n, -(-frames // _OUT) * _OUT, size)
    padded[:, :frames] = rows
    tiles = padded.view(-1, _OUT, size)
    return torch.bmm(_OF_OUTPUT.T.expand(len(tiles), -1, -1), tiles)


def _by_mel(
    inputs: Tensor, products: Tensor, channels: int, outputs: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the factors of the matrix products, by output mel: the input patches it meets at the
    points, (8, tiles, 5 x channels), and its products there, (8, tiles, outputs). Both are views.
    """
    inputs, products = inputs.transpose(0, 1), products.transpose(0, 1)
    for mel in range(products.shape[2] // outputs):
        patches = inputs[:, :, mel * channels : (mel + _KERNEL) * channels]
        yield patches, products[:, :, mel * outputs : (mel + 1) * outputs]


def _statistics(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor, Tensor, float]:
    """Return what `norm` counts and averages over batches, and its momentum."""
    assert norm.num_batches_tracked is not None and norm.running_mean is not None
    assert norm.running_var is not None and norm.momentum is not None
    return norm.num_batches_tracked, norm.running_mean, norm.running_var, norm.momentum


def _patches(x: Tensor, kernel: Sequence[int], stride: Sequence[int]) -> Iterator[Tensor]:
    """Yield, clip by clip, the patches of `x` (n, 1, ...) under the kernel: (values, places).

    All share one buffer, so each must be used before the next is asked for.
    """
    windows = x[:, 0].unfold(1, kernel[0], stride[0]).unfold(2, kernel[1], stride[1])
    windows = windows.permute(0, 3, 4, 1, 2)
    patches = torch.empty(windows.shape[1:])
    for of_clip in windows:
        yield patches.copy_(of_clip).flatten(2).flatten(0, 1)


def _unpooled(gradient: Tensor, before: Tensor, places: Tensor, stride: int) -> Tensor:
    return torch.ops.aten.max_pool2d_with_indices_backward(
        gradient, before, (2, 2), (stride, stride), (0, 0), (1, 1), False, places
    )
