"""The claim about genres, judged by the functions used on made-up clips with known effects."""

import numpy as np
import pytest
from scipy import stats

from music_detectors.claims.columns import NOT_SUPPORTED, SUPPORTED, WHOLE
from support.genre_simulation import SCENARIOS, exceeded_by_most, verdicts

RUNS = 12
"""A few: benchmarks of the claim are in docs/claims.md."""


@pytest.fixture(scope="module")
def few_clips():
    return verdicts(SCENARIOS["0.8 in each genre"], 8, 20, RUNS)


def test_an_effect_in_every_genre_is_never_denied(few_clips):
    for table in few_clips:
        assert (table["verdict"] != NOT_SUPPORTED).all()


def test_the_error_of_most_genres_is_that_between_runs(few_clips):
    estimates = np.array([table.loc["most genres", "estimate"] for table in few_clips])
    errors = np.array([table.loc["most genres", "error"] for table in few_clips])
    # The error of a genre is negative as often as positive, but its deviation is never negative,
    # so that the estimate is no larger than the true value.
    true = exceeded_by_most(SCENARIOS["0.8 in each genre"])
    bias = estimates.mean() - true
    assert abs(bias) < errors.mean() + 3 * estimates.std(ddof=1) / np.sqrt(RUNS)
    # No smaller than the standard deviation between runs: F has about 11 and 39 degrees of freedom.
    ratio = estimates.var(ddof=1) / np.mean(errors**2)
    assert stats.f.sf(ratio, RUNS - 1, 39) > 0.001


def test_one_genre_without_an_effect_is_not_supported_and_many_clips_show_the_others():
    found = verdicts(SCENARIOS["0.8, but one genre at 0"], 60, 20, 3)
    for table in found:
        assert table.loc[WHOLE, "verdict"] != SUPPORTED
        assert table.loc["Genre 0", "verdict"] != SUPPORTED
        others = [f"Genre {k}" for k in range(1, 25)]
        assert (table.loc[others, "verdict"] == SUPPORTED).all()
