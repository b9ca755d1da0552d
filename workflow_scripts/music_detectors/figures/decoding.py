"""Average precision of decoding the target from units by rank, and from acoustic covariates."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.corpus.targets import target_name
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
    range_of,
    save,
    shortened,
    spread,
    stacked_by_condition,
)

_COLUMNS = 4
_MAX_TICKS = 8


def plot_decoding(
    tables: Sequence[str | os.PathLike],
    networks: Sequence[Sequence],
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the decoding of the target in `networks` ([condition, seed] each) from their `tables`.

    Raises InputError, naming the file, for a table that cannot be read or has no row of units.
    """
    read = read_decoding(tables, networks, "units")
    save(decoding(read, layer, target_name(target)), svg, png)


def read_decoding(
    tables: Sequence[str | os.PathLike], networks: Sequence[Sequence], features: str
) -> dict[str, pd.DataFrame]:
    """Return the decoding of the target in each condition of `networks` ([condition, seed] each).

    `tables` are decoding.tsv of the networks. Raises InputError, naming the file, for one that
    cannot be read or has no row of `features`.
    """
    parts = []
    for path in tables:
        table = read_table(path, DECODING)
        parts.append(table[table["genre"] == ""])
        if not (parts[-1]["features"] == features).any():
            raise damaged(path, "table", f"has no row of {features}")
    return stacked_by_condition(networks, parts)


@LOOK
def decoding(tables: dict[str, pd.DataFrame], layer: str, target: str) -> Figure:
    """Return the figure: one panel per condition, average precision by block of ranks."""
    columns = min(len(tables), _COLUMNS)
    rows = -(-len(tables) // columns)
    width = max(PAGE * columns / _COLUMNS, PAGE / 2)
    figure = Figure(figsize=(width, (26 + 52 * rows) * MM))
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    colours = condition_colours(list(tables))
    for place, (condition, table) in enumerate(tables.items()):
        axes = panels.flat[place]
        _draw_units(axes, scores_by_block(table), colours[condition])
        _draw_covariates(axes, table, colours[condition])
        axes.set_title(shortened(condition, 20))
        axes.set_xlabel(f"Units by rank\n({counted(table['seed'].nunique(), 'network')})")
        letter(axes, place)
    for axes in panels.flat[len(tables) :]:
        axes.set_axis_off()
    all_rows = pd.concat(tables.values())
    for axes in panels[:, 0]:
        axes.set_ylabel(f"Average precision, {target}\nagainst other test clips")
    panels[0, 0].set_ylim(0, 1.03)
    figure.suptitle(
        f"Units of {layer}; fitted on {range_of(all_rows['n_train'])} train clips, scored on "
        f"{range_of(all_rows['n_test'])} test clips",
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


def scores_by_block(table: pd.DataFrame) -> pd.DataFrame:
    """Return the average precision of units: rows are blocks, `1–32` first, columns networks."""
    units = table[table["features"] == "units"]
    by_block = units.pivot(
        index=["first_rank", "last_rank"], columns="seed", values="average_precision"
    )
    names = [f"{first:.0f}–{last:.0f}" for first, last in by_block.index]
    return by_block.set_axis(names)


def _draw_units(axes: Axes, by_block: pd.DataFrame, colour: str) -> None:
    """Draw the average precision of each block of ranks: networks, their mean and interval."""
    at = np.arange(len(by_block))
    for _, scores in by_block.items():
        axes.plot(at, scores, color=colour, linewidth=0.6, alpha=0.5)
    summary = np.array([mean_and_interval(row) for row in by_block.to_numpy()])
    axes.plot(at, summary[:, 0], "o-", color=colour, linewidth=1.3, markersize=4)
    axes.vlines(at, summary[:, 1], summary[:, 2], color=colour, linewidth=1.3)
    step = -(-len(by_block) // _MAX_TICKS)
    names = list(by_block.index[::step])
    axes.set_xticks(at[::step], names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_xlim(-1.1, len(by_block) - 0.6)


def _draw_covariates(axes: Axes, table: pd.DataFrame, colour: str) -> None:
    """Draw chance and covariates as lines, and covariates with the first units to the left."""
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
