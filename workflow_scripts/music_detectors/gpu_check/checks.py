"""Checks that two ways to a network give the same bytes, and that a GPU agrees with a CPU."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

from music_detectors.common.errors import InputError
from music_detectors.common.files import sha256
from music_detectors.gpu_check.corpus import Corpus
from music_detectors.gpu_check.jobs import train
from music_detectors.models.device import BFLOAT16, prepare_device, training_in
from music_detectors.models.kim2024 import Kim2024
from music_detectors.models.kim2024.architecture import Network
from music_detectors.models.kim2024.features import PooledFeatures
from music_detectors.models.weights import initial_network
from music_detectors.training import data, steps
from music_detectors.training import train as training
from music_detectors.training.train import TRITON

_EPOCHS = 3
_CLASSES = 527
# A GPU that has so little memory left is nearly full.
_NEARLY_FULL_BYTES = 2_500_000_000
# bfloat16 has 8 bits, so that products differ by 0.4 % at most, and their sums by less.
_RESPONSES, _LOSS, _GRADIENTS = 1e-4, 5e-3, 0.3


def equalities(
    corpus: Corpus, folder: Path, *, small: bool, device: str = "cuda"
) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Yield the name of each check of bytes, whether it holds, and what else there is to say.

    Every check trains networks of a few epochs on `corpus`; a `small` run leaves out the longest.
    """

    def bytes_of(name: str, epochs: int = _EPOCHS, **options: Any) -> list[str]:
        return _bytes(train(corpus, folder / name, epochs, device=device, **options))

    whole = bytes_of("whole")
    yield "the same job again", bytes_of("again") == whole, {}
    with patch.object(steps, "_Graph", lambda steps: None):
        yield "without a graph", bytes_of("eager") == whole, {}
    with patch.object(data, "_NETWORK_BYTES", 10**15):
        yield "spectrograms in the computer's memory", bytes_of("host") == whole, {}
        yield "spectrograms in their shards", bytes_of("shards", memory_mb=0) == whole, {}
    with _killed_after(1):
        try:
            bytes_of("killed")
            killed = False
        except _Killed:
            killed = True
    yield "killed after an epoch, and continued", killed and bytes_of("killed") == whole, {}
    together = bytes_of("two", replicates=[1, 2])
    yield "beside another network", together[0] == whole[0], {}
    yield "two networks differ", together[0] != together[1], {}
    if not small:
        together = bytes_of("four", replicates=[4, 3, 2, 1])
        yield "beside three other networks", together[-1] == whole[0], {}
    if device == "cuda":
        with _nearly_full():
            try:
                holds, said = bytes_of("full") == whole, ""
            except InputError as error:
                holds, said = "memory is full" in str(error), str(error)
        yield "on a GPU that is nearly full, or one line that says so", holds, {"said": said}


def fused_blocks(
    corpus: Corpus, folder: Path, device: str = "cuda"
) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Yield checks of training with Triton's kernels, as `equalities` does."""
    target = prepare_device(device, 1)
    with training_in(BFLOAT16, target):
        (loss, gradients), (plain_loss, plain) = (
            _step(_network(fused=fused).to(target), *_batch(target)) for fused in (True, False)
        )
    error = abs(float(loss.detach()) / float(plain_loss.detach()) - 1)
    yield "the loss with Triton's blocks is that without", error < _LOSS, {"relative error": error}
    errors = _errors(gradients, plain)
    holds = max(errors.values()) < _GRADIENTS
    yield "gradients with Triton's blocks are those without, but for rounding", holds, errors
    if device == "cuda":
        whole = _bytes(train(corpus, folder / "fused", _EPOCHS, blocks=TRITON))
        again = _bytes(train(corpus, folder / "fused-again", _EPOCHS, blocks=TRITON))
        yield "the same job again, with Triton's blocks", again == whole, {}
        with patch.object(steps, "_Graph", lambda steps: None):
            eager = _bytes(train(corpus, folder / "fused-eager", _EPOCHS, blocks=TRITON))
        yield "without a graph, with Triton's blocks", eager == whole, {}


def _bytes(folders: Sequence[Path]) -> list[str]:
    return [sha256(place / "weights.safetensors") for place in folders]


class _Killed(Exception):
    pass


@contextmanager
def _killed_after(epoch: int) -> Iterator[None]:
    save = training.save_checkpoint

    def save_and_die(path: Any, digest: str, state: Any) -> None:
        save(path, digest, state)
        if len(state.history) == epoch:
            raise _Killed

    with (
        patch.object(training, "save_checkpoint", save_and_die),
        patch.object(training, "_SECONDS_BETWEEN_CHECKPOINTS", 0),
    ):
        yield


@contextmanager
def _nearly_full() -> Iterator[None]:
    torch.cuda.empty_cache()
    free = torch.cuda.mem_get_info()[0]
    taken = torch.empty(max(free - _NEARLY_FULL_BYTES, 0), dtype=torch.uint8, device="cuda")
    try:
        yield
    finally:
        del taken
        torch.cuda.empty_cache()


def accuracy(device_name: str = "cuda") -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Yield checks of the errors of responses and of a training step, against a CPU's."""
    device, cpu = prepare_device(device_name, 1), torch.device("cpu")
    network = _network(fused=False)
    log_mel, labels = _batch(cpu)
    errors = _errors(
        PooledFeatures(copy.deepcopy(network).eval(), device)(log_mel.to(device).float()),
        PooledFeatures(copy.deepcopy(network).eval(), cpu)(log_mel.float()),
    )
    yield "responses are those of a CPU", max(errors.values()) < _RESPONSES, errors
    with training_in(BFLOAT16, device):
        there, here = _step(copy.deepcopy(network).to(device), *_batch(device))
    loss, gradients = _step(network, log_mel, labels)
    error = abs(float(there.detach()) / float(loss.detach()) - 1)
    yield "the loss is that of a CPU in float32", error < _LOSS, {"relative error": error}
    errors = _errors(here, gradients)
    yield "gradients are those of a CPU in float32", max(errors.values()) < _GRADIENTS, errors


def _network(*, fused: bool) -> Network:
    """Return a network in its initial state."""
    model = Kim2024()
    network = initial_network(model, _CLASSES, seed=3)
    assert isinstance(network, Network)
    if fused:
        model.fuse(network)
    return network


def _batch(device: torch.device, clips: int = 32, frames: int = 802) -> tuple[Tensor, Tensor]:
    """Return noise and labels on `device`, the same on each."""
    draw = torch.Generator().manual_seed(1)
    log_mel = (torch.randn(clips, 64, frames, generator=draw) * 15 - 45).half()
    # With rare labels all clips would have nearly the same gradients, which then cancel.
    labels = torch.rand(clips, _CLASSES, generator=draw) < 0.5
    return log_mel.to(device), labels.to(device)


def _step(network: nn.Module, log_mel: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss and the gradients of a step without dropout."""
    network.train()
    names = [name for name, _ in network.named_parameters()]
    logits = network(log_mel)
    loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), labels.float())
    found = torch.autograd.grad(loss, list(network.parameters()))
    return loss, dict(zip(names, found, strict=True))


def _errors(ours: Any, theirs: Any) -> dict[str, float]:
    """Return the norm of each difference, relative to that of `theirs`."""
    errors = {}
    for name, value in theirs.items():
        value = value.detach().double().cpu()
        difference = ours[name].detach().double().cpu() - value
        errors[name] = float(difference.norm() / value.norm())
    assert all(np.isfinite(error) for error in errors.values()), errors
    return errors
