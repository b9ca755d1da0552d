"""Means over networks, tested against zero."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

_COVERAGE = 0.95


class Mean(NamedTuple):
    """A mean, the ends of its 95 % t interval, Student's t against zero and its two-sided p.

    All but the mean are NaN for fewer than two values, and t and p for values that are all equal.
    """

    mean: float
    low: float
    high: float
    t: float
    p: float


def mean_with_test(values: np.ndarray) -> Mean:
    """Return the mean of `values` (n,) and its test; NaN everywhere if a value is missing."""
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    if not n or not np.isfinite(values).all():
        return Mean(*[np.nan] * 5)
    mean = float(values.mean())
    if n < 2:
        return Mean(mean, *[np.nan] * 4)
    error = float(values.std(ddof=1) / np.sqrt(n))
    half = float(stdtrit(n - 1, (1 + _COVERAGE) / 2)) * error
    if np.ptp(values) == 0:
        return Mean(mean, mean, mean, np.nan, np.nan)
    t = mean / error
    return Mean(mean, mean - half, mean + half, t, float(2 * stdtr(n - 1, -abs(t))))


def with_holm(table: pd.DataFrame, family: list[str]) -> pd.DataFrame:
    """Return `table` with a column p_holm: p by Holm over the rows with equal `family` columns.

    Rows without a p have none and do not count.
    """
    adjusted = pd.Series(np.nan, index=table.index)
    tested = table[table["p"].notna()]
    for _, rows in tested.groupby(family, sort=False):
        p = rows["p"].sort_values()
        # The smallest counts as often as there are rows, the next once less, and none falls.
        stepped = np.arange(len(p), 0, -1) * p.to_numpy()
        adjusted[p.index] = np.minimum(np.maximum.accumulate(stepped), 1)
    return table.assign(p_holm=adjusted)
