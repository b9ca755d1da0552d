"""The figures of the response ratio, of all units, and of the selectivity for every target."""

import numpy as np
import pytest
from scipy import stats

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.figures.all_units import relative, responses_of_all_units
from music_detectors.figures.response_ratio import response_ratio
from music_detectors.figures.specificity import specificity
from music_detectors.figures.targets import plot_targets, selectivity_of_targets
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY
from support import figure_tables

CONDITIONS = ["natural", "untrained"]


def _summary(number=0, conditions=CONDITIONS):
    """Return the rows of avgpool, with the numbers of test clips of a target."""
    random = np.random.default_rng(number)
    table = figure_tables.selectivity_summary(conditions, 3)
    table = table[table["layer"] == "avgpool"].reset_index(drop=True)
    return table.assign(
        n_target_test=30 + number,
        n_other_test=1200,
        response_hedges_g=random.uniform(0, 2, len(table)),
        test_ratio=random.uniform(1, 2, len(table)),
    )


def _dots(axes):
    return [group.get_offsets()[:, 1].data for group in axes.collections]


def _check_marks(axes, expected):
    """Check the dots, means and intervals of `axes` against values (networks,) at each place."""
    np.testing.assert_allclose(_dots(axes), expected)
    means = [line.get_ydata()[0] for line in axes.lines if line.get_marker() in ("o", "s")]
    np.testing.assert_allclose(means, np.mean(expected, axis=1))
    low, high = stats.t.interval(0.95, 2, means[-1], stats.sem(expected[-1]))
    assert any(line.get_ydata() == pytest.approx([low, high]) for line in axes.lines)


def test_networks_means_and_intervals_of_every_target_are_drawn():
    summaries = {
        name: _summary(number, ["natural"]) for number, name in enumerate(["Music", "Speech"])
    }
    ratio, g = selectivity_of_targets(summaries, "natural").axes
    _check_marks(ratio, [table["test_ratio"] for table in summaries.values()])
    _check_marks(g, [table["response_hedges_g"] for table in summaries.values()])
    labels = [label.get_text() for label in g.get_xticklabels()]
    assert labels == ["Music\n30, 1,200", "Speech\n31, 1,200"]


def test_the_ratio_and_g_of_every_condition_are_drawn():
    table = _summary()
    ratio, g = response_ratio(table, CONDITIONS, "Music").axes
    for axes, column in ((ratio, "test_ratio"), (g, "response_hedges_g")):
        _check_marks(axes, [table.loc[table["condition"] == name, column] for name in CONDITIONS])
    table.loc[table["condition"] == "untrained", "test_ratio"] = np.nan
    axes = response_ratio(table, CONDITIONS, "Music").axes[0]
    assert [len(dots) for dots in _dots(axes)] == [3, 0]
    assert [text.get_text() for text in axes.texts if text.get_text() == "none"] == ["none"]


def test_the_responses_of_all_units_are_those_of_the_clips():
    tables = [figure_tables.clip_responses("natural", seed) for seed in (1, 2)]
    tables = [table[table["split"] == "test"] for table in tables]
    summary = _summary()
    figure = responses_of_all_units(tables, "natural", summary, CONDITIONS, "Music")
    left, right = figure.axes
    _check_marks(
        right,
        [
            summary.loc[summary["condition"] == name, "test_all_common_language"]
            for name in CONDITIONS
        ],
    )
    # A network's line of each role, and their mean.
    curves = [line for line in left.lines if len(line.get_xdata()) > 2]
    assert len(curves) == 6
    other = tables[0].loc[tables[0]["role"] == "other", "all_units"]
    target = tables[0].loc[tables[0]["role"] == "target", "all_units"]
    x = curves[0].get_xdata()
    expected = stats.gaussian_kde(target / other.mean())(x)
    np.testing.assert_allclose(curves[0].get_ydata(), expected)
    # Nearly all clips are within the panel.
    assert np.trapezoid(curves[0].get_ydata(), x) == pytest.approx(1, abs=0.02)
    signed = tables[0].assign(all_units=tables[0]["all_units"] - 1)
    assert relative(signed).equals(signed)


def test_a_table_without_the_condition_is_refused(tmp_path):
    tables = [tmp_path / "music.tsv", tmp_path / "speech.tsv"]
    for path, number in zip(tables, (0, 1), strict=True):
        summary = _summary(number)
        # An infinite effect is left out.
        summary.loc[0, "response_hedges_g"] = np.inf
        write_table(path, summary, SELECTIVITY_SUMMARY)
    arguments = ("avgpool", tmp_path / "a.svg", tmp_path / "a.png")
    plot_targets(tables, ["Music", ["Speech", "Bark"]], "natural", *arguments)
    assert "Speech + Bark" in (tmp_path / "a.svg").read_text()
    with pytest.raises(InputError, match=r"music\.tsv: .*has no row of condition full"):
        plot_targets(tables, ["Music", "Speech"], "full", *arguments)


def test_the_target_and_random_sets_of_classes_are_drawn():
    networks, sets = (
        {name: make(name) for name in CONDITIONS}
        for make in (figure_tables.specificity, figure_tables.random_sets)
    )
    networks = {name: table[table["withheld_by"] == ""] for name, table in networks.items()}
    panels = specificity(networks, sets, "Music").axes
    for axes, column in zip(panels, ("effect", "held_out", "segregation"), strict=True):
        _check_marks(axes, [networks[name][column] for name in CONDITIONS])
        bars = [bar for container in axes.containers for bar in container]
        edges = np.array([[bar.get_y(), bar.get_y() + bar.get_height()] for bar in bars])
        of_sets = [sets[name][column].dropna() for name in CONDITIONS]
        assert edges.min() == pytest.approx(min(values.min() for values in of_sets))
        assert edges.max() == pytest.approx(max(values.max() for values in of_sets))
        for container, values in zip(axes.containers, of_sets, strict=True):
            # Widths are shares of the fullest bin.
            widths = np.array([bar.get_width() for bar in container])
            low = np.array([bar.get_y() for bar in container])
            places = np.searchsorted(low, values, side="right") - 1
            counts = np.bincount(places, minlength=len(low))
            np.testing.assert_allclose(widths / widths.max(), counts / counts.max())
    texts = [text.get_text() for text in panels[0].texts]
    assert texts.count("p = 0.012") == 2
    assert not any(text.get_text().startswith("p") for text in panels[1].texts)
