"""The figure of the selective units' responses to clips."""

import numpy as np
import pytest

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.figures.selective_responses import (
    plot_selective_responses,
    selective_responses,
)
from music_detectors.selectivity.columns import CLIP_RESPONSES
from support import figure_tables


def _responses(conditions=figure_tables.CONDITIONS, seeds=3):
    return {
        condition: [figure_tables.clip_responses(condition, seed) for seed in range(1, seeds + 1)]
        for condition in conditions
    }


def _dots(axes):
    return [line for line in axes.lines if line.get_marker() == "o"]


def test_each_condition_has_a_panel_of_four_boxes():
    figure = selective_responses(_responses(), "avgpool", "Music")
    assert [axes.get_title("left") for axes in figure.axes] == list(figure_tables.CONDITIONS)
    for axes in figure.axes:
        assert len(axes.patches) == 4
        assert axes.get_xlabel() == "3 networks"
        assert [t.get_text() for t in axes.get_xticklabels()] == ["train clips", "test clips"]
        assert axes.get_ylim()[0] == 0
    assert "avgpool" in figure.axes[0].get_ylabel()
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[0] == "Music (120 train, 90 test clips)"
    assert legend[1] == "other (300 train, 240 test clips)"


def test_boxes_pool_the_networks_and_dots_are_their_medians():
    responses = _responses(["natural"])
    axes = selective_responses(responses, "avgpool", "Music").axes[0]
    of_target = [
        table.loc[(table["split"] == "train") & (table["role"] == "target"), "response"]
        for table in responses["natural"]
    ]
    assert _dots(axes)[0].get_ydata().tolist() == [np.median(values) for values in of_target]
    box = axes.patches[0].get_path().vertices[:, 1]
    quartiles = np.percentile(np.concatenate(of_target), (25, 75))
    # The same quantile by the same rule; only the order of the values may differ.
    assert (box.min(), box.max()) == pytest.approx(tuple(quartiles), rel=1e-12)


def test_negative_responses_are_not_cut_off():
    responses = _responses(["natural"], seeds=1)
    responses["natural"][0]["response"] -= 2
    axes = selective_responses(responses, "fc1", "Music").axes[0]
    assert axes.get_ylim()[0] < responses["natural"][0]["response"].quantile(0.05)


def test_a_role_without_clips_leaves_its_place_empty():
    responses = _responses(["natural"], seeds=1)
    table = responses["natural"][0]
    kept = (table["split"] == "train") | (table["role"] != "target")
    responses["natural"][0] = table[kept]
    figure = selective_responses(responses, "avgpool", "Music")
    assert len(figure.axes[0].patches) == 3
    assert figure.legends[0].get_texts()[0].get_text() == "Music (120 train, 0 test clips)"


def test_many_conditions_take_several_rows():
    figure = selective_responses(_responses([f"condition_{n}" for n in range(6)], 1), "a", "b")
    assert [axes.axison for axes in figure.axes] == [True] * 6 + [False] * 2


def test_a_table_without_either_role_is_named(tmp_path):
    table = figure_tables.clip_responses("natural", 1)
    write_table(tmp_path / "clips.tsv", table[table["role"] == "mixed"], CLIP_RESPONSES)
    with pytest.raises(
        InputError, match=r"clips\.tsv: damaged table \(has neither target nor other clips"
    ):
        plot_selective_responses(
            [tmp_path / "clips.tsv"],
            [["natural", 1]],
            "avgpool",
            "Music",
            tmp_path / "a.svg",
            tmp_path / "a.png",
        )
