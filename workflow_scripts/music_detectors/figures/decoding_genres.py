"""Average precision of decoding each genre of the target from units, by rank."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLASSES
from music_detectors.corpus.targets import target_name
from music_detectors.decoding.columns import DECODING
from music_detectors.figures.style import (
    FAINT,
    INK,
    LOOK,
    MM,
    PAGE,
    condition_colours,
    counted,
    mean_and_interval,
    save,
    shortened,
)


def plot_decoding_genres(
    tables: Sequence[str | os.PathLike],
    classes: str | os.PathLike,
    condition: str,
    layer: str,
    target: str | Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the decoding of each genre in the networks of `condition` from their `tables`.

    `classes` is classes.tsv. Raises InputError, naming the file, when one cannot be read. Without
    genres, the figure says so.
    """
    read = pd.concat([read_table(path, DECODING) for path in tables], ignore_index=True)
    names = read_table(classes, CLASSES, only=("mid", "name")).set_index("mid")["name"]
    genres = scores_by_genre(read, names)
    n = read["seed"].nunique()
    save(decoding_genres(genres, n, condition, layer, target_name(target)), svg, png)


def scores_by_genre(table: pd.DataFrame, names: pd.Series) -> pd.DataFrame:
    """Return the scores of each genre, the best decoded from the first block of units first.

    `table` is one of decoding, `names` are those of the classes by MID. Columns: name, first (list
    of the networks' average precision from the first block), others (list of the other blocks'
    means over networks), whole (mean from all units), chance.
    """
    rows = []
    for mid, of_genre in table[table["genre"] != ""].groupby("genre", sort=False):
        blocks = of_genre[of_genre["features"] == "units"]
        means = blocks.groupby("first_rank")["average_precision"].mean()
        rows.append(
            {
                "name": names.get(mid, mid),
                "first": blocks.loc[blocks["first_rank"] == 1, "average_precision"].tolist(),
                "others": means[means.index > 1].tolist(),
                "whole": of_genre.loc[
                    of_genre["features"] == "all units", "average_precision"
                ].mean(),
                "chance": of_genre["chance"].mean(),
            }
        )
    columns = ["name", "first", "others", "whole", "chance"]
    found = pd.DataFrame(rows, columns=columns)
    order = np.argsort([-np.mean(scores) for scores in found["first"]], kind="stable")
    return found.iloc[order].reset_index(drop=True)


@LOOK
def decoding_genres(
    genres: pd.DataFrame, networks: int, condition: str, layer: str, target: str
) -> Figure:
    """Return the figure: a line for each of `genres` (of `scores_by_genre`)."""
    figure = Figure(figsize=(PAGE * 0.72, (34 + 5.2 * max(len(genres), 3)) * MM))
    axes = figure.add_subplot()
    if genres.empty:
        text = f"No genre of {target} has enough clips to be decoded"
        axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return figure
    colour = condition_colours([condition])[condition]
    for at, genre in enumerate(genres.itertuples()):
        axes.axhline(at, color="#E4E4E4", linewidth=0.5, zorder=0)
        axes.plot(genre.others, [at] * len(genre.others), "o", color=FAINT, markersize=2.5)
        axes.plot([genre.chance] * 2, [at - 0.35, at + 0.35], color=INK, linewidth=0.8)
        axes.plot(
            [genre.whole], [at], "D", color="white", markeredgecolor=INK, markersize=4, zorder=3
        )
        mean, low, high = mean_and_interval(np.array(genre.first))
        axes.plot([low, high], [at, at], color=colour, linewidth=1.3, zorder=4)
        axes.plot([mean], [at], "o", color=colour, markersize=4.5, zorder=5)
    axes.set_yticks(range(len(genres)), [shortened(name, 30) for name in genres["name"]])
    axes.set_ylim(len(genres) - 0.4, -0.6)
    axes.set_xlim(0, 1.02)
    axes.set_xlabel(f"Average precision, clips of the genre against clips that are not {target}")
    axes.set_title(f"{shortened(condition, 20)} ({counted(networks, 'network')})")
    handles = [
        Line2D([], [], color=colour, marker="o", markersize=4.5, linewidth=1.3),
        Line2D([], [], color=FAINT, marker="o", markersize=2.5, linewidth=0),
        Line2D([], [], color="white", marker="D", markeredgecolor=INK, markersize=4, linewidth=0),
        Line2D([], [], color=INK, marker="|", markersize=6, linewidth=0),
    ]
    labels = [
        "most selective block, mean and 95% interval",
        "each other block, mean",
        f"all units of {layer}, mean",
        "chance",
    ]
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure
