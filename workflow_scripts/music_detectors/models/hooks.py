"""Responses and lesions of any network, by hooks on its modules during a forward pass."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from music_detectors.common.errors import InputError

# Stored outputs may have been computed on another device; other weights' differ by far more.
_ROUNDING = 0.01


class HookedEvaluation:
    """A network whose layers' responses are the outputs of some of its modules."""

    def __init__(self, network: nn.Module, modules: Mapping[str, str]) -> None:
        """Read the layers of `network`, in evaluation mode, from `modules`: layer to module name.

        Raises InputError for a module that the network does not have.
        """
        self._network = network
        self._modules = {layer: _module(network, name) for layer, name in modules.items()}

    @torch.inference_mode()
    def __call__(self, log_mel: Tensor) -> dict[str, Tensor]:
        """Return the responses (n, units) float32 of every layer to `log_mel` (n, mels, frames)."""
        return self.with_gradient(log_mel)

    def with_gradient(self, log_mel: Tensor) -> dict[str, Tensor]:
        """Return the same, through which gradients flow back to `log_mel`.

        A response is the mean of what a module returns for a unit (over frequency and time). Raises
        InputError when a module is not run exactly once, or does not return (n, units, ...).
        """
        found: dict[str, Tensor] = {}

        def keeper(layer: str) -> Callable[[nn.Module, tuple, object], None]:
            def keep(_: nn.Module, __: tuple, output: object) -> None:
                if (
                    layer in found
                    or not isinstance(output, Tensor)
                    or output.dim() < 2
                    or len(output) != len(log_mel)
                ):
                    raise InputError(
                        f"layer {layer} of the model: its module must run once in a forward pass "
                        "and return a tensor (n, units, ...)"
                    )
                found[layer] = output.flatten(2).mean(2) if output.dim() > 2 else output.clone()

            return keep

        handles = [
            module.register_forward_hook(keeper(layer)) for layer, module in self._modules.items()
        ]
        try:
            self._network(log_mel)
        finally:
            for handle in handles:
                handle.remove()
        for layer in self._modules:
            if layer not in found:
                raise InputError(f"layer {layer} of the model: its module is not run")
        return {layer: found[layer].float() for layer in self._modules}


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
    ) -> None:
        """Take the units of `module` of `network`, which is in evaluation mode on its device.

        `batches` returns the clips' spectrograms (n, mels, frames), in dB, batch by batch, and the
        same each time; `stored` are the outputs (clips, classes) that were stored for them. `order`
        puts outputs that are in the order of the batches into that of the stored ones. Raises
        ValueError when the network's outputs differ from these.
        """
        self._network = network
        self._module = _module(network, module)
        self._batches = batches
        self._order = order
        self.outgoing: np.ndarray | None = None
        """Not known: what follows the module may be anything."""
        self.units = 0
        """How many units the module has."""
        self.outputs = self._run(None)
        """The outputs without a lesion, computed like those with one."""
        limit = _ROUNDING * np.abs(stored).max(initial=1e-6)
        # This form of the condition also refuses NaN.
        alike = self.outputs.shape == stored.shape
        if not (alike and np.abs(self.outputs - stored).max(initial=0.0) <= limit):
            raise ValueError("not those of the network")

    def lesioned(
        self, order: np.ndarray, counts: Sequence[int], values: np.ndarray | None = None
    ) -> Iterator[np.ndarray]:
        """Yield the outputs (clips, classes) with the first of `order` silenced, for each count.

        They are at 0, or at `values` (units,). Setting units that never respond to 0 changes
        nothing, to the last bit.
        """
        for count in counts:
            yield self._run(order[:count], values)

    @torch.inference_mode()
    def _run(self, silenced: np.ndarray | None, values: np.ndarray | None = None) -> np.ndarray:
        def silence(_: nn.Module, __: tuple, output: Tensor) -> Tensor:
            self.units = output.shape[1]
            if silenced is None:
                return output
            lesioned = output.clone()
            units = torch.as_tensor(silenced.copy(), device=output.device)
            lesioned[:, units] = 0
            if values is not None:
                fill = torch.as_tensor(values[silenced], dtype=output.dtype, device=output.device)
                lesioned[:, units] = fill.view(-1, *[1] * (output.dim() - 2)).expand_as(
                    lesioned[:, units]
                )
            return lesioned

        handle = self._module.register_forward_hook(silence)
        try:
            parts = [self._network(log_mel.float()).float().cpu() for log_mel in self._batches()]
        finally:
            handle.remove()
        return self._order(torch.cat(parts).numpy())


def _module(network: nn.Module, name: str) -> nn.Module:
    try:
        return network.get_submodule(name)
    except AttributeError as error:
        raise InputError(f"the model's network has no module {name} ({error})") from error
