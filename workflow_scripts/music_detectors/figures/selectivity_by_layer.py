"""Where along the network selectivity arises: measures of each layer's selective units."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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
    letter,
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
    "n_units",
    "n_significant_permutation",
    "n_target_test",
    "n_other_test",
    "test_auc",
    "test_hedges_g",
)
_SHARE = "significant_share"
# The label, the value at chance, and the range of possible values.
_MEASURES = {
    "test_auc": ("AUC of the selective units", 0.5, (0, 1)),
    "test_hedges_g": ("Hedges' g of the selective units", 0.0, (-np.inf, np.inf)),
    _SHARE: ("Selective beyond chance\n(% of the layer's units)", 0.0, (0, 100)),
}
# More than these do not fit side by side.
_MANY_LAYERS = 5
_SPREAD = 0.5


def plot_selectivity_by_layer(
    table: str | os.PathLike,
    conditions: Sequence[str],
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw all layers of the networks of `conditions` from selectivity/summary.tsv.

    The layers that other figures report are marked: `layer`, and for models without it their own.
    Raises InputError, naming the file, when it cannot be read or lacks a condition.
    """
    summary = read_with_conditions(table, SELECTIVITY_SUMMARY, conditions, _COLUMNS)
    save(selectivity_by_layer(summary, conditions, layer, target_name(target)), svg, png)


@LOOK
def selectivity_by_layer(
    summary: pd.DataFrame, conditions: Sequence[str], layer: str, target: str
) -> Figure:
    """Return the figure: one panel per measure, one line per condition, layers from the input."""
    layers = list(dict.fromkeys(summary["layer"]))
    reported = of_reported_layer(summary, layer)
    turned = len(layers) > _MANY_LAYERS
    figure = Figure(figsize=(PAGE, (92 if turned else 68) * MM))
    panels = figure.subplots(1, len(_MEASURES))
    shifts = spread(len(conditions), _SPREAD)
    units = summary.groupby("layer")["n_units"].agg(["min", "max"])
    for place, (measure, (label, chance, ends)) in enumerate(_MEASURES.items()):
        axes = panels[place]
        for at in sorted({layers.index(name) for name in reported["layer"]}):
            axes.axvspan(at - 0.5, at + 0.5, color=FAINT, alpha=0.13, linewidth=0, zorder=0)
        for condition, shift in zip(conditions, shifts, strict=True):
            values = by_layer(summary[summary["condition"] == condition], layers, measure)
            _draw_line(axes, values, shift, condition, conditions)
        axes.axhline(chance, color=INK, linewidth=0.8, zorder=1)
        # Intervals over few networks may exceed the range of the measure.
        low, high = axes.get_ylim()
        room = 0.03 * (min(high, ends[1]) - max(low, ends[0]))
        axes.set_ylim(max(low, ends[0] - room), min(high, ends[1] + room))
        axes.set_xlim(-0.5, len(layers) - 0.5)
        names = _names(layers, units)
        axes.set_xticks(range(len(layers)), names, rotation=90 if turned else 0)
        axes.tick_params(axis="x", length=0)
        axes.set_ylabel(label)
        letter(axes, place)
    _draw_legend(figure, summary, conditions)
    first = summary.iloc[0]
    figure.supxlabel(
        f"Layer (and its units). {first['n_target_test']:,} {shortened(target, 20)} and "
        f"{first['n_other_test']:,} other test clips",
        fontsize="medium",
    )
    return figure


def _names(layers: Sequence[str], units: pd.DataFrame) -> list[str]:
    """Return each layer's name above its number of units (min, max over the models)."""
    ranges = [sorted({units.at[name, "min"], units.at[name, "max"]}) for name in layers]
    return [
        f"{name}\n{'–'.join(map(str, counts))}" for name, counts in zip(layers, ranges, strict=True)
    ]


def by_layer(summary: pd.DataFrame, layers: Sequence[str], measure: str) -> pd.DataFrame:
    """Return `measure` of the networks (rows) in each of `layers` (columns).

    Infinite values, which occur where units are constant within both groups, become NaN, as do
    those of layers that a model does not have.
    """
    share = 100 * summary["n_significant_permutation"] / summary["n_units"]
    table = summary.assign(**{_SHARE: share})
    table = table.pivot(index="seed", columns="layer", values=measure).reindex(columns=layers)
    return table.where(np.isfinite(table))


def _draw_line(
    axes: Axes, table: pd.DataFrame, shift: float, condition: str, conditions: Sequence[str]
) -> None:
    """Draw the networks of one condition, and their mean and interval in each layer."""
    colour = condition_colours(conditions)[condition]
    marker = condition_markers(conditions)[condition]
    places = np.arange(table.shape[1]) + shift
    for values in table.to_numpy():
        axes.plot(places, values, color=colour, linewidth=0.4, alpha=0.45, zorder=2)
    means = []
    for place, values in zip(places, table.to_numpy().T, strict=True):
        mean, low, high = mean_and_interval(values)
        means.append(mean)
        axes.plot([place, place], [low, high], color=colour, linewidth=1.2, zorder=3)
    axes.plot(
        places,
        means,
        color=colour,
        linewidth=1.2,
        marker=marker,
        markersize=4.4,
        markeredgecolor="white",
        markeredgewidth=0.5,
        zorder=4,
    )


def _draw_legend(figure: Figure, summary: pd.DataFrame, conditions: Sequence[str]) -> None:
    colours, markers = condition_colours(conditions), condition_markers(conditions)
    networks = summary.groupby("condition")["seed"].nunique()
    handles = [
        Line2D([], [], color=colours[name], marker=markers[name], markersize=4.4, linewidth=1.2)
        for name in conditions
    ]
    labels = [f"{name} ({counted(int(networks[name]), 'network')})" for name in conditions]
    handles += [
        Line2D([], [], color=FAINT, linewidth=0.5),
        Line2D([], [], color=INK, linewidth=0.8),
    ]
    labels += ["one network", "chance"]
    figure.legend(handles, labels, loc="outside upper center", ncols=6 if len(handles) < 7 else 4)
