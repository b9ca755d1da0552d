"""Effects adjusted for covariates: statsmodels, planted confounds, degenerate cases."""

import logging
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.tools.sm_exceptions import SingularMatrixWarning
from statsmodels.tools.tools import add_constant

from music_detectors.common.errors import InputError
from music_detectors.common.parts import Parts
from music_detectors.selectivity.effects import effects
from music_detectors.selectivity.grouped import grouped_effects
from music_detectors.selectivity.partial import AdjustedModel, PermutedAdjustedModel, orthonormal
from music_detectors.selectivity.permutation import permutation_p


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def planted(n=160, units=40, k=6, seed=0):
    """Return a target, covariates that correlate with it, and responses with unequal variances."""
    random = np.random.default_rng(seed)
    target = random.random(n) < 0.35
    covariates = random.gamma(2, 1, (n, k)) * 10.0 ** np.arange(k)
    covariates[:, 0] += 1.5 * target
    signal = random.normal(0, 1, (k, units))
    responses = (covariates / covariates.std(axis=0)) @ signal
    responses += random.normal(0, 1, (n, units)) * (1 + 2 * target[:, None])
    responses += target[:, None] * np.linspace(-2, 2, units)
    return target, covariates, (responses * 10.0 ** random.uniform(-5, 5, units))


def adjusted(target, covariates, name, group=None):
    """Return the model of clips in `group`s; by default each clip is a recording."""
    group = np.arange(len(target)) if group is None else group
    return AdjustedModel(Parts(group, target), covariates, name)


def by_statsmodels(target, covariates, responses):
    varied = covariates[:, np.ptp(covariates, axis=0) > 0]
    z = (varied - varied.mean(axis=0)) / varied.std(axis=0)
    design = add_constant(np.column_stack([target.astype(float), z]), has_constant="add")
    with warnings.catch_warnings():
        # With collinear covariates it warns and uses the pseudoinverse.
        warnings.simplefilter("ignore", SingularMatrixWarning)
        fits = [OLS(y, design).fit(cov_type="HC3", use_t=True) for y in responses.T]
    return {
        "partial_difference": np.array([fit.params[1] for fit in fits]),
        "partial_t": np.array([fit.tvalues[1] for fit in fits]),
        "partial_p": np.array([fit.pvalues[1] for fit in fits]),
        "partial_d": np.array([fit.params[1] / np.sqrt(fit.mse_resid) for fit in fits]),
    }


# The last are as few clips as are taken for eight coefficients.
@pytest.mark.parametrize("n", [160, 2000, 17])
def test_effects_equal_statsmodels_with_robust_errors(n):
    target, covariates, responses = planted(n, seed=n)
    found = adjusted(target, covariates, "clips").effects(responses)
    expected = by_statsmodels(target, covariates, responses)
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-300)


def test_constant_and_collinear_covariates_change_nothing():
    target, covariates, responses = planted()
    plain = adjusted(target, covariates, "clips").effects(responses)
    more = np.column_stack(
        [
            covariates,
            np.full(len(target), 3.5),
            np.zeros(len(target)),
            covariates[:, 0] - 2 * covariates[:, 1],
            covariates[:, 2],
        ]
    )
    model = adjusted(target, more, "clips")
    assert model.df == len(target) - 8
    expected = by_statsmodels(target, more, responses)
    for name, values in model.effects(responses).items():
        np.testing.assert_allclose(values, plain[name], rtol=1e-8)
        np.testing.assert_allclose(values, expected[name], rtol=1e-7)


def test_without_covariates_two_groups_are_compared():
    target, _, responses = planted()
    found = adjusted(target, np.ones((len(target), 3)), "clips").effects(responses)
    one, two = responses[target], responses[~target]
    difference = one.mean(axis=0) - two.mean(axis=0)
    pooled = np.sqrt(
        (
            np.square(one - one.mean(axis=0)).sum(axis=0)
            + np.square(two - two.mean(axis=0)).sum(axis=0)
        )
        / (len(target) - 2)
    )
    np.testing.assert_allclose(found["partial_difference"], difference, rtol=1e-10)
    np.testing.assert_allclose(found["partial_d"], difference / pooled, rtol=1e-10)
    # By hand: HC3 is then Welch's error with n - 1 in place of n, twice.
    error = sum(g.var(axis=0, ddof=1) / (len(g) - 1) for g in (one, two))
    np.testing.assert_allclose(found["partial_t"], difference / np.sqrt(error), rtol=1e-10)


