"""The file of a trained network: weights and what they came from, nothing that can execute."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from stages.common.errors import InputError, one_line
from stages.common.files import replacing
from stages.networks.architecture import Network

_ABOUT = "about"
_CHECKSUM = "tensors_sha256"


def write_tensors(
    path: str | os.PathLike, tensors: Mapping[str, torch.Tensor], about: Mapping[str, object]
) -> None:
    """Write `tensors` and the JSON-able `about` as safetensors, whole or not at all.

    The same content gives the same bytes.
    """
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    about = {**about, _CHECKSUM: _checksum(stored)}
    # One entry, because safetensors writes several in an order that changes from run to run.
    content = save(stored, {_ABOUT: json.dumps(about, sort_keys=True)})
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read_tensors(path: str | os.PathLike) -> tuple[dict[str, torch.Tensor], dict]:
    """Return the tensors and `about` of a file made by `write_tensors`.

    Raises InputError, naming the file, when it is missing or damaged.
    """
    try:
        content = Path(path).read_bytes()
        tensors = load(content)
        # Eight bytes of length, then a JSON header (https://huggingface.co/docs/safetensors).
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        about = json.loads(header["__metadata__"][_ABOUT])
        whole = about.pop(_CHECKSUM) == _checksum(tensors)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the rule that makes it") from None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: damaged weights ({one_line(error)}); delete it and run again"
        ) from error
    if not whole:
        raise InputError(
            f"{path}: damaged weights (the checksum does not hold); delete it and run again"
        )
    return tensors, about


def read_network(path: str | os.PathLike) -> tuple[Network, dict]:
    """Return the network whose weights lie at `path`, in evaluation mode, and what is known of it.

    Raises InputError, naming the file, when it is missing, damaged or of another architecture.
    """
    tensors, about = read_tensors(path)
    try:
        network = Network(about["classes"])
        network.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise InputError(
            f"{path}: weights of another network ({one_line(error)}); delete it and run again"
        ) from error
    return network.eval(), about


def _checksum(tensors: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name}\0".encode())
        digest.update(tensors[name].numpy())
    return digest.hexdigest()
