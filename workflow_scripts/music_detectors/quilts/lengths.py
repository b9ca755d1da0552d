"""How responses change with the length of segments, network by network and over networks."""

import numpy as np
import pandas as pd
from scipy.special import stdtr

from music_detectors.quilts.columns import (
    INTACT,
    QUILT_CORRELATION,
    QUILT_LENGTHS,
    QUILT_NETWORKS,
)
from music_detectors.quilts.inference import mean_with_test, with_holm

_FAMILY = ["split", "group", "role"]


def over_lengths(responses: pd.DataFrame) -> pd.DataFrame:
    """Return the table QUILT_LENGTHS from `responses` (QUILT_RESPONSES)."""
    rows = []
    for (seed, *which), of_network in responses.groupby(["seed", *_FAMILY], sort=False):
        quilts = of_network[of_network["segment_ms"].notna()]
        octaves, values = np.log2(quilts["segment_ms"].to_numpy()), quilts["response"].to_numpy()
        intact = of_network.loc[of_network["stimulus"] == INTACT, "response"].iloc[0]
        slope = _slope(octaves, values)
        rows.append(
            {
                "seed": seed,
                **dict(zip(_FAMILY, which, strict=True)),
                "n_clips": quilts["n_clips"].iloc[0],
                "n_lengths": len(quilts),
                "r": pearson(octaves, values),
                "slope": slope,
                "slope_relative": slope / intact if intact > 0 else np.nan,
            }
        )
    return pd.DataFrame(rows)[list(QUILT_LENGTHS)]


def over_networks(intact: pd.DataFrame) -> pd.DataFrame:
    """Return the table QUILT_NETWORKS from `intact` (QUILT_INTACT)."""
    rows = []
    for which, of_length in intact.groupby([*_FAMILY, "segment_ms"], sort=False):
        relative = mean_with_test(of_length["relative"].to_numpy())
        difference = mean_with_test(of_length["difference"].to_numpy())
        rows.append(
            {
                **dict(zip([*_FAMILY, "segment_ms"], which, strict=True)),
                "n_networks": len(of_length),
                "relative": relative.mean,
                "relative_low": relative.low,
                "relative_high": relative.high,
                "difference": difference.mean,
                "t": difference.t,
                "p": difference.p,
            }
        )
    return with_holm(pd.DataFrame(rows), _FAMILY)[list(QUILT_NETWORKS)]


def correlation(responses: pd.DataFrame, lengths: pd.DataFrame) -> pd.DataFrame:
    """Return the table QUILT_CORRELATION from `responses` and `lengths` (QUILT_LENGTHS).

    The study's r = 0.601 has the p of 30 points: the mean responses of five networks at six lengths
    (Kim, Kim & Jeong, Nature Communications 15:148, 2024). Its p takes them for independent.
    """
    quilts = responses[responses["segment_ms"].notna()]
    rows = []
    for which, points in quilts.groupby(_FAMILY, sort=False):
        of_networks = lengths
        for name, value in zip(_FAMILY, which, strict=True):
            of_networks = of_networks[of_networks[name] == value]
        r = pearson(np.log2(points["segment_ms"].to_numpy()), points["response"].to_numpy())
        slope = mean_with_test(of_networks["slope"].to_numpy())
        rows.append(
            {
                **dict(zip(_FAMILY, which, strict=True)),
                "n_networks": points["seed"].nunique(),
                "n_points": len(points),
                "r": r,
                "p": _p_of_r(r, len(points)),
                "r_mean": of_networks["r"].mean(skipna=False),
                "slope": slope.mean,
                "t": slope.t,
                "p_slope": slope.p,
            }
        )
    return pd.DataFrame(rows)[list(QUILT_CORRELATION)]


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Return Pearson's r of `x` and `y` (n,), NaN if either is constant or has a missing value."""
    dx, dy = x - x.mean(), y - y.mean()
    size = np.sqrt((dx @ dx) * (dy @ dy))
    return float(np.clip(dx @ dy / size, -1, 1)) if size > 0 else np.nan


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    """Return the slope of the least-squares line through `x`, `y` (n,), whose `x` differ."""
    dx = x - x.mean()
    return float(dx @ (y - y.mean()) / (dx @ dx))


def _p_of_r(r: float, n: int) -> float:
    """Return the two-sided p of Pearson's `r` of `n` points under Student's t."""
    if not np.isfinite(r) or n < 3:
        return np.nan
    if abs(r) == 1:
        return 0.0
    return float(2 * stdtr(n - 2, -abs(r) * np.sqrt((n - 2) / (1 - r**2))))
