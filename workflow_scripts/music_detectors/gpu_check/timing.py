"""How long a training step takes on a GPU, and which of its kernels are slowest."""

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import torch

from music_detectors.models.device import BFLOAT16, prepare_device
from music_detectors.models.kim2024 import Kim2024
from music_detectors.models.weights import initial_network
from music_detectors.training.data import Spectrograms
from music_detectors.training.optimizer import AdamW
from music_detectors.training.steps import Steps, gradients

_BATCH, _FRAMES, _CLASSES = 32, 802, 527
# Floating-point operations for a clip of 802 frames: forwards and backwards, and forwards alone.
TRAINING_FLOP, FORWARD_FLOP = 1.438e9, 0.4827e9
# Bytes of a step that read and write each activation once between convolutions.
STEP_BYTES = 301e6
_SLOWEST = 15


class _Held:
    """A batch of spectrograms on the GPU."""

    def __init__(self, device: torch.device) -> None:
        noise = torch.randn(_BATCH, 64, _FRAMES, device=device) * 15 - 45
        self.on_gpu = noise.half()


def step_times(rounds: int) -> dict[str, Any]:
    """Return the microseconds of a step, by graph and without, and of its slowest kernels.

    Where Triton is installed, they are also returned for its blocks, with the seconds until the
    first of these steps.
    """
    found = _step_times(rounds, fused=False)
    if importlib.util.find_spec("triton") is not None:
        started = time.perf_counter()
        _step_times(1, fused=True)
        # Triton keeps what it has compiled, for later jobs too.
        first = time.perf_counter() - started
        found |= {"Triton": _step_times(rounds, fused=True), "Triton's first": first}
    return found


def _step_times(rounds: int, *, fused: bool) -> dict[str, Any]:
    device, model = prepare_device("cuda", 1), Kim2024()
    with torch.cuda.stream(torch.cuda.Stream(device)):
        network = initial_network(model, _CLASSES, 1).to(device)
        if fused:
            model.fuse(network)
        held = _Held(device)
        labels = torch.rand(_BATCH, _CLASSES, device=device) < 0.004
        spectrograms: Spectrograms = held  # type: ignore[assignment]
        steps = Steps(network, spectrograms, labels, [_BATCH], BFLOAT16)
        optimizer = AdamW(network.parameters(), 0.01)
        graph = steps._graph
        assert graph is not None
        dropout = torch.Generator(device)

        def captured() -> None:
            graph._graph.replay()
            optimizer.step(graph._gradients, 0.0001, 0.9)
            graph._place.zero_()

        def eager() -> None:
            _, found = gradients(network, held.on_gpu, labels, dropout, BFLOAT16)
            optimizer.step(found, 0.0001, 0.9)

        return {
            "with a graph": _microseconds(captured, rounds),
            "without": _microseconds(eager, max(rounds // 5, 5)),
            "slowest": _kernels(captured),
        }


def rates() -> dict[str, float]:
    """Return what the GPU does at best: bfloat16 operations and bytes of memory a second."""
    prepare_device("cuda", 1)
    size = 8192
    a = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)
    product = _microseconds(lambda: a @ a, 20)
    source = torch.empty(2**30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    copy = _microseconds(lambda: target.copy_(source), 20)
    return {"flop_per_s": 2e6 * size**3 / product, "bytes_per_s": 2e6 * 2**30 / copy}


def _microseconds(call: Callable[[], object], rounds: int) -> float:
    for _ in range(5):
        call()
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(rounds):
        call()
    torch.cuda.synchronize()
    return (time.perf_counter() - started) / rounds * 1e6


def _kernels(call: Callable[[], object], rounds: int = 5) -> list[dict[str, Any]]:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as seen:
        for _ in range(rounds):
            call()
        torch.cuda.synchronize()
    found = sorted(seen.key_averages(), key=lambda kernel: -kernel.self_device_time_total)
    return [
        {
            "kernel": kernel.key,
            "times": kernel.count / rounds,
            "us": kernel.self_device_time_total / rounds,
        }
        for kernel in found[:_SLOWEST]
    ]
