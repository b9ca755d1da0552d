"""The figures of lesions: bars, dose and classes."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.figures.lesion_classes import lesion_classes, plot_lesion_classes
from music_detectors.figures.lesion_dose import lesion_dose, plot_lesion_dose
from music_detectors.figures.lesions import COLOURS, lesions, nearest, plot_lesions, read_lesions
from music_detectors.lesions.columns import LESION_CLASSES, LESIONS
from support import lesion_tables

CONDITIONS = ["natural", "untrained"]


def tables(conditions=CONDITIONS, **size):
    made = {condition: lesion_tables.lesions(condition, **size) for condition in conditions}
    return {
        condition: table.assign(random=table["lesion"].str.startswith("random"))
        for condition, table in made.items()
    }


def lines_of(axes, colour, n):
    return [
        line for line in axes.lines if line.get_color() == colour and len(line.get_xdata()) == n
    ]


def test_bars_dots_and_the_random_lesions_behind_them():
    made = tables()
    figure = lesions(made, 0.125)
    natural, _ = figure.axes
    assert natural.get_title("left") == "natural (3 networks)"
    table = made["natural"]
    table = table[(table["group"] == "natural") & table["fraction"].isin([0, 0.125])]
    by_lesion = table.groupby("lesion")["mean_average_precision"]
    names = list(COLOURS)
    assert names == ["none", "bottom", "top", "middle", "norm"]
    assert [bar.get_height() for bar in natural.patches] == pytest.approx(
        [by_lesion.mean()[name] for name in names]
    )
    for place, name in enumerate(names):
        (dots,) = lines_of(natural, COLOURS[name], 3)
        assert list(dots.get_ydata()) == list(by_lesion.get_group(name))
        assert np.abs(dots.get_xdata() - place).max() < 0.41
    strips = natural.collections[::2]
    assert len(strips) == 4
    for strip in strips:
        for seed, segment in enumerate(strip.get_segments(), 1):
            drawn = table[table["random"] & (table["seed"] == seed)]["mean_average_precision"]
            assert segment[:, 1] == pytest.approx(np.quantile(drawn, [0.025, 0.975]))
    ticks = [label.get_text() for label in natural.get_xticklabels()]
    assert ticks[0] == "none\n" and ticks[2] == "top\n0%"
    assert "32 units of avgpool (12.5%)" in figure.get_supxlabel()
    assert "25 random lesions" in figure.get_supxlabel()
    assert figure.get_supylabel() == "mAP of 30 natural classes, 1,340 test clips"


def test_the_share_of_random_lesions_is_the_median_of_networks():
    made = tables(["natural"])
    table = made["natural"]
    chosen = (table["lesion"] == "norm") & (table["fraction"] == 0.125)
    chosen &= table["group"] == "natural"
    table.loc[chosen, "percentile"] = [0.9, 0.25, 0.1]
    (axes,) = lesions(made, 0.125).axes
    assert axes.get_xticklabels()[4].get_text() == "norm\n25%"


def test_the_nearest_fraction_is_shown():
    table = lesion_tables.lesions("natural")
    assert nearest(table, 0.125) == nearest(table, 0.2) == 0.125
    assert nearest(table, 0.001) == 0.03125
    # The smaller of two as near.
    assert nearest(table, (0.125 + 0.5) / 2) == 0.125


def test_one_network_and_a_group_without_classes_can_be_drawn(tmp_path):
    made = tables(["natural"], seeds=1, n_target_classes=0)
    assert len(lesions(made, 0.5).axes) == 1
    (axes,) = lesion_dose(made, "Music").axes
    assert axes.get_ylabel() == "Change of mAP of the\n30 natural classes"
    table = made["natural"]
    table.loc[:, "n_classes"] = 0
    table.loc[:, ["mean_average_precision", "change", "percentile"]] = np.nan
    for draw, name in ((plot_lesions, "a"), (plot_lesion_dose, "b")):
        write_table(tmp_path / "lesions.tsv", table, LESIONS)
        svg, png = tmp_path / f"{name}.svg", tmp_path / f"{name}.png"
        draw([tmp_path / "lesions.tsv"], ["natural"], *([0.1] if name == "a" else ["x"]), svg, png)
        assert png.stat().st_size > 1000


def test_dose_curves():
    made = tables()
    figure = lesion_dose(made, "Music")
    assert len(figure.axes) == 4
    first = figure.axes[0]
    assert first.get_title("left") == "natural (3 networks)"
    assert first.get_ylabel() == "Change of mAP of the\n30 natural classes"
    assert figure.axes[2].get_ylabel() == "Change of mAP of the\n10 classes of Music"
    assert figure.axes[2].get_xlabel() == "Silenced units of avgpool (%)"
    assert first.get_ylim() == figure.axes[1].get_ylim()
    table = made["natural"][made["natural"]["group"] == "natural"]
    for name in ("top", "middle", "bottom", "norm"):
        lines = lines_of(first, COLOURS[name], 3)
        assert len(lines) == 4
        change = table[table["lesion"] == name].groupby("fraction")["change"].mean()
        assert list(lines[-1].get_xdata()) == [3.125, 12.5, 50]
        assert lines[-1].get_ydata() == pytest.approx(change.to_numpy())
    random = table[table["random"]].groupby("fraction")["change"].mean()
    (dashed,) = [line for line in first.lines if line.get_linestyle() == "--"]
    assert dashed.get_ydata() == pytest.approx(random.to_numpy())


def test_conditions_beyond_a_row_go_on_below():
    conditions = ["natural", "full", "shuffled", "untrained", "my_own_condition_$x$"]
    made = tables(conditions)
    shown = [axes for axes in lesion_dose(made, "Music").axes if axes.axison]
    assert len(shown) == 10
    figure = lesions(made, 0.125)
    assert [axes.axison for axes in figure.axes] == [True] * 5 + [False]


def test_classes_are_sorted_by_what_the_top_lesion_costs():
    table = lesion_tables.lesion_classes()
    figure = lesion_classes(table, "natural", 0.125)
    (axes,) = figure.axes
    chosen = table[(table["lesion"] == "top") & (table["fraction"] == 0.125)]
    # The class without a test clip and those of the target are left out.
    chosen = chosen[(chosen["group"] == "natural") & (chosen["n_positive"] > 0)]
    mean = chosen.groupby("name")["change"].mean().sort_values()
    assert len(mean) == 29
    assert [label.get_text() for label in axes.get_yticklabels()] == list(mean.index)
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(list(mean))
    assert {to_hex(bar.get_facecolor()) for bar in axes.patches} == {COLOURS["top"].lower()}
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert len(dots) == 3
    assert dots[0].get_xdata() == pytest.approx(
        chosen[chosen["seed"] == 1].set_index("name")["change"][mean.index].to_numpy()
    )
    (strips,) = axes.collections
    for segment in strips.get_segments():
        # The random lesions' mean is 0.01 below that without, their standard deviation 0.02.
        assert segment[:, 0] == pytest.approx([-0.05, 0.03])
    assert "natural (3 networks): the top 12.5% of units" in figure.get_suptitle()


def test_of_many_classes_the_ends_are_named():
    table = lesion_tables.lesion_classes(n_classes=527, n_target=100)
    most, least = lesion_classes(table, "natural", 0.5).axes
    changes = [bar.get_width() for bar in (*most.patches, *least.patches)]
    assert len(changes) == 60 and changes == sorted(changes)
    assert most.get_xlim() == least.get_xlim()


def test_tables_without_lesions_are_named(tmp_path):
    table = lesion_tables.lesions("natural")
    write_table(tmp_path / "a.tsv", table[table["lesion"] != "norm"], LESIONS)
    with pytest.raises(
        InputError, match=r"a\.tsv: damaged table \(lacks some of the lesions none, bottom, top"
    ):
        read_lesions([tmp_path / "a.tsv"], ["natural"])
    table = lesion_tables.lesion_classes()
    write_table(tmp_path / "b.tsv", table[table["lesion"] == "none"], LESION_CLASSES)
    out = tmp_path / "c.svg", tmp_path / "c.png"
    with pytest.raises(InputError, match=r"b\.tsv: damaged table .has no lesion of the top units"):
        plot_lesion_classes(tmp_path / "b.tsv", "natural", 0.1, *out)


def test_tables_of_several_fractions_are_joined_with_one_row_without_lesion(tmp_path):
    paths, whole = [], {}
    for condition in CONDITIONS:
        table = lesion_tables.lesions(condition)
        whole[condition] = table
        for fraction in lesion_tables.FRACTIONS:
            paths.append(tmp_path / f"{condition}-{fraction}.tsv")
            write_table(paths[-1], table[table["fraction"].isin([0, fraction])], LESIONS)
    read = read_lesions(paths, CONDITIONS)
    keys = ["seed", "group", "lesion", "fraction"]
    for condition, table in whole.items():
        pd.testing.assert_frame_equal(
            read[condition].sort_values(keys, ignore_index=True)[list(LESIONS)],
            table.sort_values(keys, ignore_index=True)[list(LESIONS)],
            check_dtype=False,
        )


def draw_lesions(folder, *out):
    paths = [folder / f"{condition}.tsv" for condition in CONDITIONS]
    for condition, path in zip(CONDITIONS, paths, strict=True):
        write_table(path, lesion_tables.lesions(condition), LESIONS)
    plot_lesions(paths, CONDITIONS, 0.125, *out)


def draw_dose(folder, *out):
    paths = [folder / f"{condition}.tsv" for condition in CONDITIONS]
    for condition, path in zip(CONDITIONS, paths, strict=True):
        write_table(path, lesion_tables.lesions(condition), LESIONS)
    plot_lesion_dose(paths, CONDITIONS, "Music", *out)


def draw_classes(folder, *out):
    write_table(folder / "classes.tsv", lesion_tables.lesion_classes(), LESION_CLASSES)
    plot_lesion_classes(folder / "classes.tsv", "natural", 0.125, *out)


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (draw_lesions, {"natural (3 networks)", "mean without lesion"}),
        (draw_dose, {"Silenced units of avgpool (%)", "random, mean"}),
        (draw_classes, {"Change of average precision", "Sound number 5"}),
    ],
)
def test_the_same_tables_give_the_same_files_with_text(tmp_path, draw, says):
    for name in ("a", "b"):
        draw(tmp_path, tmp_path / f"{name}.svg", tmp_path / f"{name}.png")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    texts = {"".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert says <= texts
