"""A small corpus of spectrograms with planted classes, for the tests of networks."""

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
from music_detectors.training.train import Settings

MIDS = ["/m/a", "/m/b", "/m/c"]


@dataclass(frozen=True)
class Corpus:
    """Paths of a corpus, and its tables."""

    index: Path
    clips: Path
    classes: Path
    branches: Path
    clip_table: pd.DataFrame
    index_table: pd.DataFrame
    log_mel: np.ndarray


def make_corpus(
    folder: Path,
    n: int = 24,
    frames: int = 125,
    shard_clips: int = 10,
    split: str = "train",
    stimulus: str = "original",
) -> Corpus:
    """Write a corpus of `n` clips, class `i % 3` louder by 12 dB in a band of its own.

    Class c is the target and is named C.
    """
    draw = np.random.default_rng(7)
    kind = np.arange(n) % len(MIDS)
    log_mel = draw.normal(-50, 5, (n, 64, frames)).astype(np.float16)
    for clip, number in enumerate(kind):
        log_mel[clip, 10 + 15 * number : 20 + 15 * number] += np.float16(12)
    labels = kind[:, None] == np.arange(len(MIDS))
    shard = [f"{clip // shard_clips:05d}" for clip in range(n)]
    clips = pd.DataFrame(
        {
            "clip_id": [f"{split}-{clip:03d}" for clip in range(n)],
            "split": split,
            "shard": shard,
            "source": "file",
            "reference": "none",
            "start_seconds": np.nan,
            "end_seconds": np.nan,
            "labels": [MIDS[number] for number in kind],
            "role": np.where(kind == 2, "target", "other"),
            "group": [f"{split}-{clip:03d}" for clip in range(n)],
            "listed": False,
        }
    )
    place = folder / "spectrograms" / stimulus / split
    # Rows run backwards, so that they cannot be mistaken for places in the shard.
    rows = np.empty(n, dtype=int)
    for name, members in clips.groupby("shard"):
        stored = members.index[::-1]
        rows[stored] = np.arange(len(stored))
        write_spectrogram_shard(
            place / f"{name}.h5",
            log_mel[stored],
            np.full(len(stored), frames),
            labels[stored],
            clips["clip_id"][stored].tolist(),
            stimulus,
            PARAMETERS,
        )
    index = clips[["clip_id", "shard"]].assign(row=rows, n_frames=frames)
    classes = pd.DataFrame(
        {
            "index": range(len(MIDS)),
            "mid": MIDS,
            "name": ["A", "B", "C"],
            "branch": "other",
            "target": [False, False, True],
            "genre": False,
        }
    )
    corpus = Corpus(
        place / "index.tsv",
        folder / "clips.tsv",
        folder / "classes.tsv",
        folder / "branches.tsv",
        clips,
        index,
        log_mel,
    )
    write_table(corpus.index, index, INDEX)
    write_table(corpus.clips, clips, CLIPS)
    write_table(corpus.classes, classes, CLASSES)
    branches = classes.rename(columns={"mid": "id"}).assign(classes=MIDS)
    write_table(corpus.branches, branches, BRANCHES)
    return corpus


def settings(**changes) -> Settings:
    """Return settings for a small corpus; keys of the condition and of the settings may differ."""
    condition = {
        "name": "full",
        "model": "kim2024",
        "withhold": [],
        "labels": "given",
        "epochs": 3,
        "keep": "best",
        "snapshots": [],
    }
    values = {
        "seed": 1,
        "replicate": 1,
        "batch_size": 8,
        "learning_rate": 0.003,
        "weight_decay": 0.01,
        "validation_fraction": 0.25,
    }
    condition |= {key: value for key, value in changes.items() if key in condition}
    values |= {key: value for key, value in changes.items() if key in values}
    assert set(changes) <= condition.keys() | values.keys()
    return Settings(condition=Condition(**condition), **values)
