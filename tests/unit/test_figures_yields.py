"""The figure of the yield."""

import numpy as np
import pandas as pd
import pytest

from music_detectors.audio.columns import SPLIT_YIELD, YIELD
from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.figures.yields import plot_yields, yields
from support import figure_tables


def _texts(legend):
    return [text.get_text() for text in legend.get_texts()]


def test_bars_add_up_to_all_clips_and_stand_beside_the_mirror():
    table, splits = figure_tables.yield_tables(n_classes=8)
    figure = yields(table, splits)
    shares = figure.axes[0]
    ends = {}
    for bar in shares.patches:
        ends[round(bar.get_y(), 6)] = max(
            ends.get(round(bar.get_y(), 6), 0), bar.get_x() + bar.get_width()
        )
    assert list(ends.values()) == pytest.approx([1.0, 1.0])
    marks = [line.get_xdata()[0] for line in shares.lines]
    assert marks == pytest.approx([18685 / 22160, 17142 / 20371])
    assert "mirror of 2023 (18,685 train, 17,142 test)" in _texts(figure.legends[0])
    assert [label.get_text() for label in shares.get_yticklabels()] == [
        "train\n(22,160 clips)",
        "test\n(20,371 clips)",
    ]


def test_other_corpora_have_no_mirror():
    figure = yields(*figure_tables.yield_tables(n_classes=8, mirror=False))
    assert not figure.axes[0].lines
    assert not any("mirror" in text for text in _texts(figure.legends[0]))


def test_reasons_come_by_number_of_clips_and_the_last_are_taken_together():
    table, splits = figure_tables.yield_tables(n_classes=2)
    reasons = yields(table, splits).axes[1]
    names = [label.get_text() for label in reasons.get_yticklabels()]
    assert names[0] == "unavailable: private video" and names[-1] == "2 further reasons"
    assert len(names) == 13
    total = table[(table["class"] == "*") & ~table["status"].isin(["ok", "short"])]["clips"].sum()
    assert sum(bar.get_width() for bar in reasons.patches) == total


def test_classes_are_sorted_and_the_lowest_named():
    table, splits = figure_tables.yield_tables(n_classes=30)
    classes = yields(table, splits).axes[2]
    assert len(classes.lines) == 2
    for line in classes.lines:
        assert len(line.get_ydata()) == 30 and (np.diff(line.get_ydata()) >= 0).all()
    own = table[(table["class"] != "*") & (table["split"] == "train")]
    usable = own[own["status"].isin(["ok", "short"])].groupby("class")["clips"].sum()
    lowest = (usable / own.groupby("class")["clips"].sum()).idxmin()
    name = own.set_index("class")["name"][lowest].iloc[0]
    assert any(name in text.get_text() for text in classes.texts)


def test_a_class_without_any_usable_clip_has_a_share_of_zero():
    table, splits = figure_tables.yield_tables(n_classes=3)
    lost = (table["class"] == "/m/1") & table["status"].isin(["ok", "short"])
    classes = yields(table[~lost], splits).axes[2]
    assert classes.lines[0].get_ydata()[0] == 0


def test_a_corpus_that_lost_nothing_is_drawn():
    figure = yields(*figure_tables.yield_tables(n_classes=3, mirror=False, lossless=True))
    assert "none" in [text.get_text() for text in figure.axes[1].texts]
    assert figure.axes[2].lines[0].get_ydata().tolist() == [1.0, 1.0, 1.0]


def test_statuses_of_another_version_are_drawn_too():
    table, splits = figure_tables.yield_tables(n_classes=2)
    table["status"] = table["status"].replace("empty", "melted")
    assert "melted" in _texts(yields(table, splits).legends[0])


def test_files_that_cannot_be_drawn_are_named(tmp_path):
    _, splits = figure_tables.yield_tables(n_classes=2)
    path, other = tmp_path / "yield.tsv", tmp_path / "yield_splits.tsv"
    write_table(path, pd.DataFrame({name: [] for name in YIELD}).astype(YIELD), YIELD)
    write_table(other, splits, SPLIT_YIELD)
    out = {"svg": tmp_path / "a.svg", "png": tmp_path / "a.png"}
    with pytest.raises(InputError, match=r"yield\.tsv: damaged table \(counts no clip"):
        plot_yields(path, other, **out)
    with pytest.raises(InputError, match=r"absent\.tsv: missing table"):
        plot_yields(tmp_path / "absent.tsv", other, **out)
    assert not out["svg"].exists() and not out["png"].exists()
