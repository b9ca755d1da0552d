"""The figure of the selectivity for every target."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.figures.targets import plot_targets, selectivity_of_targets
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY
from support import figure_tables

CONDITIONS = ["natural", "untrained"]


def _summary(n_target, seeds=3):
    random = np.random.default_rng(n_target)
    nothing = {name: 0 if kind is int else 0.0 for name, kind in SELECTIVITY_SUMMARY.items()}
    return pd.DataFrame(
        [
            nothing
            | {
                "condition": condition,
                "seed": seed,
                "layer": layer,
                "reported": layer == "avgpool",
                "n_target_test": n_target,
                "n_other_test": 1200,
                "test_hedges_g": random.uniform(0, 2),
            }
            for condition, seed in figure_tables.networks(CONDITIONS, seeds)
            for layer in ("conv1", "avgpool")
        ]
    )


def test_networks_means_and_intervals_of_every_target_are_drawn():
    summaries = {"Music": _summary(30), "Speech": _summary(1040)}
    of_layer = {name: table[table["layer"] == "avgpool"] for name, table in summaries.items()}
    (axes,) = selectivity_of_targets(of_layer, CONDITIONS, "avgpool").axes
    expected = [
        table.loc[table["condition"] == condition, "test_hedges_g"].to_numpy()
        for table in of_layer.values()
        for condition in CONDITIONS
    ]
    dots = [group.get_offsets()[:, 1] for group in axes.collections]
    np.testing.assert_allclose(dots, expected)
    means = [line.get_ydata()[0] for line in axes.lines if line.get_marker() in ("o", "s")]
    np.testing.assert_allclose(means, np.mean(expected, axis=1))
    low, high = stats.t.interval(0.95, 2, means[3], stats.sem(expected[3]))
    assert any(line.get_ydata() == pytest.approx([low, high]) for line in axes.lines)
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["Music\n30, 1,200", "Speech\n1,040, 1,200"]


def test_a_table_without_a_condition_is_refused(tmp_path):
    tables = [tmp_path / "music.tsv", tmp_path / "speech.tsv"]
    for path, seeds in zip(tables, (2, 1), strict=True):
        summary = _summary(30, seeds)
        # With one network there is no interval, and an infinite effect is left out.
        summary.loc[0, "test_hedges_g"] = np.inf
        write_table(path, summary, SELECTIVITY_SUMMARY)
    arguments = ("avgpool", tmp_path / "a.svg", tmp_path / "a.png")
    plot_targets(tables, ["Music", ["Speech", "Singing"]], CONDITIONS, *arguments)
    assert "Speech + Singing" in (tmp_path / "a.svg").read_text()
    with pytest.raises(InputError, match=r"music\.tsv: .*has no row of condition full"):
        plot_targets(tables, ["Music", "Speech"], ["full"], *arguments)
