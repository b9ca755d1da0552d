"""The statistics of a unit, compared with SciPy, scikit-learn and values by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from music_detectors.common.errors import InputError
from music_detectors.selectivity.effects import (
    auc,
    d_prime,
    degrees_of_freedom,
    effects,
    hedges_g,
    moments,
    p_value,
    response_ratio,
    welch_t,
)

NAMES = {
    "mean_target",
    "mean_other",
    "welch_t",
    "degrees_of_freedom",
    "p",
    "d_prime",
    "auc",
    "hedges_g",
}


def groups(n_target=40, n_other=130, units=150, seed=1):
    """Return responses like a network's: skewed, with many zeros, units on different scales."""
    random = np.random.default_rng(seed)
    scale = 10.0 ** random.uniform(-6, 4, units)
    target = random.gamma(1.5, 1, (n_target, units)) + random.normal(0.1, 0.2, units)
    other = random.gamma(1, 1, (n_other, units)) * random.uniform(0.3, 3, units)
    target[:, ::3] = np.maximum(target[:, ::3] - 1, 0)
    other[:, ::3] = np.maximum(other[:, ::3] - 1, 0)
    return (target * scale).astype(np.float32), (other * scale).astype(np.float32)


@pytest.mark.parametrize(("n_target", "n_other"), [(40, 130), (2, 2), (2, 300), (700, 3)])
def test_welch_t_and_its_p_equal_scipy(n_target, n_other):
    target, other = groups(n_target, n_other)
    found = effects(target, other)
    expected = stats.ttest_ind(target.astype(np.float64), other.astype(np.float64), equal_var=False)
    tested = np.isfinite(expected.statistic)
    assert tested.sum() > 100
    # Differences of nearly equal means lose digits in both: at most 300 x 1e-16 of the larger.
    for name, values in (
        ("welch_t", expected.statistic),
        ("degrees_of_freedom", expected.df),
        ("p", expected.pvalue),
    ):
        np.testing.assert_allclose(found[name][tested], values[tested], rtol=1e-9, atol=1e-13)


def test_very_small_p_are_accurate():
    t, freedom = np.array([-30.0, 12.0, 0.0]), np.array([14000.0, 40.5, 7.0])
    np.testing.assert_allclose(p_value(t, freedom), 2 * stats.t.sf(np.abs(t), freedom), rtol=1e-12)
    assert p_value(t, freedom)[0] < 1e-180


def test_area_under_the_curve_equals_scikit_learn_with_ties():
    target, other = groups()
    # Rounding makes ties within and between the groups.
    target, other = np.round(target, 1), np.round(other, 1)
    role = np.r_[np.ones(len(target)), np.zeros(len(other))]
    expected = [roc_auc_score(role, x) for x in np.concatenate([target, other]).T]
    np.testing.assert_allclose(auc(target, other), expected, rtol=0, atol=1e-12)


def test_statistics_by_hand():
    target, other = np.array([[4.0], [6.0], [8.0]]), np.array([[1.0], [2.0], [3.0], [6.0]])
    found = {name: values[0] for name, values in effects(target, other).items()}
    assert set(found) == NAMES
    # Means 6 and 3, sample variances 4 and 14/3.
    a, b = 4 / 3, 14 / 3 / 4
    assert found["mean_target"] == 6 and found["mean_other"] == 3
    assert found["welch_t"] == pytest.approx(3 / math.sqrt(a + b), rel=1e-14)
    freedom = (a + b) ** 2 / (a**2 / 2 + b**2 / 3)
    assert found["degrees_of_freedom"] == pytest.approx(freedom, rel=1e-14)
    assert found["d_prime"] == pytest.approx(3 / math.sqrt((4 + 14 / 3) / 2), rel=1e-14)
    # Pairs won: 4 beats 3, 6 beats 3 and ties 1, 8 beats 4.
    assert found["auc"] == pytest.approx((3 + 3.5 + 4) / 12, rel=1e-14)
    pooled = math.sqrt((2 * 4 + 3 * 14 / 3) / 5)
    correction = math.gamma(2.5) / (math.sqrt(2.5) * math.gamma(2))
    assert found["hedges_g"] == pytest.approx(correction * 3 / pooled, rel=1e-13)


@pytest.mark.parametrize("n", [2, 10, 300, 20_000])
def test_hedges_correction_is_close_to_its_usual_approximation(n):
    random = np.random.default_rng(2)
    target, other = random.normal(1, 1, (n, 3)), random.normal(0, 1, (n, 3))
    of_target, of_other = moments(target), moments(other)
    pooled = np.sqrt((target.var(axis=0, ddof=1) + other.var(axis=0, ddof=1)) / 2)
    cohen = (target.mean(axis=0) - other.mean(axis=0)) / pooled
    m = 2 * n - 2
    # 1 - 3 / (4 m - 1) is off by less than 0.04 / m^2 (0.008 at m = 2).
    np.testing.assert_allclose(
        hedges_g(of_target, of_other) / cohen, 1 - 3 / (4 * m - 1), rtol=0, atol=0.04 / m**2 + 1e-9
    )


def test_hedges_g_is_unbiased_where_cohens_d_is_not():
    random = np.random.default_rng(4)
    target, other = random.normal(0.8, 1, (4, 100_000)), random.normal(0, 1, (5, 100_000))
    g = hedges_g(moments(target), moments(other))
    # The mean of 100,000 values with a standard deviation of 0.8 lies within 0.01 (four errors).
    assert abs(g.mean() - 0.8) < 0.01
    assert g.mean() / 0.888 - 0.8 > 0.05


