"""What a model is for code that trains it, plays sounds to it or silences its units.

A model is one file with a subclass of `FixedModel` or `TrainedModel`; docs/models.md shows one of
each. This module does not import PyTorch, and a model needs it only where it computes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, device, nn


@dataclass(frozen=True)
class Pooled:
    """How responses are read from what a module returns, (n, ...) with the units on `axis`.

    `how` says what becomes of the positions of a unit (time, frequency): their mean, their max,
    the first of them (cls: the token of that name), or a unit each (none). In what has three axes,
    the units are on `of_three` if that is not None.
    """

    how: str = "mean"
    axis: int = 1
    of_three: int | None = None

    def units_on(self, axes: int) -> int:
        """Return the axis of the units in what has so many `axes`."""
        return self.axis if axes != 3 or self.of_three is None else self.of_three


class Evaluation(Protocol):
    """A model with its weights, on a device, ready to hear clips."""

    def __call__(self, log_mel: Tensor, /) -> Mapping[str, Tensor]:
        """Return every layer's responses (n, units) float32 to `log_mel`.

        `log_mel` is (n, mels, frames) float32 in dB, on the device.
        """


class Readout(Protocol):
    """The outputs of a trained model for some clips, as a function of which units are silenced."""

    units: int
    """How many units the lesioned layer has."""
    outputs: np.ndarray
    """The outputs (clips, classes) float32 without a lesion."""
    outgoing: np.ndarray | None
    """The Euclidean norm (units,) of the weights by which a unit's response enters what follows the
    layer; None if that is not known."""

    def seconds_of(self, lesions: int, /) -> tuple[float, float] | None:
        """Return how long so many lesions take at least and at most, if that is worth saying."""

    def lesioned(
        self, lesions: Iterable[tuple[np.ndarray, np.ndarray | None]], /
    ) -> Iterator[np.ndarray]:
        """Yield the outputs (clips, classes) under each of `lesions`: units (k,), and values.

        The responses of the units are set to 0, or to those of the values (units,). The next array
        may overwrite the one before.
        """


class Model:
    """Layers of units that respond to log-Mel spectrograms."""

    layers: Sequence[str]
    """The names of the layers whose responses are stored, from the input on."""
    reported: str
    """The layer whose selective units are reported where the model lacks `selectivity.layer`."""
    outputs: str | None = None
    """The layer that holds the outputs (logits, one per class); None for a fixed model."""
    clips_at_once = 8
    """How many clips are evaluated together on a CPU; few enough to stay in its cache."""
    clips_at_once_on_gpu = 256
    """How many are on a GPU."""
    named = ""
    """The condition that brings the model's code or weights, if it is the configuration's own."""
    least_frames = 1
    """The fewest frames of a spectrogram that the model can hear."""
    frames_a_step = 1
    """By how many frames a spectrogram must grow, from `least_frames`, to give another response."""

    def check_size(self, mels: int, frames: int) -> None:
        """Raise InputError unless spectrograms (mels, frames) fit; by default all do."""


class FixedModel(Model, ABC):
    """A model that is not trained: features that are computed from a spectrogram."""

    def fitted(self, spectrograms: Iterable[Tensor]) -> Mapping[str, Tensor]:
        """Return the tensors that the responses need, computed from the train clips.

        `spectrograms` yields batches (n, mels, frames) float32 in dB; it can be iterated more than
        once. The tensors are stored in the model's weights file. By default there are none.
        """
        return {}

    @abstractmethod
    def responses(self, tensors: Mapping[str, Tensor], log_mel: Tensor) -> Mapping[str, Tensor]:
        """Return every layer's responses (n, units) to `log_mel` (n, mels, frames) float32, in dB.

        `tensors` are those that `fitted` returned, on the device of `log_mel`.
        """


class TrainedModel(Model, ABC):
    """A model whose weights are trained to name the classes of a clip."""

    outputs: str
    modules: ClassVar[Mapping[str, str]] = {}
    """For each layer, which module of the network gives its responses: its name within the network.

    A response is the mean over what follows the units in (n, units, ...), unless `pooled` says
    otherwise. A model that overrides `evaluation`, `readout` and `lesioned_layer` needs none.
    """
    pooled: Mapping[str, Pooled] = {}
    """How the responses of a layer are read, where not as the mean of (n, units, ...)."""
    own_generator = True
    """Whether all that is random in training comes from the generator given to `forward`.

    If not, PyTorch's own generator is seeded for each epoch; on a GPU, networks then train one
    after the other, step by step.
    """

    @abstractmethod
    def network(self, classes: int) -> nn.Module:
        """Return a new network with `classes` outputs, initialised by PyTorch's global generator.

        Its `forward(log_mel, dropout=None)` returns the logits (n, classes) of `log_mel` (n, mels,
        frames) float32 in dB. `dropout` is the `torch.Generator` that decides which activations are
        dropped in training; without it, all are kept. A method `loss(logits, labels)` of the
        network, which returns a scalar, takes the place of binary cross-entropy in training.
        """

    def evaluation(self, network: nn.Module, device: device) -> Evaluation:
        """Return what computes the responses of `network`, which is in evaluation mode.

        By default each layer's responses are read from `modules` during a forward pass.
        """
        from music_detectors.models.hooks import HookedEvaluation

        return HookedEvaluation(
            network.to(device), {name: self.modules[name] for name in self.layers}, self.pooled
        )

    def with_gradient(self, network: nn.Module, layer: str) -> Callable[[Tensor], Tensor] | None:
        """Return the responses (n, units) of `layer` as a function of log-Mels (n, mels, frames).

        Gradients flow through it to the log-Mels; `network` is in evaluation mode. By default it
        reads the layer's module in `modules`; without one it is None, and no preferred stimuli are
        sought.
        """
        if layer not in self.modules:
            return None
        from music_detectors.models.hooks import HookedEvaluation

        evaluation = HookedEvaluation(network, {layer: self.modules[layer]}, self.pooled)
        return lambda log_mel: evaluation.with_gradient(log_mel)[layer]

    def computed_by(self, device: device) -> str:
        """Return how a network is trained on `device`, if the model chooses by the processor.

        It is recorded with the weights, and an interrupted training job continues only with the
        same choice. PyTorch's autocast is on where the network is trained in bfloat16.
        """
        return ""

    def fused_by(self) -> str:
        """Return what computes several layers in one kernel after `fuse`, for the record.

        It is recorded as `computed_by` is. By default there is no such thing, and it is empty.
        Raises InputError when what it needs is not installed.
        """
        return ""

    def fuse(self, network: nn.Module) -> None:
        """Let `network`, which is on a GPU, train with fused kernels; called if `fused_by` is set.

        With them, training is the same up to rounding and random draws.
        """

    def lesioned_layer(self, layer: str) -> str:
        """Return the layer whose units are silenced when `layer` is the reported one."""
        return layer

    def readout(
        self, weights: Mapping[str, np.ndarray], responses: Mapping[str, np.ndarray], layer: str
    ) -> Readout | None:
        """Return how the outputs follow from the stored `responses`, or None if they do not.

        `weights` are the network's tensors by name; `responses` are those (clips, units) of `layer`
        and of the outputs. If this returns None, as it does by default, the network is run again
        for each lesion. Raises ValueError when the responses are not those of the weights.
        """
        return None
