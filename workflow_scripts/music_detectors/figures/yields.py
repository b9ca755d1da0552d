"""The outcome for the clips that were requested: by split, by reason and by class."""

import os

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from music_detectors.audio.columns import SPLIT_YIELD, USABLE, YIELD
from music_detectors.audio.yields import ALL
from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    PAGE,
    counted,
    letter,
    save,
    shortened,
)

# Okabe and Ito's palette, and Tol's: usable clips in blue, those that are left out in green, those
# that may still be obtained in yellow, lost ones in red and grey.
_STATUS = {
    "ok": "#0072B2",
    "short": "#56B4E9",
    "too_short": "#44AA99",
    "silent": "#009E73",
    "failed_retryable": "#F0E442",
    "unavailable": "#D55E00",
    "missing": "#E69F00",
    "empty": "#CC79A7",
    "damaged": "#332288",
    "nonfinite": "#882255",
    "ambiguous": "#999999",
}
# Colour, marker and line of the splits, which have no hue.
_SPLIT: dict[str, tuple] = {"train": (INK, "o", "-"), "test": ("#A6A6A6", "s", (0, (3, 1.5)))}
_OTHER_SPLIT = (FAINT, "^", ":")
_MAX_REASONS = 12
_MAX_NAMED = 6
_NAME_LENGTH = 30


