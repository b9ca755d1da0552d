"""Response to the target at several levels, compared with other sounds at one level."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from music_detectors.common.tables import read_table
from music_detectors.corpus.targets import target_name
from music_detectors.figures.reading import read_each
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    PAGE,
    condition_colours,
    condition_markers,
    letter,
    mean_and_interval,
    range_of,
    save,
)
from music_detectors.levels.columns import LEVELS

# Column, its name, and its value when target and other clips do not differ.
_PANELS = (("ratio", "Response ratio", 1.0), ("hedges_g", "Hedges' g", 0.0))


def plot_levels(
    tables: Sequence[str | os.PathLike],
    conditions: Sequence[str],
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the responses at every level in each of `conditions` from their `tables`.

    Raises InputError, naming the file, for one that cannot be read or has no row.
    """
    read = read_each(tables, conditions, _most_selective)
    save(responses_by_level(read, layer, target_name(target)), svg, png)


def _most_selective(path: str | os.PathLike) -> pd.DataFrame:
    table = read_table(path, LEVELS)
    return table[table["group"] == "most"]


@LOOK
def responses_by_level(tables: dict[str, pd.DataFrame], layer: str, target: str) -> Figure:
    """Return the figure: the response ratio, and the effect size, against the target's level."""
    figure = Figure(figsize=(PAGE, 78 * MM))
    colours, markers = condition_colours(list(tables)), condition_markers(list(tables))
    every = pd.concat(tables.values())
    levels = sorted(every["level_db"].unique(), reverse=True)
    # Conditions stand side by side within a third of the smallest step, the first on the left.
    steps = -np.diff(levels)
    width = (steps.min() if len(steps) else 3) / 3
    shifts = np.linspace(width / 2, -width / 2, len(tables)) if len(tables) > 1 else [0.0]
    for place, (axes, (column, name, none)) in enumerate(
        zip(figure.subplots(1, 2), _PANELS, strict=True)
    ):
        for shift, (condition, table) in zip(shifts, tables.items(), strict=True):
            values = table.pivot(index="level_db", columns="seed", values=column).loc[levels]
            # Units that respond to no other clip, or equally to all, have no finite value.
            finite = values.replace([np.inf, -np.inf], np.nan)
            at = np.array(levels) + shift
            for network in finite.to_numpy().T:
                axes.plot(at, network, color=colours[condition], linewidth=0.6, alpha=0.35)
            means = np.array([mean_and_interval(of_level) for of_level in finite.to_numpy()])
            axes.plot(
                at,
                means[:, 0],
                color=colours[condition],
                marker=markers[condition],
                markersize=4.5,
                linewidth=1.3,
                zorder=4,
            )
            axes.vlines(at, means[:, 1], means[:, 2], color=colours[condition], linewidth=1.0)
        axes.axhline(none, color=INK, linewidth=0.8, zorder=1)
        axes.invert_xaxis()
        axes.set_xticks(levels, [f"{level:g}" for level in levels])
        axes.set_xlabel(f"Level of {target} re that of other sounds (dB)")
        axes.set_ylabel(f"{name} of the selective\nunits of {layer}, on test clips")
        letter(axes, place)
    handles = [
        Line2D([], [], color=colours[n], marker=markers[n], markersize=4.5, linewidth=1.3)
        for n in tables
    ]
    handles.append(Line2D([], [], color=FAINT, linewidth=0.6))
    labels = [*tables, "one network"]
    counts = [f"{range_of(every[f'n_{role}'])} {role}" for role in ("target", "other")]
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=min(len(handles), 6),
        title=f"Test clips: {counts[0]}, {counts[1]}",
        title_fontsize=6.5,
    )
    return figure
