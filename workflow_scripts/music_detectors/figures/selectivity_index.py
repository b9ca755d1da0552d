"""Distribution of the selectivity index, the Welch t, over the units of a layer."""

import os
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table
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
    save,
    target_name,
)
from music_detectors.selectivity.columns import UNITS

_COLUMNS = ("layer", "n_target", "n_other", "welch_t", "selective")
_POINTS = 600


def plot_selectivity_index(
    units: Sequence[str | os.PathLike],
    networks: Sequence[Sequence],
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the index of the units of `layer` of `networks` ([condition, seed] each).

    `units` are their units.tsv. Raises InputError, naming the file, for one that cannot be read
    or has no unit of the layer with an index.
    """
    tables = []
    for path in units:
        table = read_table(path, UNITS, only=_COLUMNS)
        table = table[table["layer"] == layer]
        if not np.isfinite(table["welch_t"]).any():
            raise InputError(f"{path}: has no unit of layer {layer} with an index; run it again")
        tables.append(table)
    figure = selectivity_index(by_condition(networks, tables), layer, target_name(target))
    save(figure, svg, png)


@LOOK
def selectivity_index(units: dict[str, list[pd.DataFrame]], layer: str, target: str) -> Figure:
    """Return the figure: one panel a condition below another, on one axis of the index."""
    colours = condition_colours(list(units))
    figure = Figure(figsize=(PAGE * 0.67, (22 + 24 * len(units)) * MM))
    panels = figure.subplots(len(units), 1, sharex=True, squeeze=False)[:, 0]
    every = pd.concat([table for tables in units.values() for table in tables])
    finite = every.loc[np.isfinite(every["welch_t"]), "welch_t"]
    margin = 0.04 * max(np.ptp(finite), 1.0)
    grid = np.linspace(finite.min() - margin, finite.max() + margin, _POINTS)
    panels[0].set_xlim(grid[0], grid[-1])
    for place, (condition, tables) in enumerate(units.items()):
        axes = panels[place]
        _curves(axes, tables, grid, colours[condition])
        axes.set_title(
            f"{condition} ({counted(len(tables), 'network')} "
            f"of {_range([len(table) for table in tables])} units)",
            fontsize=7,
        )
        _threshold(axes, tables)
        letter(axes, place)
    panels[-1].set_xlabel(
        f"Selectivity index t of the units of {layer}\n(Welch t, {_range(every['n_target'])} "
        f"{target} against {_range(every['n_other'])} other clips of the train split)"
    )
    figure.supylabel("Units (% per unit of t)", fontsize=7)
    handles = [
        Line2D([], [], color=FAINT, linewidth=0.7),
        Patch(facecolor=FAINT, alpha=0.35, linewidth=0),
        Line2D([], [], color=INK, linewidth=0.8, linestyle="--"),
    ]
    labels = ["one network", "mean of networks", "least index of the selective units"]
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def _density(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return a Gaussian kernel density of `values` on `grid`, by Silverman's rule of thumb.

    The bandwidth is at least two steps of the grid, so units that are all alike can be drawn.
    """
    values = values[np.isfinite(values)]
    quartiles = np.percentile(values, (25, 75))
    scale = min(values.std(), np.ptp(quartiles) / 1.349) or values.std()
    bandwidth = max(0.9 * scale * len(values) ** -0.2, 2 * (grid[1] - grid[0]))
    kernels = np.exp(-0.5 * ((grid[:, None] - values) / bandwidth) ** 2)
    return kernels.mean(axis=1) / (bandwidth * np.sqrt(2 * np.pi))


def _curves(axes: Axes, tables: list[pd.DataFrame], grid: np.ndarray, colour: str) -> None:
    """Draw the density of each network's units, and the mean of the networks filled."""
    densities = [100 * _density(table["welch_t"].to_numpy(), grid) for table in tables]
    mean = np.mean(densities, axis=0)
    axes.fill_between(grid, mean, color=colour, alpha=0.3, linewidth=0)
    least = _thresholds(tables)
    if least:
        above = grid >= np.mean(least)
        axes.fill_between(grid[above], mean[above], color=colour, alpha=0.6, linewidth=0)
    for density in densities:
        axes.plot(grid, density, color=colour, linewidth=0.7)
    axes.axvline(0, color=FAINT, linewidth=0.5, zorder=0)
    axes.set_ylim(0, 1.15 * max(density.max() for density in densities))


def _thresholds(tables: list[pd.DataFrame]) -> list[float]:
    """Return the least index among the selective units of each network that has some."""
    chosen = [table.loc[table["selective"], "welch_t"] for table in tables]
    finite = [values[np.isfinite(values)] for values in chosen]
    return [values.min() for values in finite if len(values)]


def _threshold(axes: Axes, tables: list[pd.DataFrame]) -> None:
    """Mark the least index of the selective units: the mean line and a tick a network."""
    least = _thresholds(tables)
    if not least:
        return
    share = 100 * np.mean([table["selective"].mean() for table in tables])
    axes.axvline(np.mean(least), color=INK, linewidth=0.8, linestyle="--")
    axes.plot(
        least,
        np.zeros(len(least)),
        "|",
        color=INK,
        markersize=5,
        markeredgewidth=0.8,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
        zorder=5,
    )
    low, high = axes.get_xlim()
    to_the_left = np.mean(least) > low + 0.7 * (high - low)
    axes.annotate(
        f"top {share:.3g}%: t ≥ {np.mean(least):.1f}",
        (np.mean(least), 1),
        xytext=(-3 if to_the_left else 3, -1),
        xycoords=axes.get_xaxis_transform(),
        textcoords="offset points",
        fontsize=6,
        ha="right" if to_the_left else "left",
        va="top",
    )


def _range(counts: Iterable[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
