"""The response of the selective units to every sound of a probe set, sorted, by condition."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from music_detectors.common.tables import read_table
from music_detectors.figures.style import (
    FAINT,
    LOOK,
    MM,
    PAGE,
    category_colours,
    counted,
    letter,
    save,
    shortened,
)
from music_detectors.profiles.columns import PROFILE_SOUNDS
from music_detectors.profiles.relative import has_signs, relative

_NAME_LENGTH = 24
_LEGEND_COLUMNS = 6


def plot_profile_sounds(
    tables: Sequence[str | os.PathLike],
    probes: Sequence[str],
    conditions: Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the profiles of `conditions` over each of `probes`, a row of panels for each condition.

    `tables` are the sounds.tsv of profiles, those of the first probe set first. Raises InputError,
    naming the file, for one that cannot be read.
    """
    read = [read_table(path, PROFILE_SOUNDS) for path in tables]
    pairs = [(probe, condition) for probe in probes for condition in conditions]
    save(profile_of_sounds(dict(zip(pairs, read, strict=True))), svg, png)


@LOOK
def profile_of_sounds(tables: dict[tuple[str, str], pd.DataFrame]) -> Figure:
    """Return the figure of `tables` by probe set and condition: a panel each, one bar a sound."""
    probes = list(dict.fromkeys(probe for probe, _ in tables))
    legend_rows = [
        -(-table["category"].nunique() // _LEGEND_COLUMNS)
        for table in (_first(tables, probe) for probe in probes)
    ]
    heights = [
        26 * sum(own == probe for own, _ in tables) + 8 + 4 * rows
        for probe, rows in zip(probes, legend_rows, strict=True)
    ]
    figure = Figure(figsize=(PAGE, sum(heights) * MM))
    parts = figure.subfigures(len(probes), 1, height_ratios=heights, squeeze=False)[:, 0]
    place = 0
    for probe, part in zip(probes, parts, strict=True):
        own = {name: table for (of_probe, name), table in tables.items() if of_probe == probe}
        colours = _colours(_first(tables, probe))
        panels = part.subplots(len(own), 1, squeeze=False)[:, 0]
        for axes, (condition, table) in zip(panels, own.items(), strict=True):
            _draw(axes, table, colours)
            networks = counted(table["seed"].nunique(), "network")
            scale = ", in standard deviations" if has_signs(table) else ""
            axes.set_title(f"{shortened(condition, 30)}, {networks}{scale}", fontsize=7)
            letter(axes, place)
            place += 1
        n_sounds = counted(len(_over_networks(_first(tables, probe))), "sound")
        panels[-1].set_xlabel(f"{n_sounds} of {shortened(probe, 30)}, sorted in each panel")
        part.supylabel("Response over its mean", fontsize=7)
        handles = [
            Patch(color=colour, label=shortened(name, _NAME_LENGTH))
            for name, colour in colours.items()
        ]
        part.legend(handles=handles, loc="outside upper center", ncols=_LEGEND_COLUMNS)
    return figure


def sorted_profile(table: pd.DataFrame) -> pd.DataFrame:
    """Return category, response and error of each sound, the largest response first.

    Responses are relative to each network's, so that networks of different gains count alike;
    `response` is the mean over networks and `error` its standard error, NaN for one network.
    """
    over_networks = _over_networks(table.assign(response=relative(table)))
    return over_networks.sort_values("response", ascending=False, kind="stable")


def _over_networks(table: pd.DataFrame) -> pd.DataFrame:
    grouped = table.groupby("sound", sort=False)
    found = grouped.agg(category=("category", "first"), response=("response", "mean"))
    return found.assign(error=grouped["response"].sem())


def _first(tables: dict[tuple[str, str], pd.DataFrame], probe: str) -> pd.DataFrame:
    return next(table for (of_probe, _), table in tables.items() if of_probe == probe)


def _colours(table: pd.DataFrame) -> dict[str, str]:
    of_target = list(dict.fromkeys(table.loc[table["target"], "category"]))
    others = list(dict.fromkeys(table.loc[~table["target"], "category"]))
    return category_colours([*of_target, *others], of_target)


def _draw(axes: Axes, table: pd.DataFrame, colours: dict[str, str]) -> None:
    profile = sorted_profile(table)
    places = np.arange(len(profile))
    axes.bar(
        places,
        profile["response"],
        width=1.0,
        color=[colours[name] for name in profile["category"]],
        linewidth=0,
    )
    axes.errorbar(
        places,
        profile["response"],
        profile["error"].fillna(0),
        fmt="none",
        ecolor=FAINT,
        elinewidth=0.4,
    )
    axes.set_xlim(-0.8, len(profile) - 0.2)
    axes.set_xticks([])
