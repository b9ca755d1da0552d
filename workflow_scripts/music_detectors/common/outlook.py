"""What a run will take, in plain words: jobs, time, disk, downloads."""

import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean


@dataclass(frozen=True)
class Job:
    """A job to come: the file of its rule, its rule, seconds by the formulas, bytes it writes."""

    stage: str
    rule: str
    seconds: float
    bytes: float


def measured_seconds(folder: Path) -> dict[str, float]:
    """Return the mean seconds of the jobs of each rule, from the benchmarks in `folder`.

    `folder` has one folder per rule; what is no benchmark is left out.
    """
    found = {}
    for of_rule in sorted(folder.glob("*/")):
        seconds = [one for path in of_rule.glob("*.tsv") for one in _seconds_in(path)]
        if seconds:
            found[of_rule.name] = fmean(seconds)
    return found


def _seconds_in(path: Path) -> list[float]:
    try:
        with open(path, encoding="utf-8", newline="") as content:
            seconds = [float(row["s"]) for row in csv.DictReader(content, delimiter="\t")]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return []
    return [one for one in seconds if math.isfinite(one)]


def time_needed(jobs: Iterable[Job], measured: Mapping[str, float], cores: int) -> float:
    """Return about how many seconds `jobs` take on `cores` cores.

    A rule of which jobs were measured takes as long each as these did; others go by the formulas.
    Few jobs cannot use all cores: it is no less than the longest job.
    """
    seconds = [measured.get(job.rule, job.seconds) for job in jobs]
    return max(sum(seconds) / cores, max(seconds, default=0.0))


def lines(
    jobs: Sequence[Job],
    measured: Mapping[str, float],
    cores: int,
    free_bytes: float,
    downloads: Sequence[str],
) -> list[str]:
    """Return what is to come, a line for each of jobs, time, disk and network.

    `free_bytes` are those that the disk has; `downloads` says what comes over the network.
    """
    stages = Counter(job.stage for job in jobs)
    kinds = ", ".join(f"{n} {stage}" for stage, n in sorted(stages.items(), key=_most_first))
    seconds = time_needed(jobs, measured, cores)
    known = sum(job.rule in measured for job in jobs)
    source = "by formulas, within a factor of two or so"
    if known:
        others = ", the others by formulas" if known < len(jobs) else ""
        source = f"{known} of them as measured here{others}"
    needed = sum(job.bytes for job in jobs)
    room = f"{_size(free_bytes)} are free"
    if needed > free_bytes:
        room += ": make room first"
    return [
        f"jobs     {len(jobs)}: {kinds}",
        f"time     about {_about(seconds)} on {cores} core{'s' * (cores != 1)} ({source})",
        f"disk     about {_size(needed)}; {room}",
        f"network  {'; '.join(downloads) or 'nothing is downloaded'}",
    ]


def _most_first(stage: tuple[str, int]) -> tuple[int, str]:
    return -stage[1], stage[0]


def _about(seconds: float) -> str:
    """Return `seconds` to two digits, from half a minute on."""
    if seconds < 30:
        return "half a minute"
    digits = 10 ** max(0, math.floor(math.log10(seconds)) - 1)
    minutes = round(seconds / digits) * digits / 60
    if minutes < 100:
        return f"{max(1, round(minutes))} minutes" if minutes >= 1.5 else "a minute"
    return f"{round(minutes / 60)} hours" if minutes < 60 * 72 else f"{round(minutes / 1440)} days"


def _size(n_bytes: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{max(1, round(n_bytes / 1e6))} MB"