def test_an_effect_of_a_covariate_vanishes_and_a_hidden_effect_appears():
    random = np.random.default_rng(3)
    n = 2000
    target = np.arange(n) < 800
    covariate = random.normal(0, 1, n) + 1.5 * target
    made = covariate + random.normal(0, 1, n)
    hidden = target - covariate / 1.5 + random.normal(0, 1, n)
    responses = np.column_stack([made, hidden])
    raw = effects(responses[target], responses[~target])["welch_t"]
    found = adjusted(target, covariate[:, None], "clips").effects(responses)
    assert raw[0] > 15 and abs(found["partial_t"][0]) < 3
    assert abs(raw[1]) < 3 and found["partial_t"][1] > 10
    # Planted: 0 and 1 residual standard deviations; the standard error is 0.06.
    np.testing.assert_allclose(found["partial_d"], [0, 1], atol=0.25)


def test_null_units_have_uniform_p_with_confounded_covariates():
    random = np.random.default_rng(4)
    n, units = 300, 3000
    target = np.arange(n) < 90
    covariates = random.normal(0, 1, (n, 8)) + target[:, None] * random.normal(0, 0.7, 8)
    # The variance grows with a covariate, which robust errors allow for.
    noise = random.normal(0, 1, (n, units)) * (0.5 + np.abs(covariates[:, :1]))
    responses = covariates @ random.normal(0, 1, (8, units)) + noise
    p = adjusted(target, covariates, "clips").effects(responses)["partial_p"]
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.015)
    # One fixed draw; HC3 is slightly conservative.
    assert stats.kstest(p, "uniform").statistic < 0.04


def test_effects_of_a_constant_unit_and_of_one_that_equals_the_target():
    target, covariates, _ = planted()
    constant = np.full(len(target), 0.1, dtype=np.float32)
    responses = np.column_stack([constant, target, -3.0 * target, covariates[:, 1]])
    found = adjusted(target, covariates, "clips").effects(responses)
    assert found["partial_t"].tolist() == [0, np.inf, -np.inf, 0]
    assert found["partial_d"].tolist() == [0, np.inf, -np.inf, 0]
    assert found["partial_p"].tolist() == [1, 0, 0, 1]
    np.testing.assert_allclose(found["partial_difference"], [0, 1, -3, 0], atol=1e-6)


def test_clips_without_covariates_are_left_out():
    target, covariates, responses = planted()
    silent = np.zeros(len(target), dtype=bool)
    silent[[3, 77]] = True
    with_gaps = covariates.copy()
    with_gaps[3, 2:4] = np.nan
    with_gaps[77, 0] = np.nan
    model = adjusted(target, with_gaps, "clips")
    assert model.n == len(target) - 2
    expected = adjusted(target[~silent], covariates[~silent], "clips").effects(responses[~silent])
    for name, values in model.effects(responses).items():
        np.testing.assert_array_equal(values, expected[name])


def test_a_clip_with_a_covariate_of_its_own_does_not_count():
    target, covariates, responses = planted()
    own = np.zeros((len(target), 1))
    own[5] = 7
    found = adjusted(target, np.hstack([covariates, own]), "clips").effects(responses)
    rest = np.arange(len(target)) != 5
    expected = by_statsmodels(target[rest], covariates[rest], responses[rest])
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-8)


def undefined(target, covariates, message, caplog):
    with caplog.at_level(logging.WARNING):
        model = adjusted(target, covariates, "test clips")
    assert not model.defined
    assert f"test clips: no effect with covariates: {message}" in caplog.text
    found = model.effects(np.zeros((len(target), 3), dtype=np.float32))
    assert len(found) == 4 and all(np.isnan(values).all() for values in found.values())


def test_models_that_cannot_be_fitted_have_no_effects_and_log_why(caplog):
    target, covariates, _ = planted(n=15)
    undefined(target, covariates, "15 clips are too few for 8 coefficients", caplog)
    undefined(target, np.full_like(covariates, np.nan), "0 clips are too few", caplog)
    target, covariates, _ = planted()
    covariates[:, 3] = 2 + 5 * target
    undefined(target, covariates, "the covariates separate target from other clips", caplog)
    covariates[:, 3] = 1
    undefined(target | True, covariates, "the covariates separate target from other clips", caplog)
    undefined(np.arange(160) == 4, covariates, "the effect depends on a single group", caplog)


