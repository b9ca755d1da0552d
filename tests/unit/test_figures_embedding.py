"""The figure of the embedding, and the lines that enclose a share of a group."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.embedding.columns import EMBEDDING_POINTS, SEGREGATION
from music_detectors.figures.embedding import (
    SHARES,
    density,
    embedding,
    iso_proportion_levels,
    plot_embedding,
)
from support import figure_tables


def _points(seeds=3, n=(60, 140), seed=0):
    random = np.random.default_rng(seed)
    role = np.repeat(["target", "other"], n)
    parts = [
        pd.DataFrame(
            {
                "seed": number,
                "clip_id": [f"clip-{place}" for place in range(sum(n))],
                "role": role,
                "x": random.normal(0, 10, sum(n)) + 12 * (role == "target"),
                "y": random.normal(0, 4, sum(n)),
            }
        )
        for number in range(1, seeds + 1)
    ]
    return pd.concat(parts, ignore_index=True)


def _segregation(seeds=3, bins=9):
    random = np.random.default_rng(seeds)
    table = pd.DataFrame({"seed": range(1, seeds + 1)})
    for name, kind in SEGREGATION.items():
        if name != "seed":
            table[name] = random.uniform(0.2, 0.6, seeds) if kind is float else bins
    return table


def _figure(conditions=("natural", "untrained"), **sizes):
    points = {name: _points(seed=place) for place, name in enumerate(conditions)}
    return embedding(points, {name: _segregation(**sizes) for name in conditions}, "Music")


def _grid(xy, cells, margin=0.6):
    low, high = xy.min(axis=0), xy.max(axis=0)
    room = margin * (high - low)
    return [np.linspace(*ends, cells + 1) for ends in zip(low - room, high + room, strict=True)]


def test_the_density_is_scipys():
    random = np.random.default_rng(0)
    xy = random.multivariate_normal([3, -2], [[40, 12], [12, 6]], 300)
    edges = _grid(xy, cells=320)
    found = density(xy, edges)
    centres = [(along[1:] + along[:-1]) / 2 for along in edges]
    mesh = np.meshgrid(*centres, indexing="ij")
    expected = stats.gaussian_kde(xy.T)(np.stack([axis.ravel() for axis in mesh]))
    expected = expected.reshape(found.shape) / expected.sum()
    assert found.sum() == pytest.approx(1)
    # Points count in the middle of their cell.
    np.testing.assert_allclose(found, expected, atol=0.02 * expected.max())


def test_lines_enclose_their_share_of_a_normal_distribution():
    # Of a normal distribution in the plane, the share p lies within the radius sqrt(-2 log(1 - p)).
    along = np.linspace(-6, 6, 601)
    x, y = np.meshgrid(along, along)
    cells = np.exp(-(x**2 + y**2) / 2)
    for share, level in zip(SHARES, iso_proportion_levels(cells, SHARES), strict=True):
        radius = np.sqrt(-2 * np.log(1 - share))
        assert level == pytest.approx(np.exp(-(radius**2) / 2), rel=0.01)
        assert cells[cells >= level].sum() / cells.sum() == pytest.approx(share, abs=0.001)


@pytest.mark.parametrize(
    "xy",
    [np.zeros((5, 2)), np.array([[0.0, 1.0]]), np.stack([np.arange(9.0)] * 2, axis=1)],
    ids=["one place", "one point", "a line"],
)
def test_points_without_an_area_have_a_density(xy):
    edges = [np.linspace(-3, 12, 101)] * 2
    cells = density(xy, edges)
    assert np.isfinite(cells).all() and cells.sum() == pytest.approx(1)
    assert np.unravel_index(cells.argmax(), cells.shape) != (0, 0)


def test_a_panel_shows_the_points_and_lines_of_the_first_network():
    points = {"natural": _points()}
    figure = embedding(points, {"natural": _segregation()}, "Music")
    axes = figure.axes[0]
    assert axes.get_title("left") == "natural (seed 1)"
    scatter, *lines = axes.collections
    drawn = np.sort(np.asarray(scatter.get_offsets()), axis=0)
    first = points["natural"].loc[points["natural"]["seed"] == 1, ["x", "y"]].to_numpy()
    np.testing.assert_allclose(drawn, np.sort(first, axis=0))
    assert len(lines) == 2 * len(SHARES)
    # No line is cut off.
    for line in lines:
        for path in line.get_paths():
            ends = path.get_extents()
            assert axes.get_xlim()[0] < ends.x0 < ends.x1 < axes.get_xlim()[1]
            assert axes.get_ylim()[0] < ends.y0 < ends.y1 < axes.get_ylim()[1]
    legend = [text.get_text() for text in figure.subfigs[0].legends[0].get_texts()]
    assert legend[:2] == ["Music (60 test clips)", "other (140 test clips)"]


def test_the_index_of_each_network_stands_over_that_of_permuted_roles():
    figure = _figure()
    table = _segregation()
    strips = figure.axes[2:]
    assert [axes.get_title("left")[:7] for axes in strips] == ["64 × 64", "9 × 9 b"]
    for axes, index, permuted in zip(
        strips,
        ("segregation_index", "coarse_index"),
        ("permuted_mean", "coarse_permuted_mean"),
        strict=True,
    ):
        heights = [tuple(line.get_ydata()) for line in axes.lines]
        assert tuple(table[index]) in heights and tuple(table[permuted]) in heights
        half = stats.t.ppf(0.975, 2) * table[index].std() / np.sqrt(3)
        interval = next(pair for pair in heights if len(pair) == 2)
        assert interval == pytest.approx((table[index].mean() - half, table[index].mean() + half))
        assert axes.get_xticklabels()[0].get_text() == "natural\n3 networks"


def test_with_clips_enough_there_is_one_index():
    figure = _figure(bins=64)
    assert len(figure.axes) == 3


def test_any_number_of_conditions_one_network_and_equal_points_are_drawn(tmp_path):
    names = [*figure_tables.CONDITIONS, "a_condition_with_$long$_name"]
    points = {name: _points(1) for name in names}
    points["full"][["x", "y"]] = 0.0
    tables = {name: _segregation(1).assign(permuted_sd=np.nan) for name in names}
    paths = {"points": [], "segregation": []}
    for name in names:
        for kind, table, columns in (
            ("points", points, EMBEDDING_POINTS),
            ("segregation", tables, SEGREGATION),
        ):
            paths[kind].append(tmp_path / f"{name}.{kind}.tsv")
            write_table(paths[kind][-1], table[name], columns)
    pictures = [tmp_path / "a.svg", tmp_path / "a.png"]
    plot_embedding(*paths.values(), names, "Music", *pictures)
    assert all(path.stat().st_size > 10_000 for path in pictures)
    write_table(paths["points"][1], points["full"].iloc[:0], EMBEDDING_POINTS)
    with pytest.raises(InputError, match=r"full\.points\.tsv: damaged table \(has no rows"):
        plot_embedding(*paths.values(), names, "Music", *pictures)
