"""Responses on disk, readable without PyTorch."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from music_detectors.common.damage import damaged
from music_detectors.common.hdf5 import (
    CHECKED,
    NewFile,
    create_hdf5,
    open_hdf5,
    read_strings,
    write_strings,
    write_text,
)
from music_detectors.models.kim2024 import LAYERS

_KIND = "responses"
_SCHEMA_VERSION = 2
_ROWS_A_CHUNK = 1024


@contextmanager
def create_responses(
    path: str | os.PathLike,
    clip_ids: Sequence[str],
    units: dict[str, int],
    network_digest: str,
    stimulus: str,
) -> Iterator[NewFile]:
    """Yield a new file with a dataset (clips, units) float32 for each layer, to be filled.

    It takes the name `path` when the block ends well. `units` counts those of each of LAYERS,
    `network_digest` is the SHA-256 of the weights file.
    """
    with create_hdf5(path, _KIND, _SCHEMA_VERSION) as file:
        write_text(file, "network_digest", network_digest)
        write_text(file, "stimulus", stimulus)
        write_strings(file, "clip_id", clip_ids)
        for layer in LAYERS:
            file.create_dataset(
                layer,
                shape=(len(clip_ids), units[layer]),
                dtype=np.float32,
                chunks=(min(_ROWS_A_CHUNK, len(clip_ids)), units[layer]),
                **CHECKED,
            )
        yield file


def read_responses(
    path: str | os.PathLike, layers: Sequence[str] = LAYERS
) -> tuple[list[str], dict[str, np.ndarray]]:
    """Return the clip ids and, for each of `layers`, the responses (clips, units) float32.

    Raises InputError, naming the file, when it is missing or damaged, lacks a layer, or holds a
    clip twice.
    """
    with open_hdf5(path, _KIND, _SCHEMA_VERSION) as file:
        clip_ids = read_strings(file, "clip_id")
        responses = {}
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