@given(st.integers(0, 2**32 - 1), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
@settings(max_examples=30)
def test_effects_do_not_depend_on_scale_and_shift(seed, shift, scale):
    target, covariates, responses = planted(n=60, units=3, k=3, seed=seed % 1000)
    responses = responses / responses.std(axis=0)
    before = adjusted(target, covariates, "clips").effects(responses)
    after = adjusted(target, covariates * scale + shift, "clips").effects(responses * scale + shift)
    for name in ("partial_t", "partial_p", "partial_d"):
        np.testing.assert_allclose(after[name], before[name], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(
        after["partial_difference"], scale * before["partial_difference"], rtol=1e-6, atol=1e-7
    )


def test_the_basis_is_orthonormal_and_spans_the_covariates():
    _, covariates, _ = planted(k=5)
    basis = orthonormal(covariates)
    assert basis.shape == (160, 6)
    np.testing.assert_allclose(basis.T @ basis, np.eye(6), atol=1e-13)
    scaled = covariates / np.abs(covariates).max(axis=0)
    np.testing.assert_allclose(basis @ (basis.T @ scaled), scaled, atol=1e-13)
    assert orthonormal(np.full((4, 3), 0.1)).shape == (4, 1)


@pytest.mark.parametrize("n", [90, 2500])
def test_permuted_effects_equal_those_of_a_new_model(n):
    target, covariates, responses = planted(n, units=12, seed=n)
    covariates[[4, 11], 1] = np.nan
    responses[:, 5] = 0.1
    model = adjusted(target, covariates, "clips")
    labels = np.random.default_rng(1).permuted(np.tile(target, (7, 1)), axis=1)
    labels[3] = target
    found = PermutedAdjustedModel(model, responses).partial_t(labels)
    for row, values in zip(labels, found, strict=True):
        expected = adjusted(row, covariates, "clips").effects(responses)["partial_t"]
        np.testing.assert_allclose(values, expected, rtol=1e-8, atol=1e-10)
    assert (found[:, 5] == 0).all()


def test_a_unit_that_equals_the_permuted_labels_has_infinite_t():
    target, covariates, responses = planted()
    responses = np.column_stack([target, responses[:, 0]])
    model = adjusted(target, covariates, "clips")
    labels = np.stack([target, np.roll(target, 1)])
    t = PermutedAdjustedModel(model, responses).partial_t(labels)
    assert t[0, 0] == np.inf and np.isfinite(t[1]).all() and np.isfinite(t[0, 1])


def test_labels_that_covariates_determine_or_that_depend_on_one_clip_count_as_extreme():
    target, covariates, responses = planted()
    own = np.zeros((len(target), 1))
    own[np.flatnonzero(target)[0]] = 1
    known = np.column_stack([covariates, own, target ^ (np.arange(len(target)) < 8)])
    model = adjusted(target, known, "clips")
    labels = np.stack([target, target ^ (np.arange(len(target)) < 8), np.roll(target, 3)])
    t = PermutedAdjustedModel(model, responses).partial_t(labels)
    assert np.isfinite(t[[0, 2]]).all() and np.isinf(t[1]).all()


def test_the_permutation_p_is_nominal_on_null_units():
    # 400 networks whose units depend only on covariates that correlate with the target.
    random = np.random.default_rng(9)
    false = 0
    for run in range(400):
        target = np.arange(70) < 25
        covariates = random.normal(0, 1, (70, 3)) + 0.8 * target[:, None]
        responses = covariates @ random.normal(0, 1, (3, 6)) + random.normal(0, 1, (70, 6))
        model = adjusted(target, covariates, "clips")
        statistic = PermutedAdjustedModel(model, responses).partial_t
        parts = Parts(np.arange(70), target)
        observed = effects(responses[:25], responses[25:]) | model.effects(responses)
        observed |= grouped_effects(responses, parts)
        draws = np.random.default_rng(run)
        further = {"partial_t": statistic}
        _, p = permutation_p(responses, parts, observed, 39, draws, further)
        labels = parts.permuted(39, np.random.default_rng(run))
        largest = statistic(labels).max(axis=1)
        bound = observed["partial_t"] - 1e-9 * np.abs(observed["partial_t"])
        reached = largest[:, None] >= bound
        np.testing.assert_array_equal(p["partial_t"], (1 + reached.sum(axis=0)) / 40)
        false += p["partial_t"].min() <= 0.05
    # The standard error of 400 draws at 2/40 is 0.011; three are allowed.
    assert false / 400 == pytest.approx(0.05, abs=0.033)


def grouped(seed=0, units=12, both=False):
    """Return group, target, covariates and responses of clips of 30 recordings of 1 to 9 clips."""
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(30), np.minimum(random.geometric(0.3, 30), 9))
    target = group < 11
    if both:
        target |= (group == 12) & (np.arange(len(group)) % 2 == 0)
    order = random.permutation(len(group))
    group, target = group[order], target[order]
    covariates = random.normal(size=(30, 4))[group] + random.normal(size=(len(group), 4))
    covariates[:, 0] += target
    responses = covariates @ random.normal(size=(4, units)) + random.normal(size=(30, units))[group]
    return group, target, covariates, responses + random.normal(size=responses.shape)


@pytest.mark.parametrize("both", [False, True])
def test_effects_of_recordings_equal_a_model_without_each_group(both):
    group, target, covariates, responses = grouped(both=both)
    found = adjusted(target, covariates, "clips", group).effects(responses)
    design = add_constant(np.column_stack([target.astype(float), covariates]))

    def coefficient(kept):
        return np.linalg.lstsq(design[kept], responses[kept], rcond=None)[0][1]

    # The scores of CR3 are the changes of the coefficient without each group.
    whole = coefficient(np.ones(len(group), dtype=bool))
    changes = np.array([whole - coefficient(group != own) for own in range(30)])
    np.testing.assert_allclose(found["partial_difference"], whole, rtol=1e-9)
    expected = whole / np.sqrt(np.square(changes).sum(axis=0))
    np.testing.assert_allclose(found["partial_t"], expected, rtol=1e-8)
    p = 2 * stats.t.sf(np.abs(expected), 30 - 6)
    np.testing.assert_allclose(found["partial_p"], p, rtol=1e-6)
    # The coefficient and the residual spread are those of single clips.
    alone = adjusted(target, covariates, "clips").effects(responses)
    np.testing.assert_array_equal(found["partial_d"], alone["partial_d"])
    assert (alone["partial_t"] != found["partial_t"]).all()


@pytest.mark.parametrize("both", [False, True])
def test_permuted_effects_of_recordings_equal_those_of_a_new_model(both):
    group, target, covariates, responses = grouped(both=both)
    covariates[[4, 11], 1] = np.nan
    responses[:, 5] = 0.1
    parts = Parts(group, target)
    model = AdjustedModel(parts, covariates, "clips")
    labels = parts.permuted(7, np.random.default_rng(1))
    labels[3] = parts.is_target
    found = PermutedAdjustedModel(model, responses).partial_t(labels)
    for row, values in zip(labels, found, strict=True):
        again = adjusted(row[parts.of_clip], covariates, "clips", group)
        expected = again.effects(responses)["partial_t"]
        np.testing.assert_allclose(values, expected, rtol=1e-8, atol=1e-10)
    assert (found[:, 5] == 0).all()


def test_a_covariate_of_one_recording_does_not_spoil_the_error():
    group, target, covariates, responses = grouped()
    covariates = np.hstack([covariates, (group == 3)[:, None].astype(float)])
    found = adjusted(target, covariates, "clips", group).effects(responses)["partial_t"]
    design = add_constant(np.column_stack([target.astype(float), covariates]))

    def coefficient(kept):
        # Without group 3 the covariate is constant, and the solution is not unique elsewhere.
        return np.linalg.lstsq(design[kept], responses[kept], rcond=None)[0][1]

    whole = coefficient(np.ones(len(group), dtype=bool))
    changes = np.array([whole - coefficient(group != own) for own in range(30)])
    np.testing.assert_allclose(found, whole / np.sqrt(np.square(changes).sum(axis=0)), rtol=1e-8)


def test_an_effect_of_one_recording_is_none(caplog):
    group, target, covariates, _ = grouped()
    target = group == 3
    with caplog.at_level(logging.WARNING):
        assert not adjusted(target, covariates, "test clips", group).defined
    assert "the effect depends on a single group of clips" in caplog.text


def test_fewer_recordings_than_coefficients_leave_only_t_empty(caplog):
    target, covariates, responses = planted(k=8)
    group = np.where(target, np.arange(160) % 4, 4 + np.arange(160) % 5)
    with caplog.at_level(logging.WARNING):
        model = adjusted(target, covariates, "test clips", group)
    assert model.defined and not model.tested
    assert "test clips: no t with covariates: 9 groups of clips are too few for 10" in caplog.text
    found = model.effects(responses)
    assert np.isnan(found["partial_t"]).all() and np.isnan(found["partial_p"]).all()
    assert np.isfinite(found["partial_d"]).all()


def test_responses_that_are_not_numbers_are_refused():
    target, covariates, responses = planted()
    responses[7, 3] = np.nan
    with pytest.raises(InputError, match="unit 3 to clip 7"):
        adjusted(target, covariates, "clips").effects(responses)
