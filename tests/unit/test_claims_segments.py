"""The effects of segment length, against least squares by SciPy and hand-made cases."""

import numpy as np
import pytest
from scipy import stats

from music_detectors.claims.estimates.segments import segment_effects, share_of_intact
from support.segment_tables import quilt


def effects(table):
    return segment_effects(table).loc[("most", 1)]


def test_slopes_are_least_squares_in_sds_of_responses_to_intact_clips():
    table = quilt((0.1, 0.02))
    table["response"] += np.random.default_rng(2).normal(0, 0.1, len(table))
    table.loc[table["role"] == "other", "response_sd"] = 1.0
    sd = np.sqrt((79 * 4 + 239 * 1) / 318)
    found = effects(table)
    slope = {}
    for role in ("target", "other"):
        rows = table[(table["role"] == role) & (table["group"] == "most")].dropna()
        line = stats.linregress(np.log2(rows["segment_ms"]), rows["response"])
        slope[role] = line.slope / sd
    assert found["target"] == pytest.approx(slope["target"])
    assert found["other"] == pytest.approx(slope["other"])
    assert found["interaction"] == pytest.approx(slope["target"] - slope["other"])
    rows = table[(table["role"] == "target") & (table["group"] == "most")]
    long = rows[rows["segment_ms"] >= 400]
    line = stats.linregress(np.log2(long["segment_ms"]), long["response"])
    assert found["long"] == pytest.approx(line.slope / sd)
    intact = table[(table["group"] == "most") & table["segment_ms"].isna()].set_index("role")
    share = intact["response"]["target"] / intact["response"]["other"]
    assert found["in proportion"] == pytest.approx(slope["target"] - share * slope["other"])
    for name, segment_ms in (("fall", 50), ("long fall", 1600)):
        quilted = rows.loc[rows["segment_ms"] == segment_ms, "response"].item()
        fall = (intact["response"]["target"] - quilted) / sd
        assert found[name] == pytest.approx(fall)


def test_two_lengths_are_all_long():
    table = quilt((0.1, 0.02))
    table = table[table["segment_ms"].isna() | table["segment_ms"].isin([50, 400])]
    assert effects(table)["long"] == pytest.approx(effects(table)["target"])


def test_losing_the_same_share_is_no_effect_in_proportion():
    """All responses lose 5% per octave: target loses more, but not in proportion."""
    found = effects(quilt((0.15, 0.075)))
    assert found["interaction"] == pytest.approx(0.0375)
    assert found["in proportion"] == pytest.approx(0, abs=1e-12)


def test_a_rise_of_other_sounds_is_no_fall_of_the_target():
    found = effects(quilt((0.0, -0.1)))
    assert found["interaction"] == pytest.approx(0.05)
    assert found["target"] == pytest.approx(0, abs=1e-12)
    assert found["fall"] == pytest.approx(0, abs=1e-12)


def test_quilts_that_all_fall_equally_show_no_effect_of_length():
    table = quilt((0.0, 0.0))
    table.loc[table["segment_ms"].isna() & (table["role"] == "target"), "response"] += 1
    found = effects(table)
    assert found["fall"] == pytest.approx(0.5)
    assert found["target"] == pytest.approx(0, abs=1e-12)


def test_a_share_of_no_response_is_missing():
    table = quilt((0.3, 0.0))
    assert share_of_intact(table, 800)[1] == pytest.approx(2.7 / 3)
    table.loc[table["segment_ms"].isna(), "response"] = 0.0
    assert np.isnan(share_of_intact(table, 800)[1])
