"""The stimuli that drive the most selective units of a network, found and compared with clips."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from music_detectors.common.errors import warn
from music_detectors.common.seeds import seed_of
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.models.device import prepare_device
from music_detectors.models.find import load_trained
from music_detectors.models.weights import read_network
from music_detectors.preferred.ascent import NOISE_DB, Sounds, ascend
from music_detectors.preferred.columns import PREFERRED, TOP_CLIPS
from music_detectors.responses.clips import responses_to
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.selectivity.columns import UNITS
from music_detectors.spectrograms.shard import (
    SpectrogramShard,
    open_spectrogram_shard,
    read_index,
    write_spectrogram_shard,
)

MOST_UNITS = 8
"""For how many units stimuli are sought."""
CLIPS_SHOWN = 3
"""How many test clips are named beside each."""
_CLIPS_DESCRIBED = 512


def find_preferred(
    weights: str | os.PathLike,
    units: str | os.PathLike,
    index: str | os.PathLike,
    train: str | os.PathLike,
    test: str | os.PathLike,
    stimuli: str | os.PathLike,
    table: str | os.PathLike,
    clips: str | os.PathLike,
    *,
    model: str,
    layer: str,
    condition: str,
    replicate: int,
    seed: int,
    threads: int,
) -> None:
    """Write `stimuli` for the most selective units of `layer`, their `table` and best `clips`.

    If the model has no such layer, its own reported layer is used. `weights` and `units`
    (units.tsv) are those of the network, `train` and `test` its responses, and `index` that of the
    train clips' spectrograms, of which up to 512, evenly spaced, say what sounds are like. All is
    computed on the CPU. Where no gradient reaches the model's input, a warning is logged, and the
    files hold no stimulus. Raises InputError when a file cannot be read.
    """
    prepare_device("cpu", threads)
    layer = read_layers(test).chosen(layer)
    rows = read_table(units, UNITS, only=("layer", "unit", "rank"))
    rows = rows[rows["layer"] == layer].sort_values("rank").head(MOST_UNITS)
    chosen = rows["unit"].to_numpy()
    spectrograms = _Spectrograms(index)
    trained = load_trained(model)
    network = read_network(weights, trained, model)[0].requires_grad_(False)
    responses = trained.with_gradient(network, layer)
    found = None
    if responses is not None:
        draw = seed_of(seed, "preferred", condition, replicate)
        of_train = responses_to(train, layer, spectrograms.clip_ids)[:, chosen]
        found = _found(responses, chosen, of_train, spectrograms, draw)
    if found is None:
        warn(f"{model} lets no gradient through to {layer}: no preferred stimuli are sought")
        _write_stimuli(stimuli, np.empty((0, *spectrograms.first.shape)), [], spectrograms.first)
        write_table(table, stacked([], PREFERRED), PREFERRED)
        write_table(clips, stacked([], TOP_CLIPS), TOP_CLIPS)
        return
    start, end, begun_from = found
    # The responses are to what is stored.
    end = end.half()
    _write_stimuli(stimuli, end.numpy(), [f"unit-{unit}" for unit in chosen], spectrograms.first)
    evaluation = trained.evaluation(network, torch.device("cpu"))
    own = np.arange(len(chosen)), chosen
    before, after = (evaluation(one.float())[layer].numpy()[own] for one in (start, end))
    clip_ids, heard = read_responses(test, [layer])
    of_test = heard[layer][:, chosen]
    best = of_test.max(axis=0)
    rows = rows.assign(
        begun_from=begun_from,
        response_before=before,
        response=after,
        best_response=best,
        ratio=np.divide(after, best, out=np.full(len(best), np.nan, np.float32), where=best > 0),
    )
    write_table(table, rows, PREFERRED)
    order = np.argsort(-of_test, axis=0, kind="stable")[:CLIPS_SHOWN]
    top = [
        (unit, place + 1, clip_ids[row], of_test[row, column])
        for column, unit in enumerate(chosen)
        for place, row in enumerate(order[:, column])
    ]
    write_table(clips, pd.DataFrame(top, columns=list(TOP_CLIPS)), TOP_CLIPS)


class _Spectrograms:
    """Spectrograms of train clips: what they are like, and single ones."""

    def __init__(self, index: str | os.PathLike) -> None:
        rows = read_index(index)
        step = -(-len(rows) // _CLIPS_DESCRIBED)
        self._rows = rows.iloc[::step]
        self._folder = Path(index).parent
        self.clip_ids = self._rows["clip_id"].tolist()
        self.first: SpectrogramShard = self._shard(self._rows["shard"].iloc[0])

    def _shard(self, name: str) -> SpectrogramShard:
        return open_spectrogram_shard(self._folder / f"{name}.h5")

    def described(self) -> Sounds:
        """Return mean, SD and range of each band, of the frames that are sound."""
        parts = []
        for name, rows in self._rows.groupby("shard", sort=False):
            log_mel = self._shard(str(name)).read(rows["row"].to_numpy())
            parts += [one[:, :n] for one, n in zip(log_mel, rows["n_frames"], strict=True)]
        frames = torch.from_numpy(np.concatenate(parts, axis=1)).double()
        # A band without any sound has no spread to measure distances in.
        sd = frames.std(dim=1).clamp(min=1.0)
        values = (frames.mean(dim=1), sd, frames.amin(dim=1), frames.amax(dim=1))
        return Sounds(*(value.float() for value in values))

    def one(self, place: int) -> Tensor:
        """Return the log-Mel (mels, frames) float32 of the clip at `place` in `clip_ids`."""
        row = self._rows.iloc[place]
        return torch.from_numpy(self._shard(row["shard"]).read([row["row"]])[0]).float()


def _found(
    responses: Callable[[Tensor], Tensor],
    units: np.ndarray,
    of_train: np.ndarray,
    spectrograms: _Spectrograms,
    seed: int,
) -> tuple[Tensor, Tensor, list[str]] | None:
    """Return the log-Mels before and after the ascent, and where it began; None without a gradient.

    `of_train` are the responses (clips, units) of `units` to the clips of `spectrograms`.
    """
    sounds = spectrograms.described()
    draw = torch.Generator().manual_seed(seed)
    shape = (len(units), *spectrograms.first.shape)
    start = sounds.mean[:, None] + NOISE_DB * torch.randn(shape, generator=draw)
    start = start.clamp(sounds.low[:, None], sounds.high[:, None])
    begun_from = ["mean"] * len(units)
    with torch.no_grad():
        silent = responses(start)[range(len(units)), units.tolist()] == 0
    for place in torch.nonzero(silent).flatten().tolist():
        # No gradient leads away from silence.
        best = int(of_train[:, place].argmax())
        start[place] = spectrograms.one(best)
        begun_from[place] = spectrograms.clip_ids[best]
    scale = torch.from_numpy(of_train.std(axis=0))
    scale[scale == 0] = 1.0
    end = ascend(responses, units.tolist(), scale, sounds, start, draw)
    return None if end is None else (start, end, begun_from)


def _write_stimuli(
    path: str | os.PathLike, log_mel: np.ndarray, names: list[str], like: SpectrogramShard
) -> None:
    """Write stimuli (n, mels, frames) in the form of the clips' shard `like`, without labels."""
    n, _, frames = log_mel.shape
    write_spectrogram_shard(
        path,
        log_mel,
        np.full(n, frames),
        np.zeros((n, 1), dtype=bool),
        names,
        "preferred",
        like.parameters,
    )
