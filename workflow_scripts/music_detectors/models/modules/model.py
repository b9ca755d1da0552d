"""A PyTorch module of a condition as a model whose layers are some of its modules."""

import re
from collections.abc import Callable

import torch
from torch import nn

from music_detectors.common.errors import InputError, one_line
from music_detectors.models.modules.matching import matched, unit_axis
from music_detectors.models.modules.scored import Scored
from music_detectors.models.modules.settings import OWN, ModuleSettings
from music_detectors.models.protocol import Pooled, TrainedModel

OUTPUTS = "outputs"
"""The layer of the class scores."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_OPTIONAL = ("least_frames", "frames_a_step", "clips_at_once")


class ModuleModel(TrainedModel):
    """The networks that a factory makes, with the layers that a condition names."""

    outputs = OUTPUTS
    own_generator = False
    clips_at_once_on_gpu = 32

    def __init__(self, settings: ModuleSettings, factory: Callable[..., object]) -> None:
        """Make a network once, to know its modules.

        Raises InputError, naming the key, when the factory fails or returns no module, and when a
        pattern of the layers matches nothing.
        """
        self.settings, self._factory = settings, factory
        self.named = f"conditions.{settings.condition}"
        self._key = f"configuration: {self.named}"
        with torch.random.fork_rng(devices=[]):
            module = self._made(2)
        names = matched(module, settings.layers, f"{self._key}.layers")
        layers = {_layer(name): name for name in names}
        if OUTPUTS in layers or len(layers) < len(names):
            raise InputError(
                f"{self._key}.layers: {OUTPUTS} is what the layer of class scores is called, and "
                f"layers need different names; the modules are {', '.join(names)}"
            )
        self.layers = (*layers, OUTPUTS)
        self.reported = _layer(names[-1])
        self._last = names[-1]
        self.modules = {  # type: ignore[misc]
            **{layer: f"module.{name}" for layer, name in layers.items()},
            OUTPUTS: "",
        }
        self.pooled = {
            layer: self._pooled(module.get_submodule(name)) for layer, name in layers.items()
        }
        rate = getattr(module, "sample_rate", None)
        if None not in (rate, settings.sample_rate) and rate != settings.sample_rate:
            raise InputError(
                f"{self._key}.input is a waveform at {settings.sample_rate} Hz, and the network "
                f"hears {rate} Hz; name an input with this sample_rate, or change the arguments"
            )
        for name in _OPTIONAL:
            value = getattr(module, name, None)
            if isinstance(value, int) and value >= 1:
                setattr(self, name, value)
        if settings.waveform and not isinstance(getattr(module, "frames_a_step", None), int):
            # A fiftieth of a second at 16 kHz, so that not every clip has a length of its own.
            self.frames_a_step = 320

    def check_size(self, mels: int, frames: int) -> None:
        """Raise InputError unless a network that hears waveforms gets one."""
        if self.settings.waveform and mels != 1:
            raise InputError(f"{self._key}.input is a waveform, and these have {mels} bands")

    def network(self, classes: int) -> nn.Module:
        """Return a network with scores of `classes` classes; see `Scored`."""
        return Scored(
            self._made(classes), self.settings, classes, self._last, self.pooled[self.reported]
        )

    def _made(self, classes: int) -> nn.Module:
        given = {"classes": classes} if self.settings.scores == OWN else {}
        try:
            module = self._factory(**given, **self.settings.arguments)
        except InputError:
            raise
        # Any error in a user's file becomes one line; the log has the traceback.
        except Exception as error:
            why = one_line(f"{type(error).__name__}: {error}", 300)
            raise InputError(
                f"{self._key}.model is {self.settings.factory}, which fails with the arguments "
                f"{given | self.settings.arguments} ({why})"
            ) from error
        if not isinstance(module, nn.Module):
            raise InputError(
                f"{self._key}.model is {self.settings.factory}, which returns "
                f"{type(module).__name__}; with layers, it must return a torch.nn.Module"
            )
        return module

    def _pooled(self, module: nn.Module) -> Pooled:
        axis = self.settings.unit_axis
        if axis is None:
            return Pooled(self.settings.pooling, of_three=unit_axis(module))
        return Pooled(self.settings.pooling, axis)


def _layer(name: str) -> str:
    """Return what the layer of the module `name` is called."""
    return name if _NAME.fullmatch(name) else f"module-{name}"