def plot_yields(
    table: str | os.PathLike,
    splits: str | os.PathLike,
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw yield.tsv (`table`) and yield_splits.tsv (`splits`).

    Raises InputError, naming the file, when one cannot be read or has no rows.
    """
    by_class, by_split = read_table(table, YIELD), read_table(splits, SPLIT_YIELD)
    for path, rows in ((table, by_class), (splits, by_split)):
        if rows.empty:
            raise damaged(path, "table", "counts no clip")
    save(yields(by_class, by_split), svg, png)


@LOOK
def yields(table: pd.DataFrame, splits: pd.DataFrame) -> Figure:
    """Return the figure of a yield.tsv and its yield_splits.tsv."""
    lost = unusable_by_reason(table)
    figure = Figure(figsize=(PAGE, (62 + 22 + 3.4 * max(4, len(lost))) * MM))
    rows = figure.add_gridspec(2, 1, height_ratios=[22, 40 + 3.4 * max(4, len(lost))])
    shares = figure.add_subplot(rows[0])
    handles, labels = _draw_splits(shares, table, splits)
    widths = [1] if lost.empty else [1.15, 1]
    below = rows[1].subgridspec(1, len(widths), width_ratios=widths)
    panels = [shares, *(figure.add_subplot(below[place]) for place in range(len(widths)))]
    if not lost.empty:
        _draw_reasons(panels[1], lost, list(splits["split"]))
    _draw_classes(panels[-1], table, list(splits["split"]))
    for place, axes in enumerate(panels):
        letter(axes, place)
    figure.legend(handles, labels, loc="outside upper center", ncols=6)
    return figure


def status_shares(table: pd.DataFrame, splits: list[str]) -> pd.DataFrame:
    """Return the share of each status (columns) in the clips of each split (rows)."""
    all_classes = table[table["class"] == ALL]
    shares = all_classes.pivot_table(
        index="split", columns="status", values="share", aggfunc="sum", fill_value=0.0
    )
    known = [name for name in _STATUS if name in shares]
    unknown = sorted(set(shares) - set(_STATUS))
    return shares.reindex(index=splits, fill_value=0.0)[known + unknown]


def _draw_splits(
    axes: Axes, table: pd.DataFrame, splits: pd.DataFrame
) -> tuple[list[Patch | Line2D], list[str]]:
    """Draw each split as a bar of the shares of its statuses; return handles and labels."""
    by_status = status_shares(table, list(splits["split"]))
    statuses = list(by_status)
    places = np.arange(len(splits))
    left = np.zeros(len(splits))
    for status in statuses:
        width = by_status[status].to_numpy()
        axes.barh(
            places,
            width,
            left=left,
            height=0.62,
            color=_STATUS.get(status, FAINT),
            edgecolor="white",
            linewidth=0.4,
        )
        left += width
    mirrored = splits["mirror_2023_share"].to_numpy(dtype=float)
    for place, share in zip(places, mirrored, strict=True):
        if np.isfinite(share):
            axes.plot([share, share], [place - 0.42, place + 0.42], color=INK, linewidth=1.4)
    for y, share in enumerate(splits["share"]):
        axes.text(1.01, y, f"{share:.1%} usable", va="center", color=INK)
    axes.set_yticks(
        places,
        [f"{row.split}\n({counted(row.clips, 'clip')})" for row in splits.itertuples(index=False)],
    )
    axes.set_ylim(len(splits) - 0.45, -0.55)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(_percent())
    axes.set_xlabel("Share of the clips requested")
    handles: list[Patch | Line2D] = [
        Patch(facecolor=_STATUS.get(status, FAINT), linewidth=0) for status in statuses
    ]
    labels = [
        f"{status.replace('_', ' ')}{' (usable)' if status in USABLE else ''}"
        for status in statuses
    ]
    if np.isfinite(mirrored).any():
        handles.append(Line2D([], [], color=INK, linewidth=1.4))
        counts = [
            f"{int(row.mirror_2023):,} {row.split}"
            for row in splits.itertuples(index=False)
            if np.isfinite(row.mirror_2023)
        ]
        labels.append(f"mirror of 2023 ({', '.join(counts)})")
    return handles, labels


def unusable_by_reason(table: pd.DataFrame) -> pd.DataFrame:
    """Return the unusable clips by reason (rows, most frequent first) and split (columns).

    The last row is the sum of all reasons beyond the twelfth.
    """
    unusable = table[(table["class"] == ALL) & ~table["status"].isin(USABLE)]
    counts = unusable.pivot_table(
        index=["status", "reason"], columns="split", values="clips", aggfunc="sum", fill_value=0
    )
    if counts.empty:
        return counts
    order = np.argsort(-counts.sum(axis=1).to_numpy(), kind="stable")
    counts = counts.iloc[order]
    counts.index = [f"{status.replace('_', ' ')}: {reason}" for status, reason in counts.index]
    if len(counts) > _MAX_REASONS:
        rest = counts.iloc[_MAX_REASONS:].sum()
        rest = rest.to_frame(f"{len(counts) - _MAX_REASONS} further reasons").T
        counts = pd.concat([counts.iloc[:_MAX_REASONS], rest])
    return counts


def _draw_reasons(axes: Axes, lost: pd.DataFrame, splits: list[str]) -> None:
    axes.set_title("Unusable clips")
    axes.set_xlabel("Clips")
    places = np.arange(len(lost))
    height = 0.8 / len(splits)
    for number, split in enumerate(splits):
        colour = _SPLIT.get(split, _OTHER_SPLIT)[0]
        counts = lost.get(split, pd.Series(0, index=lost.index)).to_numpy()
        at = places + (number - (len(splits) - 1) / 2) * height
        bars = axes.barh(at, counts, height=height * 0.9, color=colour, label=split)
        axes.bar_label(bars, [f"{int(n):,}" if n else "" for n in counts], padding=2, fontsize=5.5)
    axes.set_yticks(places, [shortened(name, 44) for name in lost.index])
    axes.set_ylim(len(lost) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.margins(x=0.16)
    axes.set_xlim(left=0)
    axes.legend(loc="lower right")


def usable_by_class(table: pd.DataFrame, split: str) -> pd.DataFrame:
    """Return name, clips and usable (the share) of every class of a split, lowest share first."""
    rows = table[(table["class"] != ALL) & (table["split"] == split)]
    by_class = rows.groupby("class")
    classes = by_class.agg(name=("name", "first"), clips=("clips", "sum"))
    usable = rows[rows["status"].isin(USABLE)].groupby("class")["clips"].sum()
    classes["usable"] = usable.reindex(classes.index, fill_value=0) / classes["clips"]
    return classes.sort_values("usable", kind="stable")


def _draw_classes(axes: Axes, table: pd.DataFrame, splits: list[str]) -> None:
    """Draw the usable share of every class, sorted, and name the classes with the lowest."""
    lowest: list[str] = []
    for split in splits:
        classes = usable_by_class(table, split)
        if classes.empty:
            continue
        colour, marker, line = _SPLIT.get(split, _OTHER_SPLIT)
        axes.plot(
            np.arange(1, len(classes) + 1),
            classes["usable"].to_numpy(),
            color=colour,
            linestyle=line,
            marker=marker if len(classes) <= 60 else "",
            markersize=2.5,
            linewidth=1.1,
            label=f"{split} ({counted(len(classes), 'class', 'classes')})",
        )
        named = classes[classes["usable"] < 1].head(_MAX_NAMED // len(splits) or 1)
        lowest += [
            f"{share:.0%}  {shortened(name, _NAME_LENGTH)} ({split}, {clips:,})"
            for name, clips, share in named.itertuples(index=False)
        ]
    axes.set_title("Usable share of each class")
    axes.set_xlabel("Classes by usable share (rank)")
    axes.set_ylabel("Usable share of the class")
    axes.yaxis.set_major_formatter(_percent())
    axes.set_ylim(0, 1.03)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if not axes.lines:
        return
    legend = axes.legend(loc="lower right")
    if lowest:
        text = "Lowest (split, clips requested):\n" + "\n".join(lowest)
        axes.annotate(
            text,
            (1, 0),
            xytext=(-3, 14 * (1 + len(legend.get_texts()))),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=5.5,
            color=INK,
            linespacing=1.3,
            bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1},
        )


def _percent() -> FuncFormatter:
    return FuncFormatter(lambda value, _: f"{100 * value:g}%")
