"""Mean response of the selective units to every class, sorted."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table
from music_detectors.corpus.targets import target_name
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
    save,
    shortened,
)
from music_detectors.selectivity.columns import CLASS_RESPONSES

_MAX_NAMED = 70
_ENDS = 25
_NAME_LENGTH = 34
_RESPONSE = "Mean response of selective units (activation, a.u.)"


def plot_class_responses(
    tables: Sequence[str | os.PathLike],
    condition: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the class responses of the networks of `condition` from their class_responses.tsv.

    Raises InputError, naming the file, for a table that cannot be read, that has no class with a
    response, or whose classes are not those of the first.
    """
    read = [read_table(path, CLASS_RESPONSES) for path in tables]
    for path, table in zip(tables, read, strict=True):
        if not np.isfinite(table["response"]).any():
            raise InputError(f"{path}: has no class with a response; are there test clips?")
        if list(table["mid"]) != list(read[0]["mid"]):
            why = f"its classes are not those of {tables[0]}"
            raise damaged(path, "table", why, tables[0])
    save(class_responses(read, condition, target_name(target)), svg, png)


@LOOK
def class_responses(tables: list[pd.DataFrame], condition: str, target: str) -> Figure:
    """Return the figure of the classes with test clips, sorted by their mean over `tables`.

    All classes are named if there are at most 70. Otherwise the first panel shows all classes by
    rank, and two panels below name the first and the last 25.
    """
    classes, by_network = sorted_classes(tables)
    if len(classes) <= _MAX_NAMED:
        figure = Figure(figsize=(PAGE * 0.67, (26 + 3.3 * len(classes)) * MM))
        axes = figure.subplots()
        _draw_named(axes, classes, by_network)
        axes.set_xlabel(_RESPONSE)
        axes.set_xlim(left=min(0.0, float(np.nanmin(by_network))))
    else:
        figure = _ranks_and_ends(classes, by_network)
    figure.suptitle(
        f"{condition} ({counted(len(tables), 'network')})", fontsize=7.5, fontweight="bold"
    )
    n_target = int(classes["target"].sum())
    handles: list[Artist] = [Patch(facecolor=hue, linewidth=0) for hue in (TARGET, OTHER)]
    labels = [
        f"{target} ({counted(n_target, 'class', 'classes')})",
        f"other ({counted(len(classes) - n_target, 'class', 'classes')})",
    ]
    handles.append(
        Line2D([], [], marker="o", color=INK, markersize=2, linewidth=0, markeredgewidth=0)
    )
    labels.append("one network")
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def sorted_classes(tables: list[pd.DataFrame]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the classes with test clips by their mean response, and the responses.

    The classes have the columns name, target, n_clips and response (the mean over networks); the
    responses are (classes, networks).
    """
    classes = tables[0][["name", "target", "n_clips"]].copy()
    by_network = np.column_stack([table["response"] for table in tables])
    present = np.isfinite(by_network).any(axis=1)
    classes, by_network = classes[present], by_network[present]
    classes["response"] = np.nanmean(by_network, axis=1)
    order = np.argsort(-classes["response"].to_numpy(), kind="stable")
    return classes.iloc[order], by_network[order]


def _ranks_and_ends(classes: pd.DataFrame, by_network: np.ndarray) -> Figure:
    """Return the figure of many classes: all by rank, and the names of both ends."""
    figure = Figure(figsize=(PAGE, (95 + 3.1 * _ENDS) * MM))
    heights = [65, 20 + 3.1 * _ENDS]
    above, below = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    ranks = above.subplots()
    ends = below.subplots(1, 2, sharex=True)
    places = np.arange(1, len(classes) + 1)
    colours = np.where(classes["target"], TARGET, OTHER)
    ranks.bar(places, classes["response"], width=1.0, color=colours, linewidth=0)
    low, high = np.nanmin(by_network, axis=1), np.nanmax(by_network, axis=1)
    by_rank = "Class, by rank"
    if by_network.shape[1] > 1:
        by_rank += " (grey line: range over networks)"
        ranks.vlines(places, low, high, color=INK, linewidth=0.3, alpha=0.5)
    ranks.set_xlim(0, len(classes) + 1)
    ranks.set_ylim(bottom=min(0.0, float(low.min())))
    ranks.set_xlabel(by_rank)
    ranks.set_ylabel("Mean response of selective\nunits (activation, a.u.)")
    letter(ranks, 0)
    parts = {"strongest": slice(None, _ENDS), "weakest": slice(-_ENDS, None)}
    for place, (end, rows) in enumerate(parts.items()):
        axes = ends[place]
        _draw_named(axes, classes.iloc[rows], by_network[rows])
        axes.set_title(f"The {_ENDS} {end}")
        axes.set_xlabel("Mean response (activation, a.u.)")
        letter(axes, place + 1)
    ends[0].set_xlim(min(0.0, float(low.min())), 1.03 * float(high.max()))
    return figure


def _draw_named(axes: Axes, classes: pd.DataFrame, by_network: np.ndarray) -> None:
    """Draw each class as a bar with its name and number of clips, and a dot for each network."""
    places = np.arange(len(classes))
    colours = np.where(classes["target"], TARGET, OTHER)
    axes.barh(places, classes["response"], height=0.8, color=colours, linewidth=0)
    for responses in by_network.T:
        axes.plot(responses, places, "o", color=INK, markersize=1.8, markeredgewidth=0, alpha=0.65)
    axes.set_ylim(len(classes) - 0.4, -0.6)
    names = [shortened(name, _NAME_LENGTH) for name in classes["name"]]
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", length=0)
    for label, is_target in zip(axes.get_yticklabels(), classes["target"], strict=True):
        label.set_fontweight("bold" if is_target else "normal")
    for place, n_clips in zip(places, classes["n_clips"], strict=True):
        axes.annotate(
            f"{n_clips:,}",
            (1, place),
            xytext=(2, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            fontsize=5.5,
            color=FAINT,
            va="center",
        )
    axes.annotate(
        "clips",
        (1, 1),
        xytext=(2, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=5.5,
        color=FAINT,
        va="bottom",
    )
