"""The effect of the target on the selective units, without and with acoustic covariates."""

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
    label_conditions,
    letter,
    mean_and_interval,
    save,
    shortened,
)
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY
from music_detectors.selectivity.ranking import of_reported_layer

# The columns without and with covariates, and the label.
_PANELS = {
    "Size": ("response_hedges_g", "response_partial_d", "Target effect in standard deviations"),
    "Evidence": ("test_cluster_t", "test_partial_t", "Target effect in standard errors (t)"),
}
_OFFSET = 0.22


def plot_acoustics(
    table: str | os.PathLike,
    conditions: Sequence[str],
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the effects on the units of `layer` in each of `conditions`, from the summary `table`.

    Raises InputError, naming the file, when it cannot be read or lacks a condition.
    """
    summary = read_with_conditions(table, SELECTIVITY_SUMMARY, conditions)
    summary = of_reported_layer(summary, layer)
    shown = " or ".join(dict.fromkeys(summary["layer"]))
    save(acoustics(summary, conditions, shown, target_name(target)), svg, png)


@LOOK
def acoustics(summary: pd.DataFrame, conditions: Sequence[str], layer: str, target: str) -> Figure:
    """Return the figure: one line per network, from the effect without to that with covariates."""
    figure = Figure(figsize=(PAGE, 82 * MM))
    panels = figure.subplots(1, len(_PANELS))
    colours, markers = condition_colours(conditions), condition_markers(conditions)
    for place, (title, (without, adjusted, label)) in enumerate(_PANELS.items()):
        axes = panels[place]
        for at, condition in enumerate(conditions):
            rows = summary[summary["condition"] == condition]
            pairs = rows[[without, adjusted]].to_numpy()
            _draw_pairs(axes, at, pairs, colours[condition], markers[condition])
        axes.axhline(0, color=FAINT, linewidth=0.5, zorder=0)
        n = summary.groupby("condition")["seed"].nunique()
        names = [f"{shortened(name, 14)}\n{counted(n[name], 'network')}" for name in conditions]
        label_conditions(axes, names)
        axes.set_xlim(-0.6, max(len(conditions), 2) - 0.4)
        axes.set_ylabel(label)
        axes.set_title(title)
        letter(axes, place)
    crowded = len(conditions) > 4
    low, high = panels[0].get_ylim()
    # Room for the shares that are left.
    panels[0].set_ylim(low, high + (0.25 if crowded else 0.05) * (high - low))
    for at, share in enumerate(shares_left(summary, conditions)):
        if np.isfinite(share):
            panels[0].annotate(
                f"{100 * share:.0f}% left",
                (at, 1),
                xycoords=("data", "axes fraction"),
                fontsize=6,
                ha="center",
                va="top",
                rotation=90 if crowded else 0,
            )
    n_target, n_other = summary["n_target_test"].max(), summary["n_other_test"].max()
    figure.suptitle(
        f"Selective units of {layer}; {n_target:,} {target} and {n_other:,} other test clips",
        fontsize=7,
        x=0.01,
        ha="left",
    )
    handles = [
        Line2D([], [], color=FAINT, linewidth=0.7),
        Line2D([], [], color=INK, marker="o", markersize=4.4, linewidth=1.3),
        Line2D(
            [], [], color=INK, marker="o", markersize=4.4, markerfacecolor="white", linewidth=1.3
        ),
    ]
    labels = [
        "one network",
        "without covariates, mean and 95% interval",
        "with covariates, mean and 95% interval",
    ]
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def shares_left(summary: pd.DataFrame, conditions: Sequence[str]) -> list[float]:
    """Return the share of the difference that is left with covariates, the mean over networks.

    There is one share per condition, NaN where the interval of the effect contains zero: a share
    of nothing has no meaning.
    """
    shares = []
    for condition in conditions:
        rows = summary[summary["condition"] == condition]
        _, low, _ = mean_and_interval(rows[_PANELS["Size"][0]].to_numpy())
        difference = rows["test_mean_target"] - rows["test_mean_other"]
        share = (rows["test_partial_difference"] / difference).to_numpy()
        shares.append(float(share.mean()) if low > 0 and np.isfinite(share).all() else np.nan)
    return shares


def _draw_pairs(axes: Axes, at: int, pairs: np.ndarray, colour: str, marker: str) -> None:
    """Draw the networks' `pairs` (networks, 2) around `at`, and the means with their intervals."""
    ends = at + np.array([-_OFFSET, _OFFSET])
    if not np.isfinite(pairs).all(axis=1).any():
        axes.annotate(
            "too few clips",
            (at, 0.5),
            xycoords=("data", "axes fraction"),
            color=FAINT,
            fontsize="small",
            rotation="vertical",
            ha="center",
            va="center",
        )
    for pair in pairs:
        axes.plot(ends, pair, color=colour, linewidth=0.7, alpha=0.6)
    for place, values, face in zip(ends, pairs.T, (colour, "white"), strict=True):
        mean, low, high = mean_and_interval(values)
        axes.vlines(place, low, high, color=colour, linewidth=1.3)
        axes.plot(
            place,
            mean,
            marker,
            color=face,
            markeredgecolor=colour,
            markeredgewidth=0.9,
            markersize=4.6,
            zorder=4,
        )
