"""The response of the selective units to each category of a probe set, by condition."""

import os
from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from music_detectors.common.tables import read_table
from music_detectors.figures.style import (
    FAINT,
    LOOK,
    MM,
    PAGE,
    category_colours,
    letter,
    mean_and_interval,
    save,
    shortened,
    spread,
)
from music_detectors.profiles.columns import (
    ALL,
    PROFILE_CONTRASTS,
    PROFILE_RATIOS,
    PROFILE_SOUNDS,
)
from music_detectors.profiles.relative import has_signs, relative

_ALPHA = 0.05
_NAME_LENGTH = 20
_PANELS_IN_A_ROW = 4


def plot_profile_categories(
    sounds: Sequence[str | os.PathLike],
    contrasts: Sequence[str | os.PathLike],
    ratios: Sequence[str | os.PathLike],
    probes: Sequence[str],
    conditions: Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the mean response of `conditions` to each category of each of `probes`.

    The tables are those of profiles, of the first probe set first. Raises InputError, naming the
    file, for one that cannot be read.
    """
    pairs = [(probe, condition) for probe in probes for condition in conditions]
    read = [
        (
            read_table(of_sounds, PROFILE_SOUNDS),
            read_table(of_contrasts, PROFILE_CONTRASTS),
            read_table(of_ratios, PROFILE_RATIOS),
        )
        for of_sounds, of_contrasts, of_ratios in zip(sounds, contrasts, ratios, strict=True)
    ]
    save(profile_of_categories(dict(zip(pairs, read, strict=True))), svg, png)


@LOOK
def profile_of_categories(
    tables: dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]],
) -> Figure:
    """Return the figure of tables (sounds, contrasts, ratios) by probe set and condition."""
    probes = list(dict.fromkeys(probe for probe, _ in tables))
    n_conditions = len(tables) // len(probes)
    columns = min(n_conditions, _PANELS_IN_A_ROW)
    rows = -(-n_conditions // columns)
    listed = {probe: _listed(tables, probe) for probe in probes}
    heights = [rows * (16 + 4.2 * len(listed[probe])) + 4 for probe in probes]
    figure = Figure(figsize=(PAGE, (sum(heights) + 8) * MM))
    parts = figure.subfigures(len(probes), 1, height_ratios=heights, squeeze=False)[:, 0]
    place = 0
    for probe, part in zip(probes, parts, strict=True):
        panels = part.subplots(rows, columns, squeeze=False, sharey=True)
        own = [(name, read) for (of_probe, name), read in tables.items() if of_probe == probe]
        drawn = list(zip(panels.ravel(), own, strict=False))
        for axes, (condition, (sounds, contrasts, ratios)) in drawn:
            _draw(axes, sounds, contrasts, listed[probe])
            axes.set_title(shortened(condition, 18), fontsize=7, pad=12)
            axes.annotate(
                _ratio(ratios, has_signs(sounds)),
                (0, 1),
                xytext=(0, 4),
                xycoords="axes fraction",
                textcoords="offset points",
                fontsize=6,
            )
            letter(axes, place)
            place += 1
        _share([axes for axes, (_, (sounds, _, _)) in drawn if not has_signs(sounds)])
        for axes in panels.ravel()[len(own) :]:
            axes.remove()
        part.supxlabel(
            f"Response over its mean to the sounds of {shortened(probe, 30)}", fontsize=7
        )
    _draw_legend(figure)
    return figure


def by_category(sounds: pd.DataFrame) -> pd.DataFrame:
    """Return the mean relative response (networks, categories) to the sounds of each category."""
    scaled = sounds.assign(response=relative(sounds))
    means = scaled.groupby(["seed", "category"], sort=False)["response"].mean()
    return means.unstack("category")


def exceeded(contrasts: pd.DataFrame) -> set[str]:
    """Return the other categories that every category of the target exceeds significantly."""
    single = contrasts[contrasts["other"] != ALL]
    found = (single["p_networks_holm"] < _ALPHA).groupby(single["other"], sort=False).all()
    return set(found.index[found])


def _listed(
    tables: dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]], probe: str
) -> pd.DataFrame:
    """Return target, n_sounds and colour by category, sorted by the first condition."""
    first = next(read[0] for (of_probe, _), read in tables.items() if of_probe == probe)
    of_sounds = first.drop_duplicates("sound").groupby("category", sort=False)
    listed = of_sounds.agg(target=("target", "first"), n_sounds=("sound", "size"))
    order = by_category(first).mean().sort_values(ascending=False, kind="stable").index
    colours = category_colours(listed.index, listed.index[listed["target"]])
    return listed.assign(colour=pd.Series(colours)).loc[order]


def _share(panels: list[Axes]) -> None:
    """Give `panels` the same horizontal axis."""
    limits = [axes.get_xlim() for axes in panels]
    for axes in panels:
        axes.set_xlim(min(low for low, _ in limits), max(high for _, high in limits))


def _ratio(ratios: pd.DataFrame, signs: bool) -> str:
    ratio = ratios["ratio"].dropna()
    if signs or ratio.empty:
        return f"in SDs, no ratio (n = {len(ratios)})"
    spread_of = f" ± {ratio.std():.2f}" if len(ratio) > 1 else ""
    return f"ratio {ratio.mean():.2f}{spread_of} (n = {len(ratio)})"


def _draw(axes: Axes, sounds: pd.DataFrame, contrasts: pd.DataFrame, listed: pd.DataFrame) -> None:
    responses = by_category(sounds)
    below = exceeded(contrasts)
    axes.axvline(0 if has_signs(sounds) else 1, color=FAINT, linewidth=0.6, zorder=0)
    for row, (category, (is_target, _, colour)) in enumerate(listed.iterrows()):
        values = responses[category].to_numpy()
        filled = is_target or category in below
        axes.scatter(
            values, row + spread(len(values), 0.4), s=5, color=colour, alpha=0.5, linewidth=0
        )
        mean, low, high = mean_and_interval(values)
        axes.plot([low, high], [row, row], color=colour, linewidth=1.1)
        axes.plot(
            [mean],
            [row],
            "s" if is_target else "o",
            color=colour if filled else "white",
            markeredgecolor=colour,
            markeredgewidth=0.8,
            markersize=4.4,
            zorder=3,
        )
    axes.set_yticks(
        range(len(listed)),
        [f"{shortened(name, _NAME_LENGTH)} ({n})" for name, n in listed["n_sounds"].items()],
    )
    axes.set_ylim(len(listed) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def _draw_legend(figure: Figure) -> None:
    style: dict[str, Any] = {
        "linewidth": 0,
        "markersize": 4.4,
        "markeredgewidth": 0.8,
        "markeredgecolor": FAINT,
    }
    handles = [
        Line2D([], [], marker="s", color=FAINT, **style),
        Line2D([], [], marker="o", color=FAINT, **style),
        Line2D([], [], marker="o", color="white", **style),
        Line2D([], [], color=FAINT, linewidth=1.1),
    ]
    labels = [
        "category of the target",
        f"below every category of the target (Holm p < {_ALPHA:g})",
        "not significantly below all",
        "95% interval",
    ]
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
