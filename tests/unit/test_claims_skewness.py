"""What skewed networks do to verdicts, against Johnson's formula and by simulation."""

import numpy as np
import pytest
from scipy import stats
from validity import supported_though_at_the_limit

from music_detectors.claims.columns import NOT_SUPPORTED, SUPPORTED, UNDETERMINED
from music_detectors.claims.inference import Part, claims_table
from music_detectors.claims.skewness import skew_shift


def johnson_t(values, null):
    """Return Johnson's modified t of the mean of `values` against `null`."""
    n, s = len(values), values.std(ddof=1)
    third = stats.kstat(values, 3)
    above = values.mean() - null
    return (above + third / (6 * s**2 * n) + third / (3 * s**4) * above**2) * np.sqrt(n) / s


@pytest.mark.parametrize("n", [5, 10, 20])
def test_the_shift_is_that_of_johnsons_t(n):
    values = -np.random.default_rng(n).exponential(size=n)
    error, t = values.std(ddof=1) / np.sqrt(n), 3.0
    # At the end of the ordinary interval, the ordinary t is 3; Johnson's differs by the shift.
    end = values.mean() - t * error
    shift = skew_shift(values, error, t)
    assert shift == pytest.approx((johnson_t(values, end) - t) * error, rel=1e-10)
    assert (shift < 0) == (stats.skew(values) < 0)
    assert skew_shift(-values, error, t) == pytest.approx(-shift)
    # Where sounds carry most of the error, the networks' skewness matters less.
    assert skew_shift(values, 3 * error, t) == pytest.approx(shift / 9)


def test_symmetric_few_or_errorless_values_have_no_shift():
    assert skew_shift(np.array([1.0, 2, 3]), 0.5, 3) == 0
    assert skew_shift(np.array([1.0, 5]), 0.5, 3) == 0
    assert skew_shift(np.array([1.0, 1, 5]), np.nan, 3) == 0


def verdict_on(values, smallest, **more):
    without = {
        block: {seed: value + shift for seed, value in enumerate(values)}
        for block, shift in enumerate(np.linspace(-1e-5, 1e-5, 10))
    }
    part = Part("apart", "a", "", "", smallest, dict(enumerate(values)), left_out=without, **more)
    return claims_table([part], alpha=0.05, min_networks=5).set_index("part").loc["a"]


def test_a_long_tail_towards_low_values_prevents_support_and_one_towards_high_values_does_not():
    tail = np.array([0.0, 0.9, 0.95, 1.0, 1.0, 1.05, 1.1, 1.1, 1.1, 1.15])
    tail = (tail - tail.mean()) / tail.std(ddof=1)
    # The ends of the ordinary interval lie just above and just below one.
    reach = stats.t.ppf(1 - 0.025 / 15, 9) / np.sqrt(10) * 1.02
    assert verdict_on(1 + reach + tail, 1.0)["verdict"] != SUPPORTED
    assert "skewness" in verdict_on(1 + reach + tail, 1.0)["reason"]
    assert verdict_on(1 + reach - tail, 1.0)["verdict"] == SUPPORTED
    assert verdict_on(1 - reach - tail, 1.0)["verdict"] == UNDETERMINED
    assert verdict_on(1 - reach + tail, 1.0)["verdict"] == NOT_SUPPORTED


def test_an_equivalence_needs_both_ends_within_its_margin():
    tail = np.array([0.0, 0.9, 0.95, 1.0, 1.0, 1.05, 1.1, 1.1, 1.1, 1.15])
    tail = (tail - tail.mean()) / tail.std(ddof=1)
    margin = stats.t.ppf(1 - 0.025 / 15, 9) / np.sqrt(10) * 1.02
    for sign in (1, -1):
        assert verdict_on(sign * tail, margin, equivalence=True)["verdict"] == UNDETERMINED
        assert verdict_on(sign * tail, 3 * margin, equivalence=True)["verdict"] == SUPPORTED
        far = verdict_on(sign * (5 * margin + tail), margin, equivalence=True)
        assert far["verdict"] == NOT_SUPPORTED


def test_normal_networks_are_supported_at_their_smallest_effect_as_rarely_as_configured():
    """A claim at its smallest effect is at the limit; with alpha of 0.6, its level is 0.02."""
    share = supported_though_at_the_limit("normal", 10, alpha=0.6, runs=600, seed=3)
    assert stats.binomtest(round(600 * share), 600, 0.02, alternative="greater").pvalue > 0.01


def test_skewed_networks_are_supported_less_often_than_by_students_t():
    """Student's t supports some 3 % of runs of ten exponential networks at a level of 0.17 %."""
    runs, share = (
        600,
        supported_though_at_the_limit("exponential", 10, alpha=0.05, runs=600, seed=4),
    )
    random = np.random.default_rng(4)
    values = 1 - random.exponential(size=(20_000, 10))
    t = values.mean(axis=1) / values.std(axis=1, ddof=1) * np.sqrt(10)
    by_t = (t > stats.t.ppf(1 - 0.025 / 15, 9)).mean()
    assert by_t > 0.02
    assert stats.binomtest(round(runs * share), runs, by_t, alternative="less").pvalue < 0.05
