"""Recognition of natural sounds with units silenced, against as many silenced at random."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
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

# Beside the colours of target and other, two of Tol's "muted" scheme that no condition has.
COLOURS = {"none": FAINT, "bottom": OTHER, "top": TARGET, "middle": "#999933", "norm": "#332288"}
"""The lesions in the study's order, with their colours."""
MIDDLE_95 = (0.025, 0.5, 0.975)
"""The quantiles that the random lesions are shown by."""

_COLUMNS = 2
_DOTS = 0.58
_RIM = {"markeredgecolor": INK, "markeredgewidth": 0.4}


def plot_lesions(
    tables: Sequence[str | os.PathLike],
    conditions: Sequence[str],
    fraction: float,
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the lesions of each of `conditions` from their lesions.tsv, in the same order.

    Of the fractions, the one nearest `fraction` is shown. Raises InputError, naming the file, for
    one that cannot be read or lacks a lesion.
    """
    read = read_lesions(tables, conditions)
    save(lesions(read, nearest(next(iter(read.values())), fraction)), svg, png)


def read_lesions(
    tables: Sequence[str | os.PathLike], conditions: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """Return the lesions of each of `conditions`, whose lesions.tsv are `tables`, one a fraction.

    Those of the first condition come first, equally many of each. Raises InputError, naming the
    file, for one that cannot be read or lacks a lesion.
    """
    parts = []
    for path in tables:
        table = read_table(path, LESIONS)
        if not set(COLOURS) <= set(table["lesion"]):
            raise damaged(path, "table", f"lacks some of the lesions {', '.join(COLOURS)}")
        parts.append(table.assign(random=table["lesion"].str.startswith("random-")))
    of_each = len(parts) // len(conditions)
    read = {}
    for place, condition in enumerate(conditions):
        table = pd.concat(parts[place * of_each : (place + 1) * of_each], ignore_index=True)
        # Without lesion the network is the same, whatever the fraction of the others.
        again = (table["lesion"] == "none") & table.duplicated(["seed", "group", "lesion"])
        read[condition] = table[~again]
    return read


def nearest(table: pd.DataFrame, fraction: float) -> float:
    """Return the lesions' fraction that is nearest `fraction`, the smaller of two."""
    fractions = np.unique(table.loc[table["lesion"] != "none", "fraction"])
    return float(fractions[np.argmin(np.abs(fractions - fraction))])


@LOOK
def lesions(tables: dict[str, pd.DataFrame], fraction: float) -> Figure:
    """Return the figure of the lesions of `fraction` of the units, a panel a condition.

    Bars are means over the networks, dots networks, and behind each dot lies the middle 95 % of
    that network's random lesions.
    """
    columns = min(len(tables), _COLUMNS)
    rows = -(-len(tables) // columns)
    figure = Figure(figsize=(PAGE * (1 if columns > 1 else 0.6), (26 + 48 * rows) * MM))
    panels = figure.subplots(rows, columns, squeeze=False)
    for place, (condition, table) in enumerate(tables.items()):
        axes = panels.flat[place]
        natural = table[(table["group"] == "natural") & table["fraction"].isin([0.0, fraction])]
        shares = _panel(axes, natural)
        axes.set_xticks(range(len(COLOURS)), [f"{name}\n{shares[name]}" for name in COLOURS])
        axes.tick_params(axis="x", length=0)
        axes.set_xlim(-0.6, len(COLOURS) - 0.4)
        axes.set_ylim(bottom=0)
        networks = counted(table["seed"].nunique(), "network")
        axes.set_title(f"{shortened(condition, 20)} ({networks})")
        letter(axes, place)
    for axes in panels.flat[len(tables) :]:
        axes.set_axis_off()
    every = pd.concat(tables.values())
    of_size = every[(every["group"] == "natural") & (every["fraction"] == fraction)]
    figure.supylabel(
        f"mAP of {counted(int(of_size['n_classes'].max()), 'natural class', 'natural classes')}, "
        f"{counted(int(of_size['n_clips'].max()), 'test clip')}",
        fontsize=7,
    )
    draws = of_size.loc[of_size["random"], "lesion"].nunique()
    figure.supxlabel(
        f"Lesion of {counted(int(of_size['n_units'].max()), 'unit')} of "
        f"{of_size['layer'].iloc[0]} ({100 * fraction:.3g}%). Below each name: share of the "
        f"{draws} random lesions that leave no more (median of networks)",
        fontsize=7,
    )
    handles = [
        Patch(facecolor=FAINT, alpha=0.45, linewidth=0),
        Line2D([], [], marker="o", color=FAINT, markersize=3, **_RIM, linewidth=0),
        Line2D([], [], color=FAINT, alpha=0.55, linewidth=4),
        Line2D([], [], color=INK, linewidth=0.7, linestyle=":"),
    ]
    labels = [
        "mean of networks",
        "one network",
        "middle 95% (line: median) of its random lesions",
        "mean without lesion",
    ]
    figure.legend(handles, labels, loc="outside upper center", ncols=4 if columns > 1 else 2)
    return figure


def _panel(axes: Axes, table: pd.DataFrame) -> dict[str, str]:
    """Draw the lesions of one condition; return the place of each among the random ones."""
    by_seed = table[table["random"]].groupby("seed")["mean_average_precision"]
    random = by_seed.quantile(MIDDLE_95).unstack()
    none = table.loc[table["lesion"] == "none", "mean_average_precision"].mean()
    shares = {"none": ""}
    for at, (name, colour) in enumerate(COLOURS.items()):
        of_lesion = table[table["lesion"] == name].set_index("seed").sort_index()
        precision = of_lesion["mean_average_precision"]
        axes.bar(at, precision.mean(), width=0.82, color=colour, alpha=0.45, linewidth=0, zorder=1)
        places = at + spread(len(precision), _DOTS)
        if name != "none":
            low, middle, high = random.loc[precision.index].to_numpy().T
            axes.vlines(places, low, high, color=FAINT, alpha=0.55, linewidth=4, zorder=2)
            axes.hlines(
                middle, places - 0.04, places + 0.04, color="white", linewidth=0.7, zorder=3
            )
            share = of_lesion["percentile"].median()
            shares[name] = f"{100 * share:.0f}%" if np.isfinite(share) else ""
        axes.plot(places, precision, "o", color=colour, markersize=3, **_RIM, zorder=4)
    axes.axhline(none, color=INK, linewidth=0.7, linestyle=":", zorder=3)
    return shares
