"""The weights file of a fixed model: what it computes from the train clips, if anything."""

import logging
import os
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from music_detectors.common.errors import InputError
from music_detectors.models.device import kernels_of
from music_detectors.models.find import load_fixed
from music_detectors.models.weights import write_tensors
from music_detectors.spectrograms.shard import read_index
from music_detectors.training.data import Spectrograms, numbered_batches, open_spectrograms


def fit_model(
    index: str | os.PathLike,
    weights: str | os.PathLike,
    *,
    model: str,
    key: str,
    condition: str,
    replicate: int,
    threads: int,
) -> None:
    """Write the `weights` of the fixed `model`: the tensors that it computes from train clips.

    `index` lists the spectrograms of the train split, `key` is the key of the configuration that
    names the model. Raises InputError when the model cannot be loaded or does not fit the
    spectrograms, when no clip is usable, when a tensor is not finite, or when a file is damaged.
    """
    torch.set_num_threads(threads)
    loaded = load_fixed(model, key)
    table = read_index(index)
    if table.empty:
        raise InputError(f"{index}: lists no clip; no clip of split train is usable")
    spectrograms, shard = open_spectrograms(index, table, 0, torch.device("cpu"))
    loaded.check_size(*shard.shape)
    batches = _Batches(spectrograms, len(table))
    with torch.inference_mode():
        tensors = loaded.fitted(batches)
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise InputError(f"{key} is {model}, whose fitted tensor {name} is not finite")
    logging.info("%s: %d tensors from %d clips", model, len(tensors), batches.used)
    about = {
        "model": model,
        "condition": condition,
        "replicate": replicate,
        "epoch": 0,
        "training_clips": batches.used,
        "validation_clips": 0,
        "kernels": kernels_of(torch.device("cpu")),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    write_tensors(weights, tensors, about)


class _Batches:
    """The train clips, batch by batch, for any number of passes; `used` counts them."""

    def __init__(self, spectrograms: Spectrograms, clips: int) -> None:
        self._spectrograms = spectrograms
        self._plan = numbered_batches(clips)
        self._clips = clips
        self.used = 0

    def __iter__(self) -> Iterator[Tensor]:
        self.used = self._clips
        for log_mel in self._spectrograms.batches(self._plan):
            yield log_mel.float()
