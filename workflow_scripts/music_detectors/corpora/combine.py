"""The mean of an effect over corpora."""

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit
from statsmodels.stats.meta_analysis import combine_effects

from music_detectors.claims.inference import Mean
from music_detectors.jackknife.variance import Source


class Combined(NamedTuple):
    """The random-effects mean of an effect over corpora."""

    mean: Mean
    between: float
    """The standard deviation of the true effects between corpora."""
    i2: float
    """The share of the variance of the estimates that is between corpora."""
    weights: np.ndarray
    """The share of each corpus (n,) in the mean."""

    def prediction(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the ends of the interval for the effect in another corpus.

        They are NaN for fewer than three corpora. Higgins, Thompson & Spiegelhalter (2009).
        """
        degrees = len(self.weights) - 2
        if degrees < 1:
            return np.nan, np.nan
        spread = np.hypot(self.between, self.mean.error)
        reach = float(stdtrit(degrees, (1 + confidence) / 2) * spread)
        return self.mean.value - reach, self.mean.value + reach


def combined(estimates: np.ndarray, errors: np.ndarray) -> Combined:
    """Return the random-effects mean of the `estimates` (n,) of n >= 2 corpora.

    `errors` (n,) are their standard errors, all positive. The variance between corpora is Paule and
    Mandel's. The error of the mean is Hartung and Knapp's with n - 1 degrees of freedom, and at
    least the usual one, since theirs can be too small by chance with few corpora (Röver, Knapp &
    Friede 2015).
    """
    estimates, variances = np.asarray(estimates, dtype=float), np.square(errors)
    # In units of the smallest error, so that the search for the variance ends where it should.
    scale = variances.min()
    # Equal estimates have no heterogeneity at all, which the library divides by.
    with np.errstate(divide="ignore"):
        found = combine_effects(estimates / np.sqrt(scale), variances / scale, method_re="iterated")
    between = max(float(found.tau2), 0.0) * scale
    weights = 1 / (variances + between)
    usual = np.sqrt(1 / weights.sum())
    weights = weights / weights.sum()
    value = float(weights @ estimates)
    own = np.sqrt(weights @ np.square(estimates - value) / (len(estimates) - 1))
    mean = Mean(value, (Source(max(usual, own) ** 2, len(estimates) - 1.0),))
    return Combined(mean, float(np.sqrt(between)), max(float(found.i2), 0.0), weights)
