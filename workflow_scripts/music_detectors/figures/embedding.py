"""The positions of target and other clips by t-SNE, and how far apart they are."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from scipy.signal import fftconvolve

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.corpus.targets import target_name
from music_detectors.embedding.columns import EMBEDDING_POINTS, SEGREGATION
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
    label_conditions,
    letter,
    mean_and_interval,
    save,
    shortened,
    spread,
    stacked_by_condition,
)

SHARES = (0.8, 0.6, 0.4, 0.2)
"""The shares of a group that its iso-proportion lines enclose, from the outermost."""

_ROLES = {"other": OTHER, "target": TARGET}
# Darker hues of the groups, for lines over the points.
_LINE_COLOURS = {"other": "#0B5A8A", "target": "#8A3C00"}
_WIDTHS = (0.5, 0.7, 0.9, 1.1)
_COLUMNS = 4
_CELLS = 200
# The margin of the densities around the outermost points, as a share of their range.
_MARGIN = 0.4
# With more points than this, the SVG holds them as one image.
_MAX_VECTOR_POINTS = 3000
_STUDY_BINS = 64


def plot_embedding(
    points: Sequence[str | os.PathLike],
    segregation: Sequence[str | os.PathLike],
    networks: Sequence[Sequence],
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the embeddings of `networks` ([condition, seed] each) from their segregation.tsv.

    `points` are points.tsv of the first network of each condition. Raises InputError, naming the
    file, for one that cannot be read or has no rows.
    """
    placed = [read_table(path, EMBEDDING_POINTS) for path in points]
    indices = [read_table(path, SEGREGATION) for path in segregation]
    for path, table in zip([*points, *segregation], [*placed, *indices], strict=True):
        if table.empty:
            raise damaged(path, "table", "has no rows")
    measured = stacked_by_condition(networks, indices)
    of_first = dict(zip(measured, placed, strict=True))
    save(embedding(of_first, measured, target_name(target)), svg, png)


