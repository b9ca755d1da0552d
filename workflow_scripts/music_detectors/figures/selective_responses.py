"""Responses of the selective units to target and other clips of the train and the test split."""

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
from music_detectors.common.tables import read_table
from music_detectors.corpus.targets import target_name
from music_detectors.figures.style import (
    INK,
    LOOK,
    MM,
    OTHER,
    PAGE,
    TARGET,
    by_condition,
    counted,
    letter,
    range_of,
    save,
    shortened,
    spread,
)
from music_detectors.selectivity.columns import CLIP_RESPONSES

_SPLITS = ("train", "test")
_ROLES = {"target": TARGET, "other": OTHER}
_OFFSET = 0.21
_COLUMNS = 4


def plot_selective_responses(
    tables: Sequence[str | os.PathLike],
    networks: Sequence[Sequence],
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the responses of `networks` ([condition, seed] each) from their clip_responses.tsv.

    Raises InputError, naming the file, for a table that cannot be read or has neither target nor
    other clips.
    """
    read = []
    for path in tables:
        table = read_table(path, CLIP_RESPONSES, only=("split", "role", "response"))
        if not table["role"].isin(_ROLES).any():
            raise damaged(path, "table", "has neither target nor other clips")
        # A byte for each text, since there may be millions of clips of each network.
        read.append(table.astype({"split": "category", "role": "category"}))
    figure = selective_responses(by_condition(networks, read), layer, target_name(target))
    save(figure, svg, png)


@LOOK
def selective_responses(
    responses: dict[str, list[pd.DataFrame]], layer: str, target: str
) -> Figure:
    """Return the figure of the `responses` of each condition, one table per network.

    Boxes show the clips of all networks of the condition, dots the medians of single networks.
    """
    columns = min(len(responses), _COLUMNS)
    rows = -(-len(responses) // columns)
    width = max(PAGE * columns / _COLUMNS, PAGE / 2)
    figure = Figure(figsize=(width, (18 + 58 * rows) * MM))
    panels = figure.subplots(rows, columns, squeeze=False)
    for place, (condition, tables) in enumerate(responses.items()):
        axes = panels.flat[place]
        for at, split in enumerate(_SPLITS):
            for role, shift in zip(_ROLES, (-_OFFSET, _OFFSET), strict=True):
                _draw_box(axes, at + shift, role, responses_of(tables, split, role))
        axes.set_xlim(-0.55, 1.55)
        axes.set_xticks(range(len(_SPLITS)), [f"{split} clips" for split in _SPLITS])
        axes.tick_params(axis="x", length=0)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        axes.set_title(shortened(condition, 20))
        axes.set_xlabel(counted(len(tables), "network"))
        letter(axes, place)
    for axes in panels.flat[len(responses) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel(f"Mean response of selective units\nof {layer} (activation, a.u.)")
    all_tables = [table for tables in responses.values() for table in tables]
    handles: list[Artist] = [
        Patch(facecolor=colour, edgecolor=INK, linewidth=0.5) for colour in _ROLES.values()
    ]
    labels = [
        f"{target} ({_n_clips(all_tables, 'target')})",
        f"other ({_n_clips(all_tables, 'other')})",
    ]
    handles.append(
        Line2D([], [], marker="o", color="white", markeredgecolor=INK, markersize=3, linewidth=0)
    )
    labels.append("median of one network")
    figure.legend(handles, labels, loc="outside upper center", ncols=3 if columns > 2 else 1)
    return figure


def responses_of(tables: list[pd.DataFrame], split: str, role: str) -> list[np.ndarray]:
    """Return the responses of each network to the clips of a split and role."""
    selected = (table[(table["split"] == split) & (table["role"] == role)] for table in tables)
    return [rows["response"].dropna().to_numpy() for rows in selected]


def _draw_box(axes: Axes, at: float, role: str, values: list[np.ndarray]) -> None:
    """Draw a box of all clips, with whiskers from the 5th to the 95th percentile, and the dots."""
    values = [responses for responses in values if len(responses)]
    if not values:
        return
    axes.boxplot(
        np.concatenate(values),
        positions=[at],
        widths=_OFFSET * 1.5,
        whis=(5, 95),
        showfliers=False,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": _ROLES[role], "edgecolor": INK, "linewidth": 0.5},
        medianprops={"color": INK, "linewidth": 1.2},
        whiskerprops={"color": INK, "linewidth": 0.6},
        capprops={"color": INK, "linewidth": 0.6},
    )
    axes.plot(
        at + spread(len(values), _OFFSET),
        [np.median(responses) for responses in values],
        "o",
        color="white",
        markeredgecolor=INK,
        markeredgewidth=0.6,
        markersize=2.6,
        zorder=5,
    )


def _n_clips(tables: list[pd.DataFrame], role: str) -> str:
    """Return how many clips of `role` each split has, for the legend."""
    parts = []
    for split in _SPLITS:
        counts = [int(((t["split"] == split) & (t["role"] == role)).sum()) for t in tables]
        parts.append(f"{range_of(counts)} {split}")
    return ", ".join(parts) + " clips"
