"""Tab-separated tables whose floats read back exactly and whose columns are checked."""

import os
from collections.abc import Mapping

import numpy as np
import pandas as pd

from .errors import InputError, one_line
from .files import replacing

_TRUTH = {"true": True, "false": False}

Columns = Mapping[str, type]
"""Column name to `str`, `int`, `float` or `bool`, in the order they are written."""


def write_table(path: str | os.PathLike, table: pd.DataFrame, columns: Columns) -> None:
    """Write `columns` of `table`, in that order, as TSV: whole or not at all.

    Floats take the shortest form that reads back to the same value, missing floats are empty,
    booleans are `true` and `false`. Raises KeyError when a column is missing and ValueError when
    a value does not fit its column's type.
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
    with replacing(path) as temporary:
        written.to_csv(temporary, sep="\t", index=False, lineterminator="\n")


def read_table(path: str | os.PathLike, columns: Columns) -> pd.DataFrame:
    """Read the named `columns` of a table made by `write_table`, each as its type.

    Raises InputError, naming the file, when it cannot be read, lacks a column, or holds a value
    that is not of the column's type.
    """
    try:
        raw = pd.read_csv(
            path,
            sep="\t",
            dtype=str,
            keep_default_na=False,
            usecols=list(columns),
            encoding="utf-8",
        )
    except FileNotFoundError:
        raise InputError(f"{path}: no such table; run the rule that makes it") from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: not a readable table ({one_line(error)}); delete it and run again"
        ) from error
    table = pd.DataFrame(index=raw.index)
    for name, kind in columns.items():
        try:
            table[name] = _parse(raw[name], kind)
        except (ValueError, KeyError) as error:
            raise InputError(
                f"{path}: column {name} is damaged ({one_line(error)}); delete it and run again"
            ) from error
    return table


def _parse(values: pd.Series, kind: type) -> object:
    if kind is str:
        return values
    if kind is bool:
        return np.array([_TRUTH[value] for value in values], dtype=bool)
    if kind is int:
        return np.array([int(value) for value in values], dtype=np.int64)
    return np.array([float(value) if value else np.nan for value in values], dtype=np.float64)
