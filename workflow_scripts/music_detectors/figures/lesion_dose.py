"""Recognition as a function of the share of units silenced."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from music_detectors.corpus.targets import target_name
from music_detectors.figures.lesions import COLOURS, MIDDLE_95, read_lesions
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    PAGE,
    counted,
    letter,
    save,
    shortened,
)

_COLUMNS = 4
_MARKERS = {"bottom": "v", "top": "^", "middle": "s", "norm": "D"}


def plot_lesion_dose(
    tables: Sequence[str | os.PathLike],
    networks: Sequence[Sequence],
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the lesions of all fractions in `networks` ([condition, seed] each).

    `tables` are their lesions.tsv. Raises InputError, naming the file, for one that cannot be read
    or lacks a lesion.
    """
    save(lesion_dose(read_lesions(tables, networks), target_name(target)), svg, png)


@LOOK
def lesion_dose(tables: dict[str, pd.DataFrame], target: str) -> Figure:
    """Return the figure: one column per condition, natural classes above, target classes below.

    Natural classes are shown for all test clips and for those without the target. Groups without
    any class among the test clips are left out.
    """
    groups = {
        ("natural", "all"): "natural classes",
        ("natural", "other"): "natural classes,\nclips without the target",
        ("target", "all"): f"classes of {shortened(target, 20)}",
    }
    n_classes = pd.concat(tables.values()).groupby(["group", "clips"])["n_classes"].max()
    groups = {key: name for key, name in groups.items() if n_classes[key] > 0}
    columns = min(len(tables), _COLUMNS)
    blocks = -(-len(tables) // columns)
    rows = blocks * len(groups)
    width = PAGE if columns > 1 else 0.75 * PAGE
    figure = Figure(figsize=(width, (22 + 44 * max(rows, 1)) * MM))
    panels = figure.subplots(max(rows, 1), columns, sharex=True, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for at, (group, name) in enumerate(groups.items()):
        first = panels[at, 0]
        for place, (condition, table) in enumerate(tables.items()):
            axes = panels[place // columns * len(groups) + at, place % columns]
            axes.set_axis_on()
            if axes is not first:
                axes.sharey(first)
            _draw_panel(axes, table[(table["group"] == group[0]) & (table["clips"] == group[1])])
            if at == 0:
                n = counted(table["seed"].nunique(), "network")
                axes.set_title(f"{shortened(condition, 16)}\n{n}", fontsize="medium")
            # Several rows of conditions share one axis.
            axes.tick_params(labelbottom=at == len(groups) - 1)
            if place % columns == 0:
                number = int(n_classes[group])
                axes.set_ylabel(f"Change in mAP over the\n{number} {name}")
            else:
                axes.tick_params(labelleft=False)
            before = place // columns * columns
            in_row = min(columns, len(tables) - before)
            letter(axes, before * len(groups) + at * in_row + place % columns)
    handles: list[Artist] = [
        Line2D([], [], color=COLOURS[lesion], marker=marker, markersize=3.6, linewidth=1.3)
        for lesion, marker in _MARKERS.items()
    ]
    handles += [
        Line2D([], [], color=FAINT, linewidth=0.5),
        Line2D([], [], color=INK, linewidth=1, linestyle="--"),
        Patch(facecolor=FAINT, alpha=0.35, linewidth=0),
    ]
    labels = [*_MARKERS, "one network", "random, mean", "random, middle 95%"]
    silenced = " or ".join(dict.fromkeys(table["layer"].iloc[0] for table in tables.values()))
    figure.supxlabel(f"Silenced units of {silenced} (%)", fontsize="medium")
    figure.legend(handles, labels, loc="outside upper center", ncols=7 if columns > 1 else 4)
    return figure


def random_changes(table: pd.DataFrame) -> pd.DataFrame:
    """Return low, mean and high of the changes in mAP by random lesions, by fraction.

    `low` and `high` enclose the middle 95% of a network's random lesions; all are means over
    networks.
    """
    random = table[table["random"]].groupby(["fraction", "seed"])["change"]
    ends = random.quantile(list(MIDDLE_95)).unstack().groupby("fraction").mean()
    mean = random.mean().groupby("fraction").mean()
    return pd.DataFrame({"low": ends[MIDDLE_95[0]], "mean": mean, "high": ends[MIDDLE_95[-1]]})


def changes(table: pd.DataFrame, lesion: str) -> pd.DataFrame:
    """Return the changes in mAP by `lesion`: rows are fractions, columns networks."""
    rows = table[table["lesion"] == lesion]
    return rows.pivot(index="fraction", columns="seed", values="change")


def _draw_panel(axes: Axes, table: pd.DataFrame) -> None:
    """Draw the lesions of one condition and group of classes."""
    random = random_changes(table)
    share = 100 * random.index.to_numpy()
    # Lines and areas need two shares: of a single one there are dashes, dots and a bar.
    single = len(share) == 1
    if single:
        axes.vlines(share, random["low"], random["high"], FAINT, linewidth=7, alpha=0.35, zorder=1)
        axes.plot(share, random["mean"], color=INK, marker="_", markersize=9, zorder=2)
    else:
        axes.fill_between(
            share, random["low"], random["high"], color=FAINT, alpha=0.35, linewidth=0, zorder=1
        )
        axes.plot(share, random["mean"], color=INK, linewidth=1, linestyle="--", zorder=2)
    for lesion, marker in _MARKERS.items():
        change = changes(table, lesion)
        colour = COLOURS[lesion]
        dot = "." if single else "none"
        axes.plot(
            share,
            change,
            color=colour,
            marker=dot,
            markersize=3,
            linewidth=0.5,
            alpha=0.5,
            zorder=3,
        )
        axes.plot(
            share,
            change.mean(axis=1),
            color=colour,
            marker=marker,
            markersize=3.6,
            markeredgecolor="white",
            markeredgewidth=0.4,
            linewidth=1.3,
            zorder=4,
        )
    axes.axhline(0, color=INK, linewidth=0.5, zorder=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(share, [f"{value:.3g}" for value in share])
    axes.xaxis.set_minor_locator(NullLocator())
    margin = 2**0.25
    axes.set_xlim(np.min(share) / margin, np.max(share) * margin)