def test_constant_units_have_no_difference():
    target, other = groups(6, 9, units=4)
    target[:, 1] = other[:, 1] = np.float32(0.1)
    target[:, 3] = other[:, 3] = 0
    found = effects(target, other)
    for unit in (1, 3):
        assert [found[name][unit] for name in ("welch_t", "d_prime", "hedges_g")] == [0, 0, 0]
        assert found["p"][unit] == 1 and found["auc"][unit] == 0.5
        assert found["degrees_of_freedom"][unit] == 13
    assert found["mean_target"][1] == found["mean_other"][1] == np.float32(0.1)
    assert all(np.isfinite(values).all() for values in found.values())


def test_a_unit_with_one_constant_group_has_finite_effects():
    target, other = groups(30, 50, units=3)
    target[:, 0] = 0
    found = effects(target, other)
    expected = stats.ttest_ind(
        target[:, 0].astype(np.float64), other[:, 0].astype(np.float64), equal_var=False
    )
    assert found["welch_t"][0] == pytest.approx(expected.statistic, rel=1e-9)
    assert found["p"][0] == pytest.approx(expected.pvalue, rel=1e-9)


def test_constant_groups_that_differ_are_infinitely_far_apart():
    found = effects(np.full((3, 2), [0.3, 0.1]), np.full((5, 2), [0.1, 0.3]))
    for name in ("welch_t", "d_prime", "hedges_g"):
        assert found[name].tolist() == [np.inf, -np.inf]
    assert found["p"].tolist() == [0, 0] and found["auc"].tolist() == [1, 0]
    assert found["degrees_of_freedom"].tolist() == [6, 6]


seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(2, 25)


def small(seed, n_target, n_other):
    random = np.random.default_rng(seed)
    return random.normal(0, 1, (n_target, 4)), random.exponential(1, (n_other, 4))


@given(seeds, sizes, sizes, st.floats(-50, 50), st.floats(0.01, 100))
@settings(max_examples=50)
def test_shift_and_scale_change_only_the_means(seed, n_target, n_other, shift, scale):
    target, other = small(seed, n_target, n_other)
    before, after = effects(target, other), effects(target * scale + shift, other * scale + shift)
    for name in NAMES - {"mean_target", "mean_other"}:
        # A shift of 50 over a scale of 0.01 costs up to four digits of sixteen.
        np.testing.assert_allclose(after[name], before[name], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(after["mean_target"], before["mean_target"] * scale + shift)


@given(seeds, sizes, sizes)
@settings(max_examples=50)
def test_swapping_the_roles_changes_the_signs(seed, n_target, n_other):
    target, other = small(seed, n_target, n_other)
    one, swapped = effects(target, other), effects(other, target)
    for name in ("welch_t", "d_prime", "hedges_g"):
        np.testing.assert_array_equal(swapped[name], -one[name])
    for name in ("p", "degrees_of_freedom"):
        np.testing.assert_array_equal(swapped[name], one[name])
    np.testing.assert_allclose(swapped["auc"], 1 - one["auc"], rtol=0, atol=1e-15)


@given(seeds, sizes, sizes)
@settings(max_examples=50)
def test_the_order_of_clips_has_no_effect(seed, n_target, n_other):
    target, other = small(seed, n_target, n_other)
    one, turned = effects(target, other), effects(target[::-1], other[::-1])
    for name in NAMES:
        np.testing.assert_allclose(turned[name], one[name], rtol=1e-10, atol=1e-12)


def test_units_do_not_affect_each_other():
    target, other = groups(units=70)
    found = effects(target, other)
    alone = effects(target[:, 66:67], other[:, 66:67])
    for name in NAMES:
        np.testing.assert_allclose(found[name][66], alone[name][0], rtol=1e-12)


def test_null_p_values_are_uniform():
    random = np.random.default_rng(6)
    units = 4000
    target, other = random.normal(0, 1, (60, units)), random.normal(0, 2, (150, units))
    p = effects(target, other)["p"]
    # 4,000 independent units, one fixed draw: a Kolmogorov-Smirnov p below 0.001 would come by
    # chance once in a thousand seeds; an anticonservative df or variance moves it far below.
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.012)


def test_statistics_of_moments_broadcast_over_draws():
    target, other = groups(20, 30, units=5)
    one, two = moments(target), moments(other)
    stacked = [
        m._replace(mean=np.stack([m.mean] * 3), variance=np.stack([m.variance] * 3))
        for m in (one, two)
    ]
    for statistic in (welch_t, degrees_of_freedom, d_prime, hedges_g):
        np.testing.assert_array_equal(statistic(*stacked), np.stack([statistic(one, two)] * 3))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("role", [0, 1])
def test_a_response_that_is_not_finite_is_refused_not_turned_into_an_infinite_t(bad, role):
    both = [group.copy() for group in groups(6, 9, units=70)]
    both[role][4, 67] = bad
    message = rf"the response of unit 67 to clip 4 \(both from 0\) is {bad}, not a finite number"
    for function in (effects, auc):
        with pytest.raises(InputError, match=message):
            function(*both)
    with pytest.raises(InputError, match=message):
        moments(both[role])
    with pytest.raises(InputError, match="unit 0 to clip 4"):
        response_ratio(both[0][:, 67], both[1][:, 67])


def test_moments_that_are_not_numbers_are_refused():
    good = moments(np.arange(6.0).reshape(3, 2))
    for bad in (
        good._replace(mean=np.array([0, np.nan])),
        good._replace(variance=np.array([np.nan, 1])),
    ):
        for statistic in (welch_t, d_prime, hedges_g):
            for pair in ((good, bad), (bad, good)):
                with pytest.raises(InputError, match="not a number; compute them again"):
                    statistic(*pair)


def test_a_group_of_one_clip_has_no_variance_and_is_refused():
    with pytest.raises(InputError, match="1 clips in a group, but a variance needs at least two"):
        effects(np.ones((1, 3)), np.ones((5, 3)))
