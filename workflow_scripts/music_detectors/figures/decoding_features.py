"""Average precision of decoding the target from all units, from fixed models, and from both."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from music_detectors.corpus.targets import target_name
from music_detectors.figures.decoding import read_decoding
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    PAGE,
    condition_colours,
    counted,
    mark_networks,
    range_of,
    save,
    shortened,
)

_ALL = "all units"
_AND = f"{_ALL} and "
_MARKERS = ("s", "^", "D", "v", "P", "X")
_STEP = 0.25


def plot_decoding_features(
    tables: Sequence[str | os.PathLike],
    networks: Sequence[Sequence],
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the decoding of the target from all units of `networks` ([condition, seed] each).

    `tables` are those of decoding, network by network. Raises InputError, naming the file, for one
    that cannot be read or has no row of all units.
    """
    read = read_decoding(tables, networks, _ALL)
    save(decoding_features(read, target_name(target)), svg, png)


@LOOK
def decoding_features(tables: dict[str, pd.DataFrame], target: str) -> Figure:
    """Return the figure: conditions along the axis, a marker for each set of features."""
    figure = Figure(figsize=(PAGE, 78 * MM))
    axes = figure.add_subplot()
    colours = condition_colours(list(tables))
    joined = list(dict.fromkeys(name for table in tables.values() for name in _joined(table)))
    markers = dict(zip(joined, _MARKERS * len(joined), strict=False))
    for at, (condition, table) in enumerate(tables.items()):
        sets = [_ALL, *(_AND + name for name in _joined(table))]
        for place, features in enumerate(sets):
            scores = table.loc[table["features"] == features, "average_precision"].to_numpy()
            where = at + (place - (len(sets) - 1) / 2) * _STEP
            marker = markers.get(features.removeprefix(_AND), "o")
            mark_networks(axes, where, scores, colours[condition], marker, width=0.12)
    every = pd.concat(tables.values())
    covariates = every.loc[every["features"] == "covariates", "average_precision"]
    axes.axhline(covariates.mean(), color=INK, linewidth=1, linestyle="--", zorder=1)
    axes.axhline(every["chance"].mean(), color=FAINT, linewidth=1, linestyle=":", zorder=1)
    names = [
        f"{shortened(name, 16)}\n{counted(table['seed'].nunique(), 'network')}"
        for name, table in tables.items()
    ]
    axes.set_xticks(np.arange(len(tables)), names)
    axes.set_xlim(-0.6, len(tables) - 0.4)
    axes.tick_params(axis="x", length=0)
    axes.set_ylim(0, 1.03)
    axes.set_ylabel(f"Average precision, {target}\nagainst other test clips")
    axes.set_title(
        f"Fitted on {range_of(every['n_train'])} train clips, scored on "
        f"{range_of(every['n_test'])} test clips",
        fontweight="normal",
    )
    handles = [Line2D([], [], color=INK, marker="o", markersize=5, linewidth=1.2)]
    handles += [
        Line2D([], [], color=INK, marker=markers[name], markersize=5, linewidth=1.2)
        for name in joined
    ]
    handles.append(Line2D([], [], color=INK, linewidth=1, linestyle="--"))
    handles.append(Line2D([], [], color=FAINT, linewidth=1, linestyle=":"))
    labels = [
        "all units, mean and 95% interval",
        *(f"all units and the features of {name}" for name in joined),
        "acoustic covariates alone",
        "chance",
    ]
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _joined(table: pd.DataFrame) -> list[str]:
    """Return the conditions whose features join the units in `table`, in its order."""
    features = table["features"].drop_duplicates()
    return [name.removeprefix(_AND) for name in features if name.startswith(_AND)]
