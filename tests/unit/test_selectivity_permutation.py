"""Permutation tests by group, compared with SciPy, statsmodels and enumeration; null data."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from music_detectors.common.parts import Parts
from music_detectors.selectivity.effects import effects
from music_detectors.selectivity.grouped import grouped_effects
from music_detectors.selectivity.permutation import (
    STATISTICS,
    PermutedStatistics,
    permutation_p,
    twice_mean_ranks,
)


def skewed(clips, units, seed=0):
    return np.random.default_rng(seed).gamma(0.7, 1, (clips, units)).astype(np.float32)


def clips_alone(n_target, n_other):
    """Return the parts of clips that are a recording each, target first."""
    return Parts(np.arange(n_target + n_other), np.arange(n_target + n_other) < n_target)


def recordings(clips, n_target, n_groups, both=0, seed=0):
    """Return parts of clips, target first, of recordings of all sizes, `both` with both roles."""
    random = np.random.default_rng(seed)
    group = np.r_[np.arange(n_groups), random.integers(n_groups, size=clips - n_groups)]
    role = group % 3 == 0
    groups = np.r_[np.sort(group[role])[:n_target], np.sort(group[~role])[: clips - n_target]]
    is_target = np.arange(len(groups)) < min(role.sum(), n_target)
    for number in range(both):
        groups[np.flatnonzero(is_target)[-1 - number]] = groups[np.flatnonzero(~is_target)[number]]
    return Parts(groups, is_target)


def all_p_of(responses, parts, permutations, seed=0):
    is_target = parts.is_target[parts.of_clip]
    target, other = responses[is_target], responses[~is_target]
    observed = effects(target, other) | grouped_effects(responses, parts)
    draws = np.random.default_rng(seed)
    return permutation_p(responses, parts, observed, permutations, draws)


def p_of(target, other, permutations, seed=0):
    """Return own and corrected p of units where each clip is a recording."""
    parts = clips_alone(len(target), len(other))
    own, p = all_p_of(np.concatenate([target, other]), parts, permutations, seed)
    return own, p["cluster_t"]


def cluster_t_of(responses, parts, labels):
    """Return t (units,) by statsmodels' cluster-robust errors where groups have one role each."""
    is_target = labels[parts.of_clip]
    design = np.column_stack([is_target, ~is_target]).astype(float)
    t = []
    for y in responses.T.astype(np.float64):
        fit = OLS(y, design).fit(
            cov_type="cluster", cov_kwds={"groups": parts.of_clip, "use_correction": False}
        )
        error = np.diag(fit.cov_params())
        groups = np.array([labels.sum(), (~labels).sum()])
        t.append((fit.params[0] - fit.params[1]) / np.sqrt((error * groups / (groups - 1)).sum()))
    return np.array(t)


# More clips than one block of the products, and fewer.
@pytest.mark.parametrize(("clips", "n_target"), [(5000, 1200), (37, 30), (4, 2)])
def test_t_of_every_permutation_of_single_clips_equals_scipy(clips, n_target):
    # Scales and offsets that would lose digits if responses were not centred.
    responses = skewed(clips, 9) * np.float32([1, 1e-8, 1e6, 1, 1, 1, 1, 1, 1])
    responses[:, 3] += 1000
    parts = clips_alone(n_target, clips - n_target)
    labels = parts.permuted(6, np.random.default_rng(2))
    found = PermutedStatistics(responses, parts).statistics(labels)["cluster_t"]
    exact = responses.astype(np.float64)
    expected = [
        stats.ttest_ind(exact[row], exact[~row], equal_var=False).statistic for row in labels
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("clips", "n_target", "n_groups"), [(1500, 500, 300), (60, 22, 12)])
def test_t_of_permuted_recordings_equals_statsmodels(clips, n_target, n_groups):
    parts = recordings(clips, n_target, n_groups)
    responses = skewed(len(parts.of_clip), 4, seed=n_groups)
    labels = parts.permuted(5, np.random.default_rng(2))
    found = PermutedStatistics(responses, parts).statistics(labels)["cluster_t"]
    for row, values in zip(labels, found, strict=True):
        np.testing.assert_allclose(values, cluster_t_of(responses, parts, row), rtol=1e-8)


