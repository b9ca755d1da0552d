"""The groups of units that analyses of played stimuli compare."""

import os

import numpy as np

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.selectivity.columns import UNITS


def groups_of_units(units: str | os.PathLike, layer: str) -> dict[str, np.ndarray]:
    """Return the numbers of the `most` and `least` selective units of `layer` in units.tsv.

    The most selective are those called selective, the least as many of the lowest rank.
    """
    table = read_table(units, UNITS, only=("layer", "unit", "rank", "selective"))
    table = table[table["layer"] == layer].sort_values("rank")
    n = int(table["selective"].sum())
    if not n:
        raise damaged(units, "table", f"has no selective unit of {layer}")
    numbers = table["unit"].to_numpy()
    return {"most": numbers[:n], "least": numbers[-n:]}
