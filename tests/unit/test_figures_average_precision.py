"""The figure of average precision over chance."""

import numpy as np
import pytest
from scipy import stats

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.figures.average_precision import average_precision, plot_average_precision
from music_detectors.recognition.columns import RECOGNITION_SUMMARY
from support import figure_tables

CONDITIONS = figure_tables.CONDITIONS


def _lines_of(axes, n):
    return [line for line in axes.lines if len(line.get_xdata()) == n]


def test_panels_say_what_they_show():
    figure = average_precision(figure_tables.recognition_summary(), CONDITIONS, "Music")
    assert [axes.get_title("left") for axes in figure.axes[:2]] == [
        "Clips trained on",
        "Test clips",
    ]
    assert figure.axes[0].get_ylabel() == "mAP"
    assert figure.axes[2].get_ylabel() == "mAP over chance"
    assert figure.axes[2].get_yscale() == "log"
    ticks = [label.get_text() for label in figure.axes[3].get_xticklabels()]
    assert ticks == [f"{condition}\n5 networks" for condition in CONDITIONS]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[:2] == ["natural sounds (370 classes)", "Music (150 classes)"]
    assert "chance" in legend


def test_each_network_is_a_dot_beside_mean_interval_and_chance():
    summary = figure_tables.recognition_summary(["full"], seeds=5)
    figure = average_precision(summary, ["full"], "Music")
    of_test = summary[(summary["clips"] == "test") & (summary["group"] == "natural")]
    values = of_test["mean_average_precision"].to_numpy()
    test, ratio = figure.axes[1], figure.axes[3]
    assert len(_lines_of(test, 5)) == 2
    assert _lines_of(test, 5)[0].get_ydata().tolist() == values.tolist()
    interval, chance = _lines_of(test, 2)[:2]
    expected = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    # The same sums in another order.
    assert interval.get_ydata() == pytest.approx(expected, rel=1e-9)
    assert chance.get_ydata() == pytest.approx([0.0045, 0.0045])
    assert _lines_of(test, 1)[0].get_ydata()[0] == pytest.approx(values.mean())
    assert _lines_of(ratio, 5)[0].get_ydata() == pytest.approx(values / 0.0045)
    assert _lines_of(ratio, 1)[0].get_ydata()[0] == pytest.approx(stats.gmean(values / 0.0045))


def test_without_positives_the_place_says_so():
    figure = average_precision(figure_tables.recognition_summary(["natural"]), ["natural"], "Music")
    notes = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert ["no positive clip" in texts for texts in notes] == [True, False, True, False]


def test_one_network_has_no_interval():
    summary = figure_tables.recognition_summary(["full"], seeds=1)
    figure = average_precision(summary, ["full"], "Music")
    assert np.isnan(_lines_of(figure.axes[1], 2)[0].get_ydata().astype(float)).all()


def test_groups_that_are_absent_altogether_are_drawn_as_empty():
    summary = figure_tables.recognition_summary(["full"])
    figure = average_precision(summary[summary["group"] == "natural"], ["full"], "Music")
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "Music (no class)" in legend


def test_a_precision_of_zero_is_left_out_of_the_ratio():
    summary = figure_tables.recognition_summary(["full"], seeds=2)
    natural = (summary["clips"] == "test") & (summary["group"] == "natural")
    summary.loc[natural & (summary["seed"] == 1), "mean_average_precision"] = 0.0
    figure = average_precision(summary, ["full"], "Music")
    left = summary[natural & (summary["seed"] == 2)]
    # The one network left has a dot and, being the mean as well, a large marker.
    dot, mean = _lines_of(figure.axes[3], 1)[:2]
    assert dot.get_ydata() == pytest.approx(left["mean_average_precision"] / left["chance"])
    assert mean.get_ydata() == pytest.approx(dot.get_ydata())


def test_a_table_without_a_condition_is_named(tmp_path):
    path = tmp_path / "summary.tsv"
    write_table(path, figure_tables.recognition_summary(["natural"]), RECOGNITION_SUMMARY)
    with pytest.raises(
        InputError, match=r"summary\.tsv: damaged table \(has no row of condition full"
    ):
        plot_average_precision(
            path, ["natural", "full"], "Music", tmp_path / "a.svg", tmp_path / "a.png"
        )
