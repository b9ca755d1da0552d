"""From a model and shards of spectrograms to responses, one shard at a time."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from music_detectors.common.damage import damaged, rebuild
from music_detectors.common.errors import InputError
from music_detectors.common.files import sha256
from music_detectors.common.hdf5 import NewFile, write_text
from music_detectors.common.progress import progress
from music_detectors.models.device import (
    advising_when_full,
    kernels_of,
    on_device,
    prepare_device,
)
from music_detectors.models.find import load_model, load_trained
from music_detectors.models.heard import CLIP, by_clip, chosen, heard_together, responses_of
from music_detectors.models.protocol import Evaluation, Model, TrainedModel
from music_detectors.models.weights import read_evaluation, read_snapshots
from music_detectors.responses.files import Layers, create_responses, snapshot_layer
from music_detectors.spectrograms.shard import SpectrogramShard, open_spectrogram_shard, read_index
from music_detectors.stimuli.making.names import ORIGINAL


@dataclass(frozen=True)
class _Player:
    """A model with the weights at `weights`, on the device; `digest` is that of the file.

    `pooled` says over what its responses are pooled, as in `models.heard`; `layers` are those that
    are stored.
    """

    model: Model
    evaluation: Evaluation
    weights: str | os.PathLike
    digest: str
    device: torch.device
    pooled: str
    layers: Layers


@advising_when_full()
def compute_responses(
    weights: Sequence[str | os.PathLike],
    indices: Sequence[str | os.PathLike],
    stimuli: Sequence[str],
    splits: Sequence[str],
    outputs: Sequence[str | os.PathLike],
    model: str,
    device: str,
    threads: int,
    pooled: str = CLIP,
    stored_for: str | None = None,
) -> None:
    """Write the responses of `model` with each of the `weights` to the clips of each of `indices`.

    The shards of an index hold the stimulus and are of the split at the same place of `stimuli` and
    `splits`. `outputs` are the files for the first index, in the order of `weights`, then those for
    the next; their rows are those of the index. `pooled` says whether a model hears whole clips
    (CLIP) or the sound without padding (SOUND). All layers are stored, or only those that analyses
    of the layer `stored_for` need. Raises InputError when a file is missing, damaged
    or not what the index says, when the model cannot be loaded, is not that of the weights or
    cannot hear so short a sound, when a response is not finite, or when a GPU's memory is too
    small.
    """
    target = prepare_device(device, threads)
    tables = [_listed(index, split) for index, split in zip(indices, splits, strict=True)]
    players = [_player(path, model, target, pooled, stored_for) for path in weights]
    for place, (index, table, stimulus) in enumerate(zip(indices, tables, stimuli, strict=True)):
        files = outputs[place * len(weights) : (place + 1) * len(weights)]
        _write(files, players, Path(index), table, stimulus)


@advising_when_full()
def compute_snapshot_responses(
    snapshots: str | os.PathLike,
    indices: Sequence[str | os.PathLike],
    splits: Sequence[str],
    outputs: Sequence[str | os.PathLike],
    model: str,
    layer: str,
    device: str,
    threads: int,
    pooled: str = CLIP,
) -> None:
    """Write the responses of a network after each epoch in `snapshots` to the original clips.

    Each of `outputs` holds, for the clips of the index at the same place, the responses of `layer`
    (or the model's reported layer, if it has no such) and the outputs, under the names of
    `snapshot_layer`. Raises InputError as `compute_responses`, and when there is no snapshot.
    """
    target = prepare_device(device, threads)
    of_model = load_trained(model)
    networks, _ = read_snapshots(snapshots, of_model, model)
    if not networks:
        raise InputError(
            f"{snapshots}: holds no snapshot; list epochs in conditions.<name>.snapshots of the "
            "configuration and train the network again"
        )
    every = _EveryEpoch(of_model, layer, list(networks))
    evaluations = {
        epoch: of_model.evaluation(network, target) for epoch, network in networks.items()
    }

    def evaluation(log_mel: torch.Tensor) -> dict[str, torch.Tensor]:
        responses: dict[str, torch.Tensor] = {}
        for epoch, of_epoch in evaluations.items():
            values = of_epoch(log_mel)
            responses |= {snapshot_layer(epoch, name): values[name] for name in every.kept}
        return responses

    digest = sha256(snapshots)
    player = _Player(every, evaluation, snapshots, digest, target, pooled, _layers_of(every))
    for index, split, output in zip(indices, splits, outputs, strict=True):
        _write([output], [player], Path(index), _listed(index, split), ORIGINAL)


class _EveryEpoch(Model):
    """A trained model after each of some epochs, as one model with two layers per epoch."""

    def __init__(self, model: TrainedModel, layer: str, epochs: Sequence[int]) -> None:
        chosen = _layers_of(model).chosen(layer)
        self.kept = (chosen, model.outputs)
        self.layers = [snapshot_layer(epoch, name) for epoch in epochs for name in self.kept]
        self.reported = snapshot_layer(epochs[-1], chosen)
        self.outputs = snapshot_layer(epochs[-1], model.outputs)
        self.clips_at_once = model.clips_at_once
        self.least_frames, self.frames_a_step = model.least_frames, model.frames_a_step
        self._model = model

    def check_size(self, mels: int, frames: int) -> None:
        """Raise InputError unless spectrograms (mels, frames) fit the model."""
        self._model.check_size(mels, frames)


def _player(
    weights: str | os.PathLike,
    name: str,
    device: torch.device,
    pooled: str,
    stored_for: str | None,
) -> _Player:
    model = load_model(name)
    evaluation = read_evaluation(weights, model, name, device)
    layers = _layers_of(model)
    if stored_for is not None:
        layers = _needed(model, layers.chosen(stored_for))
    return _Player(model, evaluation, weights, sha256(weights), device, pooled, layers)


def _layers_of(model: Model) -> Layers:
    return Layers(tuple(model.layers), model.reported, model.outputs)


def _needed(model: Model, layer: str) -> Layers:
    """Return `layer` as the reported one, the outputs, and the layer that is lesioned for it."""
    needed = {layer, model.outputs}
    if isinstance(model, TrainedModel):
        needed.add(model.lesioned_layer(layer))
    return Layers(tuple(name for name in model.layers if name in needed), layer, model.outputs)


def _listed(path: str | os.PathLike, split: str) -> pd.DataFrame:
    index = read_index(path)
    if index.empty:
        raise InputError(f"{path}: lists no clip; no clip of split {split} is usable")
    return index


def _write(
    outputs: Sequence[str | os.PathLike],
    players: Sequence[_Player],
    path: Path,
    index: pd.DataFrame,
    stimulus: str,
) -> None:
    """Write each player's responses to the clips of `index`, read from `path`, whole or not at all.

    A shard is read once, for all of them.
    """
    model, device = players[0].model, players[0].device
    # A new run of rows begins where the shard changes.
    runs = index.groupby((index["shard"] != index["shard"].shift()).cumsum(), sort=False)
    what = f"responses to {stimulus} {path.parent.name} clips"
    with ExitStack() as stack:
        files: list[NewFile] = []
        for _, run in progress(runs, len(runs), what, unit="shards"):
            shard = open_spectrogram_shard(path.parent / f"{run['shard'].iloc[0]}.h5")
            _check(shard, run, path, stimulus, model)
            log_mel = torch.from_numpy(shard.read(run["row"].to_numpy()))
            log_mel = on_device(log_mel, device)
            for place, player in enumerate(players):
                values = _responses(player, log_mel, shard, run)
                if place == len(files):
                    # The number of units of a layer is known from its first responses.
                    units = {layer: of_layer.shape[1] for layer, of_layer in values.items()}
                    clip_ids = index["clip_id"].tolist()
                    new = create_responses(
                        outputs[place], clip_ids, units, player.layers, player.digest, stimulus
                    )
                    files.append(stack.enter_context(new))
                    write_text(files[place], "kernels", kernels_of(device))
                first = run.index[0]
                for layer, of_layer in values.items():
                    _check_units(layer, [files[place][layer].shape[1], of_layer.shape[1]])
                    files[place][layer][first : first + len(run)] = of_layer
                files[place].raise_trouble()


def _responses(
    player: _Player, log_mel: Tensor, shard: SpectrogramShard, run: pd.DataFrame
) -> dict[str, np.ndarray]:
    """Return the responses (clips, units) float32 of every stored layer to the clips of `run`.

    `log_mel` are their spectrograms, on the device.
    """
    on_gpu = player.device.type == "cuda"
    model = player.model
    at_once = model.clips_at_once_on_gpu if on_gpu else model.clips_at_once
    sound = shard.n_frames[run["row"].to_numpy()]
    groups = heard_together(player.model, shard.shape[1], sound, player.pooled)
    parts = [
        responses_of(player.evaluation, batch, group[1] is None)
        for group in groups
        for batch in chosen(log_mel, group).split(at_once)
    ]
    responses = {}
    for layer in player.layers.names:
        if any(layer not in part for part in parts):
            raise InputError(f"the model's responses lack layer {layer}, which it says it has")
        _check_units(layer, [part[layer].shape[1:].numel() for part in parts])
        values = torch.cat([part[layer] for part in parts]).float().cpu().numpy()
        if values.ndim != 2 or len(values) != len(run):
            raise InputError(
                f"the model's responses of layer {layer} to {len(run)} clips are {values.shape}; "
                "they must be (clips, units)"
            )
        values = by_clip(values, groups)
        wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(wrong):
            raise InputError(
                f"{shard.path}: the network's response to clip {run['clip_id'].iloc[wrong[0]]} "
                f"is not finite in {layer}; {_remedy(player)}"
            )
        responses[layer] = values
    return responses


def _check_units(layer: str, units: Sequence[int]) -> None:
    """Raise InputError unless all of some clips have as many units in a layer."""
    if len(set(units)) > 1:
        raise InputError(
            f"the model has {min(units)} units in layer {layer} for some clips and {max(units)} "
            "for others; pool the positions of its units, or set responses.pooled to clip, so that "
            "it hears clips of one length"
        )


def _remedy(player: _Player) -> str:
    """Return what to do about responses that are not finite."""
    named = player.model.named
    return f"mend {named}.model or {named}.weights" if named else rebuild(player.weights)


def _check(
    shard: SpectrogramShard, run: pd.DataFrame, path: Path, stimulus: str, model: Model
) -> None:
    """Raise InputError unless `shard` is what the rows `run` of the index at `path` say."""
    model.check_size(*shard.shape)
    if shard.stimulus != stimulus:
        why = f"holds stimulus {shard.stimulus}, not {stimulus}"
        raise damaged(shard.path, "spectrogram shard", why)
    for clip_id, row in zip(run["clip_id"], run["row"], strict=True):
        if not 0 <= row < len(shard.clip_id) or shard.clip_id[row] != clip_id:
            raise InputError(
                f"{shard.path}: clip {clip_id} is not where {path} says; {rebuild(path)}"
            )
