"""The stimuli that drive single units the most, beside the clips that drive them most."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.figures.log_mels import (
    SHOWN_PERCENTILES,
    Example,
    MelAxes,
    draw,
    level_bar,
    mel_axes,
    read,
    scale,
)
from music_detectors.figures.style import FAINT, LOOK, MM, PAGE, rounded, save
from music_detectors.preferred.columns import PREFERRED, TOP_CLIPS
from music_detectors.spectrograms.shard import open_spectrogram_shard, read_index

_HEIGHT = 20 * MM


def plot_preferred_stimuli(
    stimuli: str | os.PathLike,
    table: str | os.PathLike,
    top: str | os.PathLike,
    index: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw each of the `stimuli`, which `table` is of, beside the clips that `top` names.

    `index` is that of the test clips' spectrograms, in whose folder they are; `clips` and `classes`
    are tables of the corpus. Raises InputError, naming the file, when one cannot be read or does
    not fit another.
    """
    units, shard = read_table(table, PREFERRED), open_spectrogram_shard(stimuli)
    if shard.clip_id != [f"unit-{unit}" for unit in units["unit"]]:
        raise damaged(stimuli, "spectrogram shard", f"not of the units in {table}", table)
    listed = read_index(index).set_index("clip_id", drop=False)
    labels = read_table(clips, CLIPS, only=("clip_id", "labels")).set_index("clip_id")["labels"]
    names = read_table(classes, CLASSES).set_index("mid")["name"]
    rows = []
    of_units = read_table(top, TOP_CLIPS)
    for (_, unit), log_mel in zip(units.iterrows(), shard.read(), strict=True):
        own = of_units[of_units["unit"] == unit["unit"]].sort_values("place")
        row = [Example("Found by ascent", log_mel.astype(np.float32))]
        for clip_id in own["clip_id"]:
            if clip_id not in listed.index or clip_id not in labels.index:
                raise damaged(top, "table", f"clip {clip_id} is not in {index}")
            place = listed.loc[clip_id]
            heard, _ = read(Path(index).parent / f"{place['shard']}.h5", place)
            known = [names.get(mid, mid) for mid in labels[clip_id].split(";")]
            row.append(Example(", ".join(known), heard))
        rows.append((_label(unit), row))
    save(preferred_stimuli(rows, mel_axes(shard)), svg, png)


def _label(unit: pd.Series) -> str:
    """Return what stands beside the row of a unit."""
    ratio = f"\n{rounded(unit['ratio'])} times" if np.isfinite(unit["ratio"]) else ""
    return f"Unit {unit['unit']}{ratio}"


@LOOK
def preferred_stimuli(rows: list[tuple[str, list[Example]]], mel: MelAxes) -> Figure:
    """Return the figure: a row for each unit, its stimulus first, or a sentence without rows."""
    if not rows:
        return _nothing()
    columns = max(len(row) for _, row in rows)
    figure = Figure(figsize=(PAGE, 14 * MM + _HEIGHT * len(rows)))
    panels = figure.subplots(len(rows), columns, sharex=True, sharey=True, squeeze=False)
    levels = np.concatenate([example.log_mel.ravel() for _, row in rows for example in row])
    low, high = np.percentile(levels, SHOWN_PERCENTILES)
    for axes_row, (label, row) in zip(panels, rows, strict=True):
        for axes, example in zip(axes_row, row, strict=False):
            image = draw(axes, example, mel, (low, high))
        for axes in axes_row[len(row) :]:
            axes.set_axis_off()
        axes_row[0].set_ylabel(label, fontsize=6.5, fontweight="bold")
    scale(panels[0, 0], mel)
    figure.supxlabel("Time (s)", fontsize=7)
    figure.supylabel("Mel band centre (kHz)", fontsize=7)
    level_bar(figure, image, panels)
    return figure


def _nothing() -> Figure:
    figure = Figure(figsize=(PAGE, 25 * MM))
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(
        0.5,
        0.5,
        "No gradient reaches the input of this model:\nno preferred stimuli were sought",
        ha="center",
        va="center",
        color=FAINT,
        transform=axes.transAxes,
    )
    return figure
