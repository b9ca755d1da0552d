"""The figure of the responses to every class."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.figures.class_responses import class_responses, plot_class_responses
from music_detectors.figures.style import OTHER, TARGET
from music_detectors.selectivity.columns import CLASS_RESPONSES
from support import figure_tables


def _tables(seeds=3, **size):
    return [figure_tables.class_responses("natural", seed, **size) for seed in range(1, seeds + 1)]


def test_classes_are_sorted_named_and_coloured():
    tables = _tables()
    figure = class_responses(tables, "natural", "Music")
    (axes,) = figure.axes
    mean = np.mean([table["response"] for table in tables], axis=0)
    order = [place for place in np.argsort(-mean) if np.isfinite(mean[place])]
    # One of the 36 classes, a target, has no test clip.
    assert len(order) == 35
    assert [label.get_text() for label in axes.get_yticklabels()] == list(
        tables[0]["name"].iloc[order]
    )
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(mean[order])
    for bar, place in zip(axes.patches, order, strict=True):
        colour = TARGET if tables[0]["target"][place] else OTHER
        assert to_hex(bar.get_facecolor()) == colour.lower()
    assert len(axes.lines) == 3
    assert axes.get_xlabel() == "Mean response of selective units (activation, a.u.)"
    assert figure.get_suptitle() == "natural (3 networks)"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[0] == "Music (7 classes)"
    assert legend[1] == "other (28 classes)"


def test_of_many_classes_all_are_ranked_and_the_ends_named():
    tables = _tables(n_classes=527, n_target=150)
    figure = class_responses(tables, "natural", "Music")
    ranks, first, last = figure.axes
    heights = [bar.get_height() for bar in ranks.patches]
    assert len(heights) == 526
    assert heights == sorted(heights, reverse=True)
    assert [bar.get_width() for bar in first.patches] == heights[:25]
    assert [bar.get_width() for bar in last.patches] == heights[-25:]
    assert first.get_xlim() == last.get_xlim()


def test_long_names_are_cut_and_odd_ones_shown_as_they_are():
    names = ["x" * 90, "a_b $5$ 100%", "_hidden"] + [f"class {n}" for n in range(5)]
    (axes,) = class_responses(_tables(1, n_classes=8, names=names), "natural", "Music").axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert {"a_b $5$ 100%", "_hidden"} <= set(labels)
    assert max(map(len, labels)) == 34


def test_a_class_heard_by_one_network_only_is_drawn():
    tables = _tables(2, n_classes=5, n_target=2)
    tables[0].loc[0, "response"] = np.nan
    (axes,) = class_responses(tables, "natural", "Music").axes
    assert len(axes.patches) == 4


def test_tables_that_do_not_fit_are_named(tmp_path):
    tables = _tables(2)
    tables[1]["mid"] = tables[1]["mid"].to_numpy()[::-1]
    paths = [tmp_path / "a.tsv", tmp_path / "b.tsv"]
    for path, table in zip(paths, tables, strict=True):
        write_table(path, table, CLASS_RESPONSES)
    out = {"svg": tmp_path / "a.svg", "png": tmp_path / "a.png"}
    with pytest.raises(
        InputError, match=r"b\.tsv: damaged table \(its classes are not those of .*a\.tsv"
    ):
        plot_class_responses(paths, "natural", "Music", **out)
    tables[0]["response"] = np.nan
    write_table(paths[0], tables[0], CLASS_RESPONSES)
    with pytest.raises(InputError, match=r"a\.tsv: has no class with a response"):
        plot_class_responses(paths[:1], "natural", "Music", **out)
