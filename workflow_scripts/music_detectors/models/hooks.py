"""Responses and lesions of any network, by hooks on its modules during a forward pass."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from copy import copy
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from music_detectors.common.errors import InputError
from music_detectors.models.device import is_full
from music_detectors.models.protocol import Pooled

# Stored outputs may have been computed on another device; other weights' differ by far more.
_ROUNDING = 0.01
# By how much outputs may differ between lesions one by one and several at once, of the largest.
_ALIKE = 1e-4
# How many lesions are computed together, as many as outputs of this size allow.
_TOGETHER = (8, 64)
_OUTPUTS_BYTES = 500_000_000
# How much larger than a batch of clips a batch of clips and lesions may be.
_GROWTH = 8
_MEAN = Pooled()

Lesion = tuple[np.ndarray, np.ndarray | None]
"""Units (k,), and the values (units,) that their responses are set to (None: 0)."""


class HookedEvaluation:
    """A network whose layers' responses are the outputs of some of its modules."""

    def __init__(
        self,
        network: nn.Module,
        modules: Mapping[str, str],
        pooled: Mapping[str, Pooled] | None = None,
    ) -> None:
        """Read the layers of `network`, in evaluation mode, from `modules`: layer to module name.

        `pooled` says how; by default as the mean over what follows the units in (n, units, ...).
        Raises InputError for a module that the network does not have.
        """
        self._network = network
        self._read = {
            layer: (name, (pooled or {}).get(layer, _MEAN)) for layer, name in modules.items()
        }
        for name in modules.values():
            _module(network, name)

    @torch.inference_mode()
    def __call__(self, log_mel: Tensor) -> dict[str, Tensor]:
        """Return the responses (n, units) float32 of every layer to `log_mel` (n, mels, frames)."""
        return self.with_gradient(log_mel)

    def with_gradient(self, log_mel: Tensor) -> dict[str, Tensor]:
        """Return the same, through which gradients flow back to `log_mel`.

        Raises InputError when a module is not run exactly once, or does not return (n, ...).
        """
        with reading(self._network, self._read) as found:
            self._network(log_mel)
        for layer, values in found.items():
            if len(values) != len(log_mel):
                raise _unreadable(layer)
        return {layer: found[layer].float() for layer in self._read}


@contextmanager
def reading(
    network: nn.Module, layers: Mapping[str, tuple[str, Pooled]]
) -> Iterator[dict[str, Tensor]]:
    """Collect the responses (n, units) of `layers` of `network` when it is run in the block.

    Each layer is the name of a module and how responses are read from what it returns. Raises
    InputError when a module is not run exactly once, or returns no tensor (n, ...).
    """
    found: dict[str, Tensor] = {}

    def keeper(layer: str, pooled: Pooled) -> Callable[[nn.Module, tuple, object], None]:
        def keep(_: nn.Module, __: tuple, output: object) -> None:
            values = first_tensor(output)
            if layer in found or values is None or values.dim() < 2:
                raise _unreadable(layer)
            found[layer] = _responses(values, pooled, layer)

        return keep

    handles = [
        _module(network, name).register_forward_hook(keeper(layer, pooled))
        for layer, (name, pooled) in layers.items()
    ]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
    for layer in layers:
        if layer not in found:
            raise InputError(f"layer {layer} of the model: its module is not run")


