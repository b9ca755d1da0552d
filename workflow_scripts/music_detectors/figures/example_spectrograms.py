"""Example log-Mel spectrograms of each group of classes."""

import os
from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.figures.log_mels import (
    SHOWN_PERCENTILES,
    Example,
    MelAxes,
    draw,
    level_bar,
    read,
    scale,
)
from music_detectors.figures.style import LOOK, MM, PAGE, save, shortened
from music_detectors.spectrograms.examples import EXAMPLES, choose
from music_detectors.spectrograms.shard import read_index


def plot_example_spectrograms(
    index: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw up to four clips of each branch of `classes` from the shards in the folder of `index`.

    See `choose` for the choice. Raises InputError, naming the file, when one cannot be read, a
    clip is not in it, or no clip has all its labels in one branch.
    """
    index_table = read_index(index)
    class_table = read_table(classes, CLASSES)
    labels = read_table(clips, CLIPS).set_index("clip_id")["labels"]
    unknown = index_table.loc[~index_table["clip_id"].isin(labels.index), "clip_id"]
    if len(unknown):
        raise damaged(index, "table", f"clip {unknown.iloc[0]} is not in {clips}")
    index_table["mids"] = [labels[clip].split(";") for clip in index_table["clip_id"]]
    names = class_table.set_index("mid")["name"]
    examples: dict[str, list[Example]] = {}
    mel = None
    for branch, rows in choose(index_table, class_table).items():
        examples[branch] = []
        for _, row in rows.iterrows():
            log_mel, mel = read(Path(index).parent / f"{row['shard']}.h5", row)
            title = ", ".join(names[mid] for mid in row["mids"])
            examples[branch].append(Example(title, log_mel))
    if mel is None:
        raise InputError(f"{index}: no clip has all its labels in one branch of {classes}")
    save(example_spectrograms(examples, mel), svg, png)


@LOOK
def example_spectrograms(examples: dict[str, list[Example]], mel: MelAxes) -> Figure:
    """Return the figure: one row per branch, all panels on one scale of level."""
    columns = max(len(row) for row in examples.values())
    rows = len(examples)
    figure = Figure(figsize=(PAGE * max(columns, 2) / EXAMPLES, (16 + 25 * rows) * MM))
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    levels = np.concatenate([e.log_mel.ravel() for row in examples.values() for e in row])
    low, high = np.percentile(levels, SHOWN_PERCENTILES)
    image = None
    for column in range(columns):
        filled = [place for place, row in enumerate(examples.values()) if len(row) > column]
        panels[filled[-1], column].tick_params(labelbottom=True)
    for axes_row, (branch, row) in zip(panels, examples.items(), strict=True):
        for axes, example in zip(axes_row, row, strict=False):
            image = draw(axes, example, mel, (low, high))
        for axes in axes_row[len(row) :]:
            axes.set_axis_off()
        axes_row[0].set_ylabel(fill(shortened(branch, 40), 15), fontsize=6.5, fontweight="bold")
    scale(panels[0, 0], mel)
    figure.supxlabel("Time (s)", fontsize=7)
    figure.supylabel("Mel band centre (kHz)", fontsize=7)
    if image is not None:
        level_bar(figure, image, panels)
    return figure
