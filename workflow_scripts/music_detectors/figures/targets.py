"""How selective the most selective units are, for each target and condition."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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
    mean_and_interval,
    save,
    shortened,
    spread,
)
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY
from music_detectors.selectivity.ranking import of_reported_layer

_COLUMNS = (
    "condition",
    "seed",
    "layer",
    "reported",
    "n_target_test",
    "n_other_test",
    "test_hedges_g",
)
# The share of the distance between two targets that the conditions take up.
_APART = 0.6


def plot_targets(
    tables: Sequence[str | os.PathLike],
    targets: Sequence[str | Sequence[str]],
    conditions: Sequence[str],
    layer: str,
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw Hedges' g of the selective units of `layer` for each of `targets`.

    `tables` are the summary.tsv of selectivity for the targets, in the same order. Raises
    InputError, naming the file, for one that cannot be read or lacks a condition.
    """
    summaries = {}
    layers: dict[str, None] = {}
    for path, target in zip(tables, targets, strict=True):
        summary = read_table(path, SELECTIVITY_SUMMARY, only=_COLUMNS)
        summary = of_reported_layer(summary, layer)
        for condition in conditions:
            if condition not in set(summary["condition"]):
                raise damaged(path, "table", f"has no row of condition {condition}")
        summaries[target_name(target)] = summary
        layers |= dict.fromkeys(summary["layer"])
    save(selectivity_of_targets(summaries, conditions, " or ".join(layers)), svg, png)


@LOOK
def selectivity_of_targets(
    summaries: dict[str, pd.DataFrame], conditions: Sequence[str], layer: str
) -> Figure:
    """Return the figure: targets along the axis, and for each the networks of every condition."""
    figure = Figure(figsize=(PAGE, 78 * MM))
    axes = figure.subplots()
    colours, markers = condition_colours(conditions), condition_markers(conditions)
    for place, summary in enumerate(summaries.values()):
        for condition, shift in zip(conditions, spread(len(conditions), _APART), strict=True):
            g = summary.loc[summary["condition"] == condition, "test_hedges_g"].to_numpy()
            # Units that are constant within both groups of clips have an infinite g.
            g = g[np.isfinite(g)]
            at = place + shift
            dots = at + spread(len(g), min(0.5 * _APART / len(conditions), 0.15))
            axes.scatter(dots, g, s=9, color=colours[condition], alpha=0.5, linewidth=0, zorder=2)
            mean, low, high = mean_and_interval(g)
            axes.plot([at, at], [low, high], color=colours[condition], linewidth=1.2, zorder=3)
            axes.plot(
                [at],
                [mean],
                color=colours[condition],
                marker=markers[condition],
                markersize=5,
                markeredgecolor="white",
                markeredgewidth=0.5,
                zorder=4,
            )
    axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
    axes.set_xlim(-0.5, len(summaries) - 0.5)
    axes.set_xticks(range(len(summaries)), [_label(*both) for both in summaries.items()])
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel("Target (test clips: target, other)")
    axes.set_ylabel(f"Hedges' g of the selective\nunits of {layer}, on test clips")
    handles = [
        Line2D([], [], color=colours[name], marker=markers[name], markersize=5, linewidth=1.2)
        for name in conditions
    ]
    handles.append(Line2D([], [], color=FAINT, marker="o", markersize=3, linewidth=0))
    figure.legend(
        handles,
        [*conditions, "one network"],
        loc="outside upper center",
        ncols=min(len(handles), 5),
    )
    return figure


def _label(target: str, summary: pd.DataFrame) -> str:
    first = summary.iloc[0]
    return f"{shortened(target, 24)}\n{first['n_target_test']:,}, {first['n_other_test']:,}"
