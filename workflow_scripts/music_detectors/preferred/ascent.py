"""Gradient ascent on the input of a network.

Erhan, Bengio, Courville & Vincent (2009), Visualizing higher-layer features of a deep network,
Université de Montréal, technical report 1341. Smoothness and jitter are as in Mahendran & Vedaldi
(2016), Visualizing deep convolutional neural networks using natural pre-images, International
Journal of Computer Vision 120:233-255, https://doi.org/10.1007/s11263-016-0911-8.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from music_detectors.training.optimizer import AdamW

STEPS = 200
STEP_DB = 2.0
"""The first step of Adam; it falls linearly to zero."""
_MOMENTUM = 0.9
NOISE_DB = 5.0
"""The standard deviation of the noise at the start."""
JITTER_FRAMES = 8
"""By how many frames, at most, the stimulus is moved in time before each step, ends joined."""
SMOOTHNESS = 3.0
"""The weight of differences between neighbours in time and in frequency."""
LIKENESS = 0.3
"""The weight of distance from the mean spectrum."""


@dataclass(frozen=True)
class Sounds:
    """What spectrograms of sounds are like, band by band (mels,), in dB."""

    mean: Tensor
    sd: Tensor
    low: Tensor
    high: Tensor


def ascend(
    responses: Callable[[Tensor], Tensor],
    units: Sequence[int],
    scale: Tensor,
    sounds: Sounds,
    start: Tensor,
    draw: torch.Generator,
    *,
    smoothness: float = SMOOTHNESS,
    likeness: float = LIKENESS,
) -> Tensor | None:
    """Return log-Mels (units, mels, frames) float32 in dB that drive `units` the most.

    `responses` are those (n, all units) to log-Mels (n, mels, frames). The log-Mel of each of
    `units` begins at its `start`. What rises is the unit's response over its `scale` (units,), less
    `smoothness` times the mean squared difference between neighbours in time and in frequency, less
    `likeness` times the mean squared distance from the mean spectrum, both in standard deviations
    of the bands. Values stay between `low` and `high` of their band; `draw` decides the jitter. The
    result is None when no gradient reaches the log-Mels.
    """
    mean, sd = sounds.mean[:, None], sounds.sd[:, None]
    low, high = sounds.low[:, None], sounds.high[:, None]
    found = start.clone().requires_grad_()
    own = torch.arange(len(units)), torch.tensor(list(units))
    # Without decay of weights it is Adam.
    optimizer = AdamW([found], weight_decay=0.0)
    for step in range(STEPS):
        shift = torch.randint(-JITTER_FRAMES, JITTER_FRAMES + 1, (1,), generator=draw)
        heard = responses(found.roll(int(shift), 2))
        if not heard.requires_grad:
            return None
        deviation = (found - mean) / sd
        rough = deviation.diff(dim=1).square().mean() + deviation.diff(dim=2).square().mean()
        cost = smoothness * rough + likeness * deviation.square().mean()
        # The means are over the units too, which do not depend on each other.
        loss = len(units) * cost - (heard[own] / scale).sum()
        found.grad = None
        loss.backward()
        optimizer.step([found.grad], STEP_DB * (1 - step / STEPS), _MOMENTUM)
        with torch.no_grad():
            found.clamp_(low, high)
    return found.detach()
