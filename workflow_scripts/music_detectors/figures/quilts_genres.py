"""Response of the selective units to quilts of each genre of the target."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from music_detectors.common.tables import read_table
from music_detectors.corpus.targets import target_name
from music_detectors.figures.quilts_relative import draw_relative
from music_detectors.figures.style import (
    FAINT,
    LOOK,
    MM,
    PAGE,
    TARGET,
    save,
    shortened,
)
from music_detectors.quilts.columns import INTACT, QUILT_GENRES

_COLUMNS = 5
_MIN_CLIPS = 2


def plot_quilts_genres(
    table: str | os.PathLike,
    condition: str,
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the responses in genres.tsv of quilts (`table`), relative to intact clips.

    Raises InputError when the table cannot be read.
    """
    relative = relative_by_genre(read_table(table, QUILT_GENRES))
    save(quilts_of_genres(relative, condition, layer, target_name(target)), svg, png)


def relative_by_genre(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return seed, segment_ms, n_clips and relative for each genre by name, from QUILT_GENRES.

    `relative` is the response of the most selective units to quilts of test clips as a share of
    that to the same clips intact, NaN if they do not respond. Genres with fewer than two clips are
    left out.
    """
    kept = (table["split"] == "test") & (table["group"] == "most")
    table = table[kept & (table["n_clips"] >= _MIN_CLIPS)]
    found = {}
    for _, rows in table.groupby("mid", sort=False):
        intact = rows[rows["stimulus"] == INTACT].set_index("seed")["response"]
        quilts = rows[rows["segment_ms"].notna()]
        whole = intact.loc[quilts["seed"]].to_numpy()
        share = np.divide(
            quilts["response"].to_numpy(), whole, out=np.full(len(whole), np.nan), where=whole > 0
        )
        found[rows["name"].iloc[0]] = quilts[["seed", "segment_ms", "n_clips"]].assign(
            relative=share
        )
    return found


@LOOK
def quilts_of_genres(
    genres: dict[str, pd.DataFrame], condition: str, layer: str, target: str
) -> Figure:
    """Return the figure: a small panel for each genre."""
    columns = min(max(len(genres), 1), _COLUMNS)
    rows = -(-max(len(genres), 1) // columns)
    figure = Figure(figsize=(PAGE, (20 + 36 * rows) * MM))
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in panels.flat[len(genres) :]:
        axes.set_axis_off()
    for place, (axes, (name, table)) in enumerate(zip(panels.flat, genres.items(), strict=False)):
        draw_relative(axes, table, TARGET, "o")
        axes.set_title(f"{shortened(name, 18)} ({table['n_clips'].iloc[0]:,})", fontsize=6.5)
        if place + columns >= len(genres):
            axes.tick_params(labelbottom=True)
    if genres:
        figure.supxlabel("Segment length (ms)", fontsize=7)
        figure.supylabel(
            f"Response of the selective units of {layer}\n({condition}), relative to intact",
            fontsize=7,
        )
        handles = [
            Line2D([], [], color=TARGET, marker="o", markersize=4, linewidth=1.3),
            Line2D([], [], color=FAINT, linewidth=0.6),
        ]
        labels = ["mean of networks (number of test clips in brackets)", "one network"]
        figure.legend(handles, labels, loc="outside upper center", ncols=2)
    else:
        figure.text(
            0.5, 0.5, f"no genre of {target} has two clips to compare", ha="center", va="center"
        )
    return figure
