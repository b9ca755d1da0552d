"""The file of a trained network: weights and what they came from, nothing that can execute."""

import os
from collections.abc import Mapping

import torch
from safetensors.torch import load, save

from music_detectors.common.damage import damaged
from music_detectors.common.files import replacing
from music_detectors.common.sealed import metadata, read_sealed, sealed
from music_detectors.models.kim2024.architecture import Network


def write_tensors(
    path: str | os.PathLike, tensors: Mapping[str, torch.Tensor], about: Mapping[str, object]
) -> None:
    """Write `tensors` and the JSON-able `about` as safetensors, whole or not at all.

    The same content gives the same bytes.
    """
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = sealed(save(stored, metadata(about)))
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def read_tensors(
    path: str | os.PathLike, kind: str = "weights"
) -> tuple[dict[str, torch.Tensor], dict]:
    """Return the tensors and `about` of a `kind` of file made by `write_tensors`.

    Raises InputError, naming the file, when it is missing or damaged.
    """
    content, about = read_sealed(path, kind)
    return load(content), about


def read_network(path: str | os.PathLike) -> tuple[Network, dict]:
    """Return the network whose weights lie at `path`, in evaluation mode, and what is known of it.

    Raises InputError, naming the file, when it is missing, damaged or of another architecture.
    """
    tensors, about = read_tensors(path)
    try:
        network = Network(about["classes"])
        network.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise damaged(path, "weights", f"of another network: {error}") from error
    return network.eval(), about
