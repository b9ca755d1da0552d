"""What everything but the networks takes at AudioSet's balanced size, rule by rule.

Each rule runs as a job of Snakemake on generated files (`audioset_sized.py`). A rule with a job for
each shard or network runs for one of them; rules that join networks read links to its files and
copies of its tables. Snakemake's own graph then says how long all jobs take on 16 cores, longest
path first, while jobs of networks (training, responses) take no time.

With --run, the jobs that follow the responses are really run on so many cores, and the time is set
beside that of the schedule for the seconds that these jobs took.
"""

import argparse
import heapq
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from time import monotonic

import numpy as np
import pandas as pd
import yaml
from audioset_sized import (
    link_networks,
    usable_clips,
    write_metadata,
    write_networks,
    write_probe_responses,
    write_shards,
)

ROOT = Path(__file__).parents[1]
CLIPS = {"train": 22_160, "test": 20_371}
CONDITIONS = ("natural", "full", "shuffled", "untrained")
DROPPED = ("no-speech", "no-things", "gabor", "pca")
# The sounds of the target in the probe set that needs no download.
PROBED = ["Instrumental music", "Song"]
EPOCHS = (0, 1, 3, 10, 30, 100)
STIMULI = (
    "intact",
    *(f"quilt-{ms}ms" for ms in (50, 100, 200, 400, 800, 1600)),
    *(f"level-{db}db" for db in (0, 3, 6, 9, 12, 15, 18)),
)
# Training and playing; what they take depends on the device. Fetching and decoding likewise.
OF_NETWORKS = {
    "train_network",
    "compute_responses",
    "compute_stimulus_responses",
    "compute_snapshot_responses",
    "compute_probe_responses",
    "find_preferred",
    "fetch_metadata",
    "fetch_audio",
    "decode_audio",
}
OF_SHARDS = (
    "compute_spectrograms",
    "compute_quilt_spectrograms",
    "compute_level_spectrograms",
    "compute_acoustics",
)
OF_ONE_NETWORK = (
    "join_acoustics",
    "assign_blocks",
    "match_clips",
    "summarise_yield",
    "selectivity_units",
    "selective_responses",
    "score_recognition",
    "decode_target",
    "embed_responses",
    "lesion_units",
    "measure_specificity",
    "measure_emergence",
)
OF_ONE_CONDITION = (
    "quilt_responses",
    "level_responses",
    "genre_responses",
    "profile_probe",
    "summarise_specificity",
)
OF_ALL = ("summarise_selectivity", "summarise_recognition", "compare_quilts", "assess_claims")
# Not figures, or such as need sound, networks or further targets.
NO_FIGURES = (
    "__init__",
    "style",
    "reading",
    "log_mels",
    "example_spectrograms",
    "preferred",
    "targets",
    "quilts_targets",
)
CORES = 16


