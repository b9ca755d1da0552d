"""Log-Mel spectrograms in the panels of a figure, on one scale of level."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from music_detectors.common.damage import damaged
from music_detectors.figures.style import FAINT, shortened
from music_detectors.spectrograms.shard import SpectrogramShard, open_spectrogram_shard

SHOWN_PERCENTILES = (5, 99.5)
"""Of the values in all panels, the range of the colours."""

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


def mel_axes(shard: SpectrogramShard) -> MelAxes:
    """Return the scales of the log-Mels in `shard`."""
    n_mels, frames = shard.shape
    return MelAxes(
        f_min=shard.parameters["f_min"],
        f_max=shard.parameters["f_max"],
        n_mels=n_mels,
        frames=frames,
        seconds_per_frame=shard.parameters["hop_length"] / shard.parameters["sample_rate"],
    )


def read(path: Path, row: pd.Series) -> tuple[np.ndarray, MelAxes]:
    """Return the log-Mel (mels, frames of sound) float32 of a `row` of an index, and its scales.

    `path` is that of its shard. Raises InputError, naming it, when it has another clip there.
    """
    shard = open_spectrogram_shard(path)
    if shard.clip_id[row["row"] : row["row"] + 1] != [row["clip_id"]]:
        raise damaged(path, "spectrogram shard", f"row {row['row']} is not clip {row['clip_id']}")
    log_mel = shard.read([row["row"]])[0, :, : row["n_frames"]]
    return log_mel.astype(np.float32), mel_axes(shard)


def draw(axes: Axes, example: Example, mel: MelAxes, limits: Sequence[float]) -> AxesImage:
    """Draw `example`, with the colours of `limits` (dB)."""
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


def scale(axes: Axes, mel: MelAxes) -> None:
    """Scale `axes`, and those that share its scales, to whole clips and all bands."""
    ticks = [f for f in _KILOHERTZ if mel.f_min < 1000 * f <= mel.f_max]
    axes.set_yticks([mel.row_of(1000 * f) for f in ticks], [f"{f:g}" for f in ticks])
    axes.set_xlim(0, mel.frames * mel.seconds_per_frame)
    axes.set_ylim(-0.5, mel.n_mels)


def level_bar(figure: Figure, image: AxesImage, panels: np.ndarray) -> None:
    """Draw the scale of level beside `panels` (rows, columns)."""
    share = min(1.0, 2.5 / len(panels))
    bar = figure.colorbar(image, ax=panels, shrink=share, aspect=25, pad=0.01)
    bar.set_label("Power (dB)")
    bar.outline.set_visible(False)
