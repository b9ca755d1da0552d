"""The target among random sets of classes, and on classes that were held out."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.corpus.targets import target_name
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    PAGE,
    condition_colours,
    condition_markers,
    letter,
    mark_networks,
    save,
    shortened,
)
from music_detectors.specificity.columns import SETS, SPECIFICITY

_RANDOM = "#C9C9C9"
_BINS = 24
_WIDTH = 0.38


def plot_specificity(
    networks: Sequence[str | os.PathLike],
    sets: Sequence[str | os.PathLike],
    conditions: Sequence[str],
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the target among random sets of classes, from the tables of each of `conditions`.

    `networks` and `sets` are networks.tsv and sets.tsv, condition by condition. Raises InputError,
    naming the file, for one that cannot be read or has no row of the target.
    """
    of_networks, of_sets = {}, {}
    for condition, path, path_of_sets in zip(conditions, networks, sets, strict=True):
        table = read_table(path, SPECIFICITY)
        of_networks[condition] = table[table["withheld_by"] == ""]
        if of_networks[condition].empty:
            raise damaged(path, "table", "has no row of the target")
        of_sets[condition] = read_table(path_of_sets, SETS)
    save(specificity(of_networks, of_sets, target_name(target)), svg, png)


@LOOK
def specificity(
    networks: Mapping[str, pd.DataFrame], sets: Mapping[str, pd.DataFrame], target: str
) -> Figure:
    """Return the figure: conditions along the axis of each panel, random sets beside the target."""
    figure = Figure(figsize=(PAGE, 80 * MM))
    panels = (
        ("effect", "p", "Hedges' g of the mean response\nof the chosen units"),
        ("held_out", None, "Hedges' g, classes that the units\nwere not chosen on"),
        (
            "segregation",
            "segregation_p",
            "Overlap with other clips:\nhow much lower than by chance",
        ),
    )
    for place, (column, p, words) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1)
        _panel(axes, networks, sets, column, p)
        axes.set_ylabel(words)
        letter(axes, place)
    handles = [
        Line2D([], [], color=INK, marker="o", markersize=5, linewidth=1.2),
        Patch(color=_RANDOM),
    ]
    labels = [f"{shortened(target, 30)}, mean and 95% interval", "random sets of as many classes"]
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _panel(
    axes: Axes,
    networks: Mapping[str, pd.DataFrame],
    sets: Mapping[str, pd.DataFrame],
    column: str,
    p: str | None,
) -> None:
    colours, markers = condition_colours(list(networks)), condition_markers(list(networks))
    for at, (condition, table) in enumerate(networks.items()):
        of_sets = sets[condition][column].dropna().to_numpy()
        if len(of_sets):
            counts, edges = np.histogram(of_sets, min(_BINS, 1 + len(of_sets) // 4))
            axes.barh(
                edges[:-1],
                _WIDTH * counts / counts.max(),
                np.diff(edges),
                at - 0.42,
                align="edge",
                color=_RANDOM,
                linewidth=0,
            )
        mark_networks(
            axes,
            at + 0.2,
            table[column].to_numpy(),
            colours[condition],
            markers[condition],
            width=0.25,
        )
        if p is not None and table[p].notna().all():
            axes.annotate(
                f"p = {table[p].iloc[0]:.3f}",
                (at, 1.0),
                xycoords=axes.get_xaxis_transform(),
                ha="center",
                va="bottom",
                fontsize=5.5,
            )
    axes.axhline(0, color=FAINT, linewidth=0.6, linestyle=(0, (4, 3)), zorder=1)
    axes.set_xlim(-0.6, len(networks) - 0.4)
    axes.set_xticks(
        range(len(networks)),
        [shortened(name, 16) for name in networks],
        rotation=35,
        ha="right",
        rotation_mode="anchor",
    )
    axes.tick_params(axis="x", length=0)
