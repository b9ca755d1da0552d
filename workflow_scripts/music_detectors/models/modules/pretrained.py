"""Weights of others, read into a module; nothing in a file can run code."""

import os
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy._core.multiarray import _reconstruct, scalar
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from music_detectors.common.errors import InputError, one_line, warn

_WITHIN = ("state_dict", "model_state_dict", "model", "weights")
_LISTED = 3
# What arrays and numbers of NumPy are made of, under the names of NumPy 1 too: files of torch.save
# may hold some beside the tensors. None of it can run code.
_OF_NUMPY = [
    *(
        (one, f"numpy.{core}.multiarray.{one.__name__}")
        for one in (_reconstruct, scalar)
        for core in ("core", "_core")
    ),
    np.ndarray,
    np.dtype,
    *(getattr(np.dtypes, name) for name in np.dtypes.__all__ if name != "ObjectDType"),
]
# What PyTorch calls the parts of a normalised weight, and called them before 2.0.
_OLDER = {
    ".parametrizations.weight.original0": ".weight_g",
    ".parametrizations.weight.original1": ".weight_v",
}


def load_pretrained(module: nn.Module, path: str | os.PathLike, key: str) -> None:
    """Load the tensors of the file at `path` into `module`.

    The file is .safetensors, or one of torch.save, which is read with `weights_only`. A checkpoint
    may hold the tensors under state_dict, model_state_dict, model or weights. Tensors that the
    module lacks are left out with a warning. Raises InputError, naming `key`, the file and the
    tensors, when it cannot be read, lacks a tensor, or has one of another shape or that is not
    finite.
    """
    stored = _tensors(path, key)
    own = module.state_dict()
    # Networks that were trained on several GPUs have this before each name.
    if not set(own) & set(stored) and all(name.startswith("module.") for name in stored):
        stored = {name.removeprefix("module."): tensor for name, tensor in stored.items()}
    for name in own:
        for now, before in _OLDER.items():
            older = name.removesuffix(now) + before
            if name.endswith(now) and older in stored:
                stored[name] = stored.pop(older)
    lacking = [name for name in own if name not in stored]
    if lacking:
        raise InputError(
            f"{key}: {path} lacks {_named(lacking)}, of {len(own)} tensors of the network; it has "
            f"{_named(list(stored))}"
        )
    for name, tensor in own.items():
        found = stored[name]
        if found.shape != tensor.shape:
            raise InputError(
                f"{key}: {name} is {tuple(found.shape)} in {path}, and {tuple(tensor.shape)} in "
                "the network; the weights are of another network, or of other arguments"
            )
        if found.is_floating_point() and not torch.isfinite(found).all():
            raise InputError(f"{key}: {name} in {path} is not finite")
    unused = [name for name in stored if name not in own]
    if unused:
        warn(f"{key}: the network has no place for {_named(unused)} of {path}; left out")
    module.load_state_dict({name: stored[name] for name in own})


def _tensors(path: str | os.PathLike, key: str) -> dict[str, Tensor]:
    try:
        if Path(path).suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings(), torch.serialization.safe_globals(_OF_NUMPY):
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{key}: {path} holds more than tensors, which could run code, and is not read; save "
            "the network's state_dict() alone, best as .safetensors"
        ) from error
    except (OSError, RuntimeError, ValueError, EOFError, SafetensorError) as error:
        raise InputError(f"{key}: {path} cannot be read ({one_line(error, 200)})") from error
    for name in _WITHIN:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    tensors = dict(content) if isinstance(content, Mapping) else {}
    tensors = {name: value for name, value in tensors.items() if isinstance(value, Tensor)}
    if not tensors:
        raise InputError(f"{key}: {path} holds no tensors by name, such as a state_dict()")
    return tensors


def _named(names: list[str]) -> str:
    listed = ", ".join(one_line(name, 100) for name in names[:_LISTED])
    return f"{listed} and {len(names) - _LISTED} more" if len(names) > _LISTED else listed
