"""Helpers shared by all figures: colours, intervals, words, and how files are written."""

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy import stats

from music_detectors.figures.style import (
    LOOK,
    OTHER,
    TARGET,
    by_condition,
    condition_colours,
    condition_markers,
    counted,
    letter,
    logarithmic,
    mean_and_interval,
    range_of,
    save,
    shortened,
    spread,
)

STUDY = ["natural", "full", "no-speech", "shuffled", "untrained", "gabor", "pca"]


def test_the_colour_of_a_condition_does_not_depend_on_the_others():
    alone = condition_colours(["shuffled"])
    assert condition_colours(STUDY)["shuffled"] == alone["shuffled"]
    assert condition_colours(["mine", *STUDY])["shuffled"] == alone["shuffled"]


def test_conditions_differ_in_colour_and_marker():
    names = [*STUDY, "one", "two"]
    colours = condition_colours(names)
    assert len(set(colours.values())) == len(names)
    assert not {TARGET, OTHER} & set(colours.values())
    assert len(set(condition_markers(names).values())) == len(names)


def test_tables_are_grouped_in_the_order_of_the_networks():
    networks = [["b", 1], ["a", 1], ["b", 2]]
    assert by_condition(networks, ["x", "y", "z"]) == {"b": ["x", "z"], "a": ["y"]}
    with pytest.raises(ValueError):
        by_condition(networks, ["x"])


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20))
def test_the_interval_equals_scipys(values):
    mean, low, high = mean_and_interval(np.array(values))
    error = stats.sem(values)
    # The order of summation changes the last bits of values up to 1,000.
    assert mean == pytest.approx(np.mean(values), abs=1e-9)
    if error > 1e-9:
        expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), error)
        assert (low, high) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_missing_values_are_left_out_of_the_interval():
    assert mean_and_interval([1.0, np.nan, 3.0]) == mean_and_interval([1.0, 3.0])
    one = mean_and_interval([2.0, np.nan])
    assert one[0] == 2.0 and np.isnan(one[1:]).all()
    assert np.isnan(mean_and_interval([])).all()


def test_dots_are_spread_evenly_around_zero():
    assert spread(1, 0.4).tolist() == [0.0]
    assert spread(3, 0.4) == pytest.approx([-0.2, 0.0, 0.2])


def test_counts_ranges_and_names_in_words():
    assert counted(1, "class", "classes") == "1 class"
    assert range_of([1234, 1234]) == "1,234" and range_of(np.array([9, 1000])) == "9–1,000"
    assert counted(12345, "clip") == "12,345 clips"
    assert shortened("Music", 5) == "Music"
    assert shortened("Boat, Water vehicle", 6) == "Boat…"


@LOOK
def _figure():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2, 3], [0.02, 5, 900])
    axes.set_title("50% of $a_b$ & <c>")
    logarithmic(axes, "×")
    return figure


def test_a_users_settings_do_not_change_the_files_and_stay_unchanged(tmp_path):
    save(_figure(), tmp_path / "plain.svg", tmp_path / "plain.png")
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 30}):
        save(_figure(), tmp_path / "styled.svg", tmp_path / "styled.png")
        assert matplotlib.rcParams["font.size"] == 30
    for form in ("svg", "png"):
        plain, styled = (tmp_path / f"{name}.{form}" for name in ("plain", "styled"))
        assert plain.read_bytes() == styled.read_bytes()
    # No temporary files are left.
    assert len([path for path in tmp_path.iterdir() if path.suffix != ".sha256"]) == 4


def test_text_is_kept_as_text_and_not_parsed_as_mathematics(tmp_path):
    save(_figure(), tmp_path / "a.svg", tmp_path / "a.png")
    svg = (tmp_path / "a.svg").read_text()
    assert ">50% of $a_b$ &amp; &lt;c&gt;</text>" in svg
    assert ">100×</text>" in svg
    assert "mathdefault" not in svg


def test_panels_have_letters_beyond_z():
    figure = Figure()
    axes = figure.subplots()
    for place in (0, 25, 26, 53):
        letter(axes, place)
    assert [text.get_text() for text in axes.texts] == ["a", "z", "aa", "bb"]
