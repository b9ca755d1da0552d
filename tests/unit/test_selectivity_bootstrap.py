"""Bootstrap intervals, compared with a loop over draws, and their coverage."""

import numpy as np
import pytest
from scipy import stats

from music_detectors.selectivity.bootstrap import bootstrap_counts, hedges_g_interval
from music_detectors.selectivity.effects import effects, hedges_g, moments


def test_bootstrap_counts_are_multinomial():
    counts = bootstrap_counts(8, 20_000, np.random.default_rng(1)).astype(np.int64)
    assert (counts.sum(axis=1) == 8).all()
    # Multinomial moments; the mean of 20,000 counts has a standard error of 0.0066.
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.03)
    np.testing.assert_allclose(counts.var(axis=0), 7 / 8, atol=0.05)
    assert np.cov(counts[:, 0], counts[:, 1])[0, 1] == pytest.approx(-1 / 8, abs=0.03)


def test_the_ends_equal_those_of_a_loop_over_the_same_draws():
    random = np.random.default_rng(2)
    target = random.gamma(1, 1, (23, 7)).astype(np.float32) + np.float32(1000)
    other = random.gamma(2, 1, (31, 7)).astype(np.float32)
    target[:, 3:] -= 999
    low, high = hedges_g_interval(target, other, 200, np.random.default_rng(3))
    again = np.random.default_rng(3)
    of_target, of_other = bootstrap_counts(23, 200, again), bootstrap_counts(31, 200, again)
    drawn = np.array(
        [
            hedges_g(moments(np.repeat(target, a, axis=0)), moments(np.repeat(other, b, axis=0)))
            for a, b in zip(of_target, of_other, strict=True)
        ]
    )
    in_order = np.sort(drawn, axis=0)
    # The 5th and the 195th of 200. Of responses of 1,000 with a spread of 1, float32 keeps what
    # it keeps; the sums lose six digits more at most.
    np.testing.assert_allclose(low, in_order[4], rtol=1e-9)
    np.testing.assert_allclose(high, in_order[194], rtol=1e-9)


def test_the_interval_agrees_with_scipys():
    random = np.random.default_rng(4)
    target, other = random.normal(1, 1, (50, 1)), random.normal(0, 1, (80, 1))
    low, high = hedges_g_interval(target, other, 20_000, np.random.default_rng(5))

    def statistic(a, b, axis):
        m = a.shape[axis] + b.shape[axis] - 2
        squares = (a.shape[axis] - 1) * a.var(axis=axis, ddof=1)
        squares = squares + (b.shape[axis] - 1) * b.var(axis=axis, ddof=1)
        difference = a.mean(axis=axis) - b.mean(axis=axis)
        return (1 - 3 / (4 * m - 1)) * difference / np.sqrt(squares / m)

    expected = stats.bootstrap(
        (target[:, 0], other[:, 0]),
        statistic,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(6),
        batch=2000,
    ).confidence_interval
    # Ends at 2.5 % of 20,000 draws with a spread of 0.19 have a standard error of 0.0036; the
    # difference of two, four of them.
    assert low[0] == pytest.approx(expected.low, abs=0.02)
    assert high[0] == pytest.approx(expected.high, abs=0.02)


def test_the_interval_covers_the_true_effect_with_95_percent():
    # 1,500 units as 1,500 experiments: normal responses 0.6 standard deviations apart. The units
    # share the draws, not the responses. The percentile interval of 60 + 60 clips is a little
    # narrow; 1,500 experiments have a standard error of 0.006.
    random = np.random.default_rng(7)
    target, other = random.normal(0.6, 1, (60, 1500)), random.normal(0, 1, (60, 1500))
    low, high = hedges_g_interval(target, other, 600, np.random.default_rng(8))
    covered = (low <= 0.6) & (0.6 <= high)
    assert covered.mean() == pytest.approx(0.945, abs=0.02)
    # It misses on both sides.
    assert (low > 0.6).mean() > 0.01 and (high < 0.6).mean() > 0.01


def test_the_interval_contains_g_and_narrows_with_more_clips():
    random = np.random.default_rng(9)
    widths = []
    for clips in (20, 500):
        target = random.gamma(2, 1, (clips, 30)).astype(np.float32)
        other = random.gamma(1, 1, (2 * clips, 30)).astype(np.float32)
        low, high = hedges_g_interval(target, other, 400, np.random.default_rng(10))
        g = effects(target, other)["hedges_g"]
        assert ((low < g) & (g < high)).all()
        widths.append((high - low).mean())
    assert widths[1] < widths[0] / 3


def test_constant_units_have_the_interval_zero():
    target, other = np.full((5, 2), 0.1, np.float32), np.full((9, 2), 0.1, np.float32)
    target[:, 1], other[:, 1] = np.arange(5), np.arange(9)
    low, high = hedges_g_interval(target, other, 100, np.random.default_rng(11))
    assert low[0] == high[0] == 0
    assert low[1] < high[1]


def test_draws_without_variance_give_zero_or_infinity():
    # One clip drives the first unit: most draws miss it. Two clips of each group, all different,
    # for the second: a quarter of the draws have no variance in either.
    target, other = np.float32([[0, 3], [0, 4]]), np.float32([[0, 1], [0.1, 2]])
    low, high = hedges_g_interval(target, other, 400, np.random.default_rng(12))
    assert not np.isnan([low, high]).any()
    assert high[0] == 0 and low[0] < 0
    assert high[1] == np.inf and 0 < low[1] < 5


def test_draws_without_any_response_give_zero():
    # One clip in 25 drives each unit, on scales and levels of all kinds. A third of the draws miss
    # it and must give 0, not what rounding leaves; the others are on one side of 0.
    random = np.random.default_rng(15)
    level = random.normal(0, 1, 300) * 10.0 ** random.uniform(-3, 3, 300)
    target, other = np.tile(level, (40, 1)), np.tile(level, (25, 1))
    other[7] += random.uniform(0.5, 2, 300) * 10.0 ** random.uniform(-3, 3, 300)
    low, high = hedges_g_interval(
        target.astype(np.float32), other.astype(np.float32), 200, np.random.default_rng(16)
    )
    assert (high == 0).all() and (low < 0).all()


def test_the_ends_for_few_draws():
    random = np.random.default_rng(13)
    target, other = random.normal(0, 1, (6, 3)), random.normal(0, 1, (6, 3))
    low, high = hedges_g_interval(target, other, 1, np.random.default_rng(14))
    np.testing.assert_array_equal(low, high)