class ForwardReadout:
    """The outputs of a network, run again with the units of a module at 0 or at given values.

    Whatever the module returns for a silenced unit is set to its value, everywhere in time and
    frequency.
    """

    def __init__(
        self,
        network: nn.Module,
        module: str,
        batches: Callable[[], Iterable[Tensor]],
        stored: np.ndarray,
        order: Callable[[np.ndarray], np.ndarray] = lambda outputs: outputs,
        pooled: Pooled = _MEAN,
        clips_at_once: int = 64,
    ) -> None:
        """Take the units of `module` of `network`, which is in evaluation mode on its device.

        `batches` returns the clips' spectrograms (n, mels, frames), in dB, batch by batch, and the
        same each time; `stored` are the outputs (clips, classes) that were stored for them. `order`
        puts outputs that are in the order of the batches into that of the stored ones. `pooled`
        says where the units are, and at most `clips_at_once` clips are run at a time. Raises
        ValueError when the network's outputs differ from the stored ones.
        """
        self._network = network
        self._module = _module(network, module)
        self._batches, self._order, self._pooled = batches, order, pooled
        self._clips_at_once = clips_at_once
        # Many lesions of few clips take no more memory than some of many clips do, and what comes
        # before the module is run less often.
        self._together = int(np.clip(_OUTPUTS_BYTES // max(stored.nbytes, 1), *_TOGETHER))
        self._is_checked = False
        self.outgoing: np.ndarray | None = None
        """Not known: what follows the module may be anything."""
        self.units = 0
        """How many units the module has."""
        started = time.monotonic()
        (self.outputs,) = self._run([None])
        """The outputs without a lesion, computed like those with one."""
        self._seconds = time.monotonic() - started
        limit = _ROUNDING * np.abs(stored).max(initial=1e-6)
        # This form of the condition also refuses NaN.
        alike = self.outputs.shape == stored.shape
        if not (alike and np.abs(self.outputs - stored).max(initial=0.0) <= limit):
            raise ValueError("not those of the network")

    def seconds_of(self, lesions: int) -> tuple[float, float] | None:
        """Return how long so many lesions take at least, if little follows the module, and at most.

        That is a pass over all clips for as many as are run together, or one for each.
        """
        return math.ceil(lesions / self._together) * self._seconds, lesions * self._seconds

    def lesioned(self, lesions: Iterable[Lesion]) -> Iterator[np.ndarray]:
        """Yield the outputs (clips, classes) under each of `lesions`.

        What comes before the module is run once for many lesions (8 to 64), if what follows can go
        on with a larger batch.
        """
        coming = iter(lesions)
        while several := list(islice(coming, self._together)):
            yield from self._run(several)

    @torch.inference_mode()
    def _run(self, lesions: Sequence[Lesion | None]) -> list[np.ndarray]:
        """Return the outputs under each of `lesions` (None: without one)."""
        parts: list[list[Tensor]] = [[] for _ in lesions]
        clips = max(_GROWTH * self._clips_at_once // max(len(lesions), _GROWTH), 1)
        for batch in self._batches():
            for log_mel in batch.float().split(clips):
                outputs = self._outputs(log_mel, lesions)
                for place, of_lesion in enumerate(outputs):
                    parts[place].append(of_lesion.float().cpu())
        return [self._order(torch.cat(of_lesion).numpy()) for of_lesion in parts]

    def _outputs(self, log_mel: Tensor, lesions: Sequence[Lesion | None]) -> list[Tensor]:
        """Return the outputs (n, classes) to `log_mel` under each of `lesions`."""
        if len(lesions) == 1 or self._together == 1:
            return [self._pass(log_mel, [lesion]) for lesion in lesions]
        if self._is_checked:
            return list(self._pass(log_mel, lesions).chunk(len(lesions)))
        self._is_checked = True
        one_by_one = [self._pass(log_mel, [lesion]) for lesion in lesions]
        try:
            at_once = self._pass(log_mel, lesions).chunk(len(lesions))
            limit = _ALIKE * max(float(values.abs().max()) for values in one_by_one)
            alike = all(
                one.shape == other.shape and float((one - other).abs().max()) <= limit
                for one, other in zip(at_once, one_by_one, strict=True)
            )
        # The code of others may fail in any way on a batch that grows on its way.
        except Exception as error:
            if isinstance(error, RuntimeError) and is_full(error):
                raise
            alike = False
        if not alike:
            logging.info("the network cannot go on with several lesions at once: one by one")
            self._together = 1
        return one_by_one

    def _pass(self, log_mel: Tensor, lesions: Sequence[Lesion | None]) -> Tensor:
        """Return the outputs (lesions x n, classes) to `log_mel` (n, mels, frames)."""
        n = len(log_mel)

        def silence(_: nn.Module, __: tuple, output: object) -> object:
            values = first_tensor(output)
            if values is None or values.dim() < 2 or len(values) != n:
                raise InputError(
                    "the module of the lesioned layer must run once and return a tensor (n, ...)"
                )
            units = _by_unit(values, self._pooled)
            self.units = units.shape[1]
            if all(lesion is None for lesion in lesions) and len(lesions) == 1:
                return output
            changed = torch.cat([_silenced(units, lesion) for lesion in lesions])
            return _replaced(output, _as_before(changed, values, self._pooled))

        handle = self._module.register_forward_hook(silence)
        try:
            return self._network(log_mel)
        finally:
            handle.remove()


def first_tensor(output: object) -> Tensor | None:
    """Return the first tensor in what a module returns: a tensor, or a tuple or mapping of some."""
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping):
        output = tuple(output.values())
    if isinstance(output, tuple | list):
        return next((value for value in output if isinstance(value, Tensor)), None)
    return None


def _replaced(output: object, values: Tensor) -> object:
    """Return `output` with `values` in place of its first tensor."""
    if isinstance(output, Tensor):
        return values
    if isinstance(output, MutableMapping):
        first = next(key for key, value in output.items() if isinstance(value, Tensor))
        changed = copy(output)
        changed[first] = values
        return changed
    assert isinstance(output, tuple | list)
    place = next(place for place, value in enumerate(output) if isinstance(value, Tensor))
    parts = [*output[:place], values, *output[place + 1 :]]
    # A named tuple takes them one by one.
    return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)


def _by_unit(values: Tensor, pooled: Pooled) -> Tensor:
    """Return `values` (n, ...) as (n, units, positions); (n, units, 1) without positions."""
    if values.dim() == 2:
        return values.unsqueeze(2)
    moved = values.movedim(pooled.units_on(values.dim()), 1).flatten(2)
    return moved.flatten(1).unsqueeze(2) if pooled.how == "none" else moved


def _as_before(units: Tensor, values: Tensor, pooled: Pooled) -> Tensor:
    """Return `units`, as of `_by_unit`, in the shape of the `values`, but for the first axis."""
    if values.dim() == 2:
        return units.flatten(1)
    axis = pooled.units_on(values.dim())
    moved = values.movedim(axis, 1).shape[1:]
    return units.reshape(len(units), *moved).movedim(1, axis)


def _responses(values: Tensor, pooled: Pooled, layer: str) -> Tensor:
    """Return the responses (n, units) that are read from what the module of `layer` returns."""
    if values.dim() == 2:
        return values.clone()
    if pooled.how == "cls" and values.dim() != 3:
        raise InputError(
            f"layer {layer} of the model returns {tuple(values.shape)}; with pooling: cls it must "
            "return (clips, tokens, units)"
        )
    units = _by_unit(values, pooled)
    if pooled.how == "max":
        return units.amax(2)
    # A copy, since the network may overwrite what its module returned.
    return units[:, :, 0].clone() if pooled.how in ("cls", "none") else units.mean(2)


def _silenced(units: Tensor, lesion: Lesion | None) -> Tensor:
    """Return `units` (n, units, positions) under a lesion."""
    if lesion is None:
        return units
    numbers, values = lesion
    changed = units.clone()
    silenced = torch.as_tensor(numbers.copy(), device=units.device)
    if values is None:
        changed[:, silenced] = 0
    else:
        fill = torch.as_tensor(values[numbers], dtype=units.dtype, device=units.device)
        changed[:, silenced] = fill.view(-1, 1).expand(-1, units.shape[2])
    return changed


def _unreadable(layer: str) -> InputError:
    return InputError(
        f"layer {layer} of the model: its module must run once in a forward pass and return a "
        "tensor (n, units, ...)"
    )


def _module(network: nn.Module, name: str) -> nn.Module:
    try:
        return network.get_submodule(name)
    except AttributeError as error:
        raise InputError(f"the model's network has no module {name} ({error})") from error
