"""What a skewed distribution over networks does to an interval of their mean."""

import numpy as np


def skew_shift(values: np.ndarray, error: float, t: float) -> float:
    """Return how far an end of the t interval of the mean of `values` (networks,) is too high.

    The end is `t` times `error` away from the mean. Where networks have a long tail towards low
    values, few of them show it: they then lie close together above the mean of all networks, and
    the interval lies too high. The shift is negative for them (add it to the lower end) and
    positive for a long tail towards high values (add it to the upper end); it is that of Johnson
    (1978), Journal of the American Statistical Association 73, 536-544, inverted for an end. It is
    0 for fewer than three values.
    """
    n = len(values)
    if n < 3 or not error > 0:
        return 0.0
    third = n / ((n - 1) * (n - 2)) * np.sum((values - values.mean()) ** 3)
    return float(third / n**2 / error**2 * (1 / 6 + t**2 / 3))
