"""Whether target and other clips differ in length or level, and effects at equal length and level.

Silence after a short clip, or a louder recording, changes the response of any unit, so such a
difference passes for selectivity.
"""

import numpy as np
import pandas as pd
from scipy.special import ndtr

from music_detectors.acoustics.columns import COVARIATES
from music_detectors.common.parts import Parts
from music_detectors.selectivity.partial import AdjustedModel

MEASURES = ("duration_seconds", "level_db")
"""The covariates that are compared: length and level."""
LARGEST_DIFFERENCE = 0.25
"""The largest standardised difference that counts as none (Stuart 2010, Stat. Sci. 25:1-21)."""

# Differences that no response can be due to: a share of the length, and decibels. Clips that are
# all but the same in length have hardly any SD, in which any difference is large.
_NEGLIGIBLE_LENGTH = 0.02
_NEGLIGIBLE_LEVEL_DB = 0.2
_NAMES = {"duration_seconds": ("length", "s"), "level_db": ("level", "dB")}


def length_and_level(covariates: np.ndarray) -> np.ndarray:
    """Return the columns (clips, 2) of MEASURES among all `covariates` (clips, k)."""
    return covariates[:, [COVARIATES.index(name) for name in MEASURES]]


def balance(target: np.ndarray, covariates: np.ndarray) -> pd.DataFrame:
    """Return the table of balance (BALANCE), one row per measure.

    `target` (clips,) bool are the target clips, the rest are other ones; there must be some of
    each. `covariates` (clips, k) are those of the clips. The standardised difference is that of
    the means over the square root of the mean of both variances (Austin 2009, Stat. Med.
    28:3083-3107), infinite where neither group varies.
    """
    return differences(target, length_and_level(covariates), LARGEST_DIFFERENCE)


def differences(target: np.ndarray, measures: np.ndarray, largest: float) -> pd.DataFrame:
    """Return the table of balance (BALANCE) of `measures` (clips, 2), those of MEASURES.

    `target` (clips,) bool is as in `balance`; a standardised difference above `largest` counts.
    """
    rows = []
    for name, values in zip(MEASURES, measures.T, strict=True):
        ours, others = values[target], values[~target]
        difference = ours.mean() - others.mean()
        # The variance of equal numbers need not be exactly 0.
        variances = [group.var(ddof=1) if np.ptp(group) > 0 else 0.0 for group in (ours, others)]
        sd = float(np.sqrt(np.mean(variances)))
        standardised = np.copysign(np.inf, difference) if difference else 0.0
        if sd > 0:
            standardised = difference / sd
        negligible = _NEGLIGIBLE_LEVEL_DB
        if name == "duration_seconds":
            negligible = _NEGLIGIBLE_LENGTH * max(ours.mean(), others.mean())
        differs = abs(standardised) > largest and abs(difference) > negligible
        rows.append(
            {
                "measure": name,
                "mean_target": float(ours.mean()),
                "mean_other": float(others.mean()),
                "sd": sd,
                "standardised_difference": float(standardised),
                "differs": bool(differs),
            }
        )
    return pd.DataFrame(rows)


def described(table: pd.DataFrame) -> str:
    """Return in words in which measures clips differ by a table of balance; empty for none."""
    texts = []
    for row in table[table["differs"]].itertuples():
        name, unit = _NAMES[row.measure]
        texts.append(
            f"{name} (means {row.mean_target:.3g} and {row.mean_other:.3g} {unit}, standardised "
            f"difference {row.standardised_difference:.2g})"
        )
    return " and ".join(texts)


def balanced_effects(
    target: np.ndarray,
    covariates: np.ndarray,
    selective: np.ndarray,
    every: np.ndarray,
    name: str,
) -> dict[str, np.ndarray]:
    """Return the columns of the summary (networks,) that hold at equal length and level.

    The model of a response has the target, length and level (AdjustedModel). `selective` and
    `every` (clips, networks) are mean responses of selective and of all units; `name` describes
    the clips in the log. The effect is in residual standard deviations, as Hedges g is in standard
    deviations. The ratio is what the other clips' mean response would be as target clips, over that
    response; NaN if a response is negative. The probability that a response to a target clip is
    larger is that of normal distributions, Phi(d / sqrt 2). All are NaN where length and level tell
    the target from other clips, so that there is nothing to compare.
    """
    # The effect, unlike its standard error, does not depend on the clips' groups.
    alone = Parts(np.arange(len(target)), target)
    model = AdjustedModel(alone, length_and_level(covariates), f"{name}, length and level")
    of_selective, of_all = model.effects(selective), model.effects(every)
    others = selective[~target].mean(axis=0)
    with_zero = (selective.min(axis=0) >= 0) & (others > 0)
    ratio = np.full(len(others), np.nan)
    np.divide(others + of_selective["partial_difference"], others, out=ratio, where=with_zero)
    return {
        "response_balanced_d": of_selective["partial_d"],
        "test_balanced_ratio": ratio,
        "test_all_balanced_common_language": ndtr(of_all["partial_d"] / np.sqrt(2)),
    }
