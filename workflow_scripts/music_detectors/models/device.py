"""The device that computes a network, and its numerical settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch

from music_detectors.common.errors import InputError, one_line
from music_detectors.models.gpus import Claim, claim_gpu

# Messages of CUDA and its libraries for memory that PyTorch does not ask for itself.
_FULL = ("out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")


def prepare_device(name: str, threads: int) -> torch.device:
    """Return the device that `networks.device` names and set PyTorch up for it.

    `auto` is a GPU if there is one, else the CPU with `threads` threads. Among several GPUs,
    `claim_gpu` finds one with room, and a process always gets the same one. float32 on a GPU has
    full precision (no TF32), and its algorithms are deterministic. Raises InputError when `cuda` is
    asked for and there is no GPU.
    """
    torch.set_num_threads(threads)
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "networks.device is cuda but PyTorch finds no GPU here; set it to auto or cpu"
        )
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    # PyTorch's own types lack this one.
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    gpu = _claimed().gpu
    # The GPU for code that names none.
    torch.cuda.set_device(gpu)
    return torch.device("cuda", gpu)


@contextmanager
def advising_when_full() -> Iterator[None]:
    """Raise InputError, saying what to do, if the block runs out of a GPU's memory."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and not any(
            sign in str(error) for sign in _FULL
        ):
            raise
        raise InputError(
            "the GPU's memory is full: run fewer jobs at a time on it (--resources gpu=1 for one), "
            "end other programs that use it, lower networks.batch_size, or set networks.device to "
            f"cpu ({one_line(error, 160)})"
        ) from error


@cache
def _claimed() -> Claim:
    """Return the claim of this process. Asking for properties creates no context on a GPU."""
    gpus = range(torch.cuda.device_count())
    return claim_gpu([str(torch.cuda.get_device_properties(gpu).uuid) for gpu in gpus])
