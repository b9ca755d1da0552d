"""Where a network is computed, and how exactly."""

import torch

from stages.common.errors import InputError


def prepare_device(name: str, threads: int) -> torch.device:
    """Return the device that `networks.device` names and set PyTorch up for it.

    `auto` is a GPU where there is one, else the CPU, on which `threads` threads compute. What is
    computed in float32 on a GPU is computed in full (no TF32), by algorithms that do not depend on
    timing. Raises InputError when `cuda` is asked for and there is none.
    """
    torch.set_num_threads(threads)
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "networks.device is cuda but PyTorch finds no GPU here; set it to auto or cpu"
        )
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    torch.backends.cudnn.conv.fp32_precision = "ieee"
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    return torch.device("cpu" if name == "cpu" or not torch.cuda.is_available() else "cuda")
