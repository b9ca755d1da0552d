"""What follows a convolution in a block, on a GPU, in kernels by Triton.

Batch normalisation, max pooling, ReLU and dropout read and write an image four times forwards, and
more often backwards; here it is read twice forwards (for the statistics, and for the rest) and
twice backwards. Images are (n, channels, height, width), channels last in memory, in float32 or
bfloat16; all arithmetic between is in float32, and sums over an image end in float64.

Results have the same bits each time, on any GPU and beside anything else: a fixed number of
programs adds up places in their order, and whether an element is dropped follows from its number
and a seed alone, by Philox (Salmon et al., SC 2011, https://doi.org/10.1145/2063384.2063405). The
seed is read from memory, so a graph draws anew at each replay.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# Elements that a program holds at a time: 16 for each of its 128 threads.
_ELEMENTS = 2048
# How many programs share a sum over an image.
_PROGRAMS = 256
# Channels whose sums a program finishes.
_CHANNELS = 16
# What is stored for an element of no place: one that is 0.
_NONE = tl.constexpr(255)


@dataclass(frozen=True)
class Pooling:
    """Max pooling by `size` x `size` with `stride`; 1 and 1 leave an image as it is."""

    size: int
    stride: int


@dataclass(frozen=True)
class Dropout:
    """Which elements are kept: those of which 16 random bits are below `kept`.

    The seed is the first of `seed` (2,) int64, on the device.
    """

    seed: Tensor
    kept: int


def block(x: Tensor, norm: nn.BatchNorm2d, pooling: Pooling, dropout: Dropout | None) -> Tensor:
    """Return ReLU of `x` after `norm` in training mode and `pooling`, with dropout if any.

    `x` is (n, channels, height, width), and channels are a power of 2 from 16 on. What is kept is
    divided by its share. The gradients are those of `x` and of the weight and bias of `norm`, whose
    running statistics are updated.
    """
    return _Block.apply(x, norm.weight, norm.bias, norm, pooling, dropout)


class _Block(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx,
        x: Tensor,
        scale: Tensor,
        shift: Tensor,
        norm: nn.BatchNorm2d,
        pooling: Pooling,
        dropout: Dropout | None,
    ) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        n, channels, height, width = x.shape
        size, stride = pooling.size, pooling.stride
        high, wide = ((side - size) // stride + 1 for side in (height, width))
        rows = _ELEMENTS // channels
        places, pooled_places = n * height * width, n * high * wide
        sums = _sums_of(x)
        _add_up[(_PROGRAMS,)](x, sums, places, _each(places, rows), CHANNELS=channels, ROWS=rows)
        mean, spread, factor, offset = torch.empty(4, channels, device=x.device).unbind()
        _normalise[(channels // _CHANNELS,)](
            x,
            sums,
            places,
            scale,
            shift,
            norm.running_mean,
            norm.running_var,
            norm.num_batches_tracked,
            norm.momentum,
            norm.eps,
            mean,
            spread,
            factor,
            offset,
            CHANNELS=channels,
            PROGRAMS=_PROGRAMS,
            PART=_CHANNELS,
        )
        shape = (n, channels, high, wide)
        y = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
        where = torch.empty_like(y, dtype=torch.uint8)
        kept = 1 << 16 if dropout is None else dropout.kept
        enlarged = (1 << 16) / kept
        _pool[(triton.cdiv(pooled_places, rows),)](
            x,
            factor,
            offset,
            x if dropout is None else dropout.seed,
            y,
            where,
            pooled_places,
            height,
            width,
            high,
            wide,
            enlarged,
            CHANNELS=channels,
            SIZE=size,
            STRIDE=stride,
            DROPPING=dropout is not None,
            KEPT=kept,
            ROWS=rows,
        )
        ctx.save_for_backward(x, scale, mean, spread, where)
        ctx.pooling, ctx.enlarged = pooling, enlarged
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple:
        x, scale, mean, spread, where = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        n, channels, height, width = x.shape
        high, wide = gradient.shape[2:]
        rows = _ELEMENTS // channels
        places, pooled_places = n * height * width, n * high * wide
        sums = _sums_of(x)
        _add_up_gradient[(_PROGRAMS,)](
            gradient,
            where,
            x,
            mean,
            spread,
            sums,
            pooled_places,
            _each(pooled_places, rows),
            height,
            width,
            high,
            wide,
            ctx.enlarged,
            CHANNELS=channels,
            SIZE=ctx.pooling.size,
            STRIDE=ctx.pooling.stride,
            ROWS=rows,
        )
        of_shift, of_scale = torch.empty(2, channels, device=x.device).unbind()
        _finish_gradient[(channels // _CHANNELS,)](
            sums, of_shift, of_scale, CHANNELS=channels, PROGRAMS=_PROGRAMS, PART=_CHANNELS
        )
        of_x = torch.empty_like(x)
        _spread_gradient[(triton.cdiv(places, rows),)](
            gradient,
            where,
            x,
            mean,
            spread,
            scale,
            of_shift,
            of_scale,
            of_x,
            places,
            height,
            width,
            high,
            wide,
            ctx.enlarged,
            CHANNELS=channels,
            SIZE=ctx.pooling.size,
            STRIDE=ctx.pooling.stride,
            ROWS=rows,
        )
        return of_x, of_scale, of_shift, None, None, None


def _sums_of(x: Tensor) -> Tensor:
    """Return room for two sums of each channel by each program: (programs, 2, channels)."""
    return torch.empty(_PROGRAMS, 2, x.shape[1], device=x.device)


def _each(places: int, rows: int) -> int:
    """Return how many times a program takes `rows` of the places."""
    return triton.cdiv(places, rows * _PROGRAMS)


# Numbers that 16 divides would have code of their own, and the last batch of an epoch another
# compilation.
_SIZES = (
    *("places", "pooled_places", "each", "height", "width", "high", "wide"),
    *("enlarged", "momentum", "epsilon"),
)


def _kernel(function: Callable) -> Any:
    names = inspect.signature(function).parameters
    return triton.jit(do_not_specialize=[name for name in _SIZES if name in names])(function)


@_kernel
def _add_up(x, sums, places, each, CHANNELS: tl.constexpr, ROWS: tl.constexpr):
    """Add up the values less the first one of their channel, and their squares."""
    program = tl.program_id(0)
    c = tl.arange(0, CHANNELS)
    first = tl.load(x + c).to(tl.float32)
    total = tl.zeros((CHANNELS,), tl.float32)
    squares = tl.zeros((CHANNELS,), tl.float32)
    begin = program * each * ROWS
    end = begin + each * ROWS
    while begin < end:
        place = begin + tl.arange(0, ROWS)
        inside = (place < places)[:, None]
        at = place.to(tl.int64)[:, None] * CHANNELS + c[None, :]
        value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
        value = tl.where(inside, value - first[None, :], 0.0)
        total += tl.sum(value, 0)
        squares += tl.sum(value * value, 0)
        begin += ROWS
    tl.store(sums + program * 2 * CHANNELS + c, total)
    tl.store(sums + program * 2 * CHANNELS + CHANNELS + c, squares)


@triton.jit
def _totals(sums, c, CHANNELS: tl.constexpr, PROGRAMS: tl.constexpr):
    """Return both sums of channels `c` over all programs, in float64."""
    at = tl.arange(0, PROGRAMS)[:, None] * (2 * CHANNELS) + c[None, :]
    one = tl.sum(tl.load(sums + at).to(tl.float64), 0)
    other = tl.sum(tl.load(sums + CHANNELS + at).to(tl.float64), 0)
    return one, other


@_kernel
def _normalise(
    x,
    sums,
    places,
    scale,
    shift,
    running_mean,
    running_variance,
    tracked,
    momentum,
    epsilon,
    mean,
    spread,
    factor,
    offset,
    CHANNELS: tl.constexpr,
    PROGRAMS: tl.constexpr,
    PART: tl.constexpr,
):
    """Turn sums into statistics, into those of all batches, and into what normalises a value."""
    c = tl.program_id(0) * PART + tl.arange(0, PART)
    total, squares = _totals(sums, c, CHANNELS, PROGRAMS)
    from_first = total / places
    variance = squares / places - from_first * from_first
    # This form of the condition keeps NaN.
    variance = tl.where(variance < 0, 0.0, variance)
    average = from_first + tl.load(x + c).to(tl.float64)
    inverse = 1 / tl.sqrt(variance + epsilon)
    by = tl.load(scale + c).to(tl.float64) * inverse
    tl.store(mean + c, average.to(tl.float32))
    tl.store(spread + c, inverse.to(tl.float32))
    tl.store(factor + c, by.to(tl.float32))
    tl.store(offset + c, (tl.load(shift + c).to(tl.float64) - average * by).to(tl.float32))
    before = tl.load(running_mean + c)
    tl.store(running_mean + c, before + momentum * (average.to(tl.float32) - before))
    unbiased = (variance * places / (places - 1)).to(tl.float32)
    before = tl.load(running_variance + c)
    tl.store(running_variance + c, before + momentum * (unbiased - before))
    if tl.program_id(0) == 0:
        tl.store(tracked, tl.load(tracked) + 1)


@triton.jit
def _first_place(pooled, height, width, high, wide, STRIDE: tl.constexpr):
    """Return the first place of the window of each pooled place."""
    clip = pooled // (high * wide)
    row = pooled % (high * wide) // wide
    column = pooled % wide
    return (clip * height + row * STRIDE) * width + column * STRIDE


@_kernel
def _pool(
    x,
    factor,
    offset,
    seed,
    y,
    where,
    pooled_places,
    height,
    width,
    high,
    wide,
    enlarged,
    CHANNELS: tl.constexpr,
    SIZE: tl.constexpr,
    STRIDE: tl.constexpr,
    DROPPING: tl.constexpr,
    KEPT: tl.constexpr,
    ROWS: tl.constexpr,
):
    """Normalise, pool, drop, and store where in its window each element comes from."""
    pooled = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    c = tl.arange(0, CHANNELS)
    inside = (pooled < pooled_places)[:, None]
    first = _first_place(pooled, height, width, high, wide, STRIDE)
    by, plus = tl.load(factor + c)[None, :], tl.load(offset + c)[None, :]
    best = tl.full((ROWS, CHANNELS), float("-inf"), tl.float32)
    best_at = tl.zeros((ROWS, CHANNELS), tl.int32)
    for k in tl.static_range(SIZE * SIZE):
        place = first + (k // SIZE) * width + k % SIZE
        at = place.to(tl.int64)[:, None] * CHANNELS + c[None, :]
        value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32) * by + plus
        # The first of equals, and NaN, as in PyTorch.
        better = (value > best) | (value != value)
        best_at = tl.where(better, k, best_at)
        best = tl.where(better, value, best)
    zero = best <= 0
    number = pooled.to(tl.int64)[:, None] * CHANNELS + c[None, :]
    if DROPPING:
        # A draw gives four words, for the channels that follow each other.
        fours = pooled.to(tl.int64)[:, None] * (CHANNELS // 4)
        fours += tl.arange(0, CHANNELS // 4)[None, :]
        a, b, d, e = tl.randint4x(tl.load(seed), fours)
        words = tl.reshape(tl.join(tl.join(a, b), tl.join(d, e)), (ROWS, CHANNELS))
        zero = zero | ((words & 0xFFFF) >= KEPT)
        best *= enlarged
    tl.store(y + number, tl.where(zero, 0.0, best).to(y.dtype.element_ty), mask=inside)
    tl.store(where + number, tl.where(zero, _NONE, best_at).to(tl.uint8), mask=inside)


@_kernel
def _add_up_gradient(
    gradient,
    where,
    x,
    mean,
    spread,
    sums,
    pooled_places,
    each,
    height,
    width,
    high,
    wide,
    enlarged,
    CHANNELS: tl.constexpr,
    SIZE: tl.constexpr,
    STRIDE: tl.constexpr,
    ROWS: tl.constexpr,
):
    """Add up the gradients of the normalised image, and their products with its values.

    An element of the pooled image has the gradient of one place, so these are sums over it.
    """
    program = tl.program_id(0)
    c = tl.arange(0, CHANNELS)
    average, inverse = tl.load(mean + c)[None, :], tl.load(spread + c)[None, :]
    total = tl.zeros((CHANNELS,), tl.float32)
    products = tl.zeros((CHANNELS,), tl.float32)
    begin = program * each * ROWS
    end = begin + each * ROWS
    while begin < end:
        pooled = begin + tl.arange(0, ROWS)
        inside = (pooled < pooled_places)[:, None]
        number = pooled.to(tl.int64)[:, None] * CHANNELS + c[None, :]
        k = tl.load(where + number, mask=inside, other=_NONE).to(tl.int32)
        some = k != _NONE
        given = tl.load(gradient + number, mask=inside, other=0.0).to(tl.float32)
        given = tl.where(some, given, 0.0) * enlarged
        first = _first_place(pooled, height, width, high, wide, STRIDE)[:, None]
        place = (first + (k // SIZE) * width + k % SIZE).to(tl.int64)
        value = tl.load(x + place * CHANNELS + c[None, :], mask=some, other=0.0).to(tl.float32)
        total += tl.sum(given, 0)
        products += tl.sum(given * (value - average) * inverse, 0)
        begin += ROWS
    tl.store(sums + program * 2 * CHANNELS + c, total)
    tl.store(sums + program * 2 * CHANNELS + CHANNELS + c, products)


@_kernel
def _finish_gradient(
    sums,
    of_shift,
    of_scale,
    CHANNELS: tl.constexpr,
    PROGRAMS: tl.constexpr,
    PART: tl.constexpr,
):
    c = tl.program_id(0) * PART + tl.arange(0, PART)
    total, products = _totals(sums, c, CHANNELS, PROGRAMS)
    tl.store(of_shift + c, total.to(tl.float32))
    tl.store(of_scale + c, products.to(tl.float32))


@_kernel
def _spread_gradient(
    gradient,
    where,
    x,
    mean,
    spread,
    scale,
    of_shift,
    of_scale,
    of_x,
    places,
    height,
    width,
    high,
    wide,
    enlarged,
    CHANNELS: tl.constexpr,
    SIZE: tl.constexpr,
    STRIDE: tl.constexpr,
    ROWS: tl.constexpr,
):
    """Gather each place's gradient from the windows it lies in, and take it through the norm."""
    place = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    c = tl.arange(0, CHANNELS)
    inside = (place < places)[:, None]
    clip = place // (height * width)
    row = place % (height * width) // width
    column = place % width
    of_normed = tl.zeros((ROWS, CHANNELS), tl.float32)
    # Windows that do not overlap leave one for each place; else there is one for each offset.
    for k in tl.static_range(1 if SIZE == STRIDE else SIZE * SIZE):
        if SIZE == STRIDE:
            down, right = row % SIZE, column % SIZE
        else:
            down, right = row * 0 + k // SIZE, column * 0 + k % SIZE
        upper, left = row - down, column - right
        of_window = (upper >= 0) & (left >= 0) & (place < places)
        of_window &= (upper // STRIDE < high) & (left // STRIDE < wide)
        pooled = (clip * high + upper // STRIDE) * wide + left // STRIDE
        number = pooled.to(tl.int64)[:, None] * CHANNELS + c[None, :]
        best = tl.load(where + number, mask=of_window[:, None], other=_NONE).to(tl.int32)
        # Loading what is then not used is faster than to load elements one by one.
        given = tl.load(gradient + number, mask=of_window[:, None], other=0.0).to(tl.float32)
        of_normed += tl.where(best == (down * SIZE + right)[:, None], given, 0.0)
    of_normed *= enlarged
    at = place.to(tl.int64)[:, None] * CHANNELS + c[None, :]
    inverse = tl.load(spread + c)[None, :]
    value = tl.load(x + at, mask=inside, other=0.0).to(tl.float32)
    normed = (value - tl.load(mean + c)[None, :]) * inverse
    lost = (tl.load(of_shift + c)[None, :] + normed * tl.load(of_scale + c)[None, :]) / places
    result = tl.load(scale + c)[None, :] * inverse * (of_normed - lost)
    tl.store(of_x + at, result.to(of_x.dtype.element_ty), mask=inside)
