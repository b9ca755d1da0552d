"""Recognition of natural sounds with units silenced, compared with random lesions."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    OTHER,
    PAGE,
    TARGET,
    counted,
    letter,
    save,
    shortened,
    spread,
)
from music_detectors.lesions.columns import LESIONS

# The colours of target and other, and two of Tol's "muted" scheme.
COLOURS = {"none": FAINT, "bottom": OTHER, "top": TARGET, "middle": "#999933", "norm": "#332288"}
"""The lesions in the study's order, with their colours."""
MIDDLE_95 = (0.025, 0.5, 0.975)
"""The quantiles of the random lesions that are shown."""

_COLUMNS = 2
_DOT_SPREAD = 0.58
_RIM: dict[str, Any] = {"markeredgecolor": INK, "markeredgewidth": 0.4}


def plot_lesions(
    tables: Sequence[str | os.PathLike],
    conditions: Sequence[str],
    fraction: float,
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the lesions of each of `conditions` from their lesions.tsv (`tables`).

    The lesions whose fraction is nearest `fraction` are shown. Raises InputError, naming the file,
    for a table that cannot be read or lacks a lesion.
    """
    read = read_lesions(tables, conditions)
    save(lesions(read, nearest(next(iter(read.values())), fraction)), svg, png)


def read_lesions(
    tables: Sequence[str | os.PathLike], conditions: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Return the lesions of each of `conditions` from lesions.tsv of every fraction (`tables`).

    `tables` starts with all fractions of the first condition; each condition has the same number.
    Raises InputError, naming the file, for one that cannot be read or lacks a lesion.
    """
    parts = []
    for path in tables:
        table = read_table(path, LESIONS)
        if not set(COLOURS) <= set(table["lesion"]):
            raise damaged(path, "table", f"lacks some of the lesions {', '.join(COLOURS)}")
        parts.append(table.assign(random=table["lesion"].str.startswith("random-")))
    n_fractions = len(parts) // len(conditions)
    read = {}
    for i, condition in enumerate(conditions):
        table = pd.concat(parts[i * n_fractions : (i + 1) * n_fractions], ignore_index=True)
        # The table of every fraction repeats the rows of the intact network.
        repeated = (table["lesion"] == "none") & table.duplicated(["seed", "group", "lesion"])
        read[condition] = table[~repeated]
    return read


def nearest(table: pd.DataFrame, fraction: float) -> float:
    """Return the fraction of the lesions nearest `fraction`, the smaller one of a tie."""
    fractions = np.unique(table.loc[table["lesion"] != "none", "fraction"])
    return float(fractions[np.argmin(np.abs(fractions - fraction))])


@LOOK
def lesions(tables: dict[str, pd.DataFrame], fraction: float) -> Figure:
    """Return the figure of the lesions of `fraction` of the units, one panel per condition.

    Bars are means over networks, dots networks; behind each dot is the middle 95% of the network's
    random lesions.
    """
    columns = min(len(tables), _COLUMNS)
    rows = -(-len(tables) // columns)
    figure = Figure(figsize=(PAGE * (1 if columns > 1 else 0.6), (26 + 48 * rows) * MM))
    panels = figure.subplots(rows, columns, squeeze=False)
    for place, (condition, table) in enumerate(tables.items()):
        axes = panels.flat[place]
        natural = table[(table["group"] == "natural") & table["fraction"].isin([0.0, fraction])]
        _draw_panel(axes, natural)
        shares = median_percentiles(natural)
        names = [f"{name}\n{shares.get(name, '')}" for name in COLOURS]
        axes.set_xticks(range(len(COLOURS)), names)
        axes.tick_params(axis="x", length=0)
        axes.set_xlim(-0.6, len(COLOURS) - 0.4)
        axes.set_ylim(bottom=0)
        networks = counted(table["seed"].nunique(), "network")
        axes.set_title(f"{shortened(condition, 20)} ({networks})")
        letter(axes, place)
    for axes in panels.flat[len(tables) :]:
        axes.set_axis_off()
    all_rows = pd.concat(tables.values())
    shown = all_rows[(all_rows["group"] == "natural") & (all_rows["fraction"] == fraction)]
    figure.supylabel(
        f"mAP over {counted(int(shown['n_classes'].max()), 'natural class', 'natural classes')}, "
        f"{counted(int(shown['n_clips'].max()), 'test clip')}",
        fontsize=7,
    )
    draws = shown.loc[shown["random"], "lesion"].nunique()
    figure.supxlabel(
        f"Lesion of {counted(int(shown['n_units'].max()), 'unit')} of "
        f"{shown['layer'].iloc[0]} ({100 * fraction:.3g}%). Below each name: share of the "
        f"{draws} random lesions that leave no higher mAP (median of networks)",
        fontsize=7,
    )
    handles: list[Artist] = [
        Patch(facecolor=FAINT, alpha=0.45, linewidth=0),
        Line2D([], [], marker="o", color=FAINT, markersize=3, **_RIM, linewidth=0),
        Line2D([], [], color=FAINT, alpha=0.55, linewidth=4),
        Line2D([], [], color=INK, linewidth=0.7, linestyle=":"),
    ]
    labels = [
        "mean of networks",
        "one network",
        "middle 95% (line: median) of its random lesions",
        "mean without a lesion",
    ]
    figure.legend(handles, labels, loc="outside upper center", ncols=4 if columns > 1 else 2)
    return figure


def median_percentiles(table: pd.DataFrame) -> dict[str, str]:
    """Return the median over networks of the percentile of each lesion, `25%`; empty for none."""
    medians = table.groupby("lesion")["percentile"].median()
    return {
        str(lesion): f"{100 * share:.0f}%" if np.isfinite(share) else ""
        for lesion, share in medians.items()
    }


def random_quantiles(table: pd.DataFrame) -> pd.DataFrame:
    """Return the quantiles MIDDLE_95 (columns) of the mAP after random lesions, by network."""
    by_seed = table[table["random"]].groupby("seed")["mean_average_precision"]
    return by_seed.quantile(list(MIDDLE_95)).unstack()


def _draw_panel(axes: Axes, table: pd.DataFrame) -> None:
    """Draw the lesions of one condition, for one fraction and group of classes."""
    random = random_quantiles(table)
    intact = table.loc[table["lesion"] == "none", "mean_average_precision"].mean()
    for at, (name, colour) in enumerate(COLOURS.items()):
        rows = table[table["lesion"] == name].set_index("seed").sort_index()
        precision = rows["mean_average_precision"]
        axes.bar(at, precision.mean(), width=0.82, color=colour, alpha=0.45, linewidth=0, zorder=1)
        places = at + spread(len(precision), _DOT_SPREAD)
        if name != "none":
            low, median, high = random.loc[precision.index].to_numpy().T
            axes.vlines(places, low, high, color=FAINT, alpha=0.55, linewidth=4, zorder=2)
            axes.hlines(
                median, places - 0.04, places + 0.04, color="white", linewidth=0.7, zorder=3
            )
        axes.plot(places, precision, "o", color=colour, markersize=3, **_RIM, zorder=4)
    axes.axhline(intact, color=INK, linewidth=0.7, linestyle=":", zorder=3)
