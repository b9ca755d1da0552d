"""Run time and memory of the rules, from Snakemake's benchmark files."""

import csv
import math
import os
from pathlib import Path

import pandas as pd

_REPORT_RULE = "write_report"
_FIELDS = {"s": "wall_seconds", "cpu_time": "cpu_seconds", "max_rss": "peak_mb"}


def costs(folder: str | os.PathLike) -> pd.DataFrame:
    """Return rule, jobs, wall_seconds, cpu_seconds and peak_mb for each rule under `folder`.

    `folder` has one folder per rule, with one file per job. Times are sums over jobs, memory (MB)
    is the maximum over jobs. Missing measurements, as for very short jobs, count as zero; files
    that are no benchmarks are ignored. Rules are ordered by CPU time.
    """
    rows = []
    for path in sorted(Path(folder).glob("*/*.tsv")):
        measured = [] if path.parent.name == _REPORT_RULE else _read(path)
        rows += [{"rule": path.parent.name, **row} for row in measured]
    table = pd.DataFrame(rows, columns=["rule", *_FIELDS.values()])
    by_rule = table.groupby("rule").agg(
        jobs=("rule", "size"),
        wall_seconds=("wall_seconds", "sum"),
        cpu_seconds=("cpu_seconds", "sum"),
        peak_mb=("peak_mb", "max"),
    )
    return by_rule.sort_values(["cpu_seconds", "wall_seconds"], ascending=False).reset_index()


def _read(path: Path) -> list[dict[str, float]]:
    """Return one row for each run of a job; a benchmark file may hold several runs."""
    try:
        with open(path, encoding="utf-8", newline="") as content:
            lines = list(csv.DictReader(content, delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    return [
        {name: _number(line.get(field)) for field, name in _FIELDS.items()}
        for line in lines
        if not math.isnan(_number(line.get("s")))
    ]


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
