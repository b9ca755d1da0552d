"""Permutation tests, compared with SciPy and with enumeration, and on null data."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from music_detectors.selectivity.effects import effects
from music_detectors.selectivity.permutation import (
    STATISTICS,
    PermutedStatistics,
    max_statistic_p,
    permuted_labels,
    twice_mean_ranks,
)


def skewed(clips, units, seed=0):
    return np.random.default_rng(seed).gamma(0.7, 1, (clips, units)).astype(np.float32)


def every_p_of(target, other, permutations, seed=0):
    observed = effects(target, other)
    return max_statistic_p(target, other, observed, permutations, np.random.default_rng(seed))


def p_of(target, other, permutations, seed=0):
    return every_p_of(target, other, permutations, seed)["welch_t"]


def test_permuted_labels_have_the_same_number_of_targets_and_choose_clips_uniformly():
    labels = permuted_labels(3, 9, 4000, np.random.default_rng(1))
    assert labels.shape == (4000, 12) and (labels.sum(axis=1) == 3).all()
    # 4,000 draws at 1/4: a standard error of 0.0068, five of which are allowed.
    np.testing.assert_allclose(labels.mean(axis=0), 0.25, atol=0.035)
    pairs = labels.T.astype(int) @ labels
    np.testing.assert_allclose(pairs[np.triu_indices(12, 1)] / 4000, 3 / 12 * 2 / 11, atol=0.017)


# More clips than one block of the products, and fewer.
@pytest.mark.parametrize(("clips", "n_target"), [(5000, 1200), (37, 30), (4, 2)])
def test_t_of_every_permutation_equals_scipy(clips, n_target):
    # Scales and offsets that would lose digits if responses were not centred.
    responses = skewed(clips, 9) * np.float32([1, 1e-8, 1e6, 1, 1, 1, 1, 1, 1])
    responses[:, 3] += 1000
    labels = permuted_labels(n_target, clips - n_target, 6, np.random.default_rng(2))
    found = PermutedStatistics(responses, n_target).statistics(labels)["welch_t"]
    exact = responses.astype(np.float64)
    expected = [
        stats.ttest_ind(exact[row], exact[~row], equal_var=False).statistic for row in labels
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_p_equals_a_count_of_scipys_statistics():
    target, other = skewed(25, 6, seed=1), skewed(40, 6, seed=2)
    target[:, 0] += 1
    labels = permuted_labels(25, 40, 199, np.random.default_rng(0))
    pooled = np.concatenate([target, other]).astype(np.float64)
    largest = np.array(
        [
            np.abs(stats.ttest_ind(pooled[row], pooled[~row], equal_var=False).statistic).max()
            for row in labels
        ]
    )
    t = stats.ttest_ind(pooled[:25], pooled[25:], equal_var=False).statistic
    expected = (1 + (largest[:, None] >= np.abs(t)).sum(axis=0)) / 200
    np.testing.assert_array_equal(p_of(target, other, 199), expected)


def test_a_permutation_that_returns_the_observed_labels_counts():
    # Of the 20 labellings of 3 + 3 clips only the observed one and its mirror reach its t.
    target, other = np.float32([[5], [6.5], [7.1]]), np.float32([[1], [2.3], [2.9]])
    pooled = np.concatenate([target, other])
    labels = np.zeros((20, 6), dtype=bool)
    for row, chosen in zip(labels, combinations(range(6), 3), strict=True):
        row[list(chosen)] = True
    t = np.abs(PermutedStatistics(pooled, 3).statistics(labels)["welch_t"][:, 0])
    assert (t >= t[0] * (1 - 1e-9)).sum() == 2
    # Two in twenty: 10,000 draws have a standard error of 0.003, four of which are allowed.
    assert p_of(target, other, 10_000)[0] == pytest.approx(0.1, abs=0.012)


def test_p_is_at_least_one_over_the_permutations_and_falls_with_t():
    target, other = skewed(60, 12, seed=3), skewed(90, 12, seed=4)
    target += np.linspace(0, 2, 12, dtype=np.float32)
    t, p = effects(target, other)["welch_t"], p_of(target, other, 250)
    assert p.min() == 1 / 251 and p.max() <= 1
    assert (np.diff(p[np.argsort(np.abs(t))]) <= 0).all()


def test_constant_units_do_not_affect_the_others():
    target, other = skewed(30, 5, seed=5), skewed(40, 5, seed=6)
    constant = np.full((1, 2), 0.1, dtype=np.float32)
    wide = [np.hstack([g, np.repeat(constant, len(g), axis=0)]) for g in (target, other)]
    p = p_of(*wide, 99)
    np.testing.assert_array_equal(p[:5], p_of(target, other, 99))
    np.testing.assert_array_equal(p[5:], 1)
    labels = permuted_labels(30, 40, 50, np.random.default_rng(0))
    constant_under_all = PermutedStatistics(np.concatenate(wide), 30).statistics(labels)
    for name, values in constant_under_all.items():
        assert (values[:, 5:] == (0.5 if name == "auc" else 0)).all()


def test_a_unit_with_a_single_nonzero_response_has_no_nan():
    target, other = np.zeros((3, 1), np.float32), np.zeros((4, 1), np.float32)
    other[2] = 7
    labels = permuted_labels(3, 4, 200, np.random.default_rng(0))
    # The clip's group has variance, the other none: t is that of 7/3 or 7/4 over its error, 1.
    t = PermutedStatistics(np.concatenate([target, other]), 3).statistics(labels)["welch_t"]
    np.testing.assert_allclose(np.abs(t), 1, rtol=1e-12)
    assert p_of(target, other, 99)[0] == 1


def test_observed_labels_with_infinite_t_count_when_drawn():
    # Constant within both groups: of the 56 labellings of 3 + 5 clips only the observed one is.
    target, other = np.full((3, 1), 0.1, np.float32), np.full((5, 1), 0.3, np.float32)
    assert effects(target, other)["welch_t"] == [-np.inf]
    # 10,000 draws have a standard error of 0.0013, four of which are allowed.
    assert p_of(target, other, 10_000)[0] == pytest.approx(1 / 56, abs=0.0053)


def test_the_family_wise_error_on_null_data_is_nominal():
    # 1,000 networks without an effect; correlated, skewed units and unequal groups. With 39
    # permutations p <= 0.05 has a probability of 2/40; three standard errors of 1,000 such draws
    # are 0.021.
    random = np.random.default_rng(7)
    false = dict.fromkeys(STATISTICS, 0)
    for run in range(1000):
        shared = random.normal(size=(45, 1))
        responses = np.maximum(shared + random.normal(size=(45, 8)), 0).astype(np.float32)
        for name, p in every_p_of(responses[:15], responses[15:], 39, seed=run).items():
            false[name] += p.min() <= 0.05
    for name in STATISTICS:
        assert false[name] / 1000 == pytest.approx(0.05, abs=0.021)


def test_the_same_generator_gives_the_same_p():
    target, other = skewed(30, 4, seed=8), skewed(50, 4, seed=9)
    np.testing.assert_array_equal(
        p_of(target, other, 300, seed=3), p_of(target, other, 300, seed=3)
    )
    assert (p_of(target, other, 300, seed=3) != p_of(target, other, 300, seed=4)).any()


@pytest.mark.parametrize(("clips", "n_target"), [(1500, 400), (37, 30), (4, 2)])
def test_permuted_statistics_equal_those_of_the_permuted_groups(clips, n_target):
    responses = skewed(clips, 5, seed=11)
    # With ties within and between the groups, as in rectified units.
    responses[:, 1:3] = np.round(responses[:, 1:3])
    labels = permuted_labels(n_target, clips - n_target, 5, np.random.default_rng(12))
    found = PermutedStatistics(responses, n_target).statistics(labels)
    assert set(found) == set(STATISTICS)
    for draw, row in enumerate(labels):
        expected = effects(responses[row], responses[~row])
        for name in STATISTICS:
            np.testing.assert_allclose(found[name][draw], expected[name], rtol=1e-9, atol=1e-9)
        # Whole numbers, so that ties are exact.
        np.testing.assert_array_equal(found["auc"][draw], expected["auc"])


def test_ranks_equal_scipys():
    responses = np.round(skewed(300, 7, seed=13), 1)
    expected = stats.rankdata(responses, axis=0)
    np.testing.assert_array_equal(twice_mean_ranks(responses), 2 * expected)


def test_p_of_all_statistics_equals_a_count_in_a_loop():
    target, other = skewed(25, 6, seed=1), skewed(40, 6, seed=2)
    target[:, 0] += 1
    other[:, 1] = np.round(other[:, 1])
    pooled = np.concatenate([target, other])
    labels = permuted_labels(25, 40, 199, np.random.default_rng(0))
    drawn = [effects(pooled[row], pooled[~row]) for row in labels]
    observed, found = effects(target, other), every_p_of(target, other, 199)
    for name, centre in (("d_prime", 0), ("hedges_g", 0), ("auc", 0.5)):
        largest = np.array([np.abs(values[name] - centre).max() for values in drawn])
        reached = largest[:, None] >= np.abs(observed[name] - centre) * (1 - 1e-9)
        np.testing.assert_array_equal(found[name], (1 + reached.sum(axis=0)) / 200)


def test_all_statistics_agree_where_they_must():
    # With as many targets as others d' is t over a constant. Of one unit, g goes with the
    # difference of means, and so does t, which falls with the spread within the groups.
    target, other = skewed(30, 5, seed=14), skewed(30, 5, seed=15)
    p = every_p_of(target, other, 199)
    np.testing.assert_array_equal(p["d_prime"], p["welch_t"])
    one = every_p_of(target[:, :1] + np.float32(0.3), other[:, :1], 199)
    assert one["hedges_g"] == one["welch_t"] == one["d_prime"]
