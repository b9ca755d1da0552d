"""Responses on disk, readable without PyTorch.

A file says which layers it has, which of them is the model's reported one and which holds outputs.
So code that reads responses does not need the model.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import h5py
import numpy as np

from music_detectors.common.damage import damaged
from music_detectors.common.hdf5 import (
    CHECKED,
    NewFile,
    create_hdf5,
    open_hdf5,
    read_strings,
    read_text,
    write_strings,
    write_text,
)
from music_detectors.common.origins import note_network

_KIND = "responses"
_SCHEMA_VERSION = 3
_ROWS_A_CHUNK = 1024


@dataclass(frozen=True)
class Layers:
    """The layers of a file of responses, from the input on."""

    names: tuple[str, ...]
    reported: str
    """The layer that the model reports unless another of its layers is configured."""
    outputs: str | None
    """The layer that holds the outputs (one per class); None if the model has no outputs."""

    @property
    def tested(self) -> tuple[str, ...]:
        """The layers whose units are tested for selectivity: all but the outputs."""
        return tuple(name for name in self.names if name != self.outputs)

    def chosen(self, layer: str) -> str:
        """Return `layer` if it is among the tested ones, else the reported one."""
        return layer if layer in self.tested else self.reported


def snapshot_layer(epoch: int, layer: str) -> str:
    """Return the name of `layer` after `epoch` in a file of the responses of snapshots."""
    return f"epoch-{epoch}/{layer}"


def snapshot_layers(path: str | os.PathLike) -> dict[int, tuple[str, str]]:
    """Return, by epoch, the names of the reported layer and of the outputs in such a file.

    Raises InputError, naming the file, when it is missing, damaged or not of snapshots.
    """
    layers = read_layers(path)
    reported, outputs = (
        (name or "").partition("/")[2] for name in (layers.reported, layers.outputs)
    )
    epochs = [name.removeprefix("epoch-").partition("/")[0] for name in layers.names]
    try:
        found = {
            int(epoch): (snapshot_layer(int(epoch), reported), snapshot_layer(int(epoch), outputs))
            for epoch in epochs
        }
    except ValueError:
        found = {}
    if not found or any(not set(pair) <= set(layers.names) for pair in found.values()):
        raise damaged(path, _KIND, "not those of a network after several epochs")
    return found


@contextmanager
def create_responses(
    path: str | os.PathLike,
    clip_ids: Sequence[str],
    units: Mapping[str, int],
    layers: Layers,
    network_digest: str,
    stimulus: str,
) -> Iterator[NewFile]:
    """Yield a new file with a dataset (clips, units) float32 for each layer, to be filled.

    It gets the name `path` if the block succeeds. `units` gives the number of units of each layer,
    `network_digest` is the SHA-256 of the weights file.
    """
    with create_hdf5(path, _KIND, _SCHEMA_VERSION) as file:
        write_text(file, "network_digest", network_digest)
        write_text(file, "stimulus", stimulus)
        write_text(file, "layers", " ".join(layers.names))
        write_text(file, "reported_layer", layers.reported)
        write_text(file, "output_layer", layers.outputs or "")
        write_strings(file, "clip_id", clip_ids)
        for layer in layers.names:
            file.create_dataset(
                layer,
                shape=(len(clip_ids), units[layer]),
                dtype=np.float32,
                chunks=(min(_ROWS_A_CHUNK, len(clip_ids)), units[layer]),
                **CHECKED,
            )
        yield file


@contextmanager
def _opened(path: str | os.PathLike) -> Iterator[h5py.File]:
    with open_hdf5(path, _KIND, _SCHEMA_VERSION) as file:
        note_network(path, _KIND, read_text(file, "network_digest"))
        yield file


def read_layers(path: str | os.PathLike) -> Layers:
    """Return the layers of a file of responses.

    Raises InputError, naming the file, when it is missing or damaged.
    """
    with _opened(path) as file:
        names = tuple(read_text(file, "layers").split())
        reported, outputs = read_text(file, "reported_layer"), read_text(file, "output_layer")
    if reported not in names or (outputs and outputs not in names):
        raise damaged(path, _KIND, "its reported layer or its outputs are not among its layers")
    return Layers(names, reported, outputs or None)


def read_responses(
    path: str | os.PathLike, layers: Sequence[str] | None = None
) -> tuple[list[str], dict[str, np.ndarray]]:
    """Return the clip ids and, for each of `layers`, the responses (clips, units) float32.

    Without `layers`, all layers are read, in their order.

    Raises InputError, naming the file, when it is missing or damaged, lacks a layer, or holds a
    clip twice.
    """
    with _opened(path) as file:
        clip_ids = read_strings(file, "clip_id")
        responses = {}
        if layers is None:
            layers = read_text(file, "layers").split()
        for layer in layers:
            if layer not in file:
                raise damaged(path, _KIND, f"holds no responses of layer {layer}")
            responses[layer] = file[layer][:]
            if responses[layer].shape[:1] != (len(clip_ids),):
                why = f"{layer} has {len(responses[layer])} rows for {len(clip_ids)} clips"
                raise damaged(path, _KIND, why)
    if len(set(clip_ids)) != len(clip_ids):
        raise damaged(path, _KIND, "a clip occurs twice")
    return clip_ids, responses
