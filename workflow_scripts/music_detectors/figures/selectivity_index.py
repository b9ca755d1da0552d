"""Distribution of the selectivity index (Welch t) over the units of a layer."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table
from music_detectors.corpus.targets import target_name
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    PAGE,
    by_condition,
    condition_colours,
    counted,
    letter,
    range_of,
    save,
)
from music_detectors.selectivity.columns import UNITS
from music_detectors.selectivity.ranking import of_reported_layer

_COLUMNS = ("layer", "reported", "n_target", "n_other", "welch_t", "selective")
_POINTS = 600


def plot_selectivity_index(
    units: Sequence[str | os.PathLike],
    networks: Sequence[Sequence],
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the index of the units of `layer` in `networks` ([condition, seed] each).

    `units` are their units.tsv. Raises InputError, naming the file, for one that cannot be read
    or has no unit of the layer with an index.
    """
    tables = []
    for path in units:
        table = read_table(path, UNITS, only=_COLUMNS)
        table = of_reported_layer(table, layer)
        if not np.isfinite(table["welch_t"]).any():
            raise InputError(f"{path}: has no unit of layer {layer} with an index; run it again")
        tables.append(table)
    shown = " or ".join(dict.fromkeys(table["layer"].iloc[0] for table in tables))
    figure = selectivity_index(by_condition(networks, tables), shown, target_name(target))
    save(figure, svg, png)


@LOOK
def selectivity_index(units: dict[str, list[pd.DataFrame]], layer: str, target: str) -> Figure:
    """Return the figure: one panel per condition, on a shared axis of the index."""
    colours = condition_colours(list(units))
    figure = Figure(figsize=(PAGE * 0.67, (22 + 24 * len(units)) * MM))
    panels = figure.subplots(len(units), 1, sharex=True, squeeze=False)[:, 0]
    all_rows = pd.concat([table for tables in units.values() for table in tables])
    finite = all_rows.loc[np.isfinite(all_rows["welch_t"]), "welch_t"]
    margin = 0.04 * max(np.ptp(finite), 1.0)
    grid = np.linspace(finite.min() - margin, finite.max() + margin, _POINTS)
    panels[0].set_xlim(grid[0], grid[-1])
    for place, (condition, tables) in enumerate(units.items()):
        axes = panels[place]
        _draw_densities(axes, tables, grid, colours[condition])
        axes.set_title(
            f"{condition} ({counted(len(tables), 'network')} "
            f"of {range_of([len(table) for table in tables])} units)",
            fontsize=7,
        )
        _draw_threshold(axes, tables)
        letter(axes, place)
    panels[-1].set_xlabel(
        f"Selectivity index t of the units of {layer}\n(Welch t, {range_of(all_rows['n_target'])} "
        f"{target} against {range_of(all_rows['n_other'])} other clips of the train split)"
    )
    figure.supylabel("Units (% per unit of t)", fontsize=7)
    handles = [
        Line2D([], [], color=FAINT, linewidth=0.7),
        Patch(facecolor=FAINT, alpha=0.35, linewidth=0),
        Line2D([], [], color=INK, linewidth=0.8, linestyle="--"),
    ]
    labels = ["one network", "mean of networks", "lowest index of the selective units"]
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def density(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return a Gaussian kernel density of `values` on `grid`, by Silverman's rule of thumb.

    Missing values are left out. The bandwidth is at least two steps of the grid, so that the
    density of identical values is finite.
    """
    values = values[np.isfinite(values)]
    quartiles = np.percentile(values, (25, 75))
    scale = min(values.std(), np.ptp(quartiles) / 1.349) or values.std()
    bandwidth = max(0.9 * scale * len(values) ** -0.2, 2 * (grid[1] - grid[0]))
    kernels = np.exp(-0.5 * ((grid[:, None] - values) / bandwidth) ** 2)
    return kernels.mean(axis=1) / (bandwidth * np.sqrt(2 * np.pi))


def _draw_densities(axes: Axes, tables: list[pd.DataFrame], grid: np.ndarray, colour: str) -> None:
    """Draw the density of each network's units as a line, and the mean of the networks filled."""
    densities = np.array([100 * density(table["welch_t"].to_numpy(), grid) for table in tables])
    mean = densities.mean(axis=0)
    axes.fill_between(grid, mean, color=colour, alpha=0.3, linewidth=0)
    lowest = thresholds(tables)
    if lowest:
        above = grid >= np.mean(lowest)
        axes.fill_between(grid[above], mean[above], color=colour, alpha=0.6, linewidth=0)
    for curve in densities:
        axes.plot(grid, curve, color=colour, linewidth=0.7)
    axes.axvline(0, color=FAINT, linewidth=0.5, zorder=0)
    axes.set_ylim(0, 1.15 * densities.max())


def thresholds(tables: list[pd.DataFrame]) -> list[float]:
    """Return the lowest index among the selective units of each network that has any."""
    selected = [table.loc[table["selective"], "welch_t"] for table in tables]
    finite = [values[np.isfinite(values)] for values in selected]
    return [float(values.min()) for values in finite if len(values)]


def _draw_threshold(axes: Axes, tables: list[pd.DataFrame]) -> None:
    """Mark the lowest index of the selective units: a line for the mean, ticks for networks."""
    lowest = thresholds(tables)
    if not lowest:
        return
    mean = float(np.mean(lowest))
    share = 100 * np.mean([table["selective"].mean() for table in tables])
    axes.axvline(mean, color=INK, linewidth=0.8, linestyle="--")
    axes.plot(
        lowest,
        np.zeros(len(lowest)),
        "|",
        color=INK,
        markersize=5,
        markeredgewidth=0.8,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
        zorder=5,
    )
    low, high = axes.get_xlim()
    to_the_left = mean > low + 0.7 * (high - low)
    axes.annotate(
        f"top {share:.3g}%: t ≥ {mean:.1f}",
        (mean, 1),
        xytext=(-3 if to_the_left else 3, -1),
        xycoords=axes.get_xaxis_transform(),
        textcoords="offset points",
        fontsize=6,
        ha="right" if to_the_left else "left",
        va="top",
    )
