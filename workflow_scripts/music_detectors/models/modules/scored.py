"""A module of others as a network with class scores."""

import torch
from torch import Tensor, nn

from music_detectors.common.errors import InputError, one_line
from music_detectors.models.device import is_full
from music_detectors.models.hooks import first_tensor, reading
from music_detectors.models.modules.settings import FITTED, MAPPED, ModuleSettings
from music_detectors.models.protocol import Pooled


class Scored(nn.Module):
    """A `module`, and how class scores follow from what it returns or from one of its layers."""

    readout: nn.LazyLinear
    chosen: Tensor

    def __init__(
        self, module: nn.Module, settings: ModuleSettings, classes: int, last: str, pooled: Pooled
    ) -> None:
        """Take the module, the number of `classes`, and its `last` layer, read as `pooled` says."""
        super().__init__()
        self.module = module
        self._settings, self._classes = settings, classes
        self._last, self._pooled = last, pooled
        if settings.scores == FITTED:
            # How many units the layer has is known from the weights.
            self.readout = nn.LazyLinear(classes)
        elif settings.scores == MAPPED:
            self.register_buffer("chosen", torch.zeros(classes, dtype=torch.int64))
        if callable(getattr(module, "loss", None)):
            self.loss = module.loss

    def forward(self, log_mel: Tensor, dropout: torch.Generator | None = None) -> Tensor:
        """Return the class scores (n, classes) of `log_mel` (n, bands, frames).

        The bands of a waveform are one. The module's own dropout draws from PyTorch's generator,
        which training seeds. Raises InputError, naming the condition, when the module fails.
        """
        if self._settings.scores == FITTED:
            return self.readout(self.last_layer(log_mel))
        scores = first_tensor(self._run(log_mel))
        chosen = self._settings.scores == MAPPED
        if scores is None or scores.dim() != 2 or not (chosen or scores.shape[1] == self._classes):
            shape = None if scores is None else tuple(scores.shape)
            raise InputError(
                f"{self._key}.model: its network returns {shape}; it must return class scores "
                f"(clips, {'outputs' if chosen else self._classes})"
            )
        if not chosen:
            return scores
        if int(self.chosen.max()) >= scores.shape[1]:
            raise InputError(
                f"{self._key}.outputs: it has index {int(self.chosen.max())}, and the network "
                f"returns {scores.shape[1]} outputs, numbered from 0"
            )
        return scores[:, self.chosen]

    def last_layer(self, log_mel: Tensor) -> Tensor:
        """Return the responses (n, units) of the last layer."""
        with reading(self.module, {"last": (self._last, self._pooled)}) as found:
            self._run(log_mel)
        return found["last"]

    @property
    def _key(self) -> str:
        return f"configuration: conditions.{self._settings.condition}"

    def _run(self, log_mel: Tensor) -> object:
        sound = log_mel[:, 0] if self._settings.waveform else log_mel
        try:
            return self.module(sound)
        except InputError:
            raise
        # Whatever fails in the code of others becomes one line; the log has the traceback.
        except Exception as error:
            if isinstance(error, RuntimeError) and is_full(error):
                raise
            why = one_line(f"{type(error).__name__}: {error}", 300)
            raise InputError(
                f"{self._key}.model: its network fails on an input of shape {tuple(sound.shape)} "
                f"({why}); if that is too short for it, set its attribute least_frames, or "
                "responses.pooled to clip"
            ) from error
