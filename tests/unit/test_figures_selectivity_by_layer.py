"""The figure of the index per layer."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.figures.selectivity_by_layer import (
    plot_selectivity_by_layer,
    selectivity_by_layer,
)
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY
from support import figure_tables

LAYERS = {"conv1": 32, "conv2": 64, "conv3": 128, "avgpool": 256, "fc1": 256}


def _summary(conditions=figure_tables.CONDITIONS, seeds=3):
    rows = []
    for condition, seed in figure_tables.networks(conditions, seeds):
        random = np.random.default_rng([seed, *condition.encode()])
        for layer, n_units in LAYERS.items():
            rows.append(
                {name: 0 if kind is int else 0.0 for name, kind in SELECTIVITY_SUMMARY.items()}
                | {
                    "condition": condition,
                    "seed": seed,
                    "layer": layer,
                    "n_units": n_units,
                    "n_significant_permutation": int(random.integers(n_units)),
                    "n_target_test": 5036,
                    "n_other_test": 13324,
                    "test_auc": random.uniform(0.5, 0.9),
                    "test_hedges_g": random.uniform(0, 2),
                }
            )
    return pd.DataFrame(rows)


def _means(axes):
    return [line.get_ydata() for line in axes.lines if line.get_marker() in tuple("os^D")]


def test_means_and_intervals_are_those_over_networks():
    summary = _summary()
    figure = selectivity_by_layer(summary, figure_tables.CONDITIONS, "avgpool", "Music")
    auc, g, share = figure.axes
    shares = 100 * summary["n_significant_permutation"] / summary["n_units"]
    measured = summary.assign(share=shares)
    for axes, name in ((auc, "test_auc"), (g, "test_hedges_g"), (share, "share")):
        for condition, drawn in zip(figure_tables.CONDITIONS, _means(axes), strict=True):
            of_condition = measured[measured["condition"] == condition]
            by_layer = of_condition.groupby("layer")[name]
            assert drawn == pytest.approx([by_layer.mean()[layer] for layer in LAYERS])
            low, high = stats.t.interval(0.95, 2, by_layer.mean()["conv2"], by_layer.sem()["conv2"])
            assert any(line.get_ydata() == pytest.approx([low, high]) for line in axes.lines)
    assert [label.get_text() for label in auc.get_xticklabels()] == [
        f"{layer}\n{units}" for layer, units in LAYERS.items()
    ]
    assert auc.get_title("left") == "5,036 Music, 13,324 other test clips"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[0] == "natural (3 networks)"


def test_one_network_and_infinite_effects_are_drawn(tmp_path):
    summary = _summary(["natural", "own_$condition$"], seeds=1)
    summary.loc[summary["layer"] == "fc1", "test_hedges_g"] = np.inf
    write_table(tmp_path / "summary.tsv", summary, SELECTIVITY_SUMMARY)
    out = [tmp_path / "a.svg", tmp_path / "a.png"]
    conditions = ["natural", "own_$condition$"]
    plot_selectivity_by_layer(tmp_path / "summary.tsv", conditions, "avgpool", "Music", *out)
    assert all(path.stat().st_size > 10_000 for path in out)
    with pytest.raises(
        InputError, match=r"summary\.tsv: damaged table \(has no row of condition full"
    ):
        plot_selectivity_by_layer(tmp_path / "summary.tsv", ["full"], "avgpool", "Music", *out)
