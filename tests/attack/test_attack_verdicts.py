"""A number that is none supports nothing."""

import math
from itertools import product

import pytest

from music_detectors.claims.columns import PRESENT, SUPPORTED, UNDETERMINED
from music_detectors.claims.inference import Mean, verdict
from music_detectors.jackknife.variance import Source

NAN = math.nan


@pytest.mark.parametrize("equivalence", [False, True])
@pytest.mark.parametrize(
    "numbers",
    [numbers for numbers in product((0.5, NAN), (0.1, NAN), (9.0, NAN), (0.2, NAN), (0.05, NAN))],
)
def test_no_verdict_rests_on_nan(numbers, equivalence):
    value, error, df, smallest, share = numbers
    mean = Mean(value, (Source(error**2, df),))
    found = verdict(mean, smallest, support=share, reject=share, equivalence=equivalence)
    if any(map(math.isnan, numbers)):
        assert found != SUPPORTED
        # With a smallest effect that is none, an effect above zero is still one above zero.
        assert found == UNDETERMINED or (found == PRESENT and math.isnan(smallest))
