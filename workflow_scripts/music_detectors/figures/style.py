"""The style of all figures, the meaning of their colours, and how they are written."""

import io
import os
from collections.abc import Iterable, Sequence
from string import ascii_lowercase
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from scipy.special import stdtrit

from music_detectors.common.files import replacing

MM = 1 / 25.4
"""A millimetre in inches."""
COLUMN = 88 * MM
"""Width of one column of a journal's page."""
PAGE = 180 * MM
"""Width of a page with two columns."""

# The palette of Okabe and Ito (2008), distinguishable with common forms of colour blindness.
TARGET = "#D55E00"
OTHER = "#56B4E9"
INK = "#262626"
FAINT = "#8A8A8A"
_CONDITIONS = {
    "natural": "#0072B2",
    "full": "#009E73",
    "no-speech": "#E69F00",
    "shuffled": "#CC79A7",
    "untrained": "#5A5A5A",
    # Hues of Tol's "muted" scheme, from here on.
    "gabor": "#882255",
    "pca": "#332288",
}
# For a user's own conditions.
_MORE_COLOURS = ("#999933", "#661100", "#117733", "#44AA99", "#AA4499")
# For categories of sounds: warm colours for those of the target, cold and dark ones for the others.
_CATEGORIES_OF_TARGET = ("#D55E00", "#E69F00", "#EE3377", "#882255")
_OTHER_CATEGORIES = (
    "#0072B2",
    "#56B4E9",
    "#009E73",
    "#5A5A5A",
    "#AA4499",
    "#999933",
    "#332288",
    "#B8B8B8",
    "#44AA99",
    "#805A2E",
    "#262626",
    "#A6CEE3",
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")

# Start from the defaults, since a user's matplotlibrc must not change the figures.
_DEFAULTS = {
    name: value
    for name, value in matplotlib.rcParamsDefault.items()
    if name not in ("backend", "backend_fallback")
}
_FONT_SIZE = 7.0
LOOK = matplotlib.rc_context(
    {
        **_DEFAULTS,
        "font.size": _FONT_SIZE,
        "axes.titlesize": _FONT_SIZE + 0.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": _FONT_SIZE,
        "xtick.labelsize": _FONT_SIZE - 0.5,
        "ytick.labelsize": _FONT_SIZE - 0.5,
        "legend.fontsize": _FONT_SIZE - 0.5,
        "legend.frameon": False,
        "legend.handlelength": 1.4,
        "legend.borderaxespad": 0.2,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.minor.width": 0.4,
        "ytick.minor.width": 0.4,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "xtick.minor.size": 1.5,
        "ytick.minor.size": 1.5,
        "figure.constrained_layout.use": True,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
        # Names of classes and conditions may contain dollar signs.
        "text.parse_math": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "figures",
    }
)
"""Decorator for functions that make or draw a figure; it leaves other figures unchanged."""


@LOOK
def save(figure: Figure, svg: str | os.PathLike, png: str | os.PathLike) -> None:
    """Write `figure` as SVG, with text as text, and as PNG with 220 dots per inch.

    The same figure gives the same bytes.
    """
    for path, form, metadata in ((svg, "svg", {"Date": None}), (png, "png", {"Software": None})):
        drawn = io.BytesIO()
        figure.savefig(drawn, format=form, dpi=220, metadata=metadata)
        # Matplotlib's PNG writer does not report a full disk; this does.
        with replacing(path, checksum=True) as temporary:
            temporary.write_bytes(drawn.getvalue())


def condition_colours(conditions: Sequence[str]) -> dict[str, str]:
    """Return a colour for each condition; the colours of the study's own never change."""
    own = [name for name in dict.fromkeys(conditions) if name not in _CONDITIONS]
    colours = {name: _MORE_COLOURS[i % len(_MORE_COLOURS)] for i, name in enumerate(own)}
    return {name: _CONDITIONS.get(name) or colours[name] for name in conditions}


def condition_markers(conditions: Sequence[str]) -> dict[str, str]:
    """Return a marker for each condition, so that colour is not the only distinction."""
    names = dict.fromkeys(conditions)
    return {name: _MARKERS[place % len(_MARKERS)] for place, name in enumerate(names)}


def category_colours(categories: Sequence[str], of_target: Sequence[str]) -> dict[str, str]:
    """Return a colour for each of `categories`, warm for those `of_target`; they repeat if many."""
    others = [name for name in categories if name not in of_target]
    return {
        name: colours[place % len(colours)]
        for names, colours in (
            (list(of_target), _CATEGORIES_OF_TARGET),
            (others, _OTHER_CATEGORIES),
        )
        for place, name in enumerate(names)
    }


def by_condition(networks: Sequence[Sequence], tables: Sequence) -> dict[str, list]:
    """Return the tables of each condition, in the order of `networks` ([condition, seed] each)."""
    groups: dict[str, list] = {}
    for (condition, _), table in zip(networks, tables, strict=True):
        groups.setdefault(condition, []).append(table)
    return groups


def stacked_by_condition(
    networks: Sequence[Sequence], tables: Sequence[pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Return the rows of the tables of each condition's `networks` ([condition, seed] each)."""
    return {
        condition: pd.concat(of_condition, ignore_index=True)
        for condition, of_condition in by_condition(networks, tables).items()
    }


def counted(n: int, thing: str, plural: str = "") -> str:
    """Return a count with its noun: `1,234 clips`, `1 clip`."""
    return f"{n:,} {thing if n == 1 else plural or thing + 's'}"


def range_of(counts: Iterable[int]) -> str:
    """Return the range of `counts`, `1,000–1,234`, or the one number if all are equal."""
    counts = list(counts)
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def shortened(name: str, limit: int) -> str:
    """Return `name`, cut to at most `limit` characters with an ellipsis."""
    return name if len(name) <= limit else name[: limit - 1].rstrip(" ,;(") + "…"


def mean_and_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of `values` (n,) and the ends of its 95% t interval.

    Missing values are left out. The ends are NaN for fewer than two values, and so is the mean
    for none.
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        return np.nan, np.nan, np.nan
    if len(values) == 1:
        return float(values[0]), np.nan, np.nan
    half = stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


def mark_networks(
    axes: Axes, at: float, values: np.ndarray, colour: str, marker: str, width: float = 0.3
) -> None:
    """Draw `values`, one per network, as dots around `at`, with their mean and 95% t interval.

    Values that are missing or infinite are left out; `width` is that of the dots.
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    places = at + spread(len(values), width)
    axes.scatter(places, values, s=9, color=colour, alpha=0.5, linewidth=0, zorder=2)
    mean, low, high = mean_and_interval(values)
    axes.plot([at, at], [low, high], color=colour, linewidth=1.2, zorder=3)
    axes.plot(
        [at],
        [mean],
        color=colour,
        marker=marker,
        markersize=5,
        markeredgecolor="white",
        markeredgewidth=0.5,
        zorder=4,
    )


def spread(n: int, width: float) -> np.ndarray:
    """Return `n` evenly spaced offsets (n,) over `width` around zero, for the dots of networks."""
    return np.linspace(-width / 2, width / 2, n) if n > 1 else np.zeros(n)


def label_conditions(axes: Axes, labels: Sequence[str]) -> None:
    """Write each of `labels` below its place, from 0 on; many or long ones are turned."""
    longest = max(len(line) for label in labels for line in label.splitlines())
    crowded = len(labels) > 4 or longest > 14
    turned: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(labels)), labels, **(turned if crowded else {}))
    axes.tick_params(axis="x", length=0)


def logarithmic(axes: Axes, unit: str = "") -> None:
    """Make the vertical axis logarithmic, with plain numbers followed by `unit`."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}{unit}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def letter(axes: Axes, place: int) -> None:
    """Write the letter of a panel above its top left corner: a to z, then aa, ab and so on."""
    before, last = divmod(place, len(ascii_lowercase))
    axes.annotate(
        (ascii_lowercase[before - 1] if before else "") + ascii_lowercase[last],
        (0, 1),
        xytext=(-20, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=_FONT_SIZE + 2,
        fontweight="bold",
        va="bottom",
    )


def write_on_page(axes: Axes, y: float, x: float, text: str, **look: Any) -> None:
    """Write `text` at the height `y` of the data, from the share `x` of the page's width on."""
    place = axes.get_position()
    axes.annotate(
        text,
        ((x - place.x0) / place.width, y),
        xycoords=("axes fraction", "data"),
        fontsize=6,
        va="center",
        annotation_clip=False,
        **look,
    )


def rounded(value: float) -> str:
    """Return `value` with three decimals below one, three digits above; a dash if not finite."""
    # Adding zero turns a negative zero into zero.
    text = f"{round(value, 3) + 0.0:.3f}" if abs(value) < 1 else f"{value:.3g}"
    return text.replace("-", "\N{MINUS SIGN}") if np.isfinite(value) else "–"
