"""The responses of the filter bank, by products of matrices.

The real part of a filter is the difference of two products, cosine x cosine - sine x sine (and a
third of the envelopes), whose parts along frames and bands are applied one after the other. Filters
with k and -k differ in the sign of the second product, so both come from the same two. Along bands,
filtering is a product with a matrix that turns symmetric columns into symmetric ones (cosines,
envelopes) or antisymmetric ones (sines): the sum and the difference of the lower and the mirrored
upper half of the bands are filtered apart, with matrices of a quarter of the size.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from music_detectors.common.compiled import compiled
from music_detectors.models.gabor.bank import (
    frequencies,
    gain,
    length,
    level_share,
    modulations,
    parts,
)

SAMPLES = 7
"""The rectified output is averaged over frames this many to the length of a filter.

That is four to a period of its carrier; see docs/models.md for what it changes.
"""

# So many output frames come from one product along frames.
_FRAMES = 16


@dataclass(frozen=True)
class _Step:
    """All filters with one modulation frequency along frames.

    Every `every`-th frame has an output. `along_frames` (inputs, 3 * _FRAMES) gives cosine,
    envelope and sine; `half` is half the filter's length. The matrices along bands, for the even
    and the odd part of the bands, stack the filters: they are (filters * bands / 2, bands) for
    cosines and envelopes, (filters * bands / 2, bands / 2) for sines.
    """

    every: int
    half: int
    along_frames: Tensor
    even: Tensor
    odd: Tensor
    even_sine: Tensor
    odd_sine: Tensor


def filtered(log_mel: Tensor) -> Tensor:
    """Return the responses (n, 263) to `log_mel` (n, bands, frames): the units of `modulations`.

    Beyond its edges, a spectrogram goes on as at the edge.
    """
    steps = _steps(log_mel.shape[1], log_mel.device)
    place = _places().to(log_mel.device)
    return torch.stack([_of_clip(clip, steps)[place] for clip in log_mel.float()])


def _of_clip(log_mel: Tensor, steps: list[_Step]) -> Tensor:
    """Return the means (steps * 2 * filters,): for each step, k of each sign, then each filter."""
    bands, frames = log_mel.shape
    lower, upper = log_mel[: bands // 2], log_mel[bands // 2 :].flip(0)
    before = max(step.half for step in steps)
    after = max(step.half + _FRAMES * step.every for step in steps)
    halves = pad(torch.cat([lower + upper, lower - upper])[None], (before, after), mode="replicate")
    means = []
    for step in steps:
        # The frames that have an output lie evenly about the middle.
        first = (frames - 1) % step.every // 2
        wanted = 1 + (frames - 1) // step.every
        products = -(-wanted // _FRAMES)
        start = before - step.half + first
        inputs = halves[0, :, start:].unfold(1, len(step.along_frames), _FRAMES * step.every)
        inputs = inputs[:, :products].reshape(-1, len(step.along_frames))
        by_part = (inputs @ step.along_frames).view(2, bands // 2, products, 3, _FRAMES)
        by_part = by_part.permute(0, 3, 1, 2, 4).reshape(2, 3 * bands // 2, products * _FRAMES)
        (even, even_sine), (odd, odd_sine) = (
            half[:, :wanted].split([bands, bands // 2]) for half in by_part
        )
        summed = rectified_sums if log_mel.device.type == "cpu" else rectified_sums_by_torch
        sums = summed(
            step.even @ even, step.odd @ odd, step.even_sine @ even_sine, step.odd_sine @ odd_sine
        )
        means.append(sums.view(2, -1, bands // 2).sum(2) / (bands * wanted))
    return torch.stack(means).flatten()


def rectified_sums_by_torch(
    even: Tensor, odd: Tensor, even_sine: Tensor, odd_sine: Tensor
) -> Tensor:
    """Return the sums (2, rows) over frames and both halves of the rectified outputs, k > 0 first.

    The arguments (rows, frames) are the filtered even and odd parts of the bands.
    """
    lower, upper = even + odd, even - odd
    # Sines turn even parts into odd ones, and odd ones into even ones.
    lower_sine, upper_sine = odd_sine + even_sine, odd_sine - even_sine
    return torch.stack(
        [
            ((lower - sign * lower_sine).relu() + (upper - sign * upper_sine).relu()).sum(1)
            for sign in (1, -1)
        ]
    )


def rectified_sums(even: Tensor, odd: Tensor, even_sine: Tensor, odd_sine: Tensor) -> Tensor:
    """Return the same in one pass, on a CPU."""
    sums = torch.empty(2, len(even))
    _add_up(*(part.numpy() for part in (even, odd, even_sine, odd_sine)), sums.numpy())
    return sums


@compiled
def _add_up(
    even: np.ndarray, odd: np.ndarray, even_sine: np.ndarray, odd_sine: np.ndarray, sums: np.ndarray
) -> None:
    zero = np.float32(0)
    rows, frames = even.shape
    # A sum for each frame, so that the processor adds several at once.
    positive, negative = np.empty(frames, np.float32), np.empty(frames, np.float32)
    for row in range(rows):
        positive[:], negative[:] = zero, zero
        for frame in range(frames):
            lower = even[row, frame] + odd[row, frame]
            upper = even[row, frame] - odd[row, frame]
            lower_sine = odd_sine[row, frame] + even_sine[row, frame]
            upper_sine = odd_sine[row, frame] - even_sine[row, frame]
            positive[frame] += max(lower - lower_sine, zero) + max(upper - upper_sine, zero)
            negative[frame] += max(lower + lower_sine, zero) + max(upper + upper_sine, zero)
        sums[0, row], sums[1, row] = positive.sum(), negative.sum()


@cache
def _steps(bands: int, device: torch.device) -> list[_Step]:
    along_bands = [0.0, *frequencies(0)]
    return [_step(frame, along_bands, bands, device) for frame in (0.0, *frequencies(1))]


def _step(frame: float, along_bands: list[float], bands: int, device: torch.device) -> _Step:
    every = max(1, int(length(frame, 1) // SAMPLES))
    envelope, cosine, sine = parts(frame, 1)
    taps = len(envelope)
    along_frames = np.zeros((taps + (_FRAMES - 1) * every, 3, _FRAMES))
    for output in range(_FRAMES):
        for part, values in enumerate((cosine, envelope, sine)):
            # A convolution runs through the filter backwards.
            along_frames[output * every : output * every + taps, part, output] = values[::-1]
    pieces: list[list[np.ndarray]] = [[], [], [], []]
    for band in along_bands:
        scale = 1 / gain(band, frame)
        of_envelope, of_cosine, of_sine = (_matrix(values, bands) for values in parts(band, 0))
        level = _halved(-level_share(band, frame) * scale * of_envelope)
        plain = _halved(scale * of_cosine)
        for place, matrices in enumerate(zip(plain, level, strict=True)):
            pieces[place].append(np.hstack(matrices))
        for place, matrix in enumerate(_halved(scale * of_sine), 2):
            pieces[place].append(matrix)
    stacked = [
        torch.tensor(np.concatenate(piece), dtype=torch.float32, device=device) for piece in pieces
    ]
    flat = along_frames.reshape(len(along_frames), -1)
    return _Step(every, taps // 2, torch.tensor(flat, dtype=torch.float32, device=device), *stacked)


def _matrix(values: np.ndarray, bands: int) -> np.ndarray:
    """Return the matrix (bands, bands) that convolves a column, its ends repeated."""
    half = len(values) // 2
    matrix = np.zeros((bands, bands))
    for band in range(bands):
        at = np.clip(np.arange(band - half, band + half + 1), 0, bands - 1)
        np.add.at(matrix[band], at, values[::-1])
    return matrix


def _halved(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what `matrix` makes, for the lower half, of sum and difference of the halves."""
    half = len(matrix) // 2
    lower, upper = matrix[:half, :half], matrix[:half, half:][:, ::-1]
    return (lower + upper) / 2, (lower - upper) / 2


@cache
def _places() -> Tensor:
    """Return where each unit is among the means of `_of_clip`, (263,) int64."""
    bands, frames = [0.0, *frequencies(0)], [0.0, *frequencies(1)]
    number = {
        (sign * band, frame): (step * 2 + (sign < 0)) * len(bands) + place
        for step, frame in enumerate(frames)
        for sign in (-1, 1)
        for place, band in enumerate(bands)
    }
    return torch.tensor([number[band, frame] for band, frame in modulations()])
