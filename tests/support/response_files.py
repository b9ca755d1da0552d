"""Small corpora with responses on disk, for the tests of analyses of responses."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from music_detectors.acoustics.columns import ACOUSTICS
from music_detectors.common.tables import write_table
from music_detectors.corpus.columns import BRANCHES, CLASSES, CLIPS
from music_detectors.jackknife.columns import BLOCKS
from music_detectors.responses.files import Layers, create_responses, read_responses
from music_detectors.selectivity.columns import MATCHED
from music_detectors.training.columns import NETWORK_CLIPS

LAYERS = Layers(("conv1", "conv2", "conv3", "avgpool", "fc1", "fc2"), "avgpool", "fc2")
UNITS = {"conv1": 3, "conv2": 4, "conv3": 6, "avgpool": 16, "fc1": 5}

# mid, name, target, genre
_CLASS_LIST = [
    ("/m/speech", "Speech", False, False),
    ("/m/music", "Music", True, False),
    ("/m/jazz", "Jazz", True, True),
    ("/m/singing", "Singing", False, False),
    ("/m/rain", "Rain", False, False),
    ("/m/owl", "Owl", False, False),
]
WITHHOLD = ["Music", "Singing"]
# The labels that clips take in turn; no clip is an owl's.
_LABELS = ["/m/speech", "/m/music", "/m/rain", "/m/music;/m/jazz", "/m/singing", "/m/rain;/m/jazz"]
_ROLES = ["other", "target", "other", "target", "other", "mixed"]


def classes():
    table = pd.DataFrame(_CLASS_LIST, columns=["mid", "name", "target", "genre"])
    table["index"] = np.arange(len(table))
    table["branch"] = np.where(table["target"], "Music", "Sounds")
    return table


def branches():
    table = classes().rename(columns={"mid": "id"})
    table["classes"] = table["id"].where(table["name"] != "Music", "/m/music;/m/jazz")
    return table


def clips(n_train=36, n_test=24):
    """Return a table of clips, whose test clips are not in the order of their numbers."""
    parts = []
    for split, n in (("train", n_train), ("test", n_test)):
        turn = np.arange(n) % len(_LABELS)
        parts.append(
            pd.DataFrame(
                {
                    "clip_id": [f"{split}-{number:04d}" for number in range(n)],
                    "split": split,
                    "shard": "00000",
                    "source": "file",
                    "reference": "a.wav",
                    "start_seconds": 0.0,
                    "end_seconds": np.nan,
                    "labels": [_LABELS[place] for place in turn],
                    "role": [_ROLES[place] for place in turn],
                    "group": [f"{split}-{number:04d}" for number in range(n)],
                    "listed": False,
                }
            )
        )
    parts[1] = parts[1].iloc[::-1]
    return pd.concat(parts, ignore_index=True)


N_BLOCKS = 4


def blocks(test_clips):
    """Return the table of blocks of `test_clips`, in which a block has clips of each role."""
    number = test_clips["clip_id"].str.rpartition("-")[2].astype(int)
    turn = (number + number // len(_LABELS)) % N_BLOCKS
    return test_clips.assign(draw=test_clips["group"], block=turn)


def acoustics(clip_ids, seed=0):
    """Return made-up covariates of `clip_ids`: three vary from clip to clip, the rest are 1."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({name: 1.0 for name in ACOUSTICS}, index=range(len(clip_ids)))
    table["clip_id"] = list(clip_ids)
    for name, scale in (("duration_seconds", 3), ("level_db", 20), ("harmonicity", 0.2)):
        table[name] = scale * random.random(len(clip_ids))
    return table


def write_blocks(path, clips, n=3):
    """Write a table of `n` blocks of the test clips in `clips`; return the blocks by clip_id."""
    test = clips[clips["split"] == "test"]
    dealt = test.sample(frac=1, random_state=3).groupby("role").cumcount() % n
    dealt = dealt[test.index]
    write_table(path, test.assign(draw=test["clip_id"], block=dealt), BLOCKS)
    return dict(zip(test["clip_id"], dealt, strict=True))


def write_matched(path, clips, kept=None):
    """Write a table of the target and other `clips`, of which `kept` (ids; all) are matched."""
    listed = clips[clips["role"] != "mixed"]
    of_kept = listed["clip_id"].isin(listed["clip_id"] if kept is None else kept)
    table = listed.assign(duration_seconds=2.0, level_db=-20.0, matched=of_kept)
    write_table(path, table, MATCHED)


def write_responses(path, clip_ids, responses):
    """Write `responses` (layer to (clips, units)) in the real layout, zeros for missing layers."""
    units = {layer: len(_CLASS_LIST) if layer == "fc2" else UNITS[layer] for layer in LAYERS.names}
    units |= {layer: values.shape[1] for layer, values in responses.items()}
    with create_responses(path, clip_ids, units, LAYERS, "0" * 64, "original") as file:
        for layer, values in responses.items():
            file[layer][:] = values


def keep_only(path, clip_ids):
    """Leave the responses to `clip_ids` alone in the file at `path`, in its order."""
    stored, responses = read_responses(path)
    rows = np.isin(stored, list(clip_ids))
    kept = [clip_id for clip_id, own in zip(stored, rows, strict=True) if own]
    write_responses(path, kept, {layer: values[rows] for layer, values in responses.items()})


@dataclass
class Corpus:
    """Tables of a corpus, and responses of one network to it, in a folder."""

    folder: Path
    clips: pd.DataFrame
    responses: dict[str, dict[str, np.ndarray]]

    def path(self, name):
        return self.folder / name

    def write(self):
        """Write the files; responses have another order and lack the last clip."""
        write_table(self.path("clips.tsv"), self.clips, CLIPS)
        write_table(self.path("classes.tsv"), classes(), CLASSES)
        write_table(self.path("branches.tsv"), branches(), BRANCHES)
        write_table(self.path("blocks.tsv"), blocks(self.of_split("test")), BLOCKS)
        write_matched(self.path("matched.tsv"), self.clips)
        for split, responses in self.responses.items():
            covariates = acoustics(self.of_split(split)["clip_id"], seed=len(split))
            write_table(self.path(f"acoustics-{split}.tsv"), covariates, ACOUSTICS)
            order = self.order(split)
            ids = self.of_split(split)["clip_id"].to_numpy()[order]
            write_responses(
                self.path(f"{split}.h5"), list(ids), {k: v[order] for k, v in responses.items()}
            )
        return self

    def write_network_clips(self, table):
        write_table(self.path("network_clips.tsv"), table, NETWORK_CLIPS)

    def acoustics(self):
        """Return the paths of the tables of covariates of each split."""
        return {split: self.path(f"acoustics-{split}.tsv") for split in self.responses}

    def of_split(self, split):
        return self.clips[self.clips["split"] == split].reset_index(drop=True)

    def order(self, split):
        """Return the clips of `split` with responses, in the order of their file."""
        n = len(self.of_split(split))
        return np.random.default_rng(len(split)).permutation(n - 1)


def corpus(folder, seed=0, **sizes):
    """Return a corpus whose responses are noise in float32, as it is stored."""
    random = np.random.default_rng(seed)
    table = clips(**sizes)
    responses = {
        split: {
            layer: np.maximum(random.normal(0.3, 1, (n, units)), 0).astype(np.float32)
            for layer, units in {**UNITS, "fc2": len(_CLASS_LIST)}.items()
        }
        for split, n in table.groupby("split").size().items()
    }
    return Corpus(folder, table, responses)
