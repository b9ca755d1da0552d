"""The figure of the responses to quilts."""

import numpy as np
import pytest

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.figures.quilts import plot_quilts, quilts
from music_detectors.quilts.columns import QUILT_RESPONSES
from support import figure_tables


def _tables(conditions=("natural", "untrained"), **sizes):
    return {name: figure_tables.quilt_responses(name, **sizes) for name in conditions}


def _shown(figure):
    return [axes for axes in figure.axes if axes.axison]


def test_a_column_a_condition_with_the_most_selective_units_above():
    figure = quilts(_tables(), "avgpool", "Music")
    shown = _shown(figure)
    assert [axes.get_title("left") for axes in shown] == ["natural", "untrained", "", ""]
    assert "most" in shown[0].get_ylabel() and "least" in shown[2].get_ylabel()
    for axes in shown:
        names = [text.get_text() for text in axes.get_xticklabels()]
        assert names == ["50", "100", "200", "400", "800", "1600", "intact"]
        assert axes.get_ylim()[0] == 0
    assert shown[2].get_xlabel() == "Length of segments (ms)\n5 networks"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[0] == "Music, mean of networks (90 test clips)"
    assert legend[1] == "other, mean of networks (240 test clips)"


def test_means_are_those_of_the_table_and_intact_clips_are_at_the_right():
    tables = _tables(["natural"], lengths=(50, 400))
    axes = _shown(quilts(tables, "avgpool", "Music"))[0]
    table = tables["natural"]
    kept = table[(table["group"] == "most") & (table["role"] == "target")]
    means = kept.groupby("segment_ms", dropna=False)["response"].mean()
    drawn = [line for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(drawn[0].get_ydata(), means[[50.0, 400.0]])
    np.testing.assert_allclose(drawn[0].get_xdata(), np.log2([50, 400]))
    np.testing.assert_allclose(drawn[1].get_ydata(), means[means.index.isna()])
    assert drawn[1].get_xdata()[0] > np.log2(400)
    # A line for quilts and one on to intact clips, for every network and role.
    thin = [line for line in axes.lines if line.get_linewidth() == 0.6]
    assert len(thin) == 2 * 2 * 5


def test_without_a_clip_to_compare_the_panel_says_so():
    tables = _tables(["natural"])
    tables["natural"] = tables["natural"].assign(n_clips=0, response=np.nan, response_sd=np.nan)
    for axes in _shown(quilts(tables, "avgpool", "Music")):
        assert [text.get_text() for text in axes.texts if "clip" in text.get_text()]


def test_many_conditions_take_several_rows():
    figure = quilts(_tables([f"condition_{n}" for n in range(5)], seeds=1), "a", "b")
    assert len(_shown(figure)) == 10


def test_an_empty_table_is_named(tmp_path):
    table = figure_tables.quilt_responses("natural")
    write_table(tmp_path / "responses.tsv", table[:0], QUILT_RESPONSES)
    with pytest.raises(InputError, match=r"responses\.tsv: damaged table \(has no row"):
        plot_quilts(
            [tmp_path / "responses.tsv"],
            ["natural"],
            "avgpool",
            "Music",
            tmp_path / "a.svg",
            tmp_path / "a.png",
        )
