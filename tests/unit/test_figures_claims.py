"""The figure of the claims."""

import numpy as np
import pytest

from music_detectors.claims.assess import estimates_table
from music_detectors.claims.columns import CLAIMS, ESTIMATES, VERDICTS, WHOLE
from music_detectors.claims.inference import claims_table
from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.figures.claims import claims_figure, plot_claims
from support.claim_tables import Tables


def _tables(parts):
    return claims_table(parts, alpha=0.05, min_networks=5), estimates_table(parts)


def _titles(figure):
    return [axes.get_title("left") for axes in figure.axes if axes.get_title("left")]


def test_every_part_has_a_row_with_its_networks_and_ends():
    claims, estimates = _tables(Tables().parts())
    figure = claims_figure(claims, estimates)
    parts = claims[claims["part"] != WHOLE]
    names = [label.get_text() for axes in figure.axes for label in axes.get_yticklabels()]
    assert sorted(names) == sorted(parts["part"])
    assert [title[0] for title in _titles(figure)] == list("123456")
    assert {axes.get_title("right") for axes in figure.axes} - {""} == {"supported"}
    first = figure.axes[0]
    row = parts.iloc[0]
    dots = next(line for line in first.lines if line.get_marker() == "o")
    of_part = estimates[(estimates["claim"] == row["claim"]) & (estimates["part"] == row["part"])]
    assert list(dots.get_xdata()) == pytest.approx(list(of_part["estimate"]))
    spans = [tuple(line.get_xdata()) for line in first.lines if len(line.get_xdata()) == 2]
    assert (row["low"], row["high"]) in spans
    assert any(text.get_text().endswith("5 networks") for text in first.texts)


def test_the_verdict_stands_beside_its_claim():
    claims, estimates = _tables(Tables(("apart",)).parts())
    figure = claims_figure(claims, estimates)
    shown = [axes.get_title("right") for axes in figure.axes if axes.get_title("right")]
    assert shown == list(claims.loc[claims["part"] == WHOLE, "verdict"])


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_networks_are_drawn_legibly(seeds):
    claims, estimates = _tables(Tables(seeds=seeds).parts())
    figure = claims_figure(claims, estimates)
    for axes in figure.axes:
        low, high = axes.get_xlim()
        assert np.isfinite([low, high]).all() and high - low < 20


def test_claims_without_any_estimate_are_drawn():
    figure = claims_figure(*_tables([]))
    assert len(figure.axes) == len(CLAIMS)
    assert all(axes.texts[0].get_text() == "nothing was measured" for axes in figure.axes)
    parts = Tables().parts()
    for part in parts:
        part.values.update(dict.fromkeys(part.values, np.nan))
    texts = [text.get_text() for axes in claims_figure(*_tables(parts)).axes for text in axes.texts]
    assert set(texts) == {"not measured"}


def test_the_files_are_written_and_a_lacking_claim_is_named(tmp_path):
    claims, estimates = _tables(Tables().parts())
    paths = [tmp_path / name for name in ("claims.tsv", "estimates.tsv", "a.svg", "a.png")]
    write_table(paths[0], claims, VERDICTS)
    write_table(paths[1], estimates, ESTIMATES)
    plot_claims(*paths)
    assert paths[2].stat().st_size and paths[3].stat().st_size
    write_table(paths[0], claims[claims["claim"] != "lesion"], VERDICTS)
    with pytest.raises(InputError, match=r"claims\.tsv: damaged table \(lacks lesion"):
        plot_claims(*paths)
