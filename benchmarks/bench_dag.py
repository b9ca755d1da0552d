"""Count the jobs for corpora of AudioSet's sizes, and time how long Snakemake plans them.

For each size: without results, with all results (also where each clip has a recording in a folder,
whose size and time are looked at), and with one table missing. Also the time before the script of a
cluster job starts, because each such job reads the workflow again (twice).
"""

import json
import os
import re
import string
import subprocess
import sys
import tempfile
import time
from contextlib import chdir
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from music_detectors.audio.recordings import Seen, stamps, write_note

ROOT = Path(__file__).parents[1]


class Size(NamedTuple):
    """The number of clips by split, and of clips per shard."""

    clips: dict[str, int]
    shard_clips: int


SIZES = {
    "AudioSet, balanced and eval": Size({"train": 22_160, "test": 20_371}, 512),
    # The shard size that docs/audioset.md recommends for this size.
    "AudioSet, unbalanced and eval": Size({"train": 2_042_985, "test": 20_371}, 1024),
}
# More files would take long to make.
MOST_RECORDINGS = 100_000
# By itself, `--touch` waits a tenth of a second per job.
FAST_TOUCH = (
    "from snakemake.executors import touch; touch.Executor.SLEEPING_TIME = 0; "
    "from snakemake.cli import main; main()"
)
# The ontology's branches and how many classes each has; the first three are withheld.
BRANCHES = {
    "Music": 130,
    "Singing": 8,
    "Humming": 1,
    "Speech": 40,
    "Animal": 60,
    "Vehicle": 60,
    "Water": 20,
    "Sounds of things": 208,
}
LETTERS = np.array(list(string.ascii_letters + string.digits + "-_"))


class Finished(NamedTuple):
    """A successful process: its output, its seconds and its peak memory in MB."""

    output: str
    wall: float
    cpu: float
    peak_mb: float


def write_metadata(folder: Path, clips: dict[str, int]) -> None:
    """Write ontology, classes and a segment list per split to `folder`, in AudioSet's formats."""
    base = folder / "audioset"
    (base / "audio").mkdir(parents=True)
    nodes, classes = [], []
    for branch, size in BRANCHES.items():
        mids = [f"/m/{branch.split()[0].lower()}{k}" for k in range(size)]
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
    (base / "filenames.xlsx").write_text("")
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
) -> Finished:
    """Run Snakemake in `folder` with config/audioset-local.yaml and `folder`/size.yaml."""
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
        output = out.read()
    if process.returncode:
        sys.exit(f"{' '.join(command)}\n{output}")
    return Finished(output, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e3)


def dry_run(folder: Path, *arguments: str) -> Finished:
    return snakemake(folder, "--cores", "1", "--dry-run", "--quiet", "rules", *arguments)


def by_rule(finished: Finished) -> dict[str, int]:
    """Return the number of jobs in a dry run by rule, including `total`."""
    return {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", finished.output, re.M)}


def make_empty_results(folder: Path) -> None:
    """Make an empty file for every output, and mark all as up to date."""
    listed = snakemake(folder, "--cores", "1", "--summary").output
    for line in listed.splitlines():
        path = line.split("\t")[0]
        if path.startswith("results/"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).touch()
    options = ("--touch", "--forceall", "--quiet", "all", "--cores", "1000")
    snakemake(folder, *options, program=("-c", FAST_TOUCH))


def record_all(folder: Path, size: Size) -> None:
    """Make an empty recording of each clip, and note for each shard what it was made from."""
    place = "audioset/audio"
    with chdir(folder):
        for split, name in (("train", "balanced_train"), ("test", "eval")):
            lines = Path(f"audioset/{name}_segments.csv").read_text().splitlines()
            ids = [line.partition(",")[0] for line in lines if not line.startswith("#")]
            for shard, first in enumerate(range(0, len(ids), size.shard_clips)):
                own = ids[first : first + size.shard_clips]
                paths = [f"{place}/{one}_30.000.wav" for one in own]
                for path in paths:
                    Path(path).touch()
                product = f"results/audioset/audio/{split}/{shard:05d}.h5"
                write_note(product, Seen(stamps(paths), place, own), None)


def show(label: str, finished: Finished) -> None:
    jobs = by_rule(finished).get("total", 0)
    print(
        f"  {label:<40} {jobs:6d} jobs  {finished.wall:7.1f} s  {finished.cpu:7.1f} s of a core  "
        f"{finished.peak_mb:5.0f} MB"
    )


def main() -> None:
    for name, size in SIZES.items():
        with tempfile.TemporaryDirectory() as name_of_folder:
            folder = Path(name_of_folder)
            write_metadata(folder, size.clips)
            listed = "audioset/clips_with_unlabelled_music.txt"
            overlay = {"corpus": {"shard_clips": size.shard_clips, "withheld_clips": listed}}
            (folder / "size.yaml").write_text(yaml.safe_dump(overlay))
            clips = sum(size.clips.values())
            print(f"\n{name}: {clips} clips, {size.shard_clips} per shard")
            without_results = dry_run(folder)
            show("without results", without_results)
            make_empty_results(folder)
            with_results = dry_run(folder)
            if "Nothing to be done" not in with_results.output:
                sys.exit(with_results.output)
            show("with all results", with_results)
            if clips < MOST_RECORDINGS:
                record_all(folder, size)
                show("with all results and recordings", dry_run(folder))
            (folder / "results/audioset/acoustics/train/00003.tsv").unlink()
            show("one table of acoustics missing", dry_run(folder))
            for rule, more in (("train_network", ""), ("selectivity_units", "target=music,")):
                one = f"{rule}:{more}condition=natural,seed=1"
                job = ("--target-jobs", one, "--allowed-rules", rule)
                show(
                    f"start of a job, {rule}", dry_run(folder, *job, "--force", "--mode", "remote")
                )
            largest = sorted(by_rule(without_results).items(), key=lambda entry: -entry[1])[1:8]
            print("  " + ", ".join(f"{rule} {jobs}" for rule, jobs in largest))


if __name__ == "__main__":
    main()
