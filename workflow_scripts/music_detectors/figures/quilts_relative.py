"""Response to quilts relative to intact clips, condition by condition beside that of the claims."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from music_detectors.common.tables import read_table
from music_detectors.corpus.targets import target_name
from music_detectors.figures.reading import read_each
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    PAGE,
    condition_colours,
    condition_markers,
    letter,
    mean_and_interval,
    save,
    shortened,
)
from music_detectors.quilts.columns import QUILT_CONDITIONS, QUILT_INTACT

_COLUMNS = 3
_SIGNIFICANT = 0.05
# The two conditions of a panel stand beside each other, in octaves.
_APART = 0.16


def plot_quilts_relative(
    tables: Sequence[str | os.PathLike],
    comparisons: str | os.PathLike,
    conditions: Sequence[str],
    reference: str,
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the responses to quilts of target clips in each of `conditions` beside `reference`.

    `tables` are the conditions' intact.tsv, `comparisons` is conditions.tsv. Raises InputError,
    naming the file, for one that cannot be read or has no row.
    """
    read = read_each(tables, conditions, lambda path: shown(read_table(path, QUILT_INTACT)))
    # Responses that may be negative have no ratio.
    read = {
        name: table
        for name, table in read.items()
        if name == reference or (table["n_clips"] == 0).all() or table["relative"].notna().any()
    }
    compared = shown(read_table(comparisons, QUILT_CONDITIONS))
    save(quilts_relative(read, compared, reference, layer, target_name(target)), svg, png)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a table of quilts that are drawn."""
    kept = (table["split"] == "test") & (table["group"] == "most") & (table["role"] == "target")
    return table[kept].reset_index(drop=True)


@LOOK
def quilts_relative(
    tables: dict[str, pd.DataFrame],
    compared: pd.DataFrame,
    reference: str,
    layer: str,
    target: str,
) -> Figure:
    """Return the figure: one panel for each condition but `reference`, whose curve is in each."""
    others = [name for name in tables if name != reference] or [reference]
    columns = min(len(others), _COLUMNS)
    rows = -(-len(others) // columns)
    width = max(PAGE * columns / _COLUMNS, PAGE / 2)
    figure = Figure(figsize=(width, (16 + 52 * rows) * MM))
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    colours, markers = condition_colours(list(tables)), condition_markers(list(tables))
    for axes in panels.flat[len(others) :]:
        axes.set_axis_off()
    for place, (axes, name) in enumerate(zip(panels.flat, others, strict=False)):
        for one, shift in {reference: -_APART / 2, name: _APART / 2}.items():
            draw_relative(axes, tables[one], colours[one], markers[one], shift)
        significant = compared[
            (compared["condition"] == name) & (compared["p_holm"] < _SIGNIFICANT)
        ]
        for length in significant["segment_ms"]:
            axes.annotate(
                "*",
                (np.log2(length), 1),
                xycoords=("data", "axes fraction"),
                ha="center",
                va="top",
                fontsize=10,
            )
        axes.set_title(shortened(name, 24))
        letter(axes, place)
        if place + columns >= len(others):
            axes.set_xlabel("Segment length (ms)")
            axes.tick_params(labelbottom=True)
    for axes in panels[:, 0]:
        axes.set_ylabel(
            f"Response of the selective units\nof {layer} to {target},\nrelative to intact"
        )
    handles = [
        Line2D([], [], color=colours[n], marker=markers[n], markersize=4, linewidth=1.3)
        for n in tables
    ]
    handles.append(Line2D([], [], color=FAINT, linewidth=0.6))
    figure.legend(
        handles,
        [*tables, "one network"],
        loc="outside lower center",
        ncols=min(len(handles), 4 if columns > 1 else 3),
    )
    return figure


def draw_relative(
    axes: Axes, table: pd.DataFrame, colour: str, marker: str, shift: float = 0.0
) -> None:
    """Draw the relative responses of QUILT_INTACT: networks, their mean and its 95 % interval."""
    values = table.pivot(index="segment_ms", columns="seed", values="relative")
    lengths = values.index.to_numpy()
    at = np.log2(lengths) + shift
    for network in values.to_numpy().T:
        axes.plot(at, network, color=colour, linewidth=0.6, alpha=0.35)
    means = np.array([mean_and_interval(of_length) for of_length in values.to_numpy()])
    axes.plot(at, means[:, 0], color=colour, marker=marker, markersize=4, linewidth=1.3, zorder=4)
    axes.vlines(at, means[:, 1], means[:, 2], color=colour, linewidth=1.0, zorder=3)
    axes.axhline(1, color=INK, linewidth=0.6, linestyle=":", zorder=1)
    axes.set_xticks(np.log2(lengths), [f"{length:g}" for length in lengths], rotation=45)
    if not np.isfinite(means[:, 0]).any():
        axes.text(0.5, 0.5, "no clips to compare", transform=axes.transAxes, ha="center")
