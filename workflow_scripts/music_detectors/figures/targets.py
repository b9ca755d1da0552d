"""How selective the most selective units are for each target, in the same networks."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from music_detectors.common.damage import damaged
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
    mark_networks,
    save,
    shortened,
)
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY
from music_detectors.selectivity.ranking import of_reported_layer

_COLUMNS = (
    "condition",
    "seed",
    "layer",
    "reported",
    "n_target_test",
    "n_other_test",
    "response_hedges_g",
    "test_ratio",
)
# Each panel's column, the words for it, and the value of no selectivity.
_PANELS = (
    ("test_ratio", "Response to the target over\nresponse to other sounds", 1.0),
    ("response_hedges_g", "Hedges' g of the mean response\nof the selective units", 0.0),
)


def plot_targets(
    tables: Sequence[str | os.PathLike],
    targets: Sequence[str | Sequence[str]],
    condition: str,
    layer: str,
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the response ratio and Hedges' g of the selective units for each of `targets`.

    `tables` are the summary.tsv of selectivity for the targets, in the same order, of which the
    networks of `condition` are drawn. Raises InputError, naming the file, for one that cannot be
    read or lacks the condition.
    """
    summaries = {}
    for path, target in zip(tables, targets, strict=True):
        summary = read_table(path, SELECTIVITY_SUMMARY, only=_COLUMNS)
        summary = of_reported_layer(summary[summary["condition"] == condition], layer)
        if summary.empty:
            raise damaged(path, "table", f"has no row of condition {condition}")
        summaries[target_name(target)] = summary
    save(selectivity_of_targets(summaries, condition), svg, png)


@LOOK
def selectivity_of_targets(summaries: dict[str, pd.DataFrame], condition: str) -> Figure:
    """Return the figure: the targets along the axis of each panel, the networks as dots."""
    figure = Figure(figsize=(PAGE, 74 * MM))
    first = next(iter(summaries.values()))
    networks = counted(len(first), "network")
    figure.suptitle(f"{shortened(condition, 30)}, {networks}", fontsize="medium")
    for place, (column, words, none) in enumerate(_PANELS):
        axes = figure.add_subplot(1, len(_PANELS), place + 1)
        for at, summary in enumerate(summaries.values()):
            colour, marker = (TARGET, "o") if at == 0 else (OTHER, "s")
            mark_networks(axes, at, summary[column].to_numpy(), colour, marker)
            if not np.isfinite(summary[column]).any():
                axes.annotate("none", (at, none), ha="center", va="bottom", color=FAINT)
        axes.axhline(none, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        axes.set_xlim(-0.5, len(summaries) - 0.5)
        axes.set_xticks(range(len(summaries)), [_label(*both) for both in summaries.items()])
        axes.tick_params(axis="x", length=0)
        axes.set_xlabel("Target (test clips: target, other)")
        axes.set_ylabel(words)
        letter(axes, place)
    return figure


def _label(target: str, summary: pd.DataFrame) -> str:
    first = summary.iloc[0]
    return f"{shortened(target, 14)}\n{first['n_target_test']:,}, {first['n_other_test']:,}"
