"""Training on a CPU: what PyTorch's layers do, with less arithmetic, memory and traffic.

Each function here equals the layers it names, forwards and backwards, up to rounding.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# So few clips that a layer's output is still in the cache for the next layer.
_CLIPS_AT_ONCE = 4


def convolution(x: Tensor, layer: nn.Conv2d) -> Tensor:
    """Return `layer` (no bias, no padding) of `x`, with a faster gradient of its weight."""
    return _Convolution.apply(x, layer.weight)


def max_pool(x: Tensor, before: Tensor) -> Tensor:
    """Return `x` pooled by 2 x 2 with stride 1, without keeping it for the gradient.

    The gradient needs the shape and layout of `x` alone, which are those of `before`, a tensor
    that is kept anyway.
    """
    return _MaxPool.apply(x, before.detach())


def first_block(log_mel: Tensor, layer: nn.Conv2d, norm: nn.BatchNorm2d) -> Tensor:
    """Return `layer`, `norm` (in training mode) and 2 x 2 max pooling of `log_mel` (n, h, w).

    The convolution has one input channel, so its output is a product with patches of few values,
    whose mean and covariance give the batch statistics and their gradients. The outputs before
    pooling, the largest tensors of the network by far, exist for a few clips at a time only.
    """
    return _FirstBlock.apply(log_mel, layer.weight, norm.weight, norm.bias, layer.stride, norm)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return torch.conv2d(x, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        of_input = torch.ops.aten.convolution_backward(
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
            (True, False, False),
        )[0]
        # oneDNN's own weight gradient (3.10) has half the speed of its other products on AVX2; as
        # a product with the patches of one clip at a time, which stay in the cache, it has theirs.
        outputs, channels, height, width = weight.shape
        total = torch.zeros(outputs, height * width * channels)
        of_places = gradient.permute(0, 2, 3, 1).flatten(1, 2)
        for of_place, patches in zip(of_places, _patches(x, (height, width)), strict=True):
            total.addmm_(of_place.T, patches)
        return of_input, total.view(outputs, height, width, channels).permute(0, 3, 1, 2)


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, before: Tensor) -> Tensor:
        pooled, places = torch.ops.aten.max_pool2d_with_indices(x, (2, 2), (1, 1))
        ctx.save_for_backward(before, places)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return _unpooled(gradient, *ctx.saved_tensors, stride=1), None


class _FirstBlock(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx,
        log_mel: Tensor,
        weight: Tensor,
        scale: Tensor,
        shift: Tensor,
        stride: tuple[int, int],
        norm: nn.BatchNorm2d,
    ) -> Tensor:
        # A constant added to the input changes nothing but the mean of the output.
        offset = log_mel.float().mean()
        x = (log_mel.float() - offset).unsqueeze(1)
        kernel = weight.shape[2:]
        flat = weight.flatten(1).double()
        n, mean, covariance = 0, 0.0, 0.0
        for patches in _patches_by_pixel(x, kernel, stride):
            n += patches.shape[1]
            mean += patches.sum(1).double()
            covariance += (patches @ patches.T).double()
        mean /= n
        covariance = covariance / n - torch.outer(mean, mean)
        mean_output = flat @ mean
        variance = ((flat @ covariance) * flat).sum(1).clamp_min(0)
        norm.num_batches_tracked += 1
        norm.running_mean.lerp_((mean_output + offset * flat.sum(1)).float(), norm.momentum)
        norm.running_var.lerp_((variance * n / (n - 1)).float(), norm.momentum)
        spread = (variance + norm.eps).sqrt()
        folded = torch.empty_like(weight)
        folded.copy_((flat * (scale / spread)[:, None]).view_as(weight))
        bias = (shift - mean_output * scale / spread).float()
        pooled, places = [], []
        for clips in x.split(_CLIPS_AT_ONCE):
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
        shape = torch.empty((1, *ctx.shape), memory_format=torch.channels_last)
        with_patches = 0.0
        for number, patches in enumerate(_patches_by_pixel(x, weight.shape[2:], ctx.stride)):
            clip = slice(number, number + 1)
            of_normed = _unpooled(gradient[clip], shape, places[clip], stride=2)
            with_patches += (of_normed.permute(1, 0, 2, 3).flatten(1) @ patches.T).double()
        flat = weight.flatten(1).double()
        with_patches -= torch.outer(of_shift, mean)
        of_scale = (flat * with_patches).sum(1) / spread
        of_weight = with_patches - (of_scale / spread)[:, None] * (flat @ covariance)
        of_weight *= (scale / spread)[:, None]
        return (
            None,
            of_weight.float().view_as(weight),
            of_scale.float(),
            of_shift.float(),
            None,
            None,
        )


def _patches(x: Tensor, kernel: tuple[int, int]) -> Iterator[Tensor]:
    """Yield, clip by clip, what the kernel meets at each place: (places, h x w x channels).

    All share one memory, so each is to be used before the next is asked for.
    """
    windows = x.permute(0, 2, 3, 1).unfold(1, kernel[0], 1).unfold(2, kernel[1], 1)
    windows = windows.permute(0, 1, 2, 4, 5, 3)
    patches = torch.empty(windows.shape[1:])
    for of_clip in windows:
        yield patches.copy_(of_clip).flatten(2).flatten(0, 1)


def _patches_by_pixel(
    x: Tensor, kernel: tuple[int, int], stride: tuple[int, int]
) -> Iterator[Tensor]:
    """Yield the same for one channel, the other way round: (h x w, places), in longer runs."""
    windows = x[:, 0].unfold(1, kernel[0], stride[0]).unfold(2, kernel[1], stride[1])
    windows = windows.permute(0, 3, 4, 1, 2)
    patches = torch.empty(windows.shape[1:])
    for of_clip in windows:
        yield patches.copy_(of_clip).flatten(2).flatten(0, 1)


def _unpooled(gradient: Tensor, before: Tensor, places: Tensor, stride: int) -> Tensor:
    return torch.ops.aten.max_pool2d_with_indices_backward(
        gradient, before, (2, 2), (stride, stride), (0, 0), (1, 1), False, places
    )
