"""How a network's outputs depend on a layer's units: from stored responses, or by running it."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load

from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.sealed import read_sealed
from music_detectors.models.protocol import Pooled, Readout, TrainedModel
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.spectrograms.shard import read_index


@dataclass(frozen=True)
class Forward:
    """What running a network again needs: the clips' index, what of them the network heard
    (`pooled`, as in `models.heard`), and where to compute.
    """

    index: str | os.PathLike
    device: str
    threads: int
    memory_mb: int
    pooled: str | None = None


def read_readout(
    model: TrainedModel,
    name: str,
    weights: str | os.PathLike,
    responses: str | os.PathLike,
    layer: str,
    forward: Forward,
) -> tuple[list[str], Readout]:
    """Return the clip ids of a file of `responses`, and how the outputs depend on `layer`.

    `model` is called `name`. If it has no readout of its own, its network is run again, as
    `forward` says. Raises InputError when a file cannot be read or the responses are not those of
    the network at `weights`.
    """
    outputs = read_layers(responses).outputs
    if outputs is None or outputs != model.outputs:
        raise damaged(responses, "responses", f"their outputs are {outputs}, not {model.outputs}")
    clip_ids, of_layer = read_responses(responses, [layer, outputs])
    content, about = read_sealed(weights, "weights")
    if about.get("model") != name:
        raise damaged(weights, "weights", f"of the model {about.get('model')}, not {name}")
    try:
        readout = model.readout(load(content), of_layer, layer)
        if readout is None:
            readout = _run_again(model, name, weights, layer, clip_ids, of_layer[outputs], forward)
    except KeyError as error:
        raise damaged(weights, "weights", f"it has no {error}") from error
    except ValueError as error:
        raise damaged(responses, "responses", f"{error} {weights}") from error
    return clip_ids, readout


def _run_again(
    model: TrainedModel,
    name: str,
    weights: str | os.PathLike,
    layer: str,
    clip_ids: list[str],
    outputs: np.ndarray,
    forward: Forward,
) -> Readout:
    """Return the outputs by forward passes. Only this needs PyTorch, so it is imported here."""
    from music_detectors.models.device import prepare_device
    from music_detectors.models.heard import by_clip, heard_together
    from music_detectors.models.hooks import ForwardReadout
    from music_detectors.models.weights import read_network
    from music_detectors.training.data import batches_heard, open_spectrograms

    if layer not in model.modules:
        raise InputError(f"{name} has neither a readout nor a module for a lesion of layer {layer}")
    index = read_index(forward.index)
    places = pd.Index(index["clip_id"]).get_indexer(clip_ids)
    if (places < 0).any():
        missing = clip_ids[int(np.argmax(places < 0))]
        raise damaged(forward.index, "table", f"lacks clip {missing}, which has responses")
    device = prepare_device(forward.device, forward.threads)
    network = read_network(weights, model, name)[0].to(device)
    listed = index.iloc[places].reset_index(drop=True)
    spectrograms, shard = open_spectrograms(Path(forward.index), listed, forward.memory_mb, device)
    model.check_size(*shard.shape)
    groups = heard_together(model, shard.shape[1], listed["n_frames"].to_numpy(), forward.pooled)

    return ForwardReadout(
        network,
        model.modules[layer],
        lambda: batches_heard(spectrograms, groups),
        outputs,
        lambda rows: by_clip(rows, groups),
        model.pooled.get(layer, Pooled()),
        model.clips_at_once if device.type == "cpu" else model.clips_at_once_on_gpu,
    )
