"""How much more the selective units respond to the target than to other sounds, by condition."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from music_detectors.corpus.targets import target_name
from music_detectors.figures.reading import read_with_conditions
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    PAGE,
    condition_colours,
    condition_markers,
    counted,
    label_conditions,
    letter,
    mark_networks,
    save,
    shortened,
)
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY
from music_detectors.selectivity.ranking import of_reported_layer

_COLUMNS = ("condition", "seed", "layer", "reported", "response_hedges_g", "test_ratio")


def plot_response_ratio(
    table: str | os.PathLike,
    conditions: Sequence[str],
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the response ratio and Hedges' g of the networks of `conditions` from summary.tsv.

    Raises InputError, naming the file, when it cannot be read or lacks a condition.
    """
    summary = read_with_conditions(table, SELECTIVITY_SUMMARY, conditions, _COLUMNS)
    summary = of_reported_layer(summary, layer)
    save(response_ratio(summary, conditions, target_name(target)), svg, png)


@LOOK
def response_ratio(summary: pd.DataFrame, conditions: Sequence[str], target: str) -> Figure:
    """Return the figure: conditions along the axis of each panel, networks as dots."""
    figure = Figure(figsize=(PAGE, 76 * MM))
    colours, markers = condition_colours(conditions), condition_markers(conditions)
    panels = (
        ("test_ratio", f"Response to {target} over\nresponse to other sounds", 1.0),
        ("response_hedges_g", "Hedges' g of the mean response\nof the selective units", 0.0),
    )
    for place, (column, words, none) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1)
        for at, condition in enumerate(conditions):
            values = summary.loc[summary["condition"] == condition, column].to_numpy()
            mark_networks(axes, at, values, colours[condition], markers[condition])
            if not np.isfinite(values).any():
                axes.annotate("none", (at, none), ha="center", va="bottom", color=FAINT)
        axes.axhline(none, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        axes.set_xlim(-0.6, len(conditions) - 0.4)
        names = [_label(name, summary) for name in conditions]
        label_conditions(axes, names)
        axes.set_ylabel(words)
        letter(axes, place)
    return figure


def _label(condition: str, summary: pd.DataFrame) -> str:
    networks = int((summary["condition"] == condition).sum())
    return f"{shortened(condition, 16)}\n{counted(networks, 'network')}"
