"""Small corpora of every source: configurations with stand-ins for their results."""

import json
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from snakemake.utils import update_config

from reruns.plans import plan, recorded, said, stand_in
from workflow.audioset_files import NODES, write_audioset
from workflow.snake import LEFT_OUT, ONE_NETWORK, ROOT, preset, written

FEW = {
    "corpus": {"clip_seconds": 2, "shard_clips": 20},
    **ONE_NETWORK,
    "stimuli": {"played": ["intact", "quilt-50ms", "quilt-100ms"], "compared_seconds": 1.6},
}


@dataclass(frozen=True)
class Finished:
    """A folder with the results of a configuration, and the arguments that name it."""

    folder: Path
    arguments: tuple

    def changed(self, name: str, setting: dict) -> list[object]:
        """Return the arguments with `setting` added in a configuration file called `name`."""
        return [*self.arguments, written(self.folder / f"{name}.yaml", setting)]

    def plan(self, *more: object, root: Path = ROOT) -> set:
        return plan(self.folder, *self.arguments, *more, root=root)

    def run(self, *more: object, root: Path = ROOT) -> str:
        """Run Snakemake with the arguments and `more`; returns what it says."""
        return said(self.folder, *self.arguments, *more, root=root)

    def copy(self, folder: Path) -> "Finished":
        """Return a copy in `folder`, which must not be there, with the times of all files."""
        shutil.copytree(self.folder, folder)
        return Finished(folder, self.arguments)

    def rules(self) -> set[str]:
        """Return the rules that made the files."""
        return {note["rule"] for note in recorded(self.folder).values()}


# Goes when the process ends.
_PLACE = tempfile.TemporaryDirectory(prefix="reruns-")


@cache
def finished(source: str) -> Finished:
    """Return a stand-in for a finished run of a corpus. Tests that change files take a copy."""
    return _MAKERS[source](Path(_PLACE.name) / source)


def smoke(folder: Path) -> Finished:
    """The smoke run with all its conditions."""
    arguments = tuple(preset("smoke"))
    folder.mkdir()
    return Finished(stand_in(folder, *arguments), arguments)


def embedded(folder: Path) -> Finished:
    """The smoke run with three conditions and one target: the tests add a further one."""
    folder.mkdir()
    # One of them withholds another branch than the others, so that claims can compare with it.
    conditions = LEFT_OUT | {"shuffled": {"withhold": ["Animal"]}}
    fewer = written(folder / "three_conditions.yaml", {"conditions": conditions, "targets": []})
    arguments = (*preset("smoke"), fewer)
    return Finished(stand_in(folder, *arguments), arguments)


def audioset(folder: Path) -> Finished:
    """Lists on disk; clips in a folder, an archive and on YouTube."""
    _files(folder)
    return _finished(
        folder,
        {
            "corpus": {
                "name": "local",
                "source": "audioset",
                "withheld_clips": "audioset/filenames.xlsx",
                "ontology": "audioset/ontology.json",
                "audioset": {
                    "classes": "audioset/class_labels_indices.csv",
                    "train_segments": "audioset/balanced_train_segments.csv",
                    "test_segments": "audioset/eval_segments.csv",
                },
            },
            "audio": {
                "sources": ["folder", "archives", "youtube"],
                "folder": "audioset/audio",
                "archives": ["one.tar"],
            },
        },
    )


def downloaded(folder: Path, **more: object) -> Finished:
    """The same, its lists and a probe set downloaded, its clips in a folder, with `more`."""
    _files(folder)
    web = "https://example.org"
    return _finished(
        folder,
        {
            "corpus": {
                "name": "web",
                "source": "audioset",
                "ontology": f"{web}/ontology.json",
                "audioset": {
                    "classes": f"{web}/classes.csv",
                    "train_segments": f"{web}/train.csv",
                    "test_segments": f"{web}/test.csv",
                    "clips": {"train": 20, "test": 20},
                },
            },
            "audio": {"sources": ["folder"], "folder": "audioset/audio"},
            "probes": {"embedded": None, "natsound165": {}},
            **more,
        },
    )


def further_target(folder: Path) -> Finished:
    """The same, with a further target."""
    return downloaded(folder, targets=["Speech"])


def manifest(folder: Path) -> Finished:
    folder.mkdir()
    labels = ["Rock", "Speech", "Rain", "Speech;Rain"]
    rows = "".join(f"clip{k}.wav\t{labels[k % 4]}\n" for k in range(40))
    for name in ("manifest.tsv", "other.tsv"):
        (folder / name).write_text(f"path\tlabels\n{rows}")
    (folder / "sounds").mkdir()
    for name in ("guitar", "rain"):
        (folder / "sounds" / f"{name}.wav").touch()
    for name in ("categories.csv", "other.csv"):
        (folder / "sounds" / name).write_text("guitar,Rock\nrain,Nature\n")
    return _finished(
        folder,
        {
            "corpus": {
                "name": "recordings",
                "source": "manifest",
                "target": "Rock",
                "manifest": {"path": "manifest.tsv"},
            },
            "conditions": {
                "natural": {
                    "withhold": ["Rock"],
                    "labels": "given",
                    "epochs": 1,
                    "snapshots": [0, 1],
                }
            },
            "probes": {
                "embedded": None,
                "mine": {"folder": "sounds", "categories": "categories.csv", "target": ["Rock"]},
            },
        },
    )


def fsd50k(folder: Path) -> Finished:
    _files(folder)
    known = [(mid, name.replace(" ", "_")) for mid, name, _ in NODES]
    for place in ("fsd50k", "moved"):
        truth = folder / place / "FSD50K.ground_truth"
        truth.mkdir(parents=True)
        (truth / "vocabulary.csv").write_text(
            "".join(f"{k},{name},{mid}\n" for k, (mid, name) in enumerate(known))
        )
        rows = [f"{k},{known[-k % 2][1]},{known[-k % 2][0]}" for k in range(40)]
        (truth / "dev.csv").write_text(
            "fname,labels,mids,split\n" + "".join(f"{row},train\n" for row in rows[:20])
        )
        (truth / "eval.csv").write_text(
            "fname,labels,mids\n" + "".join(f"{row}\n" for row in rows[20:])
        )
    return _finished(
        folder,
        {
            "corpus": {
                "name": "fsd",
                "source": "fsd50k",
                "ontology": "audioset/ontology.json",
                "fsd50k": {"folder": "fsd50k"},
            },
            "conditions": {
                "natural": {
                    "withhold": ["Music"],
                    "labels": "given",
                    "epochs": 1,
                    "snapshots": [0, 1],
                }
            },
        },
    )


def _files(folder: Path) -> None:
    """Write files like AudioSet's, and a second version of each that a key may name."""
    write_audioset(folder, audio=False)
    for path in [*(folder / "audioset").iterdir()]:
        if path.is_file():
            shutil.copy(path, folder / f"other_{path.name}")
    (folder / "other_folder").mkdir()
    (folder / "a_file").write_text("\n")
    for name in ("one.tar", "two.tar"):
        tarfile.open(folder / name, "w").close()


def _finished(folder: Path, configuration: dict) -> Finished:
    laid = json.loads(json.dumps(FEW))
    update_config(laid, configuration)
    arguments = ("--configfile", written(folder / "mine.yaml", laid))
    return Finished(stand_in(folder, *arguments), arguments)


_MAKERS = {
    "smoke": smoke,
    "embedded": embedded,
    "audioset": audioset,
    "downloaded": downloaded,
    "further_target": further_target,
    "manifest": manifest,
    "fsd50k": fsd50k,
}
