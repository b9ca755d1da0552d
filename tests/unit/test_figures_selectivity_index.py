"""The figure of the distribution of the selectivity index."""

import numpy as np
import pytest
from scipy import stats

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.figures.selectivity_index import plot_selectivity_index, selectivity_index
from music_detectors.selectivity.columns import UNITS
from support import figure_tables


def _units(conditions=figure_tables.CONDITIONS, seeds=3):
    layers = (("avgpool", 256),)
    return {
        condition: [figure_tables.units(condition, seed, layers) for seed in range(1, seeds + 1)]
        for condition in conditions
    }


def _curves(axes):
    return [line for line in axes.lines if len(line.get_xdata()) > 100]


def test_each_network_is_a_density_of_its_units():
    units = _units()
    figure = selectivity_index(units, "avgpool", "Music")
    assert len(figure.axes) == 4
    for axes, (condition, tables) in zip(figure.axes, units.items(), strict=True):
        assert axes.get_title("left") == f"{condition} (3 networks of 256 units)"
        assert len(_curves(axes)) == 3
        for curve, table in zip(_curves(axes), tables, strict=True):
            grid, density = curve.get_data()
            # Per cent over the whole axis; the ends cut off less than 1 %.
            assert np.trapezoid(density, grid) == pytest.approx(100, abs=1)
            values = table["welch_t"].to_numpy()
            scale = min(values.std(), stats.iqr(values) / 1.349)
            bandwidth = max(0.9 * scale * 256**-0.2, 2 * (grid[1] - grid[0]))
            reference = stats.gaussian_kde(values, bandwidth / values.std(ddof=1))
            # SciPy sums the same kernels, in another order.
            assert density == pytest.approx(100 * reference(grid), rel=1e-6, abs=1e-9)
    label = figure.axes[-1].get_xlabel()
    assert "Welch t, 5,036 Music against 13,324 other clips" in label and "avgpool" in label
    assert figure.get_supylabel() == "Units (% per unit of t)"


def test_the_threshold_is_the_least_index_of_the_selective_units():
    units = _units(["natural"])
    (axes,) = selectivity_index(units, "avgpool", "Music").axes
    least = [np.sort(table["welch_t"])[-32] for table in units["natural"]]
    dashed = next(line for line in axes.lines if line.get_linestyle() == "--")
    assert dashed.get_xdata()[0] == pytest.approx(np.mean(least))
    ticks = next(line for line in axes.lines if line.get_marker() == "|")
    assert ticks.get_xdata() == pytest.approx(least)
    assert any(text.get_text() == f"top 12.5%: t ≥ {np.mean(least):.1f}" for text in axes.texts)


def test_dead_units_and_units_all_alike_are_drawn():
    units = _units(["natural"], seeds=1)
    units["natural"][0].loc[:10, "welch_t"] = np.nan
    assert len(_curves(selectivity_index(units, "avgpool", "Music").axes[0])) == 1
    units["natural"][0]["welch_t"] = 0.0
    (curve,) = _curves(selectivity_index(units, "avgpool", "Music").axes[0])
    assert np.isfinite(curve.get_ydata()).all() and curve.get_ydata().max() > 0


def test_without_selective_units_there_is_no_threshold():
    units = _units(["natural"], seeds=1)
    units["natural"][0]["selective"] = False
    (axes,) = selectivity_index(units, "avgpool", "Music").axes
    assert not any(line.get_linestyle() == "--" for line in axes.lines)


def test_a_table_without_the_layer_is_named(tmp_path):
    table = figure_tables.units("natural", 1)
    write_table(tmp_path / "units.tsv", table, UNITS)
    with pytest.raises(InputError, match=r"units\.tsv: has no unit of layer fc1"):
        plot_selectivity_index(
            [tmp_path / "units.tsv"],
            [["natural", 1]],
            "fc1",
            "Music",
            tmp_path / "a.svg",
            tmp_path / "a.png",
        )
