"""The figure of the responses to each genre."""

import numpy as np
import pandas as pd
import pytest

from music_detectors.common.tables import write_table
from music_detectors.figures.genres import genres, plot_genres
from music_detectors.genres.columns import GENRES


def _table(n=6, seeds=3, scale=1.0):
    rows = []
    for seed in range(1, seeds + 1):
        random = np.random.default_rng(seed)
        for number in range(n):
            rows.append(
                {name: 0 if kind is int else 0.5 for name, kind in GENRES.items()}
                | {
                    "seed": seed,
                    "mid": f"/m/{number}",
                    "name": f"Genre {number}",
                    "n_clips": 10 + number,
                    "n_other": 1300,
                    "hedges_g": scale * (number % 4) + random.normal(0, 0.1),
                    "p_holm": 0.01 if number % 4 > 1 else 0.4,
                }
            )
    return pd.DataFrame(rows)


def _dots(axes, face):
    """The places of the small dots of a colour."""
    small = [line for line in axes.lines if line.get_markersize() < 3]
    chosen = [line for line in small if (line.get_color() == "white") == (face == "white")]
    return sorted(value for line in chosen for value in line.get_xdata())


def test_genres_are_sorted_by_the_first_condition():
    tables = {"natural": _table(), "full": _table(scale=-1)}
    figure = genres(tables, "Music")
    natural, full = figure.axes
    mean = tables["natural"].groupby("name", sort=False)["hedges_g"].mean()
    order = list(mean.sort_values(ascending=False).index)
    assert [label.get_text() for label in natural.get_yticklabels()] == order
    assert natural.get_title("left") == "natural\n3 networks"
    means = [line.get_xdata()[0] for line in natural.lines if line.get_markersize() == 4.4]
    assert means == pytest.approx(list(mean[order]))
    assert natural.get_xlim() == full.get_xlim()
    assert "1,300 other clips" in figure.get_supxlabel()
    numbers = [text.get_text() for text in full.texts if text.get_text().isdigit()]
    assert numbers == [str(10 + int(name.split()[1])) for name in order]


def test_filled_dots_are_the_networks_above_other_clips():
    table = _table()
    # Significant, but below other clips.
    table.loc[(table["mid"] == "/m/3") & (table["seed"] == 1), "hedges_g"] = -2.0
    (axes,) = genres({"natural": table}, "Music").axes
    above = (table["p_holm"] < 0.05) & (table["hedges_g"] > 0)
    assert _dots(axes, "filled") == pytest.approx(sorted(table.loc[above, "hedges_g"]))
    assert _dots(axes, "white") == pytest.approx(sorted(table.loc[~above, "hedges_g"]))


def test_genres_without_clips_are_named_and_said_to_be_so():
    table = _table()
    table.loc[table["mid"] == "/m/1", ["hedges_g", "p_holm"]] = np.nan
    # One network tells the genre apart without any variance.
    table.loc[(table["mid"] == "/m/2") & (table["seed"] == 1), "hedges_g"] = np.inf
    (axes,) = genres({"natural": table}, "Music").axes
    assert axes.get_yticklabels()[-1].get_text() == "Genre 1"
    assert [text.get_text() for text in axes.texts].count("too few clips") == 1
    assert np.isfinite(axes.get_xlim()).all()


@pytest.mark.parametrize("n", [0, 25])
def test_a_corpus_without_genres_and_one_of_25_are_drawn(tmp_path, n):
    empty = _table().iloc[:0]
    paths = [tmp_path / "a.tsv", tmp_path / "b.tsv"]
    for path in paths:
        write_table(path, _table(n, seeds=1) if n else empty, GENRES)
    svg, png = tmp_path / "a.svg", tmp_path / "a.png"
    plot_genres(paths, ["natural", "full"], ["Bird", "my_$x$"], svg, png)
    said = "is marked as a genre of Bird + my_$x$" in svg.read_text()
    assert said == (n == 0)
    assert png.stat().st_size > 3_000
