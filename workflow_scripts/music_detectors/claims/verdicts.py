"""The verdicts in a few lines, for the end of a run."""

import csv
from pathlib import Path

from .columns import WHOLE
from .statements import TITLES


def verdict_lines(path: str | Path) -> list[str]:
    """Return one line per claim of the table `path` (claims.tsv): its title and its verdict."""
    with open(path, newline="") as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if row["part"] == WHOLE]
    width = max((len(TITLES[row["claim"]]) for row in rows), default=0)
    return [_line(row, width) for row in rows]


def _line(row: dict[str, str], width: int) -> str:
    reason = f": {row['reason']}" if row["reason"] else ""
    return f"{TITLES[row['claim']]:<{width}}  {row['verdict']}{reason}"
