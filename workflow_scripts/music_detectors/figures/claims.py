"""The parts of each claim: estimates of the networks, their mean, and corrected intervals."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from music_detectors.claims.columns import (
    CLAIMS,
    ESTIMATES,
    NOT_SUPPORTED,
    SUPPORTED,
    VERDICTS,
    WHOLE,
)
from music_detectors.claims.statements import TITLES
from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    PAGE,
    counted,
    mean_and_interval,
    save,
    shortened,
    spread,
)

# Hues of Okabe and Ito's palette; the verdict is also written out.
_COLOURS = {SUPPORTED: "#009E73", NOT_SUPPORTED: "#D55E00"}
_ROW_MM = 4.6
_HEAD_MM = 15.0


def plot_claims(
    claims: str | os.PathLike,
    estimates: str | os.PathLike,
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw claims.tsv and estimates.tsv.

    Raises InputError, naming the file, when one cannot be read or lacks a claim.
    """
    table = read_table(claims, VERDICTS)
    missing = set(CLAIMS) - set(table.loc[table["part"] == WHOLE, "claim"])
    if missing:
        raise damaged(claims, "table", f"lacks {min(missing)}")
    save(claims_figure(table, read_table(estimates, ESTIMATES)), svg, png)


@LOOK
def claims_figure(claims: pd.DataFrame, estimates: pd.DataFrame) -> Figure:
    """Return the figure: one panel per claim and unit of measurement, one row per part."""
    whole = claims[claims["part"] == WHOLE].set_index("claim")
    panels = []
    for claim in CLAIMS:
        parts = claims[(claims["claim"] == claim) & (claims["part"] != WHOLE)]
        if parts.empty:
            panels.append((claim, "", parts))
        for unit, rows in parts.groupby("unit", sort=False):
            panels.append((claim, unit, rows))
    heights = [_HEAD_MM + _ROW_MM * max(len(rows), 1) for _, _, rows in panels]
    figure = Figure(figsize=(PAGE, (sum(heights) + 8) * MM))
    all_axes = figure.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    previous = None
    for axes, (claim, unit, rows) in zip(all_axes, panels, strict=True):
        if claim != previous:
            _draw_title(axes, claim, whole.loc[claim])
        previous = claim
        _draw_panel(axes, rows, estimates[estimates["claim"] == claim], unit)
    handles = [
        Line2D([], [], color=FAINT, marker="o", markersize=2.6, linewidth=0),
        Line2D([], [], color=INK, marker="D", markersize=4, linewidth=2.2),
        Line2D([], [], color=INK, linewidth=0.8),
        Line2D([], [], color=INK, marker="D", markersize=4, linewidth=0, markerfacecolor="white"),
        Line2D([], [], color=FAINT, linewidth=0.8, linestyle="--"),
    ]
    labels = [
        "one network or pair",
        "mean, 95% interval",
        "corrected interval",
        "for comparison",
        "smallest effect of interest",
    ]
    figure.legend(handles, labels, loc="outside upper center", ncols=5)
    return figure


def _draw_title(axes: Axes, claim: str, whole: pd.Series) -> None:
    axes.set_title(f"{CLAIMS.index(claim) + 1}  {TITLES[claim]}")
    axes.set_title(
        whole["verdict"], loc="right", color=_COLOURS.get(whole["verdict"], INK), fontweight="bold"
    )


def _draw_panel(axes: Axes, rows: pd.DataFrame, estimates: pd.DataFrame, unit: str) -> None:
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(max(len(rows), 1) - 0.4, -0.6)
    if rows.empty:
        axes.set_yticks([])
        axes.set_xticks([])
        axes.annotate("nothing was measured", (0, 0), color=FAINT, va="center")
        return
    values = {name: part["estimate"].to_numpy() for name, part in estimates.groupby("part")}
    shown = [values.get(name, np.array([])) for name in rows["part"]]
    low, high = axis_limits(rows, shown)
    axes.set_xlim(low, high)
    axes.axvline(0, color=INK, linewidth=0.6, zorder=0)
    for place, (row, networks) in enumerate(zip(rows.to_dict("records"), shown, strict=True)):
        _draw_part(axes, place, row, networks[np.isfinite(networks)])
    axes.set_yticks(range(len(rows)), [shortened(name, 44) for name in rows["part"]])
    axes.set_xlabel(unit, labelpad=1)


def axis_limits(rows: pd.DataFrame, shown: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return the limits of the axis: all networks (`shown`), and intervals as far as they fit.

    Long intervals are cut, so that the networks stay legible.
    """
    effects = rows["smallest_effect"].to_numpy()
    core = np.concatenate([[0.0], effects[np.isfinite(effects)], *shown])
    core = core[np.isfinite(core)]
    span = np.ptp(core) or 1.0
    ends = np.r_[rows["low"], rows["high"], core]
    ends = ends[np.isfinite(ends)]
    low = max(ends.min(), core.min() - 0.5 * span)
    high = min(ends.max(), core.max() + 0.5 * span)
    margin = 0.04 * (high - low)
    return low - margin, high + margin


def _draw_part(axes: Axes, place: int, row: dict, networks: np.ndarray) -> None:
    """Draw one part: its networks, the mean, both intervals and the smallest effect."""
    colour = _COLOURS.get(row["verdict"], INK)
    face = colour if row["needed"] else "white"
    effect = row["smallest_effect"]
    if np.isfinite(effect) and row["needed"]:
        axes.plot([effect] * 2, [place - 0.45, place + 0.45], "--", color=FAINT, linewidth=0.8)
    axes.plot(
        networks,
        place + 0.22 + spread(len(networks), 0.2),
        "o",
        color=FAINT,
        markersize=2.6,
        markeredgewidth=0,
        alpha=0.8,
        zorder=3,
    )
    mean, *uncorrected = mean_and_interval(networks)
    if len(networks) > 1:
        axes.plot([row["low"], row["high"]], [place - 0.12] * 2, color=colour, linewidth=0.8)
        axes.plot(uncorrected, [place - 0.12] * 2, color=colour, linewidth=2.2, alpha=0.6)
        for end, marker in ((row["low"], "<"), (row["high"], ">")):
            edge = np.clip(end, *axes.get_xlim())
            if edge != end:
                axes.plot(edge, place - 0.12, marker, color=colour, markersize=3, clip_on=False)
    axes.plot(
        mean,
        place - 0.12,
        "D",
        color=colour,
        markerfacecolor=face,
        markersize=4,
        markeredgewidth=0.8,
        zorder=4,
    )
    text = "not measured"
    if len(networks):
        pairs = "pair" if row["test"] == "paired t" else "network"
        ends = f"[{_number(row['low'])}, {_number(row['high'])}]"
        text = f"{_number(mean)} {ends}  {counted(len(networks), pairs)}"
    axes.annotate(
        text,
        (1, place),
        xytext=(6, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        fontsize=6,
        va="center",
        color=INK if row["needed"] else FAINT,
        annotation_clip=False,
    )


def _number(value: float) -> str:
    # Adding zero turns a negative zero into zero.
    text = f"{round(value, 3) + 0.0:.3f}" if abs(value) < 1 else f"{value:.3g}"
    return text.replace("-", "\N{MINUS SIGN}") if np.isfinite(value) else "–"
