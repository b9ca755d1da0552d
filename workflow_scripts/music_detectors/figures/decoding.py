"""Average precision of the target decoded from units by rank, and from acoustic covariates."""

import os
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.decoding.columns import DECODING
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    PAGE,
    condition_colours,
    counted,
    letter,
    mean_and_interval,
    save,
    shortened,
    spread,
    target_name,
)

_COLUMNS = 4
_MOST_TICKS = 8


def plot_decoding(
    tables: Sequence[str | os.PathLike],
    conditions: Sequence[str],
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw how well the target is decoded in each of `conditions`, whose tables are `tables`.

    Raises InputError, naming the file, for one that cannot be read or holds no units.
    """
    read = {}
    for path, condition in zip(tables, conditions, strict=True):
        read[condition] = read_table(path, DECODING)
        if not (read[condition]["features"] == "units").any():
            raise damaged(path, "table", "has no row of units")
    save(decoding(read, layer, target_name(target)), svg, png)


@LOOK
def decoding(tables: dict[str, pd.DataFrame], layer: str, target: str) -> Figure:
    """Return the figure: a panel a condition, average precision against the block of ranks."""
    columns = min(len(tables), _COLUMNS)
    rows = -(-len(tables) // columns)
    width = max(PAGE * columns / _COLUMNS, PAGE / 2)
    figure = Figure(figsize=(width, (26 + 52 * rows) * MM))
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    colours = condition_colours(list(tables))
    for place, (condition, table) in enumerate(tables.items()):
        axes = panels.flat[place]
        _units(axes, table[table["features"] == "units"], colours[condition])
        _with_covariates(axes, table, colours[condition])
        axes.set_title(shortened(condition, 20))
        axes.set_xlabel(
            f"Units of {layer} by rank\n({counted(table['seed'].nunique(), 'network')})"
        )
        letter(axes, place)
    for axes in panels.flat[len(tables) :]:
        axes.set_axis_off()
    every = pd.concat(tables.values())
    for axes in panels[:, 0]:
        axes.set_ylabel(f"Average precision, {target}\nagainst other test clips")
    panels[0, 0].set_ylim(0, 1.03)
    figure.suptitle(
        f"Fitted on {_range(every['n_train'])} train clips, scored on {_range(every['n_test'])} "
        "test clips",
        fontsize=7,
        x=0.01,
        ha="left",
    )
    handles = [
        Line2D([], [], color=INK, marker="o", markersize=4, linewidth=1.3),
        Line2D([], [], color=FAINT, linewidth=0.7),
        Line2D([], [], color=INK, marker="D", markerfacecolor="white", markersize=4, linewidth=0),
        Line2D([], [], color=INK, linewidth=1, linestyle="--"),
        Line2D([], [], color=FAINT, linewidth=1, linestyle=":"),
    ]
    labels = [
        "units, mean and 95% interval",
        "one network",
        "first units and covariates",
        "acoustic covariates alone",
        "chance",
    ]
    figure.legend(handles, labels, loc="outside lower center", ncols=3 if columns > 2 else 2)
    return figure


def _units(axes: Axes, units: pd.DataFrame, colour: str) -> None:
    """Draw the average precision of each block of ranks: networks, their mean and interval."""
    blocks = sorted(set(zip(units["first_rank"], units["last_rank"], strict=True)))
    by_block = units.pivot(index="first_rank", columns="seed", values="average_precision")
    at = np.arange(len(blocks))
    for _, of_network in by_block.items():
        axes.plot(at, of_network, color=colour, linewidth=0.6, alpha=0.5)
    summary = np.array([mean_and_interval(row) for row in by_block.to_numpy()])
    axes.plot(at, summary[:, 0], "o-", color=colour, linewidth=1.3, markersize=4)
    axes.vlines(at, summary[:, 1], summary[:, 2], color=colour, linewidth=1.3)
    step = -(-len(blocks) // _MOST_TICKS)
    names = [f"{first:.0f}–{last:.0f}" for first, last in blocks]
    axes.set_xticks(at[::step], names[::step], rotation=45, ha="right", rotation_mode="anchor")
    axes.set_xlim(-1.1, len(blocks) - 0.6)


def _with_covariates(axes: Axes, table: pd.DataFrame, colour: str) -> None:
    """Draw chance and covariates as lines, and the first units with covariates left of them."""
    alone = table.loc[table["features"] == "covariates", "average_precision"]
    axes.axhline(alone.mean(), color=INK, linewidth=1, linestyle="--", zorder=1)
    axes.axhline(table["chance"].mean(), color=FAINT, linewidth=1, linestyle=":", zorder=1)
    both = table.loc[table["features"] == "units and covariates", "average_precision"]
    axes.plot(
        -0.6 + spread(len(both), 0.4),
        both,
        "D",
        color="white",
        markeredgecolor=colour,
        markeredgewidth=0.8,
        markersize=3,
        zorder=4,
    )


def _range(counts: Iterable[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
