"""How responses change with the length of segments: against SciPy, from planted responses."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from music_detectors.common.tables import read_table, write_table
from music_detectors.quilts.columns import QUILT_CONDITIONS, QUILT_INTACT
from music_detectors.quilts.conditions import compare_quilts, compared
from music_detectors.quilts.inference import mean_with_test
from music_detectors.quilts.lengths import correlation, over_lengths, over_networks

LENGTHS = [50.0, 100.0, 400.0, 1600.0]


def responses(seeds=(1, 2, 3), rise=0.1, noise=0.05, draw=1):
    """A responses.tsv in which the response to target clips rises by `rise` an octave."""
    random = np.random.default_rng(draw)
    rows = []
    for seed in seeds:
        for role, slope in (("target", rise), ("other", 0.0)):
            for length in (np.nan, *LENGTHS):
                octaves = np.log2(1600 if np.isnan(length) else length)
                rows.append(
                    {
                        "seed": seed,
                        "split": "test",
                        "stimulus": "intact" if np.isnan(length) else f"quilt-{length:g}ms",
                        "segment_ms": length,
                        "group": "most",
                        "role": role,
                        "n_clips": 20,
                        "response": 1 + slope * octaves + noise * random.standard_normal(),
                    }
                )
    return pd.DataFrame(rows)


def intact_table(table):
    """Return the columns of intact.tsv that are used, from a responses.tsv."""
    whole = table[table["segment_ms"].isna()].set_index(["seed", "role"])["response"]
    quilts = table[table["segment_ms"].notna()].copy()
    of_intact = whole.loc[pd.MultiIndex.from_frame(quilts[["seed", "role"]])].to_numpy()
    quilts["intact"], quilts["relative"] = of_intact, quilts["response"] / of_intact
    quilts["difference"] = quilts["response"] - of_intact
    return quilts


def test_slope_and_correlation_of_each_network_are_scipys():
    table = responses()
    found = over_lengths(table)
    assert len(found) == 3 * 2 and set(found["n_lengths"]) == {4}
    for row in found.itertuples():
        of_one = table[(table["seed"] == row.seed) & (table["role"] == row.role)]
        quilts = of_one[of_one["segment_ms"].notna()]
        line = stats.linregress(np.log2(quilts["segment_ms"]), quilts["response"])
        assert row.r == pytest.approx(line.rvalue) and row.slope == pytest.approx(line.slope)
        intact = of_one.loc[of_one["stimulus"] == "intact", "response"].iloc[0]
        assert row.slope_relative == pytest.approx(line.slope / intact)


def test_a_constant_response_has_no_correlation():
    found = over_lengths(responses(noise=0.0, rise=0.0))
    assert found["r"].isna().all() and (found["slope"] == 0).all()


def test_the_studys_correlation_is_over_networks_and_lengths():
    table = responses(seeds=(1, 2, 3, 4, 5))
    lengths = over_lengths(table)
    found = correlation(table, lengths).set_index("role")
    for role, rows in table[table["segment_ms"].notna()].groupby("role"):
        expected = stats.pearsonr(np.log2(rows["segment_ms"]), rows["response"])
        of_role = lengths[lengths["role"] == role]
        slopes = stats.ttest_1samp(of_role["slope"], 0)
        row = found.loc[role]
        assert (row["n_networks"], row["n_points"]) == (5, 20)
        np.testing.assert_allclose(
            row[["r", "p", "r_mean", "slope", "t", "p_slope"]].to_numpy(float),
            [
                expected.statistic,
                expected.pvalue,
                of_role["r"].mean(),
                of_role["slope"].mean(),
                slopes.statistic,
                slopes.pvalue,
            ],
        )
    assert found.loc["target", "p"] < 1e-6 < 0.01 < found.loc["other", "p"]


def test_the_p_of_the_printed_correlation_is_that_of_thirty_points():
    # The article prints r = 0.38 with p = 0.036 for other sounds. Planted points have exactly r.
    lengths = np.tile(np.log2([50, 100, 200, 400, 800, 1600]), 5)
    x = (lengths - lengths.mean()) / lengths.std()
    rest = np.random.default_rng(2).standard_normal(30)
    rest -= rest.mean() + x * (rest @ x) / 30
    y = 0.384 * x + np.sqrt(1 - 0.384**2) * rest / rest.std()
    table = pd.DataFrame({"segment_ms": 2**lengths, "response": y, "seed": np.repeat(range(5), 6)})
    table = table.assign(split="test", group="most", role="other")
    none = pd.DataFrame({"split": [], "group": [], "role": [], "slope": [], "r": []})
    found = correlation(table, none).iloc[0]
    assert found["r"] == pytest.approx(0.384) and found["p"] == pytest.approx(0.036, abs=5e-4)


def test_each_length_is_compared_with_intact_over_networks():
    table = intact_table(responses())
    found = over_networks(table)
    assert len(found) == 2 * 4
    for role, rows in found.groupby("role"):
        p = []
        for row in rows.itertuples():
            of_length = table[(table["role"] == role) & (table["segment_ms"] == row.segment_ms)]
            expected = stats.ttest_1samp(of_length["difference"], 0)
            interval = stats.t.interval(
                0.95, 2, of_length["relative"].mean(), stats.sem(of_length["relative"])
            )
            assert row.n_networks == 3
            np.testing.assert_allclose(
                [row.relative, row.relative_low, row.relative_high, row.difference, row.t, row.p],
                [
                    of_length["relative"].mean(),
                    *interval,
                    of_length["difference"].mean(),
                    expected.statistic,
                    expected.pvalue,
                ],
            )
            p.append(expected.pvalue)
        np.testing.assert_allclose(rows["p_holm"], multipletests(p, method="holm")[1])


def test_one_network_has_a_mean_and_no_test():
    found = over_networks(intact_table(responses(seeds=[3])))
    assert (found["n_networks"] == 1).all() and found["relative"].notna().all()
    assert found[["relative_low", "relative_high", "t", "p", "p_holm"]].isna().all(axis=None)


def test_missing_values_are_not_averaged_away():
    assert np.isnan(mean_with_test(np.array([1.0, np.nan])).mean)
    assert np.isnan(mean_with_test(np.array([])).mean)
    equal = mean_with_test(np.array([2.0, 2.0]))
    assert equal[:3] == (2, 2, 2) and np.isnan(equal.t) and np.isnan(equal.p)


def test_conditions_are_compared_by_seed():
    natural = intact_table(responses(rise=0.2, seeds=(1, 2, 3, 4)))
    flat = intact_table(responses(rise=0.0, seeds=(4, 2, 1), draw=2))
    found = compared(flat, natural)
    assert len(found) == 2 * 4 and set(found["n_networks"]) == {3}
    for row in found.itertuples():
        pair = [
            table[(table["role"] == row.role) & (table["segment_ms"] == row.segment_ms)]
            .set_index("seed")
            .loc[[1, 2, 4], "relative"]
            for table in (flat, natural)
        ]
        expected = stats.ttest_rel(*pair)
        interval = expected.confidence_interval()
        np.testing.assert_allclose(
            [row.relative, row.relative_reference, row.difference, row.t, row.p, row.low, row.high],
            [
                pair[0].mean(),
                pair[1].mean(),
                (pair[0] - pair[1]).mean(),
                expected.statistic,
                expected.pvalue,
                interval.low,
                interval.high,
            ],
        )
    shortest = found[(found["role"] == "target") & (found["segment_ms"] == 50)].iloc[0]
    assert shortest["difference"] > 0.2 and shortest["p_holm"] < 0.05


def test_a_fixed_model_is_compared_with_every_network():
    natural = intact_table(responses(rise=0.2, seeds=(1, 2, 3)))
    fixed = intact_table(responses(rise=0.0, seeds=[1], draw=2))
    for one, other, sign in ((fixed, natural, 1), (natural, fixed, -1)):
        found = compared(one, other)
        assert set(found["n_networks"]) == {3}
        row = found[(found["role"] == "target") & (found["segment_ms"] == 50)].iloc[0]
        values = [
            table[(table["role"] == "target") & (table["segment_ms"] == 50)]["relative"].to_numpy()
            for table in (fixed, natural)
        ]
        expected = stats.ttest_1samp(values[0][0] - values[1], 0)
        assert sign * row["t"] == pytest.approx(expected.statistic)
        assert row["p"] == pytest.approx(expected.pvalue)


def test_the_table_of_conditions(tmp_path):
    paths = {}
    for draw, name in enumerate(("shuffled", "natural", "mine")):
        paths[name] = tmp_path / f"{name}.tsv"
        write_table(paths[name], intact_table(responses(draw=draw)), QUILT_INTACT)
    compare_quilts(paths, tmp_path / "conditions.tsv", reference="natural")
    found = read_table(tmp_path / "conditions.tsv", QUILT_CONDITIONS)
    assert found["condition"].unique().tolist() == ["shuffled", "mine"]
    assert set(found["reference"]) == {"natural"} and len(found) == 2 * 2 * 4
    compare_quilts({"natural": paths["natural"]}, tmp_path / "one.tsv", reference="natural")
    assert read_table(tmp_path / "one.tsv", QUILT_CONDITIONS).empty
