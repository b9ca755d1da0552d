"""Example log-Mel spectrograms of each group of classes."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.figures.style import FAINT, LOOK, MM, PAGE, save, shortened
from music_detectors.spectrograms.examples import EXAMPLES, choose
from music_detectors.spectrograms.shard import open_spectrogram_shard, read_index

# Fewer than 256 colours keep the SVG small, and 64 shades are as many as can be distinguished.
_COLOURS = colormaps["magma"].resampled(64)
_KILOHERTZ = (0.5, 1, 2, 4, 8)


@dataclass(frozen=True)
class Example:
    """A clip: the names of its classes, and its log-Mel (mels, frames) in dB, without padding."""

    title: str
    log_mel: np.ndarray


@dataclass(frozen=True)
class MelAxes:
    """The scales of a log-Mel: its rows are bands on the HTK mel scale, its columns frames."""

    f_min: float
    f_max: float
    n_mels: int
    frames: int
    seconds_per_frame: float

    def row_of(self, hertz: float) -> float:
        """Return the fractional row whose band is centred on the frequency `hertz`."""
        low, high, at = (2595 * np.log10(1 + f / 700) for f in (self.f_min, self.f_max, hertz))
        return float((at - low) / (high - low) * (self.n_mels + 1) - 1)


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
            log_mel, mel = _read(Path(index).parent / f"{row['shard']}.h5", row)
            title = ", ".join(names[mid] for mid in row["mids"])
            examples[branch].append(Example(title, log_mel))
    if mel is None:
        raise InputError(f"{index}: no clip has all its labels in one branch of {classes}")
    save(example_spectrograms(examples, mel), svg, png)


def _read(path: Path, row: pd.Series) -> tuple[np.ndarray, MelAxes]:
    shard = open_spectrogram_shard(path)
    if shard.clip_id[row["row"] : row["row"] + 1] != [row["clip_id"]]:
        raise damaged(path, "spectrogram shard", f"row {row['row']} is not clip {row['clip_id']}")
    n_mels, frames = shard.shape
    mel = MelAxes(
        f_min=shard.parameters["f_min"],
        f_max=shard.parameters["f_max"],
        n_mels=n_mels,
        frames=frames,
        seconds_per_frame=shard.parameters["hop_length"] / shard.parameters["sample_rate"],
    )
    log_mel = shard.read([row["row"]])[0, :, : row["n_frames"]]
    return log_mel.astype(np.float32), mel


@LOOK
def example_spectrograms(examples: dict[str, list[Example]], mel: MelAxes) -> Figure:
    """Return the figure: one row per branch, all panels on one scale of level."""
    columns = max(len(row) for row in examples.values())
    rows = len(examples)
    figure = Figure(figsize=(PAGE * max(columns, 2) / EXAMPLES, (16 + 25 * rows) * MM))
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    levels = np.concatenate([e.log_mel.ravel() for row in examples.values() for e in row])
    low, high = np.percentile(levels, (5, 99.5))
    image = None
    for column in range(columns):
        filled = [place for place, row in enumerate(examples.values()) if len(row) > column]
        panels[filled[-1], column].tick_params(labelbottom=True)
    for axes_row, (branch, row) in zip(panels, examples.items(), strict=True):
        for axes, example in zip(axes_row, row, strict=False):
            image = _draw_example(axes, example, mel, (low, high))
        for axes in axes_row[len(row) :]:
            axes.set_axis_off()
        axes_row[0].set_ylabel(fill(shortened(branch, 40), 15), fontsize=6.5, fontweight="bold")
    ticks = [f for f in _KILOHERTZ if mel.f_min < 1000 * f <= mel.f_max]
    panels[0, 0].set_yticks([mel.row_of(1000 * f) for f in ticks], [f"{f:g}" for f in ticks])
    seconds = mel.frames * mel.seconds_per_frame
    panels[0, 0].set_xlim(0, seconds)
    panels[0, 0].set_ylim(-0.5, mel.n_mels)
    figure.supxlabel("Time (s)", fontsize=7)
    figure.supylabel("Mel band centre (kHz)", fontsize=7)
    if image is not None:
        bar = figure.colorbar(image, ax=panels, shrink=min(1.0, 2.5 / rows), aspect=25, pad=0.01)
        bar.set_label("Power (dB)")
        bar.outline.set_visible(False)
    return figure


def _draw_example(axes: Axes, example: Example, mel: MelAxes, limits: Sequence[float]) -> AxesImage:
    axes.set_facecolor("#EDEDED")
    axes.set_title(shortened(example.title, 27), fontsize=6, fontweight="normal", pad=2)
    n_mels, frames = example.log_mel.shape
    if frames < mel.frames:
        axes.axvline(frames * mel.seconds_per_frame, color=FAINT, linewidth=0.5)
    return axes.imshow(
        example.log_mel,
        origin="lower",
        aspect="auto",
        interpolation="none",
        cmap=_COLOURS,
        vmin=limits[0],
        vmax=limits[1],
        extent=(0, frames * mel.seconds_per_frame, -0.5, n_mels - 0.5),
    )
