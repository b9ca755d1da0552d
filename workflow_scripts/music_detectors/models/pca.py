"""The principal components of the log-Mel spectrograms of the train clips."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from music_detectors.common.errors import InputError, warn
from music_detectors.models.protocol import FixedModel

if TYPE_CHECKING:
    from torch import Tensor

COMPONENTS = 256
"""How many components there are at most, as in the study; n clips have n - 1."""

# Directions that are found beside the components: the more, the sooner those settle.
_EXTRA = 256
# The search ends when the variance that the components explain grows by no more than this share.
_SETTLED = 1e-6
_MOST_PASSES = 20
# A component with less than this share of the first one's variance is due to rounding.
_ROUNDING = 1e-9


class Pca(FixedModel):
    """A unit's response is a clip's score on a component: signed, 0 for the mean of the clips."""

    layers = ("components",)
    reported = "components"

    def fitted(self, spectrograms: Iterable[Tensor]) -> Mapping[str, Tensor]:
        """Return mean (mels, frames), components (k, mels, frames) and explained (k,).

        `explained` are the components' shares of the variance. Raises InputError when there are
        fewer than two different clips.
        """
        return principal_components(spectrograms)

    def responses(self, tensors: Mapping[str, Tensor], log_mel: Tensor) -> Mapping[str, Tensor]:
        """Return the scores (n, k), the only layer.

        Of a spectrogram shorter than those that were fitted, what is missing counts as the mean.
        """
        mean, components = tensors["mean"], tensors["components"]
        frames = log_mel.shape[2]
        if log_mel.shape[1] != mean.shape[0] or frames > mean.shape[1]:
            raise InputError(
                f"a spectrogram of {log_mel.shape[1]} x {frames} does not fit the principal "
                f"components, which were fitted on {mean.shape[0]} x {mean.shape[1]}; a clip may "
                "be shorter than the train clips, but not longer"
            )
        centred = (log_mel - mean[:, :frames]).flatten(1)
        return {"components": centred @ components[:, :, :frames].flatten(1).T}


def principal_components(
    spectrograms: Iterable[Tensor], wanted: int = COMPONENTS, extra: int = _EXTRA
) -> dict[str, Tensor]:
    """Return the `wanted` principal components of the clips, and what `Pca.fitted` says of them.

    They are found by subspace iteration from a random start, with Rayleigh-Ritz projection (Halko,
    Martinsson & Tropp 2011, SIAM Review 53:217): each pass over the clips multiplies `wanted` +
    `extra` directions by the covariance. So no more than a batch of clips is held at a time. With
    at most as many clips as directions, the result is exact; else passes end when the explained
    variance has settled. Of each component, the value of largest magnitude is positive.
    """
    import torch

    clips, total, mean = _moments(spectrograms)
    directions = min(wanted + extra, clips - 1, mean.numel())
    start = torch.randn(
        mean.numel(), max(directions, 1), generator=torch.Generator().manual_seed(0)
    )
    basis = torch.linalg.qr(start).Q
    before = 0.0
    for number in range(_MOST_PASSES):
        product = torch.zeros_like(basis)
        projected = torch.zeros(basis.shape[1], basis.shape[1], dtype=torch.float64)
        for batch in spectrograms:
            centred = batch.flatten(1) - mean
            scores = centred @ basis
            product += centred.T @ scores
            projected += (scores.T @ scores).double()
        variance, rotation = (part.flip(-1) for part in torch.linalg.eigh(projected))
        found = float(variance[:wanted].sum())
        logging.info("pass %d: %.4f of the variance", number + 1, found / total if total else 0)
        # The first basis is random; the next spans all clips if it has room for them.
        if number and (directions >= clips - 1 or found - before <= _SETTLED * found):
            break
        before = found
        basis = torch.linalg.qr(product).Q
    kept = int((variance[:wanted] > _ROUNDING * variance[0]).sum()) if found > 0 else 0
    if not kept:
        raise InputError("the principal components need at least two different train clips")
    if kept < wanted:
        warn(f"{clips} train clips have {kept} principal components; {wanted} were asked for")
    components = (basis.double() @ rotation[:, :kept]).T.float()
    largest = components.abs().argmax(dim=1, keepdim=True)
    components *= components.gather(1, largest).sign()
    share = float(variance[:kept].sum()) / total
    logging.info("%d components explain %.4f of the variance", kept, share)
    shape = next(iter(spectrograms)).shape[1:]
    return {
        "mean": mean.view(shape),
        "components": components.view(kept, *shape),
        "explained": (variance[:kept] / total).float(),
    }


def _moments(spectrograms: Iterable[Tensor]) -> tuple[int, float, Tensor]:
    """Return the number of clips, their total sum of squares about the mean, and the mean (d,)."""
    import torch

    clips, squares, total = 0, 0.0, torch.zeros(1, dtype=torch.float64)
    for batch in spectrograms:
        flat = batch.flatten(1).double()
        clips += len(flat)
        squares += float(flat.square().sum())
        total = total + flat.sum(dim=0)
    mean = total / clips
    return clips, squares - clips * float(mean.square().sum()), mean.float()
