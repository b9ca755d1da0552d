"""AdamW and the one-cycle schedule, without the import of `torch.optim`'s optimizers.

They are PyTorch's own arithmetic, to the last bit. The first optimizer of `torch.optim` that is
made imports PyTorch's compiler, which takes seconds.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

_BETA2, _EPSILON = 0.999, 1e-8
_PIECE = 2**14
# The shape of the schedule: OneCycleLR's defaults.
_RISING = 0.3
_START, _END = 25, 1e4
_HIGHEST_MOMENTUM, _LOWEST_MOMENTUM = 0.95, 0.85


class AdamW:
    """The state of AdamW (Loshchilov & Hutter, 2019, https://arxiv.org/abs/1711.05101)."""

    def __init__(self, parameters: Iterable[Tensor], weight_decay: float) -> None:
        """Make the moments of `parameters`, in their order in memory.

        The fused step walks weights, gradients and moments side by side in memory.
        """
        self.parameters = list(parameters)
        self.first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.second = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]
        self._weight_decay = weight_decay
        self._given: Sequence[Tensor | None] | None = None
        self._moved: list[list[Tensor]] = []

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor | None], rate: float, momentum: float) -> None:
        """Move the parameters by their `gradients`; `momentum` is the first moment's beta.

        Each gradient has its parameter's order in memory, as `backward` leaves it. A parameter
        without a gradient stays as it is.
        """
        # A graph writes the same gradients each time.
        if gradients is not self._given:
            self._given, self._moved = gradients, self._side_by_side(gradients)
        counted, parameters, given, first, second, steps = self._moved
        torch._foreach_add_(counted, 1)
        torch._fused_adamw_(
            parameters,
            given,
            first,
            second,
            [],
            steps,
            amsgrad=False,
            lr=rate,
            beta1=momentum,
            beta2=_BETA2,
            weight_decay=self._weight_decay,
            eps=_EPSILON,
            maximize=False,
        )

    def _side_by_side(self, gradients: Sequence[Tensor | None]) -> list[list[Tensor]]:
        """Return the counts of the parameters with gradients, and what the fused step takes.

        That is parameters, gradients, both moments and counts. On a GPU they are in pieces, since
        its kernel leaves a large tensor to few of the GPU's processors.
        """
        every = zip(self._steps, self.parameters, gradients, self.first, self.second, strict=True)
        counted: list[Tensor] = []
        moved: list[list[Tensor]] = [[], [], [], [], []]
        for steps, *tensors in every:
            if tensors[1] is None:
                continue
            counted.append(steps)
            pieces = [_pieces(tensor.detach()) for tensor in tensors if tensor is not None]
            for taken, of_tensor in zip(moved, pieces, strict=False):
                taken.extend(of_tensor)
            moved[-1].extend([steps] * len(pieces[0]))
        return [counted, *moved]

    def restore(self, first: Sequence[Tensor], second: Sequence[Tensor], steps: int) -> None:
        """Take the state after `steps` steps."""
        for moments, stored in ((self.first, first), (self.second, second)):
            for moment, value in zip(moments, stored, strict=True):
                moment.copy_(value)
        for count in self._steps:
            count.fill_(steps)


def _pieces(tensor: Tensor) -> Sequence[Tensor]:
    if not tensor.is_cuda:
        return [tensor]
    return tensor.as_strided((tensor.numel(),), (1,)).split(_PIECE)


def one_cycle(highest_rate: float, steps: int) -> list[tuple[float, float]]:
    """Return the learning rate and the momentum of each of `steps` steps.

    They are those of PyTorch's OneCycleLR with linear annealing (Smith & Topin, 2018,
    https://arxiv.org/abs/1708.07120): the rate rises to `highest_rate` while the momentum falls,
    then both go back.
    """
    turn = float(_RISING * steps) - 1
    start = highest_rate / _START
    phases = (
        (turn, start, highest_rate, _HIGHEST_MOMENTUM, _LOWEST_MOMENTUM),
        (steps - 1, highest_rate, start / _END, _LOWEST_MOMENTUM, _HIGHEST_MOMENTUM),
    )
    schedule = []
    for step in range(steps):
        begin = 0.0 if step <= turn else turn
        end, rate, later_rate, momentum, later_momentum = phases[0 if step <= turn else 1]
        part = (step - begin) / (end - begin)
        schedule.append(
            ((later_rate - rate) * part + rate, (later_momentum - momentum) * part + momentum)
        )
    return schedule
