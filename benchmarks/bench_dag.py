"""The DAG at AudioSet's sizes: how many jobs, and how long Snakemake takes before the first starts.

For each size: with nothing there, with everything there, with one table of a shard gone. And what a
job on a cluster takes before its script starts, for each such job reads the workflow anew (twice).
"""

import json
import os
import re
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

ROOT = Path(__file__).parents[1]


class Size(NamedTuple):
    """Clips by split, and how many make a shard."""

    clips: dict[str, int]
    shard_clips: int


SIZES = {
    "AudioSet, balanced and eval": Size({"train": 22_160, "test": 20_371}, 512),
    # As docs/audioset.md advises for so many.
    "AudioSet, unbalanced and eval": Size({"train": 2_042_985, "test": 20_371}, 1024),
}
# `--touch` as Snakemake has it waits a tenth of a second a job.
TOUCHING = (
    "from snakemake.executors import touch; touch.Executor.SLEEPING_TIME = 0; "
    "from snakemake.cli import main; main()"
)
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


def snakemake(
    folder: Path, *arguments: str, program: tuple[str, ...] = ("-m", "snakemake")
) -> Ended:
    """Run Snakemake in `folder` on config/audioset-local.yaml with the overlay of that folder."""
    command = [sys.executable, *program, "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(folder), "--configfile"]
    command += [str(ROOT / "config" / "audioset-local.yaml"), str(folder / "size.yaml")]
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


def dry_run(folder: Path, *arguments: str) -> Ended:
    return snakemake(folder, "--cores", "1", "--dry-run", "--quiet", "rules", *arguments)


def by_rule(ended: Ended) -> dict[str, int]:
    """Return the number of jobs that a dry run plans by rule, `total` among them."""
    return {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", ended.said, re.M)}


def pretend(folder: Path) -> None:
    """Make every file that the DAG makes, empty, and Snakemake's notes that they are up to date."""
    listed = snakemake(folder, "--cores", "1", "--summary").said
    for line in listed.splitlines():
        path = line.split("\t")[0]
        if path.startswith("results/"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).touch()
    how = ("--touch", "--forceall", "--quiet", "all", "--cores", "1000")
    snakemake(folder, *how, program=("-c", TOUCHING))


def tell(what: str, ended: Ended) -> None:
    jobs = by_rule(ended).get("total", 0)
    print(
        f"  {what:<40} {jobs:6d} jobs  {ended.wall:7.1f} s  {ended.cpu:7.1f} s of a core  "
        f"{ended.peak_mb:5.0f} MB"
    )


def main() -> None:
    for name, size in SIZES.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            write_metadata(folder, size.clips)
            overlay = {"corpus": {"shard_clips": size.shard_clips}}
            (folder / "size.yaml").write_text(yaml.safe_dump(overlay))
            clips = sum(size.clips.values())
            print(f"\n{name}: {clips} clips, {size.shard_clips} a shard")
            nothing = dry_run(folder)
            tell("nothing there", nothing)
            pretend(folder)
            everything = dry_run(folder)
            if "Nothing to be done" not in everything.said:
                sys.exit(everything.said)
            tell("everything there", everything)
            (folder / "results/audioset/acoustics/train/00003.tsv").unlink()
            tell("acoustics of a shard gone", dry_run(folder))
            for rule in ("train_network", "selectivity_units"):
                job = ("--target-jobs", f"{rule}:condition=natural,seed=1", "--allowed-rules", rule)
                tell(
                    f"start of a job, {rule}", dry_run(folder, *job, "--force", "--mode", "remote")
                )
            largest = sorted(by_rule(nothing).items(), key=lambda entry: -entry[1])[1:8]
            print("  " + ", ".join(f"{rule} {jobs}" for rule, jobs in largest))


if __name__ == "__main__":
    main()