@LOOK
def embedding(
    points: dict[str, pd.DataFrame], segregation: dict[str, pd.DataFrame], target: str
) -> Figure:
    """Return the figure: the first network of each condition, and below the index of all networks.

    The index is shown for the study's bins and, if clips are too few for these, for coarser ones.
    """
    columns = min(len(points), _COLUMNS)
    rows = -(-len(points) // columns)
    width = PAGE if columns > 2 else PAGE * 0.67
    side = width / max(columns, 2) / MM
    heights = [(side + 2) * rows + 7, 68 if len(points) > 4 else 60]
    figure = Figure(figsize=(width, sum(heights) * MM))
    above, below = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    panels = above.subplots(rows, columns, squeeze=False)
    for place, (condition, table) in enumerate(points.items()):
        axes = panels.flat[place]
        _draw_points(axes, table)
        axes.set_title(f"{shortened(condition, 20)} (seed {table['seed'].iloc[0]})")
        letter(axes, place)
    for axes in panels.flat[len(points) :]:
        axes.set_axis_off()
    titles = index_titles(segregation)
    strips = below.subplots(1, len(titles), squeeze=False)[0]
    for place, (prefix, title) in enumerate(titles.items()):
        _draw_index(strips[place], segregation, prefix)
        strips[place].set_title(title)
        letter(strips[place], len(points) + place)
    strips[0].set_ylabel(f"Segregation index of {target}\nand other clips")
    _draw_legends(above, below, points, target)
    return figure


def density(xy: np.ndarray, edges: Sequence[np.ndarray]) -> np.ndarray:
    """Return a Gaussian kernel density of the points `xy` (n, 2) in cells of equal size (x, y).

    `edges` are the edges of the cells along each axis. The covariance of the kernel is that of the
    points, scaled by Scott's factor as in SciPy's gaussian_kde, with a standard deviation of at
    least one cell. The sum over the cells is 1.
    """
    counts = np.histogram2d(xy[:, 0], xy[:, 1], bins=list(edges))[0]
    steps = np.array([along[1] - along[0] for along in edges])
    cells = [len(along) - 1 for along in edges]
    covariance = np.cov(xy.T) * len(xy) ** (-1 / 3) if len(xy) > 1 else np.zeros((2, 2))
    covariance = covariance / np.outer(steps, steps)
    values, vectors = np.linalg.eigh(covariance)
    precision = vectors @ np.diag(1 / np.maximum(values, 1.0)) @ vectors.T
    x, y = np.meshgrid(*(np.arange(-n, n + 1) for n in cells), indexing="ij")
    kernel = np.exp(
        -0.5 * (precision[0, 0] * x**2 + 2 * precision[0, 1] * x * y + precision[1, 1] * y**2)
    )
    smooth = np.maximum(fftconvolve(counts, kernel, mode="same"), 0)
    return smooth / smooth.sum()


def iso_proportion_levels(cells: np.ndarray, shares: Sequence[float]) -> list[float]:
    """Return the densities above which `cells` hold each of `shares` of their sum."""
    densest_first = np.sort(cells, axis=None)[::-1]
    enclosed = np.cumsum(densest_first)
    places = np.searchsorted(enclosed, np.array(shares) * enclosed[-1])
    return [float(level) for level in densest_first[np.minimum(places, len(densest_first) - 1)]]


def _draw_points(axes: Axes, table: pd.DataFrame) -> None:
    """Draw the points of one network and the iso-proportion lines of each group."""
    xy = table[["x", "y"]].to_numpy()
    low, high = xy.min(axis=0), xy.max(axis=0)
    margin = _MARGIN * np.where(high > low, high - low, 1.0)
    edges = [
        np.linspace(*ends, _CELLS + 1) for ends in zip(low - margin, high + margin, strict=True)
    ]
    # In random order, so that no group covers the other.
    order = np.random.default_rng(0).permutation(len(table))
    colours = table["role"].map(_ROLES).to_numpy()
    axes.scatter(
        xy[order, 0],
        xy[order, 1],
        c=colours[order],
        s=float(np.clip(2000 / len(table), 0.4, 7)),
        alpha=0.75,
        linewidth=0,
        rasterized=len(table) > _MAX_VECTOR_POINTS,
    )
    centres = [(along[:-1] + along[1:]) / 2 for along in edges]
    extents = [[ends] for ends in zip(low, high, strict=True)]
    for role, colour in _LINE_COLOURS.items():
        cells = density(xy[(table["role"] == role).to_numpy()], edges)
        levels = iso_proportion_levels(cells, SHARES)
        for level, width in zip(levels, _WIDTHS, strict=True):
            axes.contour(*centres, cells.T, levels=[level], colors=[colour], linewidths=width)
        for along, across in enumerate((1, 0)):
            within = centres[along][(cells >= levels[0]).any(axis=across)]
            extents[along].append((within[0], within[-1]))
    # Each axis has its own scale, like the bins of the index.
    axes.set_xlim(*_with_margin(extents[0]))
    axes.set_ylim(*_with_margin(extents[1]))
    axes.set_box_aspect(1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel("t-SNE 1 (a.u.)")
    axes.set_ylabel("t-SNE 2 (a.u.)")


def _with_margin(extents: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the limits of an axis that holds all `extents`."""
    low, high = float(np.min(extents)), float(np.max(extents))
    margin = 0.04 * (high - low)
    return low - margin, high + margin


def index_titles(segregation: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Return the titles of the indices to be shown, by the prefix of their columns.

    The coarse index is shown only where its bins differ from the study's.
    """
    coarse = [int(bins) for table in segregation.values() for bins in table["coarse_bins"]]
    titles = {"": f"{_STUDY_BINS} × {_STUDY_BINS} bins, as in the study"}
    if min(coarse) < _STUDY_BINS:
        bins = f"{min(coarse)}" if min(coarse) == max(coarse) else f"{min(coarse)}–{max(coarse)}"
        titles["coarse_"] = f"{bins} × {bins} bins, 4 clips per bin"
    return titles


def _draw_index(axes: Axes, segregation: dict[str, pd.DataFrame], prefix: str) -> None:
    """Draw the index of each network and of its permuted roles, one column per condition."""
    index = f"{prefix}index" if prefix else "segregation_index"
    colours, markers = condition_colours(list(segregation)), condition_markers(list(segregation))
    for at, (condition, table) in enumerate(segregation.items()):
        values = table[index].to_numpy()
        mean, deviation = table[f"{prefix}permuted_mean"], table[f"{prefix}permuted_sd"].fillna(0)
        places = at + 0.07 + spread(len(values), 0.36)
        lowest, highest = mean - 2 * deviation, np.minimum(mean + 2 * deviation, 1)
        axes.vlines(places, lowest, highest, color=FAINT, linewidth=1.6, alpha=0.5)
        axes.plot(places, mean, "_", color=INK, markersize=3.5, markeredgewidth=0.8)
        style: dict[str, Any] = {
            "color": colours[condition],
            "marker": markers[condition],
            "linewidth": 0,
        }
        axes.plot(places, values, markersize=2.8, markeredgewidth=0, clip_on=False, **style)
        centre, low, high = mean_and_interval(values)
        axes.plot([at - 0.3] * 2, [low, high], color=colours[condition], linewidth=1.3)
        axes.plot(
            at - 0.3,
            centre,
            markersize=4.6,
            markeredgecolor="white",
            markeredgewidth=0.5,
            clip_on=False,
            zorder=5,
            **style,
        )
    # Intervals over few networks may exceed the range of the index.
    low, high = axes.get_ylim()
    room = 0.03 * (min(high, 1) - max(low, 0))
    axes.set_ylim(max(low, -room), min(high, 1 + room))
    axes.set_xlim(-0.6, len(segregation) - 0.4)
    names = [
        f"{shortened(name, 14)}\n{counted(len(table), 'network')}"
        for name, table in segregation.items()
    ]
    label_conditions(axes, names)


def _draw_legends(
    above: SubFigure, below: SubFigure, points: dict[str, pd.DataFrame], target: str
) -> None:
    first = next(iter(points.values()))
    counts = first[first["seed"] == first["seed"].iloc[0]]["role"].value_counts()
    handles = [
        Line2D([], [], marker="o", color=_ROLES[role], markersize=3.5, linewidth=0)
        for role in ("target", "other")
    ]
    labels = [
        f"{target} ({counted(int(counts['target']), 'test clip')})",
        f"other ({counted(int(counts['other']), 'test clip')})",
    ]
    for role in ("target", "other"):
        handles.append(Line2D([], [], color=_LINE_COLOURS[role], linewidth=0.9))
    labels += [f"80, 60, 40, 20% of {target}", "80, 60, 40, 20% of other"]
    above.legend(handles, labels, loc="outside upper center", ncols=4 if len(points) > 2 else 2)
    handles = [
        Line2D([], [], color=FAINT, marker="o", markersize=4.6, linewidth=1.3),
        Line2D([], [], color=FAINT, marker="o", markersize=2.8, linewidth=0, markeredgewidth=0),
        Line2D([], [], color=INK, marker="_", markersize=3.5, linewidth=0, markeredgewidth=0.8),
        Line2D([], [], color=FAINT, linewidth=1.6, alpha=0.5),
    ]
    labels = ["mean, 95% interval", "one network", "permuted roles: mean", "± 2 SD"]
    below.legend(handles, labels, loc="outside upper center", ncols=4)
