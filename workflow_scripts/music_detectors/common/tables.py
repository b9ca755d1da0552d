"""Tab-separated tables whose floats read back exactly and whose columns are checked.

A table that a person made or edited can be read too: its columns may be in any order, with others
among them, `TRUE` and `FALSE` may be in capitals, and a byte-order mark or Windows line ends do no
harm.
"""

import io
import os
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from .damage import damaged
from .files import read_checked, replacing

# Texts are kept as they are where pyarrow is not installed: it is a requirement of fetching alone.
pd.set_option("mode.string_storage", "python")

_KIND = "table"
_TRUTH = {"true": True, "false": False}

Columns = Mapping[str, type]
"""Column name to `str`, `int`, `float` or `bool`, in the order they are written."""


def write_table(path: str | os.PathLike, table: pd.DataFrame, columns: Columns) -> None:
    """Write `columns` of `table`, in that order, as TSV: whole or not at all.

    Floats take the shortest form that reads back to the same value, missing floats are empty,
    booleans are `true` and `false`. A checksum is written beside it. Raises KeyError when a column
    is missing and ValueError when a value does not fit its column's type.
    """
    written = pd.DataFrame(index=table.index)
    for name, kind in columns.items():
        values = table[name]
        if kind is bool:
            if values.dtype != bool:
                raise ValueError(f"column {name} is not boolean")
            written[name] = np.where(values, "true", "false")
        elif kind is int:
            if not np.issubdtype(values.dtype, np.integer):
                raise ValueError(f"column {name} is not of whole numbers")
            written[name] = values
        elif kind is float:
            written[name] = values.astype(np.float64)
        else:
            written[name] = values.astype(str)
    with replacing(path, checksum=True) as temporary:
        written.to_csv(temporary, sep="\t", index=False, lineterminator="\n")


def stacked(tables: Sequence[pd.DataFrame], columns: Columns) -> pd.DataFrame:
    """Return the rows of `tables` in turn, or a table of `columns` without rows if there are none.

    Without rows, columns have their types all the same, as `write_table` wants them.
    """
    if tables:
        return pd.concat(tables, ignore_index=True)
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})


def read_table(
    path: str | os.PathLike, columns: Columns, only: Collection[str] | None = None
) -> pd.DataFrame:
    """Return `columns` of the table at `path`, each as its type, in the order of `columns`.

    With `only`, just those. Raises InputError, naming the file, when it cannot be read, does not
    match its checksum, lacks a column, or holds a value that is not of its column's type.
    """
    content = read_checked(path, _KIND)
    wanted = [name for name in columns if only is None or name in only]
    column_positions(path, content.partition(b"\n")[0], wanted, _KIND)
    try:
        raw = pd.read_csv(
            io.BytesIO(content),
            sep="\t",
            dtype=str,
            keep_default_na=False,
            usecols=wanted,
            encoding="utf-8-sig",
        )
    except ValueError as error:
        raise damaged(path, _KIND, error) from error
    table = pd.DataFrame(index=raw.index)
    for name in wanted:
        try:
            table[name] = _parse(raw[name], columns[name])
        except (ValueError, KeyError) as error:
            raise damaged(path, _KIND, f"column {name}: {error}") from error
    return table


def column_positions(
    path: str | os.PathLike, header: bytes, columns: Iterable[str], kind: str
) -> list[int]:
    """Return the position of each of `columns` in `header`, the first line of a `kind` of table.

    Raises InputError, naming the file, for a column that is not there.
    """
    found = header.decode("utf-8-sig", "replace").rstrip("\r\n").split("\t")
    for name in columns:
        if name not in found:
            raise damaged(path, kind, f"no column {name}")
    return [found.index(name) for name in columns]


def _parse(values: pd.Series, kind: type) -> object:
    if kind is str:
        return values
    # Going through a list takes half the time of going through a column.
    texts = values.tolist()
    if kind is bool:
        return np.array([_TRUTH[text.lower()] for text in texts], dtype=bool)
    if kind is int:
        return np.array([int(text) for text in texts], dtype=np.int64)
    return np.array([float(text) if text else np.nan for text in texts], dtype=np.float64)
