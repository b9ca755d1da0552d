"""Recognition of natural sounds with units silenced, compared with random lesions."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

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
    save,
    shortened,
    spread,
    stacked_by_condition,
)
from music_detectors.lesions.columns import LESIONS

# The colours of target and other, and two of Tol's "muted" scheme.
COLOURS = {"none": FAINT, "bottom": OTHER, "top": TARGET, "middle": "#999933", "norm": "#332288"}
"""The lesions in the study's order, with their colours."""
MATCHED = {"matched-response": "#88ccee", "matched-drive": "#117733"}
"""The lesions of units that match the most selective ones, with two more colours of that scheme."""
CLIPS = {"all": "all {} test clips", "other": "the {} without the target"}
"""Over which clips natural classes are scored."""
MIDDLE_95 = (0.025, 0.5, 0.975)
"""The quantiles of the random lesions that are shown."""

_LABELS = {"matched-response": "equal\nresponse", "matched-drive": "equal\ndrive"}
_DOT_SPREAD = 0.58
_RIM: dict[str, Any] = {"markeredgecolor": INK, "markeredgewidth": 0.4}


def plot_lesions(
    tables: Sequence[str | os.PathLike],
    networks: Sequence[Sequence],
    fraction: float,
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the lesions of `networks` ([condition, seed] each) from their lesions.tsv (`tables`).

    They set units to zero. The lesions whose fraction is nearest `fraction` are shown. Raises
    InputError, naming the file, for a table that cannot be read or lacks a lesion.
    """
    read = read_lesions(tables, networks)
    save(lesions(read, nearest(next(iter(read.values())), fraction)), svg, png)


def read_lesions(
    tables: Sequence[str | os.PathLike], networks: Sequence[Sequence]
) -> dict[str, pd.DataFrame]:
    """Return the lesions that set units to zero in each condition of `networks`.

    The column `random` says which are drawn at random. `tables` are lesions.tsv of the networks
    ([condition, seed] each). Raises InputError, naming the file, for one that cannot be read or
    lacks a lesion.
    """
    parts = []
    for path in tables:
        table = read_table(path, LESIONS)
        if not set(COLOURS) <= set(table["lesion"]):
            raise damaged(path, "table", f"lacks some of the lesions {', '.join(COLOURS)}")
        table = table[table["set_to"] != "mean"]
        parts.append(table.assign(random=table["lesion"].str.startswith("random-")))
    return stacked_by_condition(networks, parts)


def nearest(table: pd.DataFrame, fraction: float) -> float:
    """Return the fraction of the lesions nearest `fraction`, the smaller one of a tie."""
    fractions = np.unique(table.loc[table["lesion"] != "none", "fraction"])
    return float(fractions[np.argmin(np.abs(fractions - fraction))])


@LOOK
def lesions(tables: dict[str, pd.DataFrame], fraction: float) -> Figure:
    """Return the figure of the lesions of `fraction` of the units: a row of panels per condition.

    Left, natural classes are scored on all test clips, as in the study; right, on those without the
    target. Bars are means over networks, dots networks; behind each dot is the middle 95% of the
    network's random lesions.
    """
    figure = Figure(figsize=(PAGE, (28 + 46 * len(tables)) * MM))
    panels = figure.subplots(len(tables), len(CLIPS), squeeze=False, sharey="row")
    for at, (condition, table) in enumerate(tables.items()):
        for column, (clips, name) in enumerate(CLIPS.items()):
            axes = panels[at, column]
            rows = table[(table["group"] == "natural") & (table["clips"] == clips)]
            _draw_panel(axes, rows[rows["fraction"].isin([0.0, fraction])])
            networks = counted(table["seed"].nunique(), "network")
            on_clips = name.format(f"{rows['n_clips'].max():,}")
            title = f"{shortened(condition, 20)} ({networks}), {on_clips}"
            axes.set_title(title if column == 0 else on_clips)
            letter(axes, at * len(CLIPS) + column)
        natural = table[(table["group"] == "natural") & table["fraction"].isin([0.0, fraction])]
        highest = natural["mean_average_precision"].max()
        panels[at, 0].set_ylim(0, 1.05 * highest if highest > 0 else 1)
    all_rows = pd.concat(tables.values())
    shown = all_rows[(all_rows["group"] == "natural") & (all_rows["fraction"] == fraction)]
    n_classes = counted(int(shown["n_classes"].max()), "natural class", "natural classes")
    figure.supylabel(f"mAP over {n_classes}", fontsize=7)
    draws = shown.loc[shown["random"], "lesion"].nunique()
    figure.supxlabel(
        f"Lesion of {counted(int(shown['n_units'].max()), 'unit')} of "
        f"{shown['layer'].iloc[0]} ({100 * fraction:.3g}%). Below each name: share of the "
        f"{draws} random lesions that leave no higher mAP (median of networks)",
        fontsize=7,
    )
    handles: list[Artist] = [
        Patch(facecolor=FAINT, alpha=0.45, linewidth=0),
        Line2D([], [], marker="o", color=FAINT, markersize=3, **_RIM, linewidth=0),
        Line2D([], [], color=FAINT, alpha=0.55, linewidth=4),
        Line2D([], [], color=INK, linewidth=0.7, linestyle=":"),
    ]
    labels = [
        "mean of networks",
        "one network",
        "middle 95% (line: median) of its random lesions",
        "mean without a lesion",
    ]
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure


def median_percentiles(table: pd.DataFrame) -> dict[str, str]:
    """Return the median over networks of the percentile of each lesion, `25%`; empty for none."""
    medians = table.groupby("lesion")["percentile"].median()
    return {
        str(lesion): f"{100 * share:.0f}%" if np.isfinite(share) else ""
        for lesion, share in medians.items()
    }


def precision_after(table: pd.DataFrame, lesion: str) -> pd.Series:
    """Return the mAP of each network after `lesion`, by seed; of matched units, over the draws."""
    rows = table[table["lesion"].str.startswith(lesion)]
    return rows.groupby("seed")["mean_average_precision"].agg(lambda values: values.mean())


def random_quantiles(table: pd.DataFrame) -> pd.DataFrame:
    """Return the quantiles MIDDLE_95 (columns) of the mAP after random lesions, by network."""
    by_seed = table[table["random"]].groupby("seed")["mean_average_precision"]
    return by_seed.quantile(list(MIDDLE_95)).unstack()


def _draw_panel(axes: Axes, table: pd.DataFrame) -> None:
    """Draw the lesions of one condition, for one fraction and group of classes."""
    random = random_quantiles(table)
    intact = table.loc[table["lesion"] == "none", "mean_average_precision"].mean()
    colours = COLOURS | MATCHED
    shown = [
        name for name in colours if name in COLOURS or table["lesion"].str.startswith(name).any()
    ]
    for at, name in enumerate(shown):
        precision = precision_after(table, name)
        colour = colours[name]
        axes.bar(at, precision.mean(), width=0.82, color=colour, alpha=0.45, linewidth=0, zorder=1)
        places = at + spread(len(precision), _DOT_SPREAD)
        if name != "none":
            low, median, high = random.loc[precision.index].to_numpy().T
            axes.vlines(places, low, high, color=FAINT, alpha=0.55, linewidth=4, zorder=2)
            axes.hlines(
                median, places - 0.04, places + 0.04, color="white", linewidth=0.7, zorder=3
            )
        axes.plot(places, precision, "o", color=colour, markersize=3, **_RIM, zorder=4)
    shares = median_percentiles(table)
    labels = [f"{_LABELS.get(name, name)}\n{shares.get(name, '')}".rstrip() for name in shown]
    axes.set_xticks(range(len(shown)), labels)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.6, len(shown) - 0.4)
    axes.axhline(intact, color=INK, linewidth=0.7, linestyle=":", zorder=3)
