"""The file of a model's tensors and their origin; it contains no code that could run."""

import os
from collections.abc import Mapping
from threading import Lock

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from music_detectors.common.damage import damaged
from music_detectors.common.files import replacing
from music_detectors.common.sealed import metadata, read_sealed, sealed
from music_detectors.models.protocol import Evaluation, FixedModel, Model, TrainedModel

_drawing = Lock()


def write_tensors(
    path: str | os.PathLike, tensors: Mapping[str, torch.Tensor], about: Mapping[str, object]
) -> None:
    """Write `tensors` and the JSON-able `about` as safetensors, whole or not at all.

    The same content gives the same bytes.
    """
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = sealed(save(stored, metadata(about, path)))
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


def initial_network(model: TrainedModel, classes: int, seed: int) -> nn.Module:
    """Return the network of `model` with `classes` outputs whose weights follow from `seed` alone.

    The state of PyTorch's global generator is left as it was.
    """
    # Threads share the generator.
    with _drawing, torch.random.fork_rng(devices=[]):
        # torch.manual_seed would import PyTorch's compiler, for seconds.
        torch.default_generator.manual_seed(seed)
        return model.network(classes)


def read_network(path: str | os.PathLike, model: TrainedModel, name: str) -> tuple[nn.Module, dict]:
    """Return the network of `model` (called `name`) with the weights at `path`, and its `about`.

    The network is in evaluation mode.

    Raises InputError, naming the file, when it is missing, damaged or of another model.
    """
    tensors, about = _read_of(path, name)
    try:
        network = model.network(about["classes"])
        network.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise damaged(path, "weights", f"of another network: {error}") from error
    return network.eval(), about


def write_snapshots(
    path: str | os.PathLike,
    snapshots: Mapping[int, Mapping[str, torch.Tensor]],
    about: Mapping[str, object],
) -> None:
    """Write the states of a network after some epochs, and `about` it, as `write_tensors` does.

    A tensor is called `epoch-3/<name>`; in place of one `epoch`, the file lists all `epochs`.
    """
    tensors = {
        f"epoch-{epoch}/{name}": tensor
        for epoch, state in snapshots.items()
        for name, tensor in state.items()
    }
    rest = {key: value for key, value in about.items() if key != "epoch"}
    write_tensors(path, tensors, {**rest, "epochs": sorted(snapshots)})


def read_snapshots(
    path: str | os.PathLike, model: TrainedModel, name: str
) -> tuple[dict[int, nn.Module], dict]:
    """Return the network of `model` (called `name`) by epoch, in order, and the file's `about`.

    The networks are in evaluation mode; epoch 0 is the initial one. Raises InputError, naming the
    file, when it is missing, damaged or of another model.
    """
    tensors, about = _read_of(path, name, "snapshots")
    networks = {}
    try:
        for epoch in about["epochs"]:
            prefix = f"epoch-{epoch}/"
            network = model.network(about["classes"])
            network.load_state_dict(
                {
                    key.removeprefix(prefix): tensor
                    for key, tensor in tensors.items()
                    if key.startswith(prefix)
                }
            )
            networks[epoch] = network.eval()
    except (KeyError, TypeError, RuntimeError) as error:
        raise damaged(path, "snapshots", f"of another network: {error}") from error
    return networks, about


def read_evaluation(
    path: str | os.PathLike, model: Model, name: str, device: torch.device
) -> Evaluation:
    """Return `model` (called `name`) with the weights at `path` on `device`, ready to hear clips.

    Raises InputError, naming the file, when it is missing, damaged or of another model.
    """
    if isinstance(model, TrainedModel):
        return model.evaluation(read_network(path, model, name)[0], device)
    assert isinstance(model, FixedModel)
    tensors = {key: tensor.to(device) for key, tensor in _read_of(path, name)[0].items()}

    @torch.inference_mode()
    def evaluation(log_mel: Tensor) -> Mapping[str, Tensor]:
        return model.responses(tensors, log_mel)

    return evaluation


def _read_of(
    path: str | os.PathLike, name: str, kind: str = "weights"
) -> tuple[dict[str, Tensor], dict]:
    tensors, about = read_tensors(path, kind)
    if about.get("model") != name:
        raise damaged(path, kind, f"of the model {about.get('model')}, not {name}")
    return tensors, about
