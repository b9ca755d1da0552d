"""Reading the tables that figures are drawn from."""

import os
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table


def read_with_conditions(
    path: str | os.PathLike,
    columns: Mapping[str, type],
    conditions: Sequence[str],
    only: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return the table at `path`, with `columns` or `only` some of them.

    Raises InputError, naming the file, when it cannot be read or has no row of one of `conditions`.
    """
    table = read_table(path, columns, only=only)
    found = set(table["condition"])
    for condition in conditions:
        if condition not in found:
            raise damaged(path, "table", f"has no row of condition {condition}")
    return table


def read_each(
    paths: Sequence[str | os.PathLike],
    names: Sequence[str],
    read: Callable[[str | os.PathLike], pd.DataFrame],
) -> dict[str, pd.DataFrame]:
    """Return what `read` returns for each of `paths`, by the name in `names` in the same place.

    Raises InputError, naming the file, for one that cannot be read or has no row.
    """
    tables = {}
    for path, name in zip(paths, names, strict=True):
        tables[name] = read(path)
        if tables[name].empty:
            raise damaged(path, "table", "has no row")
    return tables
