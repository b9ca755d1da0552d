"""Mean response of all units to target and other test clips, and its effect size by condition."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import gaussian_kde

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.corpus.targets import target_name
from music_detectors.figures.reading import read_with_conditions
from music_detectors.figures.style import (
    INK,
    LOOK,
    MM,
    OTHER,
    PAGE,
    TARGET,
    condition_colours,
    condition_markers,
    counted,
    label_conditions,
    letter,
    mark_networks,
    range_of,
    save,
    shortened,
)
from music_detectors.selectivity.columns import CLIP_RESPONSES, SELECTIVITY_SUMMARY
from music_detectors.selectivity.ranking import of_reported_layer

_COLUMNS = ("condition", "seed", "layer", "reported", "test_all_common_language")
_ROLES = {"target": TARGET, "other": OTHER}
_POINTS = 300


def plot_all_units(
    tables: Sequence[str | os.PathLike],
    summary: str | os.PathLike,
    condition: str,
    conditions: Sequence[str],
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the responses of the networks of `condition` and the effect sizes of all `conditions`.

    `tables` are the networks' clip_responses.tsv, `summary` is summary.tsv. Raises InputError,
    naming the file, for one that cannot be read, lacks a condition, or has no target or no other
    test clip.
    """
    responses = []
    for path in tables:
        table = read_table(path, CLIP_RESPONSES, only=("split", "role", "all_units"))
        on_test = table[table["split"] == "test"]
        if not set(_ROLES) <= set(on_test["role"]):
            raise damaged(path, "table", "has no target or no other test clip")
        responses.append(on_test)
    effects = read_with_conditions(summary, SELECTIVITY_SUMMARY, conditions, _COLUMNS)
    effects = of_reported_layer(effects, layer)
    figure = responses_of_all_units(responses, condition, effects, conditions, target_name(target))
    save(figure, svg, png)


@LOOK
def responses_of_all_units(
    responses: Sequence[pd.DataFrame],
    condition: str,
    effects: pd.DataFrame,
    conditions: Sequence[str],
    target: str,
) -> Figure:
    """Return the figure: distributions of `condition`, and the effect size of every condition."""
    figure = Figure(figsize=(PAGE, 74 * MM))
    left, right = figure.subplots(1, 2)
    _draw_distributions(left, [relative(table) for table in responses])
    signed = any((table["all_units"] < 0).any() for table in responses)
    left.set_xlabel(
        "Mean response of all units"
        + (" (a.u.)" if signed else "\n(mean response to other sounds = 1)")
    )
    left.set_ylabel("Density of test clips")
    left.set_title(f"{shortened(condition, 20)}, {counted(len(responses), 'network')}")
    colours, markers = condition_colours(conditions), condition_markers(conditions)
    for at, name in enumerate(conditions):
        values = effects.loc[effects["condition"] == name, "test_all_common_language"].to_numpy()
        mark_networks(right, at, values, colours[name], markers[name])
    right.axhline(0.5, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    right.set_xlim(-0.6, len(conditions) - 0.4)
    names = [shortened(name, 16) for name in conditions]
    label_conditions(right, names)
    right.set_ylabel(f"P(response to {shortened(target, 20)}\n> response to other sounds)")
    handles = [Line2D([], [], color=colour, linewidth=1.8) for colour in _ROLES.values()]
    counts = {role: [(table["role"] == role).sum() for table in responses] for role in _ROLES}
    labels = [
        f"{words} ({range_of(counts[role])} test clips)"
        for role, words in (("target", target), ("other", "other sounds"))
    ]
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    for place, axes in enumerate((left, right)):
        letter(axes, place)
    return figure


def relative(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with all_units over its mean for other clips, if no response is negative."""
    scale = table.loc[table["role"] == "other", "all_units"].mean()
    if (table["all_units"] < 0).any() or scale == 0:
        return table
    return table.assign(all_units=table["all_units"] / scale)


def _draw_distributions(axes: Axes, responses: Sequence[pd.DataFrame]) -> None:
    values = np.concatenate([table["all_units"] for table in responses])
    low, high = np.percentile(values, [0.1, 99.9])
    margin = 0.1 * (high - low) if high > low else 1.0
    points = np.linspace(low - margin, high + margin, _POINTS)
    for role, colour in _ROLES.items():
        curves = []
        for table in responses:
            of_role = table.loc[table["role"] == role, "all_units"].to_numpy()
            if len(set(of_role)) > 1:
                curves.append(gaussian_kde(of_role)(points))
                axes.plot(points, curves[-1], color=colour, linewidth=0.6, alpha=0.55)
        if curves:
            axes.plot(points, np.mean(curves, axis=0), color=colour, linewidth=1.8)
    axes.set_xlim(points[0], points[-1])
    axes.set_ylim(bottom=0)
