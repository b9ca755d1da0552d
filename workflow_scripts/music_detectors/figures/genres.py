"""The response of the selective units to each genre of the target, compared with other sounds."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

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
    counted,
    letter,
    mean_and_interval,
    save,
    shortened,
    spread,
)
from music_detectors.genres.columns import GENRES

_ALPHA = 0.05
_NAME_LENGTH = 30
_COLUMNS = 4
_DOT_SPREAD = 0.42


def plot_genres(
    tables: Sequence[str | os.PathLike],
    conditions: Sequence[str],
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the genres of `conditions` from their `tables`.

    Raises InputError, naming the file, for a table that cannot be read.
    """
    read = [read_table(path, GENRES) for path in tables]
    save(genres(dict(zip(conditions, read, strict=True)), target_name(target)), svg, png)


@LOOK
def genres(tables: dict[str, pd.DataFrame], target: str) -> Figure:
    """Return the figure: one panel per condition, one row per genre (see `sorted_genres`)."""
    all_rows = pd.concat(tables.values(), ignore_index=True)
    if all_rows.empty:
        return _without_genres(target)
    listed = sorted_genres(list(tables.values()))
    columns = min(len(tables), _COLUMNS)
    rows = -(-len(tables) // columns)
    width = PAGE * max((columns + 1) / (_COLUMNS + 1), 0.8)
    figure = Figure(figsize=(width, (14 + rows * (14 + 3.9 * len(listed))) * MM))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    panels = grid.flat
    for axes in panels[len(tables) :]:
        axes.set_axis_off()
    for place, (condition, table) in enumerate(tables.items()):
        axes = panels[place]
        colour = condition_colours(list(tables))[condition]
        marker = condition_markers(list(tables))[condition]
        for row, mid in enumerate(listed["mid"]):
            axes.axhline(row, color=FAINT, linewidth=0.3, alpha=0.5, zorder=0)
            _draw_genre(axes, row, table[table["mid"] == mid], colour, marker)
        axes.axvline(0, color=INK, linewidth=0.8, zorder=1)
        networks = counted(table["seed"].nunique(), "network")
        axes.set_title(f"{shortened(condition, 20)}\n{networks}", fontsize=7)
        axes.tick_params(axis="y", length=0)
        letter(axes, place)
    panels[0].xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    panels[0].set_ylim(len(listed) - 0.4, -0.6)
    panels[0].set_yticks(
        range(len(listed)), [shortened(name, _NAME_LENGTH) for name in listed["name"]]
    )
    for axes in (*grid[:-1, -1], panels[len(tables) - 1]):
        _write_counts(axes, listed["n_clips"])
    n_other = all_rows["n_other"].max()
    figure.supxlabel(
        f"Response of the selective units: Hedges' g, clips of the genre against "
        f"{counted(int(n_other), 'other clip')} (0: no difference)",
        fontsize=7,
    )
    _draw_legend(figure)
    return figure


def _without_genres(target: str) -> Figure:
    figure = Figure(figsize=(PAGE / 2, 30 * MM))
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(
        0.5,
        0.5,
        f"None of the classes of this corpus\nis marked as a genre of {shortened(target, 40)}",
        ha="center",
        va="center",
        color=FAINT,
        transform=axes.transAxes,
    )
    return figure


def sorted_genres(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return mid, name and n_clips of each genre, sorted by its mean effect in the first table."""
    listed = pd.concat(tables).drop_duplicates("mid")[["mid", "name", "n_clips"]]
    finite = tables[0][np.isfinite(tables[0]["hedges_g"])]
    effect = listed["mid"].map(finite.groupby("mid")["hedges_g"].mean()).fillna(-np.inf)
    return listed.iloc[np.argsort(-effect.to_numpy(), kind="stable")]


def significantly_above(networks: pd.DataFrame) -> np.ndarray:
    """Tell for each network (n,) whether its response to the genre is significantly larger."""
    return ((networks["p_holm"] < _ALPHA) & (networks["hedges_g"] > 0)).to_numpy()


def _draw_genre(axes: Axes, row: int, networks: pd.DataFrame, colour: str, marker: str) -> None:
    """Draw one genre: a dot per network, filled if significant, and the mean and interval."""
    effect = networks["hedges_g"].to_numpy()
    finite = np.isfinite(effect)
    if not finite.any():
        axes.annotate(
            "too few clips",
            (0, row),
            xytext=(3, 0),
            textcoords="offset points",
            fontsize=5.5,
            color=FAINT,
            va="center",
        )
        return
    significant = significantly_above(networks)[finite]
    effect = effect[finite]
    places = row + spread(len(effect), _DOT_SPREAD)
    for drawn, face in ((significant, colour), (~significant, "white")):
        axes.plot(
            effect[drawn],
            places[drawn],
            marker,
            color=face,
            markeredgecolor=colour,
            markeredgewidth=0.5,
            markersize=2.3,
            zorder=3,
        )
    mean, low, high = mean_and_interval(effect)
    axes.plot([low, high], [row, row], color=colour, linewidth=1.1, zorder=4)
    axes.plot(
        mean,
        row,
        marker,
        color=colour,
        markersize=4.4,
        markeredgecolor="white",
        markeredgewidth=0.5,
        zorder=5,
    )


def _write_counts(axes: Axes, n_clips: pd.Series) -> None:
    """Write the number of test clips of each genre to the right of a panel."""
    style: dict[str, Any] = {"textcoords": "offset points", "fontsize": 5.5, "color": FAINT}
    for row, number in enumerate(n_clips):
        axes.annotate(
            f"{number:,}",
            (1, row),
            xytext=(3, 0),
            xycoords=axes.get_yaxis_transform(),
            va="center",
            **style,
        )
    axes.annotate("clips", (1, 1), xytext=(3, 0), xycoords="axes fraction", va="bottom", **style)


def _draw_legend(figure: Figure) -> None:
    dot: dict[str, Any] = {
        "linewidth": 0,
        "markersize": 2.6,
        "markeredgewidth": 0.5,
        "markeredgecolor": FAINT,
    }
    handles = [
        Line2D([], [], color=FAINT, marker="o", markersize=4.4, linewidth=1.1),
        Line2D([], [], color=FAINT, marker="o", **dot),
        Line2D([], [], color="white", marker="o", **dot),
    ]
    labels = [
        "mean, 95% interval",
        f"one network, above other clips (Holm p < {_ALPHA:g})",
        "one network, not significantly",
    ]
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
