"""Average precision of natural and of target classes per condition, over chance."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    OTHER,
    PAGE,
    TARGET,
    counted,
    letter,
    logarithmic,
    mean_and_interval,
    save,
    spread,
    target_name,
)
from music_detectors.recognition.columns import RECOGNITION_SUMMARY

_CLIPS = {"training": "Clips trained on", "test": "Test clips"}
_GROUPS = {"natural": OTHER, "target": TARGET}
_MARKERS = {"natural": "o", "target": "s"}
_APART = 0.19


def plot_average_precision(
    table: str | os.PathLike,
    conditions: Sequence[str],
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the mean average precision of each of `conditions` from recognition/summary.tsv.

    Raises InputError, naming the file, when it cannot be read or lacks a condition.
    """
    summary = read_table(table, RECOGNITION_SUMMARY)
    for condition in conditions:
        if condition not in set(summary["condition"]):
            raise damaged(table, "table", f"has no row of condition {condition}")
    save(average_precision(summary, conditions, target_name(target)), svg, png)


@LOOK
def average_precision(summary: pd.DataFrame, conditions: Sequence[str], target: str) -> Figure:
    """Return the figure: mAP above, its ratio to chance below; trained-on clips left, test right.

    Without `target` clips or positives to train on, the place on the left stays empty.
    """
    figure = Figure(figsize=(PAGE, 105 * MM))
    rows = figure.subplots(2, 2, sharex=True, sharey="row")
    for column, (clips, title) in enumerate(_CLIPS.items()):
        of_clips = summary[summary["clips"] == clips]
        rows[0, column].set_title(title)
        for at, condition in enumerate(conditions):
            for group in _GROUPS:
                cell = of_clips[(of_clips["condition"] == condition) & (of_clips["group"] == group)]
                _cell(rows[:, column], at, group, cell)
    networks = summary.groupby("condition")["seed"].nunique()
    names = [f"{name}\n{counted(networks[name], 'network')}" for name in conditions]
    crowded = len(conditions) > 4 or max(map(len, conditions)) > 14
    slant = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    for axes in rows[1]:
        half = max(len(conditions), 2) / 2
        axes.set_xlim((len(conditions) - 1) / 2 - half, (len(conditions) - 1) / 2 + half)
        axes.set_xticks(range(len(conditions)), names, **slant)
        axes.axhline(1, color=INK, linewidth=0.8, zorder=1)
    rows[0, 0].set_ylabel("mAP")
    rows[0, 0].set_ylim(bottom=0)
    rows[1, 0].set_ylabel("mAP over chance")
    logarithmic(rows[1, 0], "×")
    low, high = rows[1, 0].get_ylim()
    rows[1, 0].set_ylim(min(low, 0.8), max(high, 2.2))
    for place, axes in enumerate(rows.flat):
        letter(axes, place)
        axes.tick_params(axis="x", length=0)
    handles = [
        Line2D([], [], color=colour, marker=_MARKERS[group], markersize=4.4, linewidth=0)
        for group, colour in _GROUPS.items()
    ]
    labels = [
        f"natural sounds ({_n_classes(summary, 'natural')})",
        f"{target} ({_n_classes(summary, 'target')})",
    ]
    handles += [
        Line2D([], [], color=FAINT, marker="o", markersize=4.4, linewidth=1.3),
        Line2D([], [], color=FAINT, marker="o", markersize=2.6, linewidth=0, markeredgewidth=0),
        Line2D([], [], color=INK, linewidth=0.8),
    ]
    labels += ["mean, 95% interval", "one network", "chance"]
    figure.legend(handles, labels, loc="outside upper center", ncols=5)
    return figure


def _cell(panels: Sequence[Axes], at: int, group: str, cell: pd.DataFrame) -> None:
    """Draw one condition and group of classes: mAP in the first panel, over chance in the second.

    The interval of the ratio is that of its logarithm, as is its mean.
    """
    at = at - _APART if group == "natural" else at + _APART
    precision = cell["mean_average_precision"].to_numpy()
    chance = cell["chance"].to_numpy()
    if not np.isfinite(precision).any():
        for axes in panels:
            axes.annotate(
                "no positive clip",
                (at, 0.5),
                xycoords=("data", "axes fraction"),
                color=FAINT,
                fontsize="small",
                rotation="vertical",
                ha="center",
                va="center",
            )
        return
    positive = (precision > 0) & (chance > 0)
    logs = np.log(precision[positive] / chance[positive])
    _dots_and_interval(panels[0], at, group, precision, mean_and_interval(precision))
    _dots_and_interval(panels[1], at, group, np.exp(logs), np.exp(mean_and_interval(logs)))
    panels[0].plot(
        [at - _APART * 0.85, at + _APART * 0.85],
        [np.nanmean(chance)] * 2,
        color=INK,
        linewidth=0.8,
        zorder=2,
    )


def _dots_and_interval(
    axes: Axes, at: float, group: str, values: np.ndarray, summary: Sequence[float]
) -> None:
    mean, low, high = summary
    colour = _GROUPS[group]
    axes.plot(
        at + _APART * 0.3 + spread(len(values), _APART * 0.7),
        values,
        _MARKERS[group],
        color=colour,
        markersize=2.6,
        markeredgewidth=0,
        alpha=0.6,
        clip_on=False,
        zorder=3,
    )
    axes.plot([at - _APART * 0.4] * 2, [low, high], color=colour, linewidth=1.3, zorder=4)
    axes.plot(
        at - _APART * 0.4,
        mean,
        _MARKERS[group],
        color=colour,
        markersize=4.4,
        markeredgecolor="white",
        markeredgewidth=0.5,
        clip_on=False,
        zorder=5,
    )


def _n_classes(summary: pd.DataFrame, group: str) -> str:
    """Say how many classes of `group` the means on test clips are over."""
    counts = summary[(summary["group"] == group) & (summary["clips"] == "test")]["n_classes"]
    if counts.empty:
        return "no class"
    low, high = int(counts.min()), int(counts.max())
    return counted(low, "class", "classes") if low == high else f"{low}–{high} classes"