class Folder:
    """A folder in which Snakemake runs the workflow on generated files."""

    def __init__(self, path: Path) -> None:
        """Use the folder at `path`."""
        self.path, self.results = path, path / "results/audioset"
        self.noted = path / "noted.jsonl"

    def configure(self, seeds: int) -> None:
        """Set the number of networks of a condition."""
        overlay = {
            "corpus": {"shard_clips": 512, "withheld_clips": None},
            "audio": {"min_clips": {"train": 1, "test": 1}},
            "networks": {"seeds": seeds, "device": "cpu"},
            "conditions": dict.fromkeys(DROPPED),
            "targets": [],
            "probes": {"embedded": {"target": PROBED}, "natsound165": None},
        }
        (self.path / "size.yaml").write_text(yaml.safe_dump(overlay))

    def snakemake(self, *arguments: str) -> str:
        """Run Snakemake, one job at a time, and return what it prints."""
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--directory", str(self.path), "--cores", "1", "--nolock"]
        command += ["--configfile", str(ROOT / "config/audioset-local.yaml")]
        command += [str(self.path / "size.yaml")]
        command += ["--workflow-profile", str(ROOT / "profiles/default")]
        noting = [str(Path(__file__).parent / "noting"), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {
            "PYTHONPATH": ":".join(filter(None, noting)),
            "NOTED_IN": str(self.noted),
        }
        done = subprocess.run(
            [*command, *arguments], env=environment, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{' '.join(command)} {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def make(self, *files: str, rules: tuple[str, ...] = (), force: bool = False) -> None:
        """Make these files below the results by `rules` (all, if there are none)."""
        targets = [f"results/audioset/{name}" for name in files]
        allowed = ["--allowed-rules", *rules] if rules else []
        forced = ["--force"] if force else []
        self.snakemake(*targets, *forced, "--rerun-triggers", "mtime", *allowed)

    def graph(self, *targets: str) -> tuple[dict[int, str], list[tuple[int, int]]]:
        """Return the rule of each job of `all`, and the pairs of a job and one that follows it.

        With `targets`, those of the jobs that these still need.
        """
        text = self.snakemake("--dag", "dot", *(targets or ("--forceall",)))
        jobs = {
            int(number): label.split("\\n")[0]
            for number, label, style in re.findall(
                r'^\s*(\d+)\[label = "([^"]*)".*style="([^"]*)"', text, re.M
            )
            if not (targets and "dashed" in style)
        }
        pairs = [(int(a), int(b)) for a, b in re.findall(r"^\s*(\d+) -> (\d+)", text, re.M)]
        return jobs, [(a, b) for a, b in pairs if a in jobs and b in jobs]


def prepare(folder: Folder, clips: dict[str, int], seeds: int) -> None:
    """Generate all files that the measured rules read, for as many as `seeds` networks."""
    write_metadata(folder.path, clips)
    folder.configure(seeds)
    folder.make("corpus/clips.tsv", "corpus/conditions.tsv", "probes/embedded/sounds.tsv")
    listed = usable_clips(folder.results)
    stimuli = {"original": ["train", "test"], **{name: ["test"] for name in STIMULI}}
    write_shards(folder.results, listed, stimuli, with_sound=True)
    made = folder.path / "made"
    write_networks(made, listed, folder.results, ["original", *STIMULI], list(EPOCHS))
    write_probe_responses(made, folder.results / "probes/embedded/sounds.tsv")
    networks = [(name, seed) for name in CONDITIONS for seed in range(1, seeds + 1)]
    link_networks(made, folder.results, networks)


def copy_tables(folder: Folder, seeds: int) -> None:
    """Give every network the tables of the first, with its own number."""
    for path in folder.results.glob("*/**/natural/seed-1/*.tsv"):
        below = path.relative_to(folder.results).parts
        if below[0] == "networks":
            continue
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        for condition in CONDITIONS:
            if below[0] == "emergence" and condition != "natural":
                continue
            for seed in range(1, seeds + 1):
                copy = folder.results.joinpath(*below[:-3], condition, f"seed-{seed}", below[-1])
                if copy.exists():
                    continue
                copy.parent.mkdir(parents=True, exist_ok=True)
                own = table.assign(seed=str(seed)) if "seed" in table else table
                own.to_csv(copy, sep="\t", index=False)


def measure_shards(folder: Folder) -> None:
    """Run the jobs of one shard of each split."""
    (folder.results / "acoustics/train").mkdir(parents=True, exist_ok=True)
    folder.make(
        *(f"spectrograms/original/{split}/00000.h5" for split in CLIPS),
        "spectrograms/intact/test/00000.h5",
        "spectrograms/level-0db/test/00000.h5",
        *(f"acoustics/{split}/00000.tsv" for split in CLIPS),
        rules=OF_SHARDS,
    )


def measure_network(folder: Folder) -> None:
    """Run the jobs of one network, and those of the corpus that they need."""
    one = "natural/seed-1"
    folder.make(
        f"selectivity/music/{one}/class_responses.tsv",
        f"recognition/{one}/average_precision.tsv",
        f"decoding/music/{one}/decoding.tsv",
        f"lesions/music/{one}/lesions.tsv",
        f"specificity/music/{one}/sets.tsv",
        f"emergence/music/{one}/emergence.tsv",
        "audio/yield.tsv",
        rules=OF_ONE_NETWORK,
    )


def measure_joined(folder: Folder, seeds: int) -> None:
    """Run the jobs that are for `seeds` networks of a condition, or for those of all conditions."""
    folder.configure(seeds)
    folder.noted = folder.path / f"noted-{seeds}.jsonl"
    copy_tables(folder, seeds)
    folder.make(
        "quilts/music/natural/responses.tsv",
        "levels/music/natural.tsv",
        "genres/music/natural.tsv",
        "profiles/music/embedded/natural/sounds.tsv",
        "specificity/music/natural/networks.tsv",
        rules=OF_ONE_CONDITION,
        force=True,
    )
    for path in folder.results.glob("*/**/natural*"):
        for condition in CONDITIONS:
            copy = path.with_name(path.name.replace("natural", condition))
            if path.is_dir() and path.parent.name in ("music", "embedded"):
                for table in path.glob("*.tsv"):
                    copy.mkdir(exist_ok=True)
                    if condition != "natural":
                        shutil.copyfile(table, copy / table.name)
            elif path.suffix == ".tsv" and condition != "natural":
                shutil.copyfile(path, copy)
    figures = names_of_figures()
    folder.make(
        "selectivity/music/summary.tsv",
        "recognition/summary.tsv",
        "quilts/music/conditions.tsv",
        "claims/claims.tsv",
        *(f"figures/{name}.svg" for name in figures),
        rules=(*OF_ALL, *(f"plot_{name}" for name in figures)),
        force=True,
    )


def names_of_figures() -> list[str]:
    """Return the names of the figures that need neither sound nor networks."""
    modules = sorted((ROOT / "workflow_scripts/music_detectors/figures").glob("*.py"))
    return [path.stem for path in modules if not path.stem.startswith(NO_FIGURES)]


def measured(folder: Folder, seeds: int | None = None) -> dict[str, tuple[float, float, float]]:
    """Return the seconds of a job of each rule, its peak memory and what it asks for, in MB.

    With `seeds`, those of jobs for so many networks too.
    """
    names = ["noted.jsonl", *([f"noted-{seeds}.jsonl"] if seeds else [])]
    lines = [
        json.loads(line) for name in names for line in (folder.path / name).read_text().splitlines()
    ]
    of_rules = defaultdict(list)
    for line in lines:
        of_rules[line["rule"]].append(line)
    return {
        rule: (
            float(np.mean([one["seconds"] for one in own])),
            max(one["peak_mb"] for one in own),
            own[0]["asked_mb"],
        )
        for rule, own in of_rules.items()
    }


def schedule(
    seconds: dict[int, float], edges: list[tuple[int, int]], cores: int
) -> tuple[float, list[int]]:
    """Return the seconds that jobs take on `cores`, longest path first, and the longest path."""
    after, waits_for = defaultdict(list), dict.fromkeys(seconds, 0)
    for job, follower in edges:
        after[job].append(follower)
        waits_for[follower] += 1
    order, free_jobs, left = [], [job for job, n in waits_for.items() if not n], dict(waits_for)
    while free_jobs:
        order.append(free_jobs.pop())
        for follower in after[order[-1]]:
            left[follower] -= 1
            if not left[follower]:
                free_jobs.append(follower)
    path: dict[int, float] = {}
    for job in reversed(order):
        path[job] = seconds[job] + max((path[follower] for follower in after[job]), default=0)
    ready = [(-path[job], job) for job, n in waits_for.items() if not n]
    heapq.heapify(ready)
    running, now, free = [], 0.0, cores
    while ready or running:
        while ready and free:
            _, job = heapq.heappop(ready)
            heapq.heappush(running, (now + seconds[job], job))
            free -= 1
        now, job = heapq.heappop(running)
        free += 1
        for follower in after[job]:
            waits_for[follower] -= 1
            if not waits_for[follower]:
                heapq.heappush(ready, (-path[follower], follower))
    chain = [max(path, key=path.get)]
    while after[chain[-1]]:
        chain.append(max(after[chain[-1]], key=path.get))
    return now, chain


def budget(folder: Folder, seeds: int) -> str:
    """Return the page's section for `seeds` networks of each condition."""
    folder.configure(seeds)
    jobs, edges = folder.graph()
    took = measured(folder, seeds)
    seconds, of_rules, unknown = {}, defaultdict(int), set()
    for job, rule in jobs.items():
        of_rules[rule] += 1
        seconds[job] = 0.0 if rule in OF_NETWORKS else took.get(rule, (0, 0, 0))[0]
        if rule not in took and rule not in OF_NETWORKS:
            unknown.add(rule)
    wall, chain = schedule(seconds, edges, CORES)
    total = sum(seconds.values())
    longest = sum(seconds[job] for job in chain)
    lines = [
        f"## {len(CONDITIONS)} conditions x {seeds} networks",
        "",
        f"{len(jobs):,} jobs, {total / 60:.0f} core-minutes, {wall / 60:.1f} minutes on {CORES} "
        f"cores; the longest chain takes {longest:.0f} s ("
        + ", ".join(f"`{jobs[job]}` {seconds[job]:.0f}" for job in chain if seconds[job] > 0.5)
        + ").",
        "",
        "| rule | jobs | seconds of a job | core-minutes | peak MB | asks for, MB |",
        "|---|---|---|---|---|---|",
    ]
    groups = defaultdict(list)
    for rule, n in of_rules.items():
        if rule in took and rule not in OF_NETWORKS:
            groups["the other `plot_*`" if is_small_figure(rule, took) else f"`{rule}`"].append(
                (n, *took[rule])
            )
    rows = [
        (
            sum(n * one for n, one, _, _ in own) / 60,
            name,
            sum(n for n, *_ in own),
            max(one for _, one, _, _ in own),
            max(peak for _, _, peak, _ in own),
            max(asked for *_, asked in own),
        )
        for name, own in groups.items()
    ]
    for minutes, name, n, one, peak, asked in sorted(rows, reverse=True):
        lines.append(f"| {name} | {n} | {one:.1f} | {minutes:.1f} | {peak:.0f} | {asked} |")
    unknown -= {"all"}
    lines += ["", f"Not measured: {', '.join(f'`{rule}`' for rule in sorted(unknown))}."]
    return "\n".join(lines)


def run_really(folder: Folder, clips: dict[str, int], seeds: int, cores: int) -> str:
    """Run the jobs that follow the responses; return what they took, and what the schedule says."""
    prepare(folder, clips, seeds)
    measure_shards(folder)
    figures = names_of_figures()
    what = ["results/audioset/claims/claims.tsv"]
    what += [f"results/audioset/figures/{name}.svg" for name in figures]
    what += ["--rerun-triggers", "mtime", "--allowed-rules", *OF_ONE_NETWORK, *OF_ONE_CONDITION]
    what += [*OF_ALL, *(f"plot_{name}" for name in figures)]
    jobs, edges = folder.graph(*what)
    folder.noted.unlink()
    start = monotonic()
    folder.snakemake(*what, "--cores", str(cores))
    minutes = (monotonic() - start) / 60
    took = measured(folder)
    seconds = {job: took[rule][0] for job, rule in jobs.items()}
    wall, _ = schedule(seconds, edges, cores)
    return (
        f"{len(jobs):,} jobs of {len(CONDITIONS)} conditions x {seeds} networks, "
        f"{clips['train'] + clips['test']:,} clips: {sum(seconds.values()) / 60:.1f} core-minutes; "
        f"{minutes:.1f} minutes on {cores} core(s), {wall / 60:.1f} by the schedule"
    )


def is_small_figure(rule: str, took: dict[str, tuple[float, float, float]]) -> bool:
    """Return whether `rule` draws a figure in less than five seconds."""
    return rule.startswith("plot_") and took[rule][0] < 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of AudioSet's clips")
    parser.add_argument("--seeds", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--run", type=int, metavar="CORES", help="run the jobs on so many cores")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Folder(Path(name))
        clips = {split: round(options.share * n) for split, n in CLIPS.items()}
        if options.run:
            print(run_really(folder, clips, max(options.seeds), options.run))
            return
        prepare(folder, clips, max(options.seeds))
        measure_shards(folder)
        measure_network(folder)
        for seeds in options.seeds:
            measure_joined(folder, seeds)
        for seeds in options.seeds:
            print(budget(folder, seeds), flush=True)


if __name__ == "__main__":
    main()
