"""Compare the results of two runs byte for byte, except for measured times."""

from pathlib import Path

import pandas as pd

# These contain durations of jobs, as do two columns of a network's history.
OF_THE_CLOCK = ("logs/", "benchmarks/", "report.html")
CLOCK_COLUMNS = ["seconds", "clips_per_second"]


def differing(one, other):
    """The files (relative paths, sorted) that one of two result folders lacks or that differ."""
    files = {path for folder in (one, other) for path in _files(Path(folder))}
    return sorted(path for path in files if not _same(Path(one) / path, Path(other) / path))


def _files(folder):
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(OF_THE_CLOCK):
            yield name


def _same(one, other):
    if not (one.is_file() and other.is_file()):
        return False
    if one.name == "history.tsv":
        tables = [pd.read_csv(path, sep="\t", dtype=str) for path in (one, other)]
        return tables[0].drop(columns=CLOCK_COLUMNS).equals(tables[1].drop(columns=CLOCK_COLUMNS))
    if one.name == ".history.tsv.sha256":
        return True
    return one.read_bytes() == other.read_bytes()
