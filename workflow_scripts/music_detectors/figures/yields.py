"""What became of the clips that were asked for: by split, by reason and by class."""

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

# Okabe and Ito's palette: what is usable in blues and greens, what may yet be had in yellow, what
# is gone in reds and greys. Splits are told apart without colours of their own.
_STATUS = {
    "ok": "#0072B2",
    "short": "#56B4E9",
    "silent": "#009E73",
    "failed_retryable": "#F0E442",
    "unavailable": "#D55E00",
    "missing": "#E69F00",
    "empty": "#CC79A7",
    "nonfinite": "#882255",
    "ambiguous": "#999999",
}
_SPLIT = {"train": (INK, "o", "-"), "test": ("#A6A6A6", "s", (0, (3, 1.5)))}
_OTHER_SPLIT = (FAINT, "^", ":")
_REASONS = 12
_WORST = 6
_NAME_LENGTH = 30


def plot_yields(
    table: str | os.PathLike,
    splits: str | os.PathLike,
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw yield.tsv (`table`) and yield_splits.tsv (`splits`).

    Raises InputError, naming the file, when one cannot be read or counts no clip.
    """
    found, by_split = read_table(table, YIELD), read_table(splits, SPLIT_YIELD)
    for path, rows in ((table, found), (splits, by_split)):
        if rows.empty:
            raise damaged(path, "table", "counts no clip")
    save(yields(found, by_split), svg, png)


@LOOK
def yields(table: pd.DataFrame, splits: pd.DataFrame) -> Figure:
    """Return the figure of a yield.tsv and its yield_splits.tsv."""
    lost = _reasons(table)
    figure = Figure(figsize=(PAGE, (62 + 22 + 3.4 * max(4, len(lost))) * MM))
    rows = figure.add_gridspec(2, 1, height_ratios=[22, 40 + 3.4 * max(4, len(lost))])
    shares = figure.add_subplot(rows[0])
    below = rows[1].subgridspec(1, 2, width_ratios=[1.15, 1])
    reasons, classes = figure.add_subplot(below[0]), figure.add_subplot(below[1])
    handles, labels = _by_split(shares, table, splits)
    _by_reason(reasons, lost, list(splits["split"]))
    _by_class(classes, table, list(splits["split"]))
    for place, axes in enumerate((shares, reasons, classes)):
        letter(axes, place)
    figure.legend(handles, labels, loc="outside upper center", ncols=6)
    return figure


def _by_split(
    axes: Axes, table: pd.DataFrame, splits: pd.DataFrame
) -> tuple[list[Patch | Line2D], list[str]]:
    """Draw each split as a bar of the shares of its statuses; return what the legend shows."""
    whole = table[table["class"] == ALL]
    seen = set(whole["status"])
    statuses = [name for name in _STATUS if name in seen] + sorted(seen - set(_STATUS))
    places = np.arange(len(splits))
    left = np.zeros(len(splits))
    for status in statuses:
        own = whole[whole["status"] == status].groupby("split")["share"].sum()
        width = own.reindex(splits["split"], fill_value=0.0).to_numpy()
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
    for place, row in zip(places, splits.itertuples(index=False), strict=True):
        axes.text(1.01, place, f"{row.share:.1%} usable", va="center", color=INK)
    axes.set_yticks(
        places,
        [f"{row.split}\n({counted(row.clips, 'clip')})" for row in splits.itertuples(index=False)],
    )
    axes.set_ylim(len(splits) - 0.45, -0.55)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(_percent())
    axes.set_xlabel("Share of the clips asked for")
    handles: list[Patch | Line2D] = [
        Patch(facecolor=_STATUS.get(status, FAINT), linewidth=0) for status in statuses
    ]
    labels = [
        f"{status.replace('_', ' ')}{' (usable)' if status in USABLE else ''}"
        for status in statuses
    ]
    if np.isfinite(mirrored).any():
        handles.append(Line2D([], [], color=INK, linewidth=1.4))
        held = [
            f"{int(row.mirror_2023):,} {row.split}"
            for row in splits.itertuples(index=False)
            if np.isfinite(row.mirror_2023)
        ]
        labels.append(f"mirror of 2023 ({', '.join(held)})")
    return handles, labels


def _reasons(table: pd.DataFrame) -> pd.DataFrame:
    """Return the clips of no use by reason (rows) and split (columns), the commonest first.

    Reasons beyond the twelfth are taken together in the last row.
    """
    bad = table[(table["class"] == ALL) & ~table["status"].isin(USABLE)]
    counts = bad.pivot_table(
        index=["status", "reason"], columns="split", values="clips", aggfunc="sum", fill_value=0
    )
    if counts.empty:
        return counts
    order = np.argsort(-counts.sum(axis=1).to_numpy(), kind="stable")
    counts = counts.iloc[order]
    counts.index = [f"{status.replace('_', ' ')}: {reason}" for status, reason in counts.index]
    if len(counts) > _REASONS:
        rest = counts.iloc[_REASONS:].sum().to_frame(f"{len(counts) - _REASONS} further reasons").T
        counts = pd.concat([counts.iloc[:_REASONS], rest])
    return counts


def _by_reason(axes: Axes, lost: pd.DataFrame, splits: list[str]) -> None:
    axes.set_title("Clips of no use")
    axes.set_xlabel("Clips")
    if lost.empty:
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color=FAINT)
        axes.set_xlim(0, 1)
        axes.set_xticks([])
        axes.set_yticks([])
        return
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


def _by_class(axes: Axes, table: pd.DataFrame, splits: list[str]) -> None:
    """Draw the usable share of every class, sorted, and name the classes that lost most."""
    classes = table[table["class"] != ALL]
    usable = classes["status"].isin(USABLE)
    worst: list[str] = []
    for split in splits:
        own = classes[classes["split"] == split]
        total = own.groupby("class")["clips"].sum()
        kept = own[usable.loc[own.index]].groupby("class")["clips"].sum()
        share = (kept.reindex(total.index, fill_value=0) / total).sort_values(kind="stable")
        if share.empty:
            continue
        colour, marker, line = _SPLIT.get(split, _OTHER_SPLIT)
        rank = np.arange(1, len(share) + 1)
        axes.plot(
            rank,
            share.to_numpy(),
            color=colour,
            linestyle=line,
            marker=marker if len(share) <= 60 else "",
            markersize=2.5,
            linewidth=1.1,
            label=f"{split} ({counted(len(share), 'class', 'classes')})",
        )
        names = dict(zip(own["class"], own["name"], strict=True))
        low = share[share < 1].head(_WORST // len(splits) or 1)
        worst += [
            f"{value:.0%}  {shortened(names[mid], _NAME_LENGTH)} ({split}, {total[mid]:,})"
            for mid, value in low.items()
        ]
    axes.set_title("Usable share of each class")
    axes.set_xlabel("Classes by usable share (rank)")
    axes.set_ylabel("Usable clips of the class")
    axes.yaxis.set_major_formatter(_percent())
    axes.set_ylim(0, 1.03)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if not axes.lines:
        return
    legend = axes.legend(loc="lower right")
    if worst:
        text = "Lowest (split, clips asked for):\n" + "\n".join(worst)
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
