"""Whether the response to quilts, relative to intact clips, differs between conditions."""

import os
from collections.abc import Mapping

import numpy as np
import pandas as pd

from music_detectors.common.tables import read_table, write_table
from music_detectors.quilts.columns import QUILT_CONDITIONS, QUILT_INTACT
from music_detectors.quilts.inference import mean_with_test, with_holm

_POINT = ["split", "group", "role", "segment_ms"]


def compare_quilts(
    tables: Mapping[str, str | os.PathLike], output: str | os.PathLike, *, reference: str
) -> None:
    """Write how each condition but `reference` differs from it, at each length of segments.

    `tables` are the conditions' intact.tsv. Raises InputError when one cannot be read.
    """
    read = {name: read_table(path, QUILT_INTACT) for name, path in tables.items()}
    rows = [
        compared(table, read[reference]).assign(condition=name, reference=reference)
        for name, table in read.items()
        if name != reference
    ]
    empty = pd.DataFrame(columns=list(QUILT_CONDITIONS)).astype({"n_networks": int})
    write_table(output, pd.concat(rows) if rows else empty, QUILT_CONDITIONS)


def compared(condition: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of QUILT_CONDITIONS but the names, from two tables QUILT_INTACT.

    Networks of the same seed are compared. A fixed model has one, which is compared with each.
    """
    relative = {
        name: table.pivot(index=_POINT, columns="seed", values="relative")
        for name, table in (("condition", condition), ("reference", reference))
    }
    one, other = relative["condition"], relative["reference"]
    if one.shape[1] == 1:
        one = pd.DataFrame({seed: one.iloc[:, 0] for seed in other.columns})
    elif other.shape[1] == 1:
        other = pd.DataFrame({seed: other.iloc[:, 0] for seed in one.columns})
    seeds = one.columns.intersection(other.columns)
    rows = []
    for point, values in one[seeds].iterrows():
        others = other.loc[point, seeds]
        difference = mean_with_test((values - others).to_numpy())
        rows.append(
            {
                **dict(zip(_POINT, point, strict=True)),
                "n_networks": len(seeds),
                "relative": np.mean(values.to_numpy()),
                "relative_reference": np.mean(others.to_numpy()),
                "difference": difference.mean,
                "low": difference.low,
                "high": difference.high,
                "t": difference.t,
                "p": difference.p,
            }
        )
    return with_holm(pd.DataFrame(rows), ["split", "group", "role"])
