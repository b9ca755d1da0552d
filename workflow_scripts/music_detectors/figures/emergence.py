"""What networks recognise, and how selective their units are, over training."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.corpus.targets import target_name
from music_detectors.emergence.columns import EMERGENCE, EMERGENCE_POINTS
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    OTHER,
    PAGE,
    TARGET,
    condition_colours,
    condition_markers,
    counted,
    letter,
    mean_and_interval,
    save,
    shortened,
    stacked_by_condition,
)

# Each panel's column, the words for it, its value (or column) by chance, the ends of its range.
_PANELS: tuple[tuple[str, str, str | float, tuple[float, float]], ...] = (
    ("natural_map", "mAP, classes not withheld", "chance", (0, 1)),
    ("ratio", "Response ratio", 1.0, (0, np.inf)),
    ("hedges_g", "Hedges' g", 0.0, (-np.inf, np.inf)),
    ("decoding", "AP of the target,\nfrom all units", "decoding_chance", (0, 1)),
    ("segregation", "Segregation index\n(0 by chance)", 0.0, (-0.5, 1)),
)
_ROLES = {"target": TARGET, "other": OTHER}
_MAPS_IN_A_ROW = 6
_MAX_VECTOR_POINTS = 3000


def plot_emergence(
    tables: Sequence[str | os.PathLike],
    points: str | os.PathLike,
    networks: Sequence[Sequence],
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the curves of `networks` ([condition, seed] each), and below the maps of the first one.

    `tables` are their emergence.tsv, `points` is the first one's points.tsv. Raises InputError,
    naming the file, for one that cannot be read or has no row.
    """
    read = [read_table(path, EMERGENCE) for path in tables]
    for path, table in zip(tables, read, strict=True):
        if table.empty:
            raise damaged(path, "table", "has no rows")
    measured = stacked_by_condition(networks, read)
    placed = read_table(points, EMERGENCE_POINTS)
    if placed.empty:
        raise damaged(points, "table", "has no rows")
    save(emergence(measured, placed, target_name(target)), svg, png)


@LOOK
def emergence(measured: dict[str, pd.DataFrame], points: pd.DataFrame, target: str) -> Figure:
    """Return the figure: a panel for each measure against the epoch, and a map for each epoch."""
    epochs = sorted(points["epoch"].unique())
    columns = min(len(epochs), _MAPS_IN_A_ROW)
    rows = -(-len(epochs) // columns)
    side = 168 / max(columns, 4)
    heights = [104, (side + 6) * rows + 12]
    figure = Figure(figsize=(PAGE, sum(heights) * MM))
    above, below = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    _draw_curves(above, measured)
    condition = next(iter(measured))
    below.suptitle(
        f"{shortened(condition, 20)}, seed {points['seed'].iloc[0]}: test clips by t-SNE",
        fontsize="medium",
    )
    panels = below.subplots(rows, max(columns, 4), squeeze=False)
    for place, epoch in enumerate(epochs):
        _draw_map(panels.flat[place], points[points["epoch"] == epoch])
        panels.flat[place].set_title(f"epoch {epoch}")
    for axes in panels.flat[len(epochs) :]:
        axes.set_axis_off()
    letter(panels.flat[0], len(_PANELS))
    first = points[points["epoch"] == epochs[0]]["role"].value_counts()
    handles = [
        Line2D([], [], marker="o", color=colour, markersize=3.5, linewidth=0)
        for colour in _ROLES.values()
    ]
    labels = [
        f"{words} ({counted(int(first.get(role, 0)), 'test clip')})"
        for role, words in (("target", target), ("other", "other"))
    ]
    below.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _draw_curves(figure: SubFigure, measured: dict[str, pd.DataFrame]) -> None:
    panels = figure.subplots(2, 3).flat
    colours, markers = condition_colours(list(measured)), condition_markers(list(measured))
    for place, (column, words, chance, ends) in enumerate(_PANELS):
        axes = panels[place]
        for condition, table in measured.items():
            style = {"color": colours[condition], "marker": markers[condition]}
            for _, network in table.groupby("seed"):
                axes.plot(
                    network["epoch"],
                    network[column],
                    color=colours[condition],
                    linewidth=0.6,
                    alpha=0.55,
                )
            by_epoch = [
                (epoch, *mean_and_interval(rows[column].to_numpy()))
                for epoch, rows in table.groupby("epoch")
            ]
            epochs, means, lows, highs = np.array(by_epoch).T
            axes.vlines(epochs, lows, highs, color=colours[condition], linewidth=1.2)
            axes.plot(epochs, means, linewidth=1.6, markersize=4, **style)
        if isinstance(chance, str):
            chance = float(np.mean([table[chance].mean() for table in measured.values()]))
        axes.axhline(chance, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        epochs = sorted({int(epoch) for table in measured.values() for epoch in table["epoch"]})
        _epoch_axis(axes, epochs)
        # Intervals over few networks may exceed the range of the measure.
        low, high = axes.get_ylim()
        room = 0.03 * (min(high, ends[1]) - max(low, ends[0]))
        axes.set_ylim(max(low, ends[0] - room), min(high, ends[1] + room))
        axes.set_ylabel(words)
        letter(axes, place)
    last = panels[len(_PANELS)]
    last.set_axis_off()
    handles = [
        Line2D([], [], color=colours[name], marker=markers[name], markersize=4, linewidth=1.6)
        for name in measured
    ]
    labels = [
        f"{shortened(name, 20)} ({counted(table['seed'].nunique(), 'network')})"
        for name, table in measured.items()
    ]
    handles.append(Line2D([], [], color=FAINT, linewidth=0.6))
    handles.append(Line2D([], [], color=INK, linewidth=0.8, linestyle=(0, (4, 3))))
    last.legend(handles, [*labels, "one network", "chance"], loc="center left")


def _epoch_axis(axes: Axes, epochs: Sequence[int]) -> None:
    """Make the horizontal axis logarithmic above epoch 1, with a tick at each of `epochs`."""
    axes.set_xscale("symlog", linthresh=1, linscale=0.5)
    axes.set_xlim(min(epochs) - 0.3, max(epochs) * 1.2 + 0.3)
    axes.xaxis.set_major_locator(FixedLocator([float(epoch) for epoch in epochs]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(epochs, [str(epoch) for epoch in epochs])
    axes.set_xlabel("Epoch")


def _draw_map(axes: Axes, points: pd.DataFrame) -> None:
    # In random order, so that no group covers the other.
    points = points.sample(frac=1, random_state=0)
    axes.scatter(
        points["x"],
        points["y"],
        c=points["role"].map(_ROLES).to_numpy(),
        s=float(np.clip(1200 / len(points), 0.4, 5)),
        alpha=0.75,
        linewidth=0,
        rasterized=len(points) > _MAX_VECTOR_POINTS,
    )
    axes.set_box_aspect(1)
    axes.set_xticks([])
    axes.set_yticks([])
