"""The figure over corpora: each part by corpus, their mean, and where another corpus would lie."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from music_detectors.claims.columns import CLAIMS, WHOLE
from music_detectors.claims.statements import TITLES
from music_detectors.figures.claims import VERDICT_COLOURS
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    PAGE,
    rounded,
    shortened,
    write_on_page,
)

# Okabe and Ito's palette, without the colours of verdicts.
_CORPORA = ("#E69F00", "#56B4E9", "#CC79A7", "#F0E442", "#999999")
_LINE_MM, _GAP_MM = 2.2, 1.6
_TOP_MM, _BOTTOM_MM = 12.0, 9.0
_LEFT, _WIDTH, _TEXT = 0.32, 0.42, 0.76
_LIMITS = (-30.0, 100.0)
_TICKS = (-10, -3, -1, 0, 1, 3, 10, 30)


@LOOK
def forest_figure(claims: pd.DataFrame, estimates: pd.DataFrame) -> Figure:
    """Return the figure of the tables CORPORA_CLAIMS and CORPORA_ESTIMATES.

    Estimates are in units of the smallest effect of interest; an effect with none is as it is. The
    interval of a corpus is its estimate plus and minus twice its error.
    """
    names = list(dict.fromkeys(estimates["corpus"]))
    colours = {name: _CORPORA[k % len(_CORPORA)] for k, name in enumerate(names)}
    ordered = claims.assign(place=pd.Categorical(claims["claim"], CLAIMS).codes)
    rows = ordered.sort_values("place", kind="stable").to_dict("records")
    lines = [1 if row["part"] == WHOLE else 1 + len(names) for row in rows]
    heights = [_LINE_MM * n + _GAP_MM for n in lines]
    height = _TOP_MM + _BOTTOM_MM + sum(heights)
    figure = Figure(figsize=(PAGE, height * MM))
    figure.set_layout_engine("none")
    axes = figure.add_axes(
        (_LEFT, _BOTTOM_MM / height, _WIDTH, 1 - (_TOP_MM + _BOTTOM_MM) / height)
    )
    axes.set_xscale("asinh", linear_width=1.0)
    axes.set_xlim(*_LIMITS)
    axes.set_xticks(_TICKS, [str(tick).replace("-", "\N{MINUS SIGN}") for tick in _TICKS])
    axes.set_xticks([], minor=True)
    axes.set_ylim(sum(heights), 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=INK, linewidth=0.6, zorder=0)
    axes.set_xlabel("estimate, in smallest effects of interest", labelpad=1)
    top = 0.0
    for row, tall in zip(rows, heights, strict=True):
        if row["part"] == WHOLE:
            _draw_claim(axes, top, tall, row)
        else:
            own = estimates[
                (estimates["claim"] == row["claim"]) & (estimates["part"] == row["part"])
            ]
            _draw_part(axes, top, row, own, colours)
        top += tall
    handles = [
        *(
            Line2D([], [], color=colour, marker="o", markersize=2.6, linewidth=0.8)
            for colour in colours.values()
        ),
        Line2D([], [], color=INK, marker="D", markersize=3.4, linewidth=1.2),
        Patch(color=FAINT, alpha=0.3, linewidth=0),
    ]
    labels = [*(shortened(name, 24) for name in names), "over corpora", "another corpus (95 %)"]
    figure.legend(handles, labels, loc="upper center", ncols=min(len(labels), 5))
    return figure


def _draw_claim(axes: Axes, top: float, tall: float, row: dict) -> None:
    axes.axhspan(top, top + tall, color=FAINT, alpha=0.12, linewidth=0)
    middle = top + tall / 2
    title = f"{CLAIMS.index(row['claim']) + 1}  {TITLES[row['claim']]}"
    write_on_page(axes, middle, 0.012, title, weight="bold")
    colour = VERDICT_COLOURS.get(row["verdict"], INK)
    write_on_page(axes, middle, _TEXT, row["verdict"], weight="bold", color=colour)


def _draw_part(
    axes: Axes, top: float, row: dict, own: pd.DataFrame, colours: dict[str, str]
) -> None:
    scale = row["smallest_effect"] or 1.0
    bottom = top + _LINE_MM * (1 + len(colours)) + _GAP_MM
    if row["equivalence"]:
        axes.fill_betweenx([top, bottom], -1, 1, color=FAINT, alpha=0.12, linewidth=0)
    elif row["smallest_effect"]:
        axes.plot([1, 1], [top, bottom], "--", color=FAINT, linewidth=0.6)
    for corpus in own.to_dict("records"):
        y = top + _GAP_MM / 2 + _LINE_MM * (0.5 + list(colours).index(corpus["corpus"]))
        colour = colours[corpus["corpus"]]
        _bar(
            axes, y, corpus["estimate"] / scale, 2 * corpus["error"] / scale, colour, "o", 2.6, 0.8
        )
    y = top + _GAP_MM / 2 + _LINE_MM * (0.5 + len(colours))
    if row["n_corpora"] > 1:
        ends = np.array([row["prediction_low"], row["prediction_high"]]) / scale
        if np.isfinite(ends).all():
            left, right = np.clip(ends, *_LIMITS)
            axes.fill_betweenx([y - 0.8, y + 0.8], left, right, color=FAINT, alpha=0.3, linewidth=0)
        ends = np.clip(np.array([row["low"], row["high"]]) / scale, *_LIMITS)
        colour = VERDICT_COLOURS.get(row["verdict"], INK)
        axes.plot(ends, [y, y], color=colour, linewidth=1.2)
        axes.plot(
            np.clip(row["estimate"] / scale, *_LIMITS),
            y,
            "D",
            color=colour,
            markersize=3.4,
            zorder=4,
        )
    write_on_page(axes, (top + bottom) / 2, 0.028, shortened(row["part"], 44))
    text = f"{rounded(row['estimate'])} [{rounded(row['low'])}, {rounded(row['high'])}]"
    if row["n_corpora"] < 2:
        text = f"{row['n_corpora']} of {len(colours)} corpora"
    write_on_page(axes, y, _TEXT, text)


def _bar(
    axes: Axes,
    y: float,
    mean: float,
    reach: float,
    colour: str,
    marker: str,
    size: float,
    width: float,
) -> None:
    if np.isfinite(reach):
        ends = np.clip([mean - reach, mean + reach], *_LIMITS)
        axes.plot(ends, [y, y], color=colour, linewidth=width)
    axes.plot(np.clip(mean, *_LIMITS), y, marker, color=colour, markersize=size, markeredgewidth=0)
