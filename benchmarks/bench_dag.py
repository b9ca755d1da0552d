"""The DAG at the sizes of AudioSet: its jobs, and how long Snakemake takes over it, user's view.

For each size: a dry run with nothing there, one with everything there, one with a single shard gone;
and what a job on a cluster costs before it begins, for each reads the workflow anew.
"""

import json
import os
import re
import string
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).parents[1]
SIZES = {
    "AudioSet, balanced and eval": {"train": 22_160, "test": 20_371},
    "AudioSet, unbalanced and eval": {"train": 2_042_985, "test": 20_371},
}
# The ontology's branches and how many classes each has; the first three are withheld.
BRANCHES = {"Music": 130, "Singing": 8, "Humming": 1, "Speech": 40, "Animal": 120, "Sounds": 228}
LETTERS = np.array(list(string.ascii_letters + string.digits + "-_"))


class Ended(NamedTuple):
    """A process that ended well: what it said, its seconds and its largest memory in MB."""

    said: str
    wall: float
    cpu: float
    peak_mb: float


def write_metadata(folder: Path, clips: dict[str, int]) -> None:
    """Write files in AudioSet's form to `folder`: ontology, classes and a list of each split."""
    base = folder / "audioset"
    (base / "audio").mkdir(parents=True)
    nodes, classes = [], []
    for branch, size in BRANCHES.items():
        mids = [f"/m/{branch.lower()}{k}" for k in range(size)]
        names = [branch, *(f"{branch} {k}" for k in range(1, size))]
        if branch == "Music":
            names[1] = "Music genre"
        nodes += [
            {"id": mid, "name": name, "child_ids": mids[1:] if name == branch else []}
            for mid, name in zip(mids, names, strict=True)
        ]
        classes += zip(mids, names, strict=True)
    (base / "ontology.json").write_text(json.dumps(nodes))
    (base / "class_labels_indices.csv").write_text(
        "index,mid,display_name\n"
        + "".join(f'{k},{mid},"{name}"\n' for k, (mid, name) in enumerate(classes))
    )
    (base / "clips_with_unlabelled_music.txt").write_text("")
    mids = np.array([mid for mid, _ in classes])
    draw = np.random.default_rng(1)
    for split, name in (("train", "balanced_train"), ("test", "eval")):
        n = clips[split]
        ids = LETTERS[draw.integers(len(LETTERS), size=(n, 11))]
        labels = mids[draw.integers(len(mids), size=(n, 2))]
        with open(base / f"{name}_segments.csv", "w") as file:
            file.write("# Segments csv created for a benchmark\n# YTID, start_seconds, ...\n")
            file.writelines(
                f'{"".join(letters)}, 30.000, 40.000, "{first},{second}"\n'
                for letters, (first, second) in zip(ids, labels, strict=True)
            )


def snakemake(folder: Path, *arguments: str) -> Ended:
    """Run Snakemake on config/audioset-local.yaml in `folder`; the process must end well."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile"]
    command += [str(ROOT / "config" / "audioset-local.yaml")]
    command += ["--workflow-profile", str(ROOT / "profiles" / "default"), *arguments]
    with tempfile.TemporaryFile("w+") as out:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read()
    if process.returncode:
        sys.exit(f"{' '.join(command)}\n{said}")
    return Ended(said, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3)
