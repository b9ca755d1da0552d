"""Make a corpus of noise of any size on disk."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from music_detectors.common.tables import write_table
from music_detectors.corpus.columns import BRANCHES, CLASSES, CLIPS
from music_detectors.spectrograms.columns import INDEX
from music_detectors.spectrograms.log_mel import PARAMETERS
from music_detectors.spectrograms.shard import write_spectrogram_shard
from music_detectors.training.conditions import Condition
from music_detectors.training.train import Outputs, Settings, train_networks

_SHARD_CLIPS = 500


@dataclass(frozen=True)
class Paths:
    """The tables of a corpus; its shards are in the folder of the index."""

    index: Path
    clips: Path
    classes: Path
    branches: Path

    @classmethod
    def under(cls, folder: Path) -> "Paths":
        """Return the paths of a corpus in `folder`."""
        return cls(*(folder / f"{name}.tsv" for name in ("index", "clips", "classes", "branches")))


def generate(folder: Path, n: int, classes: int, frames: int = 802) -> Paths:
    """Write `n` train clips of (64, frames) noise, each with two of `classes` labels."""
    draw = np.random.default_rng(1)
    number = np.arange(n)
    shard = pd.Series(number // _SHARD_CLIPS).map("{:05d}".format)
    mids = [f"/m/{place}" for place in range(classes)]
    first = draw.integers(classes, size=n)
    second = (first + draw.integers(1, classes, size=n)) % classes
    clips = pd.DataFrame(
        {
            "clip_id": [f"clip-{place}" for place in number],
            "split": "train",
            "shard": shard,
            "source": "file",
            "reference": "none",
            "start_seconds": np.nan,
            "end_seconds": np.nan,
            "labels": [f"{mids[a]};{mids[b]}" for a, b in zip(first, second, strict=True)],
            "role": "other",
            "group": [f"clip-{place}" for place in range(n)],
            "listed": False,
        }
    )
    for name, members in clips.groupby("shard"):
        size = len(members)
        log_mel = draw.standard_normal((size, 64, frames), dtype=np.float32)
        labels = np.zeros((size, classes), dtype=bool)
        labels[np.arange(size)[:, None], np.stack([first, second], axis=1)[members.index]] = True
        write_spectrogram_shard(
            folder / f"{name}.h5",
            (15 * log_mel - 45).astype(np.float16),
            np.full(size, frames),
            labels,
            members["clip_id"].tolist(),
            "original",
            PARAMETERS,
        )
    index = clips[["clip_id", "shard"]].assign(row=number % _SHARD_CLIPS, n_frames=frames)
    table = pd.DataFrame({"index": range(classes), "mid": mids, "name": mids, "branch": "other"})
    table = table.assign(target=False, genre=False)
    paths = Paths.under(folder)
    write_table(paths.index, index, INDEX)
    write_table(paths.clips, clips, CLIPS)
    write_table(paths.classes, table, CLASSES)
    write_table(paths.branches, table.rename(columns={"mid": "id"}).assign(classes=mids), BRANCHES)
    return paths


def train(
    corpus: Paths, folder: Path, epochs: int, validation_fraction: float, device: str
) -> Path:
    """Train a network on all of `corpus` as in the study; return the path of its history."""
    names = ("weights.safetensors", "snapshots.safetensors", "history.tsv", "network_clips.tsv")
    train_networks(
        corpus.index,
        corpus.clips,
        corpus.classes,
        corpus.branches,
        settings=[
            Settings(
                condition=Condition("natural", "kim2024", [], "given", epochs, keep="best"),
                seed=1,
                replicate=1,
                batch_size=32,
                learning_rate=0.001,
                weight_decay=0.01,
                validation_fraction=validation_fraction,
            )
        ],
        outputs=[Outputs(*(folder / name for name in (*names, "checkpoint.safetensors")))],
        code="benchmark",
        device=device,
        threads=1,
        memory_mb=8_000,
    )
    return folder / "history.tsv"
