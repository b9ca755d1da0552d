"""From a network and shards of spectrograms to responses, a shard at a time."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from music_detectors.common.damage import damaged, rebuild
from music_detectors.common.errors import InputError
from music_detectors.common.files import sha256
from music_detectors.common.hdf5 import NewFile
from music_detectors.common.progress import progress
from music_detectors.models.device import advising_when_full, prepare_device
from music_detectors.models.kim2024 import LAYERS
from music_detectors.models.kim2024.architecture import check_size
from music_detectors.models.kim2024.features import CLIPS_AT_ONCE, PooledFeatures
from music_detectors.models.weights import read_network
from music_detectors.responses.files import create_responses
from music_detectors.spectrograms.shard import SpectrogramShard, open_spectrogram_shard, read_index

_CLIPS_AT_ONCE_ON_GPU = 256


@advising_when_full()
def compute_responses(
    weights: str | os.PathLike,
    indices: dict[str, str | os.PathLike],
    stimulus: str,
    outputs: dict[str, str | os.PathLike],
    device: str,
    threads: int,
) -> None:
    """Write the responses of the network at `weights` to the clips of each index.

    `indices` and `outputs` have the same keys, the splits; the rows of an output are those of its
    index, whose shards hold `stimulus`. Raises InputError when a file is missing, damaged or not
    what the index says, when a response is not finite, or when a GPU's memory is too small.
    """
    target = prepare_device(device, threads)
    features, digest = _read(weights, target)
    for split, path in indices.items():
        index = _listed(path, split)
        _write(outputs[split], features, weights, digest, Path(path), index, stimulus, target)


@advising_when_full()
def compute_responses_of_networks(
    weights: Sequence[str | os.PathLike],
    index: str | os.PathLike,
    split: str,
    stimulus: str,
    outputs: Sequence[str | os.PathLike],
    device: str,
    threads: int,
) -> None:
    """Write to each of `outputs` the responses of the network at the same place of `weights`.

    The clips are those of one `index`, of `split`; all else is as in `compute_responses`.
    """
    target = prepare_device(device, threads)
    table = _listed(index, split)
    for path, output in zip(weights, outputs, strict=True):
        features, digest = _read(path, target)
        _write(output, features, path, digest, Path(index), table, stimulus, target)


def _read(weights: str | os.PathLike, device: torch.device) -> tuple[PooledFeatures, str]:
    """Return the network at `weights` as it is evaluated, and the digest of the file."""
    network, _ = read_network(weights)
    return PooledFeatures(network, device), sha256(weights)


def _listed(path: str | os.PathLike, split: str) -> pd.DataFrame:
    index = read_index(path)
    if index.empty:
        raise InputError(f"{path}: lists no clip; no clip of split {split} is usable")
    return index


def _write(
    output: str | os.PathLike,
    features: PooledFeatures,
    weights: str | os.PathLike,
    digest: str,
    path: Path,
    index: pd.DataFrame,
    stimulus: str,
    device: torch.device,
) -> None:
    """Write the responses to the clips of `index`, read from `path`, whole or not at all."""
    with create_responses(
        output, index["clip_id"].tolist(), features.units, digest, stimulus
    ) as file:
        _fill(file, features, weights, path, index, stimulus, device)


def _fill(
    file: NewFile,
    features: PooledFeatures,
    weights: str | os.PathLike,
    path: Path,
    index: pd.DataFrame,
    stimulus: str,
    device: torch.device,
) -> None:
    # A new run of rows begins wherever the shard changes.
    runs = index.groupby((index["shard"] != index["shard"].shift()).cumsum(), sort=False)
    for _, run in progress(
        runs, len(runs), f"responses to {path.parent.name} clips", unit="shards"
    ):
        shard = open_spectrogram_shard(path.parent / f"{run['shard'].iloc[0]}.h5")
        _check(shard, run, path, stimulus)
        log_mel = torch.from_numpy(shard.read(run["row"].to_numpy()))
        at_once = _CLIPS_AT_ONCE_ON_GPU if device.type == "cuda" else CLIPS_AT_ONCE
        parts = [features(batch.to(device)) for batch in log_mel.split(at_once)]
        first = run.index[0]
        for layer in LAYERS:
            values = torch.cat([part[layer] for part in parts]).cpu().numpy()
            wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
            if len(wrong):
                raise InputError(
                    f"{shard.path}: the network's response to clip {run['clip_id'].iloc[wrong[0]]} "
                    f"is not finite in {layer}; {rebuild(weights)}"
                )
            file[layer][first : first + len(run)] = values
        file.raise_trouble()


def _check(shard: SpectrogramShard, run: pd.DataFrame, path: Path, stimulus: str) -> None:
    """Raise InputError unless `shard` is what the rows `run` of the index at `path` say."""
    check_size(*shard.shape)
    if shard.stimulus != stimulus:
        why = f"holds stimulus {shard.stimulus}, not {stimulus}"
        raise damaged(shard.path, "spectrogram shard", why)
    for clip_id, row in zip(run["clip_id"], run["row"], strict=True):
        if not 0 <= row < len(shard.clip_id) or shard.clip_id[row] != clip_id:
            raise InputError(
                f"{shard.path}: clip {clip_id} is not where {path} says; {rebuild(path)}"
            )
