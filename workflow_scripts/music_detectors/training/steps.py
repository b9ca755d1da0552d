"""The steps of an epoch: forward pass, loss and backward pass; on a GPU, captured in a graph.

On a GPU a step is some hundred short kernels, and starting them one by one takes longer than they
do. So the step of a whole batch is captured once as a CUDA graph, whose start is one call. A graph
has fixed addresses: it reads which clips are next from a plan on the GPU, and writes its loss and
its gradients to the same places each time.
"""

from collections.abc import Iterator, Sequence
from threading import Lock

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from music_detectors.models.device import on_device, training_in
from music_detectors.training.data import Spectrograms

_WARM_UPS = 2
# A process captures one graph at a time.
_capturing = Lock()


def gradients(
    network: nn.Module,
    log_mel: Tensor,
    labels: Tensor,
    dropout: torch.Generator,
    precision: str,
) -> tuple[Tensor, list[Tensor | None]]:
    """Return the loss of `network` on a batch, and the gradients of its parameters.

    `log_mel` is (b, mels, frames), `labels` (b, classes); `precision` as in `models.device`.
    """
    parameters = list(network.parameters())
    # Accumulated gradients have the weights' order in memory; those of `autograd.grad` need not.
    for parameter in parameters:
        parameter.grad = None
    with training_in(precision, log_mel.device):
        logits = network(log_mel.float(), dropout)
    loss_of = getattr(network, "loss", binary_cross_entropy_with_logits)
    loss = loss_of(logits.float(), labels.float())
    loss.backward()
    return loss.detach(), [parameter.grad for parameter in parameters]


class Steps:
    """The steps of every epoch of one network."""

    def __init__(
        self,
        network: nn.Module,
        spectrograms: Spectrograms,
        labels: Tensor,
        sizes: Sequence[int],
        precision: str,
        *,
        own_generator: bool = True,
    ) -> None:
        """Prepare epochs of batches of `sizes` clips, of which only the last may differ in size.

        `labels` (n, classes) bool are those of all clips, on the device. `own_generator` is as in
        `TrainedModel`: a network that draws from PyTorch's own generator is not captured.
        """
        self._network, self._spectrograms, self._labels = network, spectrograms, labels
        self._sizes, self._precision = list(sizes), precision
        self._dropout = torch.Generator(labels.device)
        self.losses = torch.zeros(len(sizes), device=labels.device)
        """The losses of the steps of the epoch so far, on the device."""
        self._own_generator = own_generator
        self._graph = _Graph(self) if labels.is_cuda and own_generator else None

    def epoch(self, order: Tensor, seed: int) -> Iterator[list[Tensor | None]]:
        """Yield the gradients of each step over the clips `order` (n,) int64, on the CPU.

        The network must be updated by them before the next step. `seed` determines which
        activations are dropped.
        """
        self._dropout.manual_seed(seed)
        if not self._own_generator:
            # torch.manual_seed would import PyTorch's compiler, for seconds.
            torch.default_generator.manual_seed(seed)
            if self._labels.is_cuda:
                torch.cuda.default_generators[self._labels.device.index].manual_seed(seed)
        self._network.train()
        batches = order.split(self._sizes)
        if self._graph is None:
            captured = 0
        else:
            captured = self._sizes.count(self._sizes[0])
            yield from self._graph.replays(batches[:captured])
        rest = batches[captured:]
        for step, (clips, log_mel) in enumerate(
            zip(rest, self._spectrograms.batches(rest), strict=True), start=captured
        ):
            labels = self._labels[on_device(clips, self._labels.device)]
            loss, found = gradients(self._network, log_mel, labels, self._dropout, self._precision)
            self.losses[step] = loss
            yield found


class _Graph:
    """The step of a whole batch, captured on the current stream."""

    def __init__(self, steps: Steps) -> None:
        labels, size = steps._labels, steps._sizes[0]
        self._spectrograms = steps._spectrograms
        self._held = steps._spectrograms.on_gpu
        self._plan = labels.new_zeros((steps._sizes.count(size), size), dtype=torch.int64)
        self._place = labels.new_zeros(1, dtype=torch.int64)
        self._log_mel: Tensor | None = None
        if self._held is None:
            self._log_mel = steps._spectrograms.batch(torch.zeros(size, dtype=torch.int64))
        self._steps = steps
        steps._network.train()
        state = [*steps._network.state_dict().values(), self._place, steps.losses]
        before = [tensor.clone() for tensor in state]
        with _capturing:
            # What is started for the first time asks for memory, which a graph cannot.
            for _ in range(_WARM_UPS):
                self._place.zero_()
                self._step()
            self._place.zero_()
            self._graph = torch.cuda.CUDAGraph()
            self._graph.register_generator_state(steps._dropout)
            stream = torch.cuda.current_stream()
            with torch.cuda.graph(self._graph, stream=stream, capture_error_mode="thread_local"):
                self._gradients = self._step()
        for tensor, value in zip(state, before, strict=True):
            tensor.copy_(value)

    def _step(self) -> list[Tensor | None]:
        steps = self._steps
        clips = self._plan.index_select(0, self._place).view(-1)
        log_mel = self._log_mel
        if log_mel is None:
            assert self._held is not None
            log_mel = self._held.index_select(0, clips)
        labels = steps._labels.index_select(0, clips)
        loss, found = gradients(steps._network, log_mel, labels, steps._dropout, steps._precision)
        steps.losses.index_copy_(0, self._place, loss.view(1))
        self._place.add_(1)
        return found

    def replays(self, batches: Sequence[Tensor]) -> Iterator[list[Tensor | None]]:
        """Yield the gradients of the step on each of `batches`, always the same tensors."""
        self._plan.copy_(on_device(torch.stack(tuple(batches)), self._plan.device))
        self._place.zero_()
        if self._log_mel is None:
            for _ in batches:
                self._graph.replay()
                yield self._gradients
        else:
            for log_mel in self._spectrograms.batches(batches):
                self._log_mel.copy_(log_mel)
                self._graph.replay()
                yield self._gradients