@pytest.mark.parametrize(
    "parts",
    [
        clips_alone(400, 1100),
        clips_alone(30, 7),
        clips_alone(2, 2),
        recordings(1500, 500, 300, both=3),
        recordings(60, 22, 12, both=2),
        # Pairs of single clips.
        Parts([0, 1, 2, 3, 0, 1, 4, 5, 6], np.arange(9) < 4),
    ],
    ids=["many", "few", "four", "recordings", "few recordings", "pairs"],
)
def test_permuted_statistics_equal_those_of_the_permuted_roles(parts):
    responses = skewed(len(parts.of_clip), 5, seed=11)
    # With ties within and between the roles, as in rectified units.
    responses[:, 1:3] = np.round(responses[:, 1:3])
    labels = parts.permuted(5, np.random.default_rng(12))
    found = PermutedStatistics(responses, parts).statistics(labels)
    assert set(found) == set(STATISTICS)
    groups = np.arange(len(parts.is_target))
    groups[parts.pairs[:, 1]] = parts.pairs[:, 0]
    for draw, row in enumerate(labels):
        role = row[parts.of_clip]
        relabelled = Parts(groups[parts.of_clip], role)
        expected = effects(responses[role], responses[~role])
        expected |= grouped_effects(responses, relabelled)
        for name in STATISTICS:
            np.testing.assert_allclose(found[name][draw], expected[name], rtol=1e-9, atol=1e-9)
        # Whole numbers, so that ties are exact.
        np.testing.assert_array_equal(found["auc"][draw], expected["auc"])


def test_p_equals_a_count_of_scipys_statistics():
    target, other = skewed(25, 6, seed=1), skewed(40, 6, seed=2)
    target[:, 0] += 1
    labels = clips_alone(25, 40).permuted(199, np.random.default_rng(0))
    pooled = np.concatenate([target, other]).astype(np.float64)
    drawn = np.array(
        [stats.ttest_ind(pooled[row], pooled[~row], equal_var=False).statistic for row in labels]
    )
    t = stats.ttest_ind(pooled[:25], pooled[25:], equal_var=False).statistic
    own, corrected = p_of(target, other, 199)
    np.testing.assert_array_equal(own, (1 + (drawn >= t).sum(axis=0)) / 200)
    reached = drawn.max(axis=1)[:, None] >= t
    np.testing.assert_array_equal(corrected, (1 + reached.sum(axis=0)) / 200)


def test_p_of_all_statistics_of_recordings_equals_a_count_in_a_loop():
    parts = recordings(90, 40, 30, both=1)
    responses = skewed(len(parts.of_clip), 6, seed=1)
    responses[:40, 0] += 1
    responses[:, 1] = np.round(responses[:, 1])
    own, found = all_p_of(responses, parts, 199)
    labels = parts.permuted(199, np.random.default_rng(0))
    roles = labels[:, parts.of_clip]
    drawn = [effects(responses[row], responses[~row]) for row in roles]
    is_target = parts.is_target[parts.of_clip]
    observed = effects(responses[is_target], responses[~is_target])
    for name in ("d_prime", "hedges_g", "auc"):
        largest = np.array([values[name].max() for values in drawn])
        reached = largest[:, None] >= observed[name] - 1e-9 * np.abs(observed[name])
        np.testing.assert_array_equal(found[name], (1 + reached.sum(axis=0)) / 200)
    assert (own <= found["cluster_t"]).all() and (own < found["cluster_t"]).any()


def test_a_permutation_that_returns_the_observed_labels_counts():
    # Of the 20 labellings of 3 + 3 clips only the observed one reaches its t.
    target, other = np.float32([[5], [6.5], [7.1]]), np.float32([[1], [2.3], [2.9]])
    pooled = np.concatenate([target, other])
    labels = np.zeros((20, 6), dtype=bool)
    for row, chosen in zip(labels, combinations(range(6), 3), strict=True):
        row[list(chosen)] = True
    t = PermutedStatistics(pooled, clips_alone(3, 3)).statistics(labels)["cluster_t"][:, 0]
    assert (t >= t[0] * (1 - 1e-9)).sum() == 1
    # One in twenty: 10,000 draws have a standard error of 0.0022, four of which are allowed.
    for p in p_of(target, other, 10_000):
        assert p[0] == pytest.approx(0.05, abs=0.009)


def test_a_smaller_response_to_the_target_is_never_significant():
    target, other = skewed(40, 3, seed=1) - np.float32([3, 0, 0]), skewed(60, 3, seed=2)
    own, corrected = p_of(target, other, 199)
    assert own[0] == corrected[0] == 1


def test_p_is_at_least_one_over_the_permutations_and_falls_with_t():
    target, other = skewed(60, 12, seed=3), skewed(90, 12, seed=4)
    target += np.linspace(0, 2, 12, dtype=np.float32)
    t = effects(target, other)["welch_t"]
    own, corrected = p_of(target, other, 250)
    for p in (own, corrected):
        assert p.min() == 1 / 251 and p.max() <= 1
    assert (np.diff(corrected[np.argsort(t)]) <= 0).all()


def test_constant_units_do_not_affect_the_others():
    target, other = skewed(30, 5, seed=5), skewed(40, 5, seed=6)
    target += 1
    constant = np.full((1, 2), 0.1, dtype=np.float32)
    wide = [np.hstack([g, np.repeat(constant, len(g), axis=0)]) for g in (target, other)]
    p = p_of(*wide, 99)[1]
    np.testing.assert_array_equal(p[:5], p_of(target, other, 99)[1])
    np.testing.assert_array_equal(p[5:], 1)
    parts = clips_alone(30, 40)
    labels = parts.permuted(50, np.random.default_rng(0))
    constant_under_all = PermutedStatistics(np.concatenate(wide), parts).statistics(labels)
    for name, values in constant_under_all.items():
        assert (values[:, 5:] == (0.5 if name == "auc" else 0)).all()


