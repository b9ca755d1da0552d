"""The parts of each claim on one axis: networks, their mean, intervals, and the article's value."""

import os

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from music_detectors.claims.columns import (
    CLAIMS,
    ESTIMATES,
    NOT_SUPPORTED,
    PRESENT,
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
    rounded,
    save,
    shortened,
    spread,
    write_on_page,
)

VERDICT_COLOURS = {SUPPORTED: "#009E73", PRESENT: "#0072B2", NOT_SUPPORTED: "#D55E00"}
"""Hues of Okabe and Ito's palette; the verdict is also written out."""

_ROW_MM = 3.9
_TOP_MM, _BOTTOM_MM = 17.0, 9.0
# Positions across the page: where the axis begins, its width, and where the columns of text begin.
_LEFT, _WIDTH = 0.265, 0.315
_ESTIMATE, _HERE, _ARTICLE = 0.59, 0.76, 0.815
_OF_NETWORKS = 0.4
"""The opacity of the interval over networks alone, which lies behind the other."""
_LIMITS = (-30.0, 100.0)
_TICKS = (-10, -3, -1, 0, 1, 3, 10, 30)


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
    """Return the figure: one row per claim, followed by its parts.

    Estimates are in units of the smallest effect of interest, so that all parts share an axis.
    """
    rows = shown(claims)
    height = _TOP_MM + _BOTTOM_MM + _ROW_MM * len(rows)
    figure = Figure(figsize=(PAGE, height * MM))
    # The columns of text have fixed places.
    figure.set_layout_engine("none")
    axes = figure.add_axes(
        (_LEFT, _BOTTOM_MM / height, _WIDTH, 1 - (_TOP_MM + _BOTTOM_MM) / height)
    )
    axes.set_xscale("asinh", linear_width=1.0)
    axes.set_xlim(*_LIMITS)
    axes.set_xticks(_TICKS, [str(tick).replace("-", "\N{MINUS SIGN}") for tick in _TICKS])
    axes.set_xticks([], minor=True)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=INK, linewidth=0.6, zorder=0)
    axes.set_xlabel("estimate, in smallest effects of interest", labelpad=1)
    values = {
        key: part["estimate"].to_numpy() for key, part in estimates.groupby(["claim", "part"])
    }
    for place, row in enumerate(rows.to_dict("records")):
        if row["part"] == WHOLE:
            _draw_claim(axes, place, row)
        else:
            _draw_part(axes, place, row, values.get((row["claim"], row["part"]), np.array([])))
    for text, x in (("estimate [interval]", _ESTIMATE), ("here", _HERE), ("article", _ARTICLE)):
        figure.text(x, 1 - (_TOP_MM - 2) / height, text, fontsize=6, color=FAINT)
    handles = [
        Line2D([], [], color=FAINT, marker="o", markersize=2.4, linewidth=0),
        Line2D([], [], color=INK, marker="D", markersize=3.4, linewidth=0.8),
        Line2D([], [], color=INK, alpha=_OF_NETWORKS, linewidth=2.4, solid_capstyle="butt"),
        Line2D([], [], color=INK, marker="D", markersize=3.4, linewidth=0, markerfacecolor="white"),
        Line2D([], [], color=FAINT, linewidth=0.8, linestyle="--"),
        Patch(color=FAINT, alpha=0.25, linewidth=0),
    ]
    labels = [
        "one network or pair",
        "mean, corrected interval",
        "interval over networks alone",
        "for comparison",
        "smallest effect of interest",
        "no effect",
    ]
    figure.legend(handles, labels, loc="upper center", ncols=3)
    return figure


def shown(claims: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that the figure has, in the order of the claims.

    These are claims, the parts that they need, and comparisons with a value of the article.
    """
    kept = claims["needed"] | (claims["article_value"] != "")
    order = pd.Categorical(claims["claim"], CLAIMS)
    return claims.assign(order=order.codes)[kept].sort_values("order", kind="stable")


def in_smallest_effects(values: np.ndarray, smallest: float) -> np.ndarray:
    """Return `values` (n,) divided by the smallest effect, or where that is 0, by the largest."""
    values = np.asarray(values, dtype=float)
    finite = np.abs(values[np.isfinite(values)])
    return values / (smallest or finite.max(initial=0) or 1.0)


def _draw_claim(axes: Axes, place: int, row: dict) -> None:
    axes.axhspan(place - 0.5, place + 0.5, color=FAINT, alpha=0.12, linewidth=0)
    title = f"{CLAIMS.index(row['claim']) + 1}  {TITLES[row['claim']]}"
    write_on_page(axes, place, 0.012, title, weight="bold")
    colour = VERDICT_COLOURS.get(row["verdict"], INK)
    write_on_page(axes, place, _ESTIMATE, row["verdict"], weight="bold", color=colour)


def _draw_part(axes: Axes, place: int, row: dict, networks: np.ndarray) -> None:
    """Draw one part: its networks, the mean, the intervals and the smallest effect."""
    colour = VERDICT_COLOURS.get(row["verdict"], INK)
    smallest = row["smallest_effect"]
    names = ("estimate", "low", "high", "networks_low", "networks_high")
    ends = np.array([row[name] for name in names])
    scaled = in_smallest_effects(np.r_[ends, networks], smallest)
    (mean, low, high), of_networks, networks = scaled[:3], scaled[3:5], scaled[5:]
    networks = networks[np.isfinite(networks)]
    if row["needed"] and "equivalence" in row["test"]:
        axes.fill_betweenx(
            [place - 0.45, place + 0.45], -1, 1, color=FAINT, alpha=0.25, linewidth=0
        )
    elif row["needed"] and smallest:
        axes.plot([1, 1], [place - 0.45, place + 0.45], "--", color=FAINT, linewidth=0.8)
    axes.plot(
        np.clip(networks, *_LIMITS),
        place + 0.22 + spread(len(networks), 0.2),
        "o",
        color=FAINT,
        markersize=2.2,
        markeredgewidth=0,
        alpha=0.8,
        zorder=3,
    )
    if np.isfinite(of_networks).all():
        axes.plot(
            np.clip(of_networks, *_LIMITS),
            [place - 0.12] * 2,
            color=colour,
            alpha=_OF_NETWORKS,
            linewidth=2.4,
            solid_capstyle="butt",
        )
    if np.isfinite([low, high]).all():
        axes.plot(np.clip([low, high], *_LIMITS), [place - 0.12] * 2, color=colour, linewidth=0.8)
        for end, marker in ((low, "<"), (high, ">")):
            edge = np.clip(end, *_LIMITS)
            if edge != end:
                axes.plot(edge, place - 0.12, marker, color=colour, markersize=3, clip_on=False)
    axes.plot(
        np.clip(mean, *_LIMITS),
        place - 0.12,
        "D",
        color=colour,
        markerfacecolor=colour if row["needed"] else "white",
        markersize=3.4,
        markeredgewidth=0.8,
        zorder=4,
    )
    ink = INK if row["needed"] else FAINT
    write_on_page(axes, place, 0.028, shortened(row["part"], 40), color=ink)
    text = "not measured"
    if len(networks):
        text = f"{rounded(row['estimate'])} [{rounded(row['low'])}, {rounded(row['high'])}]"
    write_on_page(axes, place, _ESTIMATE, text, color=ink)
    if row["article_value"]:
        value = row["article_value"].partition(" (")[0]
        write_on_page(axes, place, _HERE, rounded(row["here"]), color=ink)
        write_on_page(axes, place, _ARTICLE, f"{value}  {row['article_figure']}", color=ink)
