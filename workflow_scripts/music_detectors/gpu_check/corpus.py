"""A generated corpus of spectrograms of any size."""

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from music_detectors.common.tables import write_table
from music_detectors.corpus.columns import BRANCHES, CLASSES, CLIPS
from music_detectors.spectrograms.columns import INDEX
from music_detectors.spectrograms.log_mel import PARAMETERS
from music_detectors.spectrograms.shard import write_spectrogram_shard

_SHARD_CLIPS = 512
_BANDS = 64


@dataclass(frozen=True)
class Corpus:
    """The tables of a corpus; its shards are in the folder of the index."""

    index: Path
    clips: Path
    classes: Path
    branches: Path

    @classmethod
    def under(cls, folder: str | os.PathLike) -> "Corpus":
        """Return the tables of a corpus in `folder`."""
        names = ("index", "clips", "classes", "branches")
        return cls(*(Path(folder) / f"{name}.tsv" for name in names))


def generate(folder: Path, n: int, classes: int, frames: int = 802) -> Corpus:
    """Write `n` train clips of (64, frames) noise, in dB, each with two of `classes` labels.

    It uses all cores.
    """
    draw = np.random.default_rng(1)
    number = np.arange(n)
    mids = [f"/m/{place}" for place in range(classes)]
    first = draw.integers(classes, size=n)
    second = (first + draw.integers(1, classes, size=n)) % classes
    labels = np.zeros((n, classes), dtype=bool)
    labels[number[:, None], np.stack([first, second], axis=1)] = True
    clips = pd.DataFrame(
        {
            "clip_id": [f"clip-{place}" for place in number],
            "split": "train",
            "shard": pd.Series(number // _SHARD_CLIPS).map("{:05d}".format),
            "source": "file",
            "reference": "none",
            "start_seconds": np.nan,
            "end_seconds": np.nan,
            "labels": [f"{mids[a]};{mids[b]}" for a, b in zip(first, second, strict=True)],
            "role": "other",
            "group": [f"clip-{place}" for place in number],
            "listed": False,
        }
    )
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as writers:
        shards = [
            writers.submit(
                _write_shard,
                folder / f"{name}.h5",
                labels[members.index],
                members["clip_id"].tolist(),
                frames,
                seed,
            )
            for seed, (name, members) in enumerate(clips.groupby("shard"))
        ]
        for shard in shards:
            shard.result()
    index = clips[["clip_id", "shard"]].assign(row=number % _SHARD_CLIPS, n_frames=frames)
    table = pd.DataFrame({"index": range(classes), "mid": mids, "name": mids, "branch": "other"})
    table = table.assign(target=False, genre=False)
    corpus = Corpus.under(folder)
    write_table(corpus.index, index, INDEX)
    write_table(corpus.clips, clips, CLIPS)
    write_table(corpus.classes, table, CLASSES)
    branches = table.rename(columns={"mid": "id"}).assign(classes=mids)
    write_table(corpus.branches, branches, BRANCHES)
    return corpus


def _write_shard(
    path: Path, labels: np.ndarray, clip_ids: Sequence[str], frames: int, seed: int
) -> None:
    n = len(clip_ids)
    noise = np.random.default_rng(seed).standard_normal((n, _BANDS, frames), dtype=np.float32)
    noise *= 15
    noise -= 45
    lengths = np.full(n, frames)
    write_spectrogram_shard(path, noise, lengths, labels, clip_ids, "original", PARAMETERS)
