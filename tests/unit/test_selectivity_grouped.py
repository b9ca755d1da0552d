"""Cluster-robust t and the interval of Hedges' g, compared with other libraries, and coverage."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from music_detectors.common.errors import InputError
from music_detectors.common.parts import Parts
from music_detectors.selectivity.effects import effects, hedges_g, moments
from music_detectors.selectivity.grouped import grouped_effects


def alone(n_target, n_other):
    return Parts(np.arange(n_target + n_other), np.arange(n_target + n_other) < n_target)


def grouped(sizes_target, sizes_other, both=0):
    """Return the group of each clip, target first, the first `both` groups of each role shared."""
    target = np.repeat(np.arange(len(sizes_target)), sizes_target)
    first = len(sizes_target) - both
    numbers = np.r_[np.arange(both), np.arange(first + both, first + len(sizes_other))]
    return np.r_[target, np.repeat(numbers, sizes_other)], len(target)


def responses_of(group, units, icc=0.5, seed=0):
    random = np.random.default_rng(seed)
    shared = random.normal(size=(group.max() + 1, units))[group]
    return np.sqrt(icc) * shared + np.sqrt(1 - icc) * random.normal(size=(len(group), units))


def test_t_of_single_clips_is_welchs():
    random = np.random.default_rng(1)
    target = random.gamma(1, 1, (23, 70)).astype(np.float32) + np.float32(1000)
    other = random.gamma(2, 1, (31, 70)).astype(np.float32)
    target[:, 3:] -= 999
    found = grouped_effects(np.concatenate([target, other]), alone(23, 31))["cluster_t"]
    np.testing.assert_allclose(found, effects(target, other)["welch_t"], rtol=1e-9)


def test_t_of_recordings_equals_statsmodels_up_to_the_factor_of_few_groups():
    group, n_target = grouped([3, 1, 7, 2, 2], [1, 4, 4, 9, 1, 1, 2, 2])
    y = responses_of(group, 6)
    is_target = np.arange(len(group)) < n_target
    found = grouped_effects(y, Parts(group, is_target))["cluster_t"]
    design = np.column_stack([is_target, ~is_target]).astype(float)
    for unit, t in zip(y.T, found, strict=True):
        cluster = {"groups": group, "use_correction": False}
        fit = OLS(unit, design).fit(cov_type="cluster", cov_kwds=cluster)
        variance = np.diag(fit.cov_params()) * [5 / 4, 8 / 7]
        assert t == pytest.approx((fit.params[0] - fit.params[1]) / np.sqrt(variance.sum()))


def test_in_recordings_with_both_roles_what_they_share_cancels():
    # Every group has three clips of each role: t is that of the paired differences of sums.
    group = np.tile(np.repeat(np.arange(9), 3), 2)
    y = responses_of(group, 5, icc=0.8)
    y[:27] += 0.3
    found = grouped_effects(y, Parts(group, np.arange(54) < 27))["cluster_t"]
    target, other = (part.reshape(9, 3, 5).mean(axis=1) for part in (y[:27], y[27:]))
    np.testing.assert_allclose(found, stats.ttest_rel(target, other).statistic, rtol=1e-10)
    apart = Parts(np.repeat(np.arange(18), 3), np.arange(54) < 27)
    assert (np.abs(found) > np.abs(grouped_effects(y, apart)["cluster_t"])).mean() > 0.5


@pytest.mark.parametrize("both", [0, 3])
def test_the_interval_equals_a_jackknife_in_a_loop(both):
    group, n_target = grouped([3, 1, 7, 2, 2], [1, 4, 4, 9, 1, 1, 2, 2], both)
    y = responses_of(group, 4).astype(np.float32)
    y[:, 1] = np.maximum(y[:, 1], 0)
    is_target = np.arange(len(group)) < n_target
    found = grouped_effects(y, Parts(group, is_target))
    factor = hedges_g(moments(y[is_target]), moments(y[~is_target]))

    def d(kept):
        a, b = (y[role & kept].astype(np.float64) for role in (is_target, ~is_target))
        squares = ((a - a.mean(axis=0)) ** 2).sum(axis=0) + ((b - b.mean(axis=0)) ** 2).sum(axis=0)
        return (a.mean(axis=0) - b.mean(axis=0)) / np.sqrt(squares / (len(a) + len(b) - 2))

    factor = factor / d(np.ones(len(group), dtype=bool))
    changes, spent = {}, []
    for role in (is_target, ~is_target):
        names = np.unique(group[role])
        left_out = np.array([d(~(role & (group == name))) for name in names])
        scaled = (left_out - left_out.mean(axis=0)) * np.sqrt(1 - 1 / len(names))
        spent.append((np.square(scaled).sum(axis=0), len(names) - 1))
        for name, change in zip(names, scaled, strict=True):
            changes[name] = changes.get(name, 0) + change
    variance = sum(np.square(change) for change in changes.values())
    (a, df_a), (b, df_b) = spent
    half = stats.t.ppf(0.975, (a + b) ** 2 / (a**2 / df_a + b**2 / df_b)) * np.sqrt(variance)
    g = effects(y[is_target], y[~is_target])["hedges_g"]
    np.testing.assert_allclose(found["hedges_g_low"], g - factor * half, rtol=1e-9)
    np.testing.assert_allclose(found["hedges_g_high"], g + factor * half, rtol=1e-9)


def covered(draw, true, runs):
    """Return the share of intervals that hold `true`, and that of those above and below it."""
    inside = above = below = units = 0
    for run in range(runs):
        responses, parts = draw(np.random.default_rng(run))
        found = grouped_effects(responses, parts)
        low, high = found["hedges_g_low"], found["hedges_g_high"]
        units += len(low)
        inside += ((low <= true) & (true <= high)).sum()
        above, below = above + (low > true).sum(), below + (high < true).sum()
    return inside / units, above / units, below / units


def test_the_interval_of_single_clips_covers_the_effect_with_95_percent():
    def draw(random):
        parts = alone(30, 90)
        return random.normal(0, 1, (120, 1500)) + 0.6 * (np.arange(120) < 30)[:, None], parts

    # 1,500 units as 1,500 experiments have a standard error of 0.0056.
    inside, above, below = covered(draw, 0.6, 1)
    assert inside == pytest.approx(0.95, abs=0.017)
    assert min(above, below) > 0.01


def test_the_interval_of_few_recordings_covers_the_effect_with_95_percent():
    # 8 and 24 recordings of 1 to 12 clips, half of whose variance is the recording's; each run
    # draws sizes anew.
    def draw(random):
        sizes = np.minimum(random.geometric(0.25, size=32), 12)
        group, n_target = grouped(sizes[:8], sizes[8:])
        y = responses_of(group, 60, seed=random)
        is_target = np.arange(len(group)) < n_target
        return y + 0.6 * is_target[:, None], Parts(group, is_target)

    # 60 runs of 60 units have a standard error of 0.0036 if sizes do not matter.
    assert covered(draw, 0.6, 60)[0] == pytest.approx(0.95, abs=0.025)


def test_the_interval_contains_g_and_narrows_with_more_recordings():
    widths = []
    for n in (20, 500):
        group = np.repeat(np.arange(3 * n), 2)
        y = responses_of(group, 30)
        y[: 2 * n] += 1
        found = grouped_effects(y, Parts(group, np.arange(6 * n) < 2 * n))
        g = effects(y[: 2 * n], y[2 * n :])["hedges_g"]
        assert ((found["hedges_g_low"] < g) & (g < found["hedges_g_high"])).all()
        widths.append((found["hedges_g_high"] - found["hedges_g_low"]).mean())
    assert widths[1] < widths[0] / 3


def test_constant_units_have_no_difference_and_the_interval_zero():
    target, other = np.full((5, 2), 0.1, np.float32), np.full((9, 2), 0.1, np.float32)
    target[:, 1], other[:, 1] = np.arange(5), np.arange(9)
    found = grouped_effects(np.concatenate([target, other]), alone(5, 9))
    assert [values[0] for values in found.values()] == [0, 0, 0]
    assert found["hedges_g_low"][1] < found["hedges_g_high"][1]


def test_units_whose_error_cannot_be_told_have_an_infinite_interval():
    # Constant within both roles; and constant without the one clip that differs.
    target, other = np.float32([[3, 1], [3, 1], [3, 1]]), np.float32([[1, 0], [1, 0], [1, 5]])
    found = grouped_effects(np.concatenate([target, other]), alone(3, 3))
    assert found["cluster_t"][0] == np.inf and np.isfinite(found["cluster_t"][1])
    assert found["hedges_g_low"].tolist() == [-np.inf, -np.inf]
    assert found["hedges_g_high"].tolist() == [np.inf, np.inf]


def test_one_response_that_is_not_zero_has_finite_ends_on_all_scales():
    # One clip in 65 drives each unit; without it, no clip differs from another.
    random = np.random.default_rng(15)
    level = random.normal(0, 1, 300) * 10.0 ** random.uniform(-3, 3, 300)
    target, other = np.tile(level, (40, 1)), np.tile(level, (25, 1))
    other[7] += random.uniform(0.5, 2, 300) * 10.0 ** random.uniform(-3, 3, 300)
    responses = np.concatenate([target, other]).astype(np.float32)
    found = grouped_effects(responses, alone(40, 25))
    low, high = found["hedges_g_low"], found["hedges_g_high"]
    assert np.isfinite([low, high]).all() and (low < 0).all() and (high > 0).all()


def test_responses_that_are_not_numbers_are_refused():
    y = np.zeros((9, 3))
    y[2, 1] = np.nan
    with pytest.raises(InputError, match=r"unit 1 to clip 2 \(both from 0\) is nan, not a finite"):
        grouped_effects(y, alone(4, 5))
