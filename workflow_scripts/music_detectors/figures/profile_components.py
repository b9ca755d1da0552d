"""How the profiles of the selective units correlate with reference profiles, by condition."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from music_detectors.common.tables import read_table
from music_detectors.figures.style import (
    INK,
    LOOK,
    MM,
    PAGE,
    condition_colours,
    condition_markers,
    letter,
    save,
    shortened,
    spread,
)
from music_detectors.profiles.columns import COMPONENT_MEANS, PROFILE_COMPONENTS

_MEASURES = (("pearson", "Pearson's r"), ("spearman", "Spearman's ρ"))
_GROUP_WIDTH = 0.78


def plot_profile_components(
    components: Sequence[str | os.PathLike],
    means: Sequence[str | os.PathLike],
    probes: Sequence[str],
    conditions: Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the correlations of `conditions` with each component of each of `probes`.

    `components` and `means` are the components.tsv and component_means.tsv of profiles, those of
    the first probe set first. Raises InputError, naming the file, for one that cannot be read.
    """
    pairs = [(probe, condition) for probe in probes for condition in conditions]
    read = [
        (read_table(of_networks, PROFILE_COMPONENTS), read_table(of_means, COMPONENT_MEANS))
        for of_networks, of_means in zip(components, means, strict=True)
    ]
    save(correlations_with_components(dict(zip(pairs, read, strict=True))), svg, png)


@LOOK
def correlations_with_components(
    tables: dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame]],
) -> Figure:
    """Return the figure of the tables (of networks, means) by probe set and condition."""
    probes = list(dict.fromkeys(probe for probe, _ in tables))
    conditions = list(dict.fromkeys(condition for _, condition in tables))
    figure = Figure(figsize=(PAGE, (8 + 62 * len(probes) * len(_MEASURES)) * MM))
    panels = figure.subplots(len(probes) * len(_MEASURES), 1, squeeze=False)[:, 0]
    colours, markers = condition_colours(conditions), condition_markers(conditions)
    shown = [(probe, measure) for probe in probes for measure in _MEASURES]
    for place, (axes, (probe, (measure, words))) in enumerate(zip(panels, shown, strict=True)):
        names = tables[probe, conditions[0]][1]["component"].tolist()
        for at, condition in zip(
            _GROUP_WIDTH
            / len(conditions)
            * (np.arange(len(conditions)) - len(conditions) / 2 + 0.5),
            conditions,
            strict=True,
        ):
            of_networks, means = tables[probe, condition]
            for group, name in enumerate(names):
                _draw(
                    axes,
                    group + at,
                    of_networks.loc[of_networks["component"] == name, measure].to_numpy(),
                    means.set_index("component").loc[name],
                    measure,
                    (colours[condition], markers[condition]),
                    _GROUP_WIDTH / len(conditions),
                )
        axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
        axes.set_xticks(range(len(names)), [shortened(name, 16) for name in names])
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.tick_params(axis="x", length=0)
        axes.set_ylabel(f"Correlation over the sounds\nof {shortened(probe, 20)}, {words}")
        letter(axes, place)
    handles = [
        Line2D([], [], color=colours[name], marker=markers[name], markersize=4.4, linewidth=1.1)
        for name in conditions
    ]
    names = [shortened(name, 20) for name in conditions]
    figure.legend(handles, names, loc="outside upper center", ncols=min(len(names), 7))
    return figure


def _draw(
    axes: Axes,
    at: float,
    networks: np.ndarray,
    mean: pd.Series,
    measure: str,
    look: tuple[str, str],
    width: float,
) -> None:
    colour, marker = look
    places = at + spread(len(networks), 0.6 * width)
    axes.scatter(places, networks, s=4, color=colour, alpha=0.5, linewidth=0, zorder=2)
    low, high = mean[f"{measure}_low"], mean[f"{measure}_high"]
    axes.plot([at, at], [low, high], color=colour, linewidth=1.1, zorder=3)
    axes.plot(
        [at],
        [mean[measure]],
        marker,
        color=colour,
        markersize=4.4,
        markeredgecolor="white",
        markeredgewidth=0.5,
        zorder=4,
    )
