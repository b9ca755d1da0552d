"""The figures of profiles over probe sets show the numbers of the tables."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from music_detectors.figures.profile_categories import exceeded, profile_of_categories
from music_detectors.figures.profile_components import correlations_with_components
from music_detectors.figures.profile_sounds import profile_of_sounds, sorted_profile
from music_detectors.profiles.relative import relative
from support import figure_tables

CONDITIONS = ["natural", "untrained"]
PAIRS = [("mine", name) for name in CONDITIONS]
CATEGORIES = ["Music", "Song", "Speech", "Birds and $b$", "Nature"]


@pytest.fixture(scope="module")
def made():
    return {
        name: tables
        for name, (tables, _) in figure_tables.profiles(["mine"], CONDITIONS, 3).items()
    }


def _relative(sounds):
    """Responses (networks, sounds), each network's over its mean."""
    wide = sounds.pivot(index="seed", columns="sound", values="response")[
        sounds["sound"].unique().tolist()
    ].to_numpy()
    return wide / wide.mean(axis=1, keepdims=True)


def test_bars_are_sorted_means_over_networks_in_the_colour_of_their_category(made):
    figure = profile_of_sounds(dict(zip(PAIRS, made["sounds"], strict=True)))
    assert len(figure.axes) == 2
    for axes, sounds in zip(figure.axes, made["sounds"], strict=True):
        values = _relative(sounds)
        category = sounds.drop_duplicates("sound")["category"].to_numpy()
        order = np.argsort(-values.mean(axis=0), kind="stable")
        bars = axes.patches
        np.testing.assert_allclose([bar.get_height() for bar in bars], values.mean(axis=0)[order])
        colours = {}
        for bar, name in zip(bars, category[order], strict=True):
            assert colours.setdefault(name, bar.get_facecolor()) == bar.get_facecolor()
        assert len(set(colours.values())) == len(CATEGORIES)
        (lines,) = axes.containers[1].lines[2]
        errors = stats.sem(values, axis=0)[order]
        drawn = [np.ptp(segment[:, 1]) / 2 for segment in lines.get_segments()]
        np.testing.assert_allclose(drawn, errors)
    (legend,) = [part.legends[0] for part in figure.subfigs]
    assert [text.get_text() for text in legend.get_texts()] == CATEGORIES


def _signed(sounds):
    return sounds.assign(response=sounds["response"] - sounds["response"].mean())


def test_responses_with_signs_are_shown_in_standard_deviations(made):
    sounds = [made["sounds"][0], _signed(made["sounds"][1])]
    wide = sounds[1].pivot(index="seed", columns="sound", values="response")
    expected = (wide.T / wide.std(axis=1, ddof=1)).mean(axis=1)
    profile = sorted_profile(sounds[1])
    np.testing.assert_allclose(profile["response"], expected[profile.index])
    first, second = profile_of_sounds(dict(zip(PAIRS, sounds, strict=True))).axes
    assert first.get_title("left") == "natural, 3 networks"
    assert second.get_title("left") == "untrained, 3 networks, in standard deviations"
    read = zip(sounds, made["contrasts"], made["ratios"], strict=True)
    _, second = profile_of_categories(dict(zip(PAIRS, read, strict=True))).axes
    assert "in SDs, no ratio (n = 3)" in [text.get_text() for text in second.texts]


def test_responses_to_nothing_stay_as_they_are():
    table = pd.DataFrame({"seed": [1, 1, 2, 2], "response": [0.0, 0.0, 1.0, 3.0]})
    assert relative(table).tolist() == [0.0, 0.0, 0.5, 1.5]


def test_categories_have_the_mean_and_dots_of_their_networks(made):
    read = list(zip(made["sounds"], made["contrasts"], made["ratios"], strict=True))
    figure = profile_of_categories(dict(zip(PAIRS, read, strict=True)))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    for axes, sounds, (_, contrasts, ratios) in zip(figure.axes, made["sounds"], read, strict=True):
        values = _relative(sounds)
        category = sounds.drop_duplicates("sound")["category"].to_numpy()
        shown = [label.rpartition(" (")[0] for label in labels]
        assert sorted(shown) == sorted(CATEGORIES)
        marks = [line for line in axes.lines if line.get_marker() in ("o", "s")]
        for row, (name, mark, dots) in enumerate(zip(shown, marks, axes.collections, strict=True)):
            own = values[:, category == name].mean(axis=1)
            assert labels[row] == f"{name} ({(category == name).sum()})"
            assert mark.get_ydata()[0] == row
            np.testing.assert_allclose(mark.get_xdata()[0], own.mean())
            np.testing.assert_allclose(np.sort(dots.get_offsets()[:, 0]), np.sort(own))
            is_target = name in ("Music", "Song")
            filled = mark.get_markerfacecolor() != "white"
            assert filled == (is_target or name in exceeded(contrasts))
            assert mark.get_marker() == ("s" if is_target else "o")
        ratio = ratios["ratio"]
        expected = f"ratio {ratio.mean():.2f} ± {ratio.std():.2f} (n = 3)"
        assert expected in [text.get_text() for text in axes.texts]


def test_a_category_is_exceeded_if_every_category_of_the_target_is_above():
    table = pd.DataFrame(
        {
            "category": ["Music", "Song", "Music", "Song", "Music", "all"],
            "other": ["Birds", "Birds", "Rain", "Rain", "all", "all"],
            "p_networks_holm": [0.01, 0.04, 0.01, 0.06, np.nan, np.nan],
        }
    )
    assert exceeded(table) == {"Birds"}


def test_components_have_the_correlations_of_networks_their_mean_and_interval(made):
    read = list(zip(made["components"], made["component_means"], strict=True))
    figure = correlations_with_components(dict(zip(PAIRS, read, strict=True)))
    for axes, measure in zip(figure.axes, ("pearson", "spearman"), strict=True):
        marks = [line for line in axes.lines if line.get_marker() in ("o", "s")]
        bars = [
            line
            for line in axes.lines
            if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2
        ]
        number = 0
        for of_networks, means in read:
            for _, row in means.iterrows():
                own = of_networks.loc[of_networks["component"] == row["component"], measure]
                dots = axes.collections[number].get_offsets()[:, 1].data
                np.testing.assert_allclose(dots, own)
                np.testing.assert_allclose(marks[number].get_ydata()[0], row[measure])
                ends = [row[f"{measure}_low"], row[f"{measure}_high"]]
                np.testing.assert_allclose(bars[number].get_ydata(), ends)
                number += 1
        assert number == len(marks) == len(bars) == 6
