"""The figure of the target's effect before and after covariates."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.figures.acoustics import acoustics, plot_acoustics
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY

CONDITIONS = ("natural", "full", "shuffled", "untrained")


def summary(conditions=CONDITIONS, seeds=5):
    random = np.random.default_rng(0)
    rows = []
    for condition in conditions:
        for seed in range(1, seeds + 1):
            g = {"natural": 1.1, "full": 1.8, "shuffled": 0.3}.get(condition, 0.02)
            g += random.normal(0, 0.05)
            row = {name: 0 if kind is int else 0.5 for name, kind in SELECTIVITY_SUMMARY.items()}
            rows.append(
                row
                | {
                    "condition": condition,
                    "seed": seed,
                    "layer": "avgpool",
                    "n_target_test": 1234,
                    "n_other_test": 4567,
                    "test_hedges_g": g,
                    "test_partial_d": 0.8 * g,
                    "test_welch_t": 20 * g,
                    "test_partial_t": 14 * g,
                    "test_mean_target": 3 * g,
                    "test_mean_other": 1 * g,
                    "test_partial_difference": 2 * g * (0.6 + 0.02 * seed),
                }
            )
    return pd.DataFrame(rows)


def test_each_network_is_a_line_from_without_to_with_covariates():
    shown = summary()
    figure = acoustics(shown, CONDITIONS, "avgpool", "Music")
    names = (("test_hedges_g", "test_partial_d"), ("test_welch_t", "test_partial_t"))
    for axes, columns in zip(figure.axes, names, strict=True):
        lines = [line for line in axes.lines if len(line.get_xdata()) == 2][: 4 * 5]
        pairs = np.array([line.get_ydata() for line in lines])
        np.testing.assert_allclose(pairs, shown[list(columns)])
        ticks = [label.get_text() for label in axes.get_xticklabels()]
        assert ticks == [f"{condition}\n5 networks" for condition in CONDITIONS]
        means = [line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 1]
        by_condition = shown.groupby("condition", sort=False)[list(columns)].mean()
        np.testing.assert_allclose(means, by_condition.to_numpy().ravel())
        ends = np.array([bars.get_segments()[0][:, 1] for bars in axes.collections])
        values = shown.loc[shown["condition"] == "full", columns[1]]
        expected = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
        np.testing.assert_allclose(ends[3], expected)
    assert figure.get_suptitle() == "1,234 Music and 4,567 other test clips"
    assert "selective units of avgpool" in figure.axes[0].get_ylabel()


def test_what_is_left_is_a_share_of_the_difference_and_of_an_effect_alone():
    axes = acoustics(summary(), CONDITIONS, "avgpool", "Music").axes[0]
    # 60 % and 2 to 10 % more; the untrained networks' interval holds zero.
    assert [text.get_text() for text in axes.texts if "left" in text.get_text()] == ["66% left"] * 3


def test_one_network_has_neither_interval_nor_share():
    axes = acoustics(summary(seeds=1), CONDITIONS, "avgpool", "Music").axes[0]
    assert not [text for text in axes.texts if "left" in text.get_text()]
    assert axes.get_xticklabels()[0].get_text() == "natural\n1 network"


def test_where_there_were_too_few_clips_the_place_says_so():
    shown = summary(["natural", "full"])
    rows = shown["condition"] == "full"
    for name in ("test_partial_d", "test_partial_t", "test_partial_difference"):
        shown.loc[rows, name] = np.nan
    for axes in acoustics(shown, ["natural", "full"], "avgpool", "Music").axes:
        assert [text.get_text() for text in axes.texts].count("too few clips") == 1


def test_units_that_never_answer_are_drawn():
    shown = summary(["natural"])
    for name in SELECTIVITY_SUMMARY:
        if name.startswith("test_"):
            shown[name] = 0.0
    axes = acoustics(shown, ["natural"], "avgpool", "Music").axes[0]
    assert not [text for text in axes.texts if "left" in text.get_text()]


def test_files_are_written_and_a_condition_that_is_missing_is_named(tmp_path):
    write_table(tmp_path / "summary.tsv", summary(["natural"]), SELECTIVITY_SUMMARY)
    out = {"svg": tmp_path / "a.svg", "png": tmp_path / "a.png"}
    plot_acoustics(tmp_path / "summary.tsv", ["natural"], "avgpool", "Music", **out)
    assert out["png"].read_bytes().startswith(b"\x89PNG") and out["svg"].exists()
    with pytest.raises(
        InputError, match=r"summary\.tsv: damaged table \(has no row of condition full and layer"
    ):
        plot_acoustics(tmp_path / "summary.tsv", ["natural", "full"], "avgpool", "Music", **out)
