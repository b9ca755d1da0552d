"""The device that computes a network, and its numerical settings."""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import torch
from torch import Tensor

from music_detectors.common.errors import InputError, one_line, warn
from music_detectors.common.kernels import kernels
from music_detectors.models.gpus import Claim, claim_gpu

# Messages of CUDA and its libraries for memory that PyTorch does not ask for itself.
_FULL = (
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
)
# The first generation of GPUs that computes in bfloat16.
_LEAST_CAPABILITY = (8, 0)
# SLURM sets them, to the numbers of GPUs, in a job that was given some.
_GIVEN_BY_SLURM = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS")

FLOAT32, BFLOAT16 = "float32", "bfloat16"
"""The precisions in which networks are trained."""
# What PyTorch calls a CPU's units for bfloat16.
_BFLOAT16_OF_CPU = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")


def prepare_device(name: str, threads: int) -> torch.device:
    """Return the device that `networks.device` names and set PyTorch up for it.

    `auto` is a GPU if there is one that can be used, else the CPU with `threads` threads. Among
    several GPUs, `claim_gpu` finds one with room, and a process always gets the same one. float32
    on a GPU has full precision (no TF32), and its algorithms are deterministic. Raises InputError
    when `cuda` is asked for, or SLURM gave the job a GPU, and there is none that can be used.
    """
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    # Set alike with the next two, it can be read, which code of others does.
    torch.backends.cudnn.allow_tf32 = False
    # PyTorch's own types lack these two.
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]
    torch.backends.cudnn.rnn.fp32_precision = "ieee"  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    if name == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        if name == "cuda":
            raise InputError(
                "networks.device is cuda but PyTorch finds no GPU here; set it to auto or cpu"
            )
        _refuse_a_wasted_gpu("finds none")
        return torch.device("cpu")
    gpu = _claimed().gpu
    trouble = _unusable(gpu)
    if trouble is not None:
        if name == "cuda":
            raise InputError(f"networks.device is cuda but {trouble}; set it to cpu")
        _refuse_a_wasted_gpu(f"cannot use it ({trouble})")
        warn(f"{trouble}; computing on the CPU")
        return torch.device("cpu")
    # The GPU for code that names none.
    torch.cuda.set_device(gpu)
    return torch.device("cuda", gpu)


def precision_on(device: torch.device, name: str) -> str:
    """Return the precision that `networks.precision` names on `device`: FLOAT32 or BFLOAT16.

    `auto` is BFLOAT16 on a GPU and FLOAT32 on a CPU. Raises InputError when the CPU has no units
    for the precision that is asked for.
    """
    if name == "auto":
        return FLOAT32 if device.type == "cpu" else BFLOAT16
    if name == BFLOAT16 and device.type == "cpu":
        has = torch.cpu.get_capabilities()
        if not any(has.get(unit) for unit in _BFLOAT16_OF_CPU):
            raise InputError(
                "networks.precision is bfloat16, for which this processor has no units "
                "(avx512_bf16 or AMX); set it to auto or float32"
            )
    return name


def training_in(precision: str, device: torch.device) -> AbstractContextManager:
    """Return the context in which networks are trained and validated on `device`.

    In BFLOAT16, PyTorch's autocast is on: it rounds the inputs of convolutions and of products of
    matrices, and a network's code may ask whether it is on.
    """
    if precision == FLOAT32:
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def kind_of(device: torch.device) -> str:
    """Return what results on `device` depend on to the last bit: `cpu`, or the kind of GPU."""
    if device.type == "cpu":
        return "cpu"
    return f"{device.type} {torch.cuda.get_device_properties(device).name}"


def kernels_of(device: torch.device) -> str:
    """Return the kernels that compute on `device`, for the record: results differ with them.

    oneDNN, whose kernels convolve, does not tell which it uses: the best that the processor has,
    up to a limit that the environment may set.
    """
    found = [kernels(), f"PyTorch {torch.backends.cpu.get_cpu_capability()}"]
    limits = (os.environ.get(name) for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"))
    found += [f"oneDNN at most {limit}" for limit in limits if limit]
    return ", ".join(found if device.type == "cpu" else [*found, kind_of(device)])


def on_device(values: Tensor, device: torch.device) -> Tensor:
    """Return `values`, which are on the CPU, on `device`, without waiting for a GPU."""
    if device.type == "cpu":
        return values
    # Only from pinned memory does a copy not wait.
    return values.pin_memory().to(device, non_blocking=True)


def pinned(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Return new memory of the computer, of any content, that a GPU can copy without a wait."""
    return torch.empty(tuple(shape), dtype=dtype, pin_memory=True)


@contextmanager
def advising_when_full() -> Iterator[None]:
    """Raise InputError, saying what to do, if the block runs out of a GPU's memory."""
    try:
        yield
    except RuntimeError as error:
        if not is_full(error):
            raise
        raise InputError(
            "the GPU's memory is full: run fewer jobs at a time on it (--resources gpu=1 for one), "
            "train fewer networks in a job (networks.per_gpu), end other programs that use it, "
            "lower networks.batch_size, or set networks.device to "
            f"cpu ({one_line(error, 160)})"
        ) from error


def is_full(error: RuntimeError) -> bool:
    """Return whether `error` says that a GPU's memory is full."""
    return isinstance(error, torch.OutOfMemoryError) or any(sign in str(error) for sign in _FULL)


def _unusable(gpu: int) -> str | None:
    """Return why networks cannot be computed on a GPU, if they cannot."""
    about = torch.cuda.get_device_properties(gpu)
    ours = (about.major, about.minor)
    if ours < _LEAST_CAPABILITY:
        return (
            f"the GPU here, {about.name}, has no bfloat16 units: it is of compute capability "
            f"{ours[0]}.{ours[1]}, and at least 8.0 is needed"
        )
    known = torch.cuda.get_arch_list()
    if not any(_runs_on(arch, ours) for arch in known):
        return (
            f"this PyTorch has no kernels for the GPU here, {about.name} (sm_{ours[0]}{ours[1]}; "
            f"it has {', '.join(known)})"
        )
    return None


def _runs_on(arch: str, capability: tuple[int, int]) -> bool:
    """Return whether code for `arch`, such as sm_90, runs on a GPU of a compute capability."""
    digits = "".join(filter(str.isdigit, arch))
    of_code = int(digits[:-1]), int(digits[-1])
    # Compiled code runs on later GPUs of its generation, code in PTX on all later ones.
    same = arch.startswith("compute") or of_code[0] == capability[0]
    return same and of_code <= capability


def _refuse_a_wasted_gpu(trouble: str) -> None:
    """Raise InputError in a job of SLURM that was given a GPU; its time limit is that of a GPU."""
    if any(os.environ.get(name) for name in _GIVEN_BY_SLURM):
        raise InputError(
            f"SLURM gave this job a GPU, but PyTorch {trouble}; set networks.device to cpu, or "
            "mend the node's driver"
        )


@cache
def _claimed() -> Claim:
    """Return the claim of this process. Asking for properties creates no context on a GPU."""
    gpus = range(torch.cuda.device_count())
    return claim_gpu([str(torch.cuda.get_device_properties(gpu).uuid) for gpu in gpus])
