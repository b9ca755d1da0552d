"""Average precision of natural and of target classes in each condition, and over chance."""

import os
from collections.abc import Sequence
from typing import Any

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
    OTHER,
    PAGE,
    TARGET,
    counted,
    label_conditions,
    letter,
    logarithmic,
    mean_and_interval,
    range_of,
    save,
    spread,
)
from music_detectors.recognition.columns import MEMORISED, RECOGNITION_SUMMARY

_CLIPS = {"training": "Clips trained on", "test": "Test clips"}
_GROUPS = {"natural": OTHER, "target": TARGET}
_MARKERS = {"natural": "o", "target": "s"}
_OFFSET = 0.19
_MARK: dict[str, Any] = {"linewidth": 1.2, "linestyle": (0, (3, 1.5))}


def plot_average_precision(
    table: str | os.PathLike,
    conditions: Sequence[str],
    relabelled: Sequence[str],
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the mean average precision of each of `conditions` from recognition/summary.tsv.

    Networks of the conditions `relabelled` learn labels that mean nothing: they are shown beside
    the average precision from which these count as memorised. Raises InputError, naming the file,
    when it cannot be read or lacks a condition.
    """
    summary = read_with_conditions(table, RECOGNITION_SUMMARY, conditions)
    save(average_precision(summary, conditions, relabelled, target_name(target)), svg, png)


@LOOK
def average_precision(
    summary: pd.DataFrame, conditions: Sequence[str], relabelled: Sequence[str], target: str
) -> Figure:
    """Return the figure: mAP above, its ratio to chance below; training clips left, test right."""
    figure = Figure(figsize=(PAGE, 105 * MM))
    rows = figure.subplots(2, 2, sharex=True, sharey="row")
    for column, (clips, title) in enumerate(_CLIPS.items()):
        shown = summary[summary["clips"] == clips]
        rows[0, column].set_title(title)
        for at, condition in enumerate(conditions):
            for group in _GROUPS:
                cell = shown[(shown["condition"] == condition) & (shown["group"] == group)]
                _draw_cell(rows[:, column], at, group, cell)
    networks = summary.groupby("condition")["seed"].nunique()
    names = [f"{name}\n{counted(networks[name], 'network')}" for name in conditions]
    for axes in rows[1]:
        half = max(len(conditions), 2) / 2
        axes.set_xlim((len(conditions) - 1) / 2 - half, (len(conditions) - 1) / 2 + half)
        label_conditions(axes, names)
        axes.axhline(1, color=INK, linewidth=0.8, zorder=1)
    rows[0, 0].set_ylabel("mAP")
    for condition in relabelled:
        at = conditions.index(condition)
        rows[0, 0].plot([at - 0.45, at + 0.45], [MEMORISED] * 2, color=FAINT, **_MARK)
    rows[0, 0].set_ylim(0, 1.02 if relabelled else None)
    rows[1, 0].set_ylabel("mAP over chance")
    logarithmic(rows[1, 0], "×")
    # All networks are shown; the interval of two may span decades.
    ratios = ratios_to_chance(summary[summary["clips"].isin(_CLIPS)])
    ratios = ratios[np.isfinite(ratios)]
    rows[1, 0].set_ylim(min([0.8, *ratios / 1.3]), max([2.2, *ratios * 1.3]))
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
        Line2D([], [], color=FAINT, marker="o", markersize=2.6, linewidth=0.6, markeredgewidth=0),
        Line2D([], [], color=INK, linewidth=0.8),
    ]
    labels += ["mean, 95% interval", "one network, 95% interval over clips", "chance"]
    if relabelled:
        handles.append(Line2D([], [], color=FAINT, **_MARK))
        labels.append(f"labels memorised ({MEMORISED:g})")
    figure.legend(handles, labels, loc="outside upper center", ncols=3 if relabelled else 5)
    return figure


def ratios_to_chance(cell: pd.DataFrame) -> np.ndarray:
    """Return the mAP over chance of the networks of `cell`, except those with an mAP of zero.

    Their mean and interval are computed on the logarithm, which zero does not have.
    """
    precision, chance = (cell[name].to_numpy() for name in ("mean_average_precision", "chance"))
    positive = (precision > 0) & (chance > 0)
    return precision[positive] / chance[positive]


def _draw_cell(panels: Sequence[Axes], column: int, group: str, cell: pd.DataFrame) -> None:
    """Draw one condition and group of classes: mAP and, below, mAP over chance."""
    at = column - _OFFSET if group == "natural" else column + _OFFSET
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
    ratios = ratios_to_chance(cell)
    interval = np.exp(mean_and_interval(np.log(ratios)))
    _draw_networks(panels[0], at, group, precision, mean_and_interval(precision))
    panels[0].vlines(
        at + _places(len(precision)),
        cell["mean_average_precision_low"],
        cell["mean_average_precision_high"],
        color=_GROUPS[group],
        linewidth=0.6,
        alpha=0.6,
        zorder=3,
    )
    _draw_networks(panels[1], at, group, ratios, tuple(interval))
    panels[0].plot(
        [at - _OFFSET * 0.85, at + _OFFSET * 0.85],
        [np.nanmean(chance)] * 2,
        color=INK,
        linewidth=0.8,
        zorder=2,
    )


def _draw_networks(
    axes: Axes, at: float, group: str, values: np.ndarray, interval: Sequence[float]
) -> None:
    """Draw one dot per network, and the mean with its `interval` (mean, low, high)."""
    mean, low, high = interval
    colour = _GROUPS[group]
    axes.plot(
        at + _places(len(values)),
        values,
        _MARKERS[group],
        color=colour,
        markersize=2.6,
        markeredgewidth=0,
        alpha=0.6,
        clip_on=False,
        zorder=3,
    )
    axes.plot([at - _OFFSET * 0.4] * 2, [low, high], color=colour, linewidth=1.3, zorder=4)
    axes.plot(
        at - _OFFSET * 0.4,
        mean,
        _MARKERS[group],
        color=colour,
        markersize=4.4,
        markeredgecolor="white",
        markeredgewidth=0.5,
        clip_on=False,
        zorder=5,
    )


def _places(n: int) -> np.ndarray:
    """Return where the dots of `n` networks are, to the right of the mean (n,)."""
    return _OFFSET * 0.3 + spread(n, _OFFSET * 0.7)


def _n_classes(summary: pd.DataFrame, group: str) -> str:
    """Return how many classes of `group` have a positive test clip."""
    counts = summary[(summary["group"] == group) & (summary["clips"] == "test")]["n_classes"]
    if counts.empty:
        return "no class"
    low, high = int(counts.min()), int(counts.max())
    return counted(low, "class", "classes") if low == high else f"{range_of(counts)} classes"
