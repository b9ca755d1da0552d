"""Response of the most and the least selective units by segment length of quilts."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from music_detectors.corpus.targets import target_name
from music_detectors.figures.reading import read_each
from music_detectors.figures.style import (
    INK,
    LOOK,
    MM,
    OTHER,
    PAGE,
    TARGET,
    counted,
    letter,
    range_of,
    save,
    shortened,
)
from music_detectors.quilts.tables import read_quilt_responses

_ROLES = {"target": TARGET, "other": OTHER}
_MARKERS = {"target": "o", "other": "s"}
_GROUPS = ("most", "least")
_COLUMNS = 4
# Octaves from the longest segments to intact clips on the horizontal axis.
_INTACT_OFFSET = 1.4


def plot_quilts(
    tables: Sequence[str | os.PathLike],
    conditions: Sequence[str],
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the responses to quilts in each of `conditions` from their responses.tsv (`tables`).

    Raises InputError, naming the file, for one that cannot be read or has no row.
    """
    read = read_each(tables, conditions, read_quilt_responses)
    save(quilts(read, layer, target_name(target)), svg, png)


@LOOK
def quilts(tables: dict[str, pd.DataFrame], layer: str, target: str) -> Figure:
    """Return the figure: one column per condition, the most selective units above the least."""
    columns = min(len(tables), _COLUMNS)
    bands = -(-len(tables) // columns)
    width = max(PAGE * columns / _COLUMNS, PAGE / 2)
    figure = Figure(figsize=(width, (22 + 88 * bands) * MM))
    panels = figure.subplots(len(_GROUPS) * bands, columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    place = 0
    for band in range(bands):
        shown = list(tables.items())[band * columns : (band + 1) * columns]
        for row, group in enumerate(_GROUPS, start=band * len(_GROUPS)):
            for axes, (condition, table) in zip(panels[row], shown, strict=False):
                axes.set_axis_on()
                draw_responses(axes, table[table["group"] == group])
                if group == _GROUPS[0]:
                    axes.set_title(shortened(condition, 20))
                else:
                    networks = counted(table["seed"].nunique(), "network")
                    axes.set_xlabel(f"Segment length (ms)\n{networks}")
                letter(axes, place)
                place += 1
            panels[row, 0].set_ylabel(
                f"Response of the {group}\nselective units of\n{layer} (a.u.)"
            )
    all_rows = pd.concat(tables.values())
    handles, labels = [], []
    for role, name in (("target", target), ("other", "other")):
        handles.append(role_line(role))
        n_clips = range_of(all_rows.loc[all_rows["role"] == role, "n_clips"])
        labels.append(f"{name}, mean of networks ({n_clips} test clips)")
    handles.append(Line2D([], [], color=INK, linewidth=0.6, alpha=0.5))
    labels.append("one network")
    figure.legend(handles, labels, loc="outside lower center", ncols=3 if columns > 2 else 1)
    return figure


def role_line(role: str) -> Line2D:
    """Return the line of `role`, target or other, for a legend."""
    return Line2D([], [], color=_ROLES[role], marker=_MARKERS[role], markersize=4, linewidth=1.3)


def responses_by_length(table: pd.DataFrame, role: str) -> pd.DataFrame:
    """Return the responses to clips of `role`: rows are segment lengths (ms), columns networks.

    Intact clips are in the last row, with an infinite length.
    """
    rows = table[table["role"] == role].fillna({"segment_ms": np.inf})
    return rows.pivot(index="segment_ms", columns="seed", values="response")


def draw_responses(axes: Axes, table: pd.DataFrame) -> None:
    """Draw the responses of one group of units: networks and their mean."""
    lengths = sorted(table["segment_ms"].dropna().unique())
    at = np.log2(lengths)
    intact = at[-1] + _INTACT_OFFSET
    for role, colour in _ROLES.items():
        responses = responses_by_length(table, role)
        for network in responses.to_numpy().T:
            axes.plot(at, network[:-1], color=colour, linewidth=0.6, alpha=0.5)
            axes.plot([at[-1], intact], network[-2:], ":", color=colour, linewidth=0.6, alpha=0.5)
        mean = responses.mean(axis=1).to_numpy()
        style: dict[str, Any] = {
            "color": colour,
            "marker": _MARKERS[role],
            "markersize": 4,
            "zorder": 4,
        }
        axes.plot(at, mean[:-1], linewidth=1.4, **style)
        axes.plot([intact], mean[-1:], linewidth=0, **style)
    axes.axvline(intact - _INTACT_OFFSET / 2, color=INK, linewidth=0.4, linestyle=":")
    names = [f"{length:g}" for length in lengths]
    axes.set_xticks([*at, intact], [*names, "intact"], rotation=45)
    axes.set_xlim(at[0] - 0.4, intact + 0.5)
    if (table["n_clips"] == 0).all():
        axes.text(0.5, 0.5, "no clips to compare", transform=axes.transAxes, ha="center")
    # Activations are not negative, but the logits of fc2 may be.
    least = min(0.0, 1.05 * table["response"].min())
    axes.set_ylim(least, max(1.04 * axes.get_ylim()[1], least + 1e-6))