def test_a_unit_with_a_single_nonzero_response_has_no_nan():
    target, other = np.zeros((3, 1), np.float32), np.zeros((4, 1), np.float32)
    other[2] = 7
    parts = clips_alone(3, 4)
    labels = parts.permuted(200, np.random.default_rng(0))
    # The clip's role has variance, the other none: t is that of 7/3 or 7/4 over its error, 1.
    t = PermutedStatistics(np.concatenate([target, other]), parts).statistics(labels)["cluster_t"]
    np.testing.assert_allclose(np.abs(t), 1, rtol=1e-12)
    assert p_of(target, other, 99)[1][0] == 1


def test_observed_labels_with_infinite_t_count_when_drawn():
    # Constant within both roles: of the 56 labellings of 3 + 5 clips only the observed one is.
    target, other = np.full((3, 1), 0.3, np.float32), np.full((5, 1), 0.1, np.float32)
    assert effects(target, other)["welch_t"] == [np.inf]
    # 10,000 draws have a standard error of 0.0013, four of which are allowed.
    assert p_of(target, other, 10_000)[1][0] == pytest.approx(1 / 56, abs=0.0053)


def test_the_same_generator_gives_the_same_p():
    target, other = skewed(30, 4, seed=8), skewed(50, 4, seed=9)
    one, again, further = (np.stack(p_of(target, other, 300, seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert (one != further).any()


def grouped_units(random, sizes, icc, units=16):
    """Return rectified, correlated units (clips, units), most of them silent for most clips."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    loads = 0.6 * random.normal(size=(4, units))
    bias = random.normal(-0.8, 0.8, units)

    def noise(columns):
        own = random.normal(size=(len(group), columns))
        return np.sqrt(icc) * random.normal(size=(len(sizes), columns))[group] + own * np.sqrt(
            1 - icc
        )

    return np.maximum(noise(4) @ loads + 0.8 * noise(units) + bias, 0) ** 1.5, group


def test_the_family_wise_error_is_nominal_with_grouped_clips_and_unequal_groups():
    # 200 networks without an effect, with 1 to 12 clips of a recording. With 39 permutations
    # p <= 0.05 has a probability of 2/40, whose standard error is 0.0154; three are allowed.
    random = np.random.default_rng(7)
    false = dict.fromkeys((*STATISTICS, "by clip"), 0)
    for run in range(200):
        sizes = np.minimum(random.geometric(0.25, size=36), 12)
        responses, group = grouped_units(random, sizes, 0.5)
        is_target = group < 12
        for name, p in all_p_of(responses, Parts(group, is_target), 39, run)[1].items():
            false[name] += p.min() <= 0.05
        alone = Parts(np.arange(len(group)), is_target)
        false["by clip"] += all_p_of(responses, alone, 39, run)[1]["cluster_t"].min() <= 0.05
    for name in STATISTICS:
        assert false[name] / 200 == pytest.approx(0.05, abs=0.046)
    # Permuting clips finds something in nearly half of them.
    assert false["by clip"] / 200 > 0.3


def test_the_family_wise_error_is_nominal_where_recordings_have_both_roles():
    # Each of 20 recordings has target clips, other clips, or both; roles mean nothing.
    random = np.random.default_rng(8)
    false = 0
    for run in range(200):
        responses, group = grouped_units(random, np.full(20, 4), 0.5)
        is_target = np.where(group < 10, np.arange(80) % 4 < 2, group < 15)
        p = all_p_of(responses, Parts(group, is_target), 39, run)[1]["cluster_t"]
        false += p.min() <= 0.05
    # The standard error of 200 draws at 2/40 is 0.0154; three are allowed.
    assert false / 200 == pytest.approx(0.05, abs=0.046)


def test_ranks_equal_scipys():
    responses = np.round(skewed(300, 7, seed=13), 1)
    expected = stats.rankdata(responses, axis=0)
    np.testing.assert_array_equal(twice_mean_ranks(responses), 2 * expected)


def test_all_statistics_agree_where_they_must():
    # With as many targets as others d' is t over a constant. Of one unit, g goes with the
    # difference of means, and so does t, which falls with the spread within the roles.
    parts = clips_alone(30, 30)
    responses = skewed(60, 5, seed=14)
    _, p = all_p_of(responses, parts, 199)
    np.testing.assert_array_equal(p["d_prime"], p["cluster_t"])
    responses[:30] += np.float32(0.3)
    own, one = all_p_of(responses[:, :1], parts, 199)
    assert own == one["hedges_g"] == one["cluster_t"] == one["d_prime"]
