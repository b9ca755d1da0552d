"""Which natural-sound classes lose most when the most selective units are silenced."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.figures.lesions import COLOURS, nearest
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
from music_detectors.lesions.columns import LESION_CLASSES

_MAX_NAMED = 60
_ENDS = 30
_NAME_LENGTH = 32


def plot_lesion_classes(
    tables: Sequence[str | os.PathLike],
    condition: str,
    fraction: float,
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the classes of `condition` from classes.tsv of its networks (`tables`).

    The lesion whose fraction is nearest `fraction` is shown. Raises InputError, naming the file,
    for one that cannot be read or has no top lesion.
    """
    read = [read_table(path, LESION_CLASSES) for path in tables]
    for path, table in zip(tables, read, strict=True):
        if not (table["lesion"] == "top").any():
            raise damaged(path, "table", "has no lesion of the top units")
    classes = pd.concat(read, ignore_index=True)
    save(lesion_classes(classes, condition, nearest(classes, fraction)), svg, png)


@LOOK
def lesion_classes(table: pd.DataFrame, condition: str, fraction: float) -> Figure:
    """Return the figure of the natural classes, sorted by the effect of the top lesion.

    All classes are named if there are at most 60. Otherwise one panel names the 30 that lose most,
    the other the 30 that lose least.
    """
    classes, by_network = sorted_classes(table, fraction)
    if len(classes) <= _MAX_NAMED:
        figure = Figure(figsize=(PAGE * 0.67, (32 + 3.3 * len(classes)) * MM))
        panels = [figure.subplots()]
        parts = [slice(None)]
    else:
        figure = Figure(figsize=(PAGE, (38 + 3.3 * _ENDS) * MM))
        panels = list(figure.subplots(1, 2, sharex=True))
        parts = [slice(None, _ENDS), slice(-_ENDS, None)]
        for place, end in enumerate(("most", "least")):
            panels[place].set_title(f"The {_ENDS} that lose {end}")
            letter(panels[place], place)
    for axes, rows in zip(panels, parts, strict=True):
        _draw_named(axes, classes.iloc[rows], by_network.iloc[rows])
        axes.set_xlabel("Change in average precision")
    networks = counted(by_network.shape[1], "network")
    figure.suptitle(
        f"{shortened(condition, 20)} ({networks}): the top {100 * fraction:.3g}% of units of "
        f"{table['layer'].iloc[0]} silenced",
        fontsize=7.5,
        fontweight="bold",
    )
    handles = [
        Patch(facecolor=COLOURS["top"], alpha=0.6, linewidth=0),
        Line2D([], [], marker="o", color=INK, markersize=2, linewidth=0, markeredgewidth=0),
        Line2D([], [], color=FAINT, alpha=0.7, linewidth=3),
    ]
    labels = ["mean of networks", "one network", "random lesions, mean ± 2 SD"]
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def sorted_classes(table: pd.DataFrame, fraction: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the natural classes with test clips by the change that the top lesion causes.

    The classes have the columns name, n_positive, change, intact (average precision without a
    lesion), and random_low and random_high, the changes 2 standard deviations below and above the
    mean of the random lesions; all are means over networks. The second table has the changes of
    single networks (classes, networks).
    """
    natural = table[(table["group"] == "natural") & (table["n_positive"] > 0)]
    top = natural[(natural["lesion"] == "top") & (natural["fraction"] == fraction)]
    by_network = top.pivot(index="index", columns="seed", values="change")
    by_class = top.groupby("index")
    means = by_class[["average_precision", "change", "random_mean", "random_sd"]].mean()
    intact = means["average_precision"] - means["change"]
    classes = (
        by_class[["name", "n_positive"]]
        .first()
        .assign(
            change=means["change"],
            intact=intact,
            random_low=means["random_mean"] - intact - 2 * means["random_sd"],
            random_high=means["random_mean"] - intact + 2 * means["random_sd"],
        )
    )
    order = np.argsort(classes["change"].to_numpy(), kind="stable")
    return classes.iloc[order], by_network.iloc[order]


def _draw_named(axes: Axes, classes: pd.DataFrame, by_network: pd.DataFrame) -> None:
    """Draw each class as a bar with its name, a dot for each network, and the random lesions."""
    places = np.arange(len(classes))
    axes.barh(places, classes["change"], height=0.82, color=COLOURS["top"], alpha=0.6, linewidth=0)
    axes.hlines(
        places,
        classes["random_low"],
        classes["random_high"],
        color=FAINT,
        alpha=0.7,
        linewidth=3,
        zorder=2,
    )
    for changes in by_network.to_numpy().T:
        axes.plot(
            changes, places, "o", color=INK, markersize=1.8, markeredgewidth=0, alpha=0.7, zorder=3
        )
    axes.axvline(0, color=INK, linewidth=0.5, zorder=1)
    axes.set_ylim(max(len(classes), 1) - 0.4, -0.6)
    axes.set_yticks(places, [shortened(name, _NAME_LENGTH) for name in classes["name"]])
    axes.tick_params(axis="y", length=0)
    style: dict[str, Any] = {
        "xytext": (2, 0),
        "textcoords": "offset points",
        "fontsize": 5.5,
        "color": FAINT,
    }
    for place, n, intact in zip(places, classes["n_positive"], classes["intact"], strict=True):
        axes.annotate(
            f"{intact:.2f}  {n:,}",
            (1, place),
            xycoords=axes.get_yaxis_transform(),
            va="center",
            **style,
        )
    axes.annotate("AP  clips", (1, 1), xycoords="axes fraction", va="bottom", **style)
