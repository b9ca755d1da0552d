"""The figure of decoding from units and from covariates."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.decoding.columns import DECODING
from music_detectors.figures.decoding import decoding, plot_decoding

CONDITIONS = ("natural", "full", "shuffled", "untrained")


def table(seeds=5, blocks=8, at_once=32, seed=0):
    random = np.random.default_rng(seed)
    rows = []
    for replicate in range(1, seeds + 1):
        for block in range(blocks):
            first = at_once * block + 1
            precision = 0.35 + 0.5 * np.exp(-block / 2) + random.normal(0, 0.03)
            rows.append(("units", first, first + at_once - 1, at_once, precision))
        rows.append(("covariates", np.nan, np.nan, 16, 0.71))
        rows.append(("units and covariates", 1, at_once, 48, 0.9 + 0.01 * replicate))
    names = ("features", "first_rank", "last_rank", "n_features", "average_precision")
    made = pd.DataFrame(rows, columns=names)
    made["seed"] = np.repeat(np.arange(1, seeds + 1), blocks + 2)
    return made.assign(n_train=5012, n_test=4300, chance=0.29)[list(DECODING)]


def test_a_panel_holds_networks_means_intervals_and_lines():
    tables = {condition: table(seed=place) for place, condition in enumerate(CONDITIONS)}
    figure = decoding(tables, "avgpool", "Music")
    assert len(figure.axes) == 4
    for axes, (condition, shown) in zip(figure.axes, tables.items(), strict=True):
        assert axes.get_title("left") == condition
        assert axes.get_xlabel() == "Units of avgpool by rank\n(5 networks)"
        units = shown[shown["features"] == "units"]
        values = units["average_precision"].to_numpy().reshape(5, 8)
        lines = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == 8]
        np.testing.assert_allclose(lines[:5], values)
        np.testing.assert_allclose(lines[5], values.mean(axis=0))
        (bars,) = axes.collections
        expected = stats.t.interval(0.95, 4, values.mean(axis=0), stats.sem(values, axis=0))
        ends = np.array([bar[:, 1] for bar in bars.get_segments()]).T
        np.testing.assert_allclose(ends, expected)
        covariates, chance = (line for line in axes.lines if len(line.get_xdata()) == 2)
        assert covariates.get_ydata() == pytest.approx([0.71, 0.71])
        assert chance.get_ydata() == pytest.approx([0.29, 0.29])
        assert covariates.get_linestyle() != chance.get_linestyle()
        diamonds = next(line for line in axes.lines if line.get_marker() == "D")
        assert diamonds.get_ydata() == pytest.approx(0.9 + 0.01 * np.arange(1, 6))
        ticks = [label.get_text() for label in axes.get_xticklabels()]
        assert ticks[:2] == ["1–32", "33–64"] and len(ticks) == 8
    assert "5,012 train clips" in figure.get_suptitle() and "4,300 test" in figure.get_suptitle()
    assert "Music" in figure.axes[0].get_ylabel()


def test_one_network_and_one_block_are_drawn():
    (axes,) = decoding({"natural": table(seeds=1, blocks=1)}, "avgpool", "Music").axes
    assert axes.get_xlabel().endswith("(1 network)")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1–32"]


def test_many_blocks_have_names_that_fit_and_many_conditions_more_rows():
    tables = {f"my {n}": table(seeds=2, blocks=40, at_once=6) for n in range(6)}
    figure = decoding(tables, "avgpool", "Music")
    assert len(figure.axes[0].get_xticklabels()) == 8
    assert sum(axes.axison for axes in figure.axes) == 6


def test_an_average_precision_that_is_missing_leaves_a_gap():
    shown = table(seeds=2)
    shown["average_precision"] = np.nan
    (axes,) = decoding({"natural": shown}, "avgpool", "Music").axes
    means = [line for line in axes.lines if line.get_marker() == "o"]
    assert np.isnan(means[0].get_ydata()).all()


def test_files_are_written_and_a_table_without_units_is_named(tmp_path):
    shown = table(seeds=2)
    write_table(tmp_path / "natural.tsv", shown, DECODING)
    write_table(tmp_path / "full.tsv", shown[shown["features"] != "units"], DECODING)
    out = {"svg": tmp_path / "a.svg", "png": tmp_path / "a.png"}
    plot_decoding([tmp_path / "natural.tsv"], ["natural"], "avgpool", "Music", **out)
    assert out["png"].read_bytes().startswith(b"\x89PNG") and out["svg"].exists()
    with pytest.raises(
        InputError, match=r"full\.tsv: damaged table \(has no row of units\); rebuild it"
    ):
        plot_decoding(
            [tmp_path / "natural.tsv", tmp_path / "full.tsv"],
            ["natural", "full"],
            "avgpool",
            ["Music", "Singing"],
            **out,
        )
