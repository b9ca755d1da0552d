"""The figure of the learning curves."""

import numpy as np
import pandas as pd
import pytest

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.figures.learning_curves import learning_curves, plot_learning_curves
from music_detectors.training.columns import HISTORY
from support import figure_tables


def _histories(conditions=figure_tables.CONDITIONS, seeds=5):
    return {
        condition: [figure_tables.history(condition, seed) for seed in range(1, seeds + 1)]
        for condition in conditions
    }


def _texts(legend):
    return [text.get_text() for text in legend.get_texts()]


def test_each_network_is_a_line_and_each_condition_a_mean():
    histories = _histories()
    figure = learning_curves(histories)
    loss, precision = figure.axes
    assert loss.get_xlabel() == precision.get_xlabel() == "Epoch"
    assert "nats" in loss.get_ylabel() and "mAP" in precision.get_ylabel()
    curves = [line for line in loss.lines if len(line.get_xdata()) == 12]
    assert len(curves) == 3 * (5 + 1)
    expected = np.mean([table["loss"] for table in histories["natural"]], axis=0)
    # A mean of five numbers around 0.1, summed in another order.
    assert curves[5].get_ydata() == pytest.approx(expected, rel=1e-12)
    assert "untrained (5 networks)" in _texts(figure.legends[0])


def test_the_epoch_that_was_kept_is_marked():
    table = figure_tables.history("natural", 1, epochs=4)
    table["validation_map"] = [0.1, 0.4, 0.4, 0.2]
    precision = learning_curves({"natural": [table]}).axes[1]
    marked = [line.get_xydata().tolist() for line in precision.lines if len(line.get_xdata()) == 1]
    assert marked == [[[2, 0.4]]]


def test_untrained_networks_stand_at_epoch_zero():
    tables = [figure_tables.history("untrained", seed) for seed in (1, 2, 3)]
    precision = learning_curves({"untrained": tables}).axes[1]
    dots, level = precision.lines
    assert dots.get_ydata().tolist() == [table["validation_map"][0] for table in tables]
    assert level.get_ydata()[0] == pytest.approx(np.mean(dots.get_ydata()))


def test_one_network_needs_no_mean():
    figure = learning_curves(_histories(["natural"], seeds=1))
    assert len(figure.axes[0].lines) == 1
    assert _texts(figure.legends[0]) == ["natural (1 network)", "epoch kept"]


def test_a_history_without_validation_is_drawn_without_a_mark():
    table = figure_tables.history("natural", 1)
    table["validation_map"] = np.nan
    figure = learning_curves({"natural": [table]})
    assert len(figure.axes[1].lines) == 1


def test_files_that_cannot_be_drawn_are_named(tmp_path):
    path = tmp_path / "history.tsv"
    write_table(path, pd.DataFrame({name: [] for name in HISTORY}).astype(HISTORY), HISTORY)
    out = {"svg": tmp_path / "a.svg", "png": tmp_path / "a.png"}
    with pytest.raises(InputError, match=r"history\.tsv: damaged table \(holds no epoch"):
        plot_learning_curves([path], [["natural", 1]], **out)
    with pytest.raises(InputError, match=r"absent\.tsv: missing table"):
        plot_learning_curves([tmp_path / "absent.tsv"], [["natural", 1]], **out)
    assert not out["svg"].exists() and not out["png"].exists()
