"""From one estimate per network to the verdict on a claim: networks are the replicates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from music_detectors.claims.columns import (
    CLAIMS,
    NOT_SUPPORTED,
    SUPPORTED,
    UNDETERMINED,
    VERDICTS,
    WHOLE,
)

_MAX_SIGN_FLIP_NETWORKS = 36
"""The largest number of networks for which all patterns of signs are enumerated, in two halves."""


@dataclass(frozen=True)
class Part:
    """One testable part of a claim, with an estimate for each network."""

    claim: str
    name: str
    compared: str
    unit: str
    smallest_effect: float
    values: dict[int, float] = field(default_factory=dict)
    """Seed to estimate, NaN if there is none; positive values support the claim."""
    n_clips: int = 0
    needed: bool = True
    paired: bool = False
    fault: str = ""
    """Why the part cannot be assessed at all; it is then undetermined."""
    caveat: str = ""
    """Why the part cannot count as supported; it can still be not supported."""


def claims_table(parts: Iterable[Part], *, alpha: float, min_networks: int) -> pd.DataFrame:
    """Return the table of claims (VERDICTS) with the verdicts on `parts` and on their claims.

    A verdict is wrong when a claim is supported although the mean of a needed part is not
    positive, or not supported although all needed parts reach their smallest effects. The
    probability of any wrong verdict is at most `alpha`. A claim without parts is undetermined.
    """
    rows_of: dict[str, list[dict]] = {claim: [] for claim in CLAIMS}
    for part in parts:
        rows_of[part.claim].append(_test(part))
    needed = {claim: [row for row in rows if row["needed"]] for claim, rows in rows_of.items()}
    p = np.array([_intersection_union(needed[claim], "p") for claim in CLAIMS])
    p_holm, levels = holm(p, alpha)
    table = []
    for claim, claim_p, claim_p_holm, level in zip(CLAIMS, p, p_holm, levels, strict=True):
        for row in rows_of[claim]:
            low, high = alpha / 2, alpha / 2
            if row["needed"]:
                # All parts must hold, so the lower bound is corrected for the number of claims
                # only (Holm). The upper bound is Bonferroni-corrected over all parts of all
                # claims, since one failing part rejects a claim.
                low, high = level / 2, alpha / 2 / len(CLAIMS) / len(needed[claim])
            row |= _interval(row, low, high)
            if row["needed"]:
                row["verdict"], row["reason"] = _verdict(row, min_networks)
        whole = _claim_row(claim, needed[claim])
        whole |= {"p": claim_p, "p_holm": claim_p_holm if np.isfinite(claim_p) else np.nan}
        whole["p_sign_flip"] = _intersection_union(needed[claim], "p_sign_flip")
        table += [whole, *rows_of[claim]]
    return pd.DataFrame(table)[list(VERDICTS)]


def t_test(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of `values` (n,), Student's t against zero, and its two-sided p.

    t and p are NaN for fewer than two values and for values that are all equal.
    """
    n = len(values)
    mean = float(np.mean(values)) if n else np.nan
    if n < 2 or _all_equal(values):
        return mean, np.nan, np.nan
    t = mean / (values.std(ddof=1) / np.sqrt(n))
    return mean, float(t), float(2 * stdtr(n - 1, -abs(t)))


def sign_flip_p(values: np.ndarray) -> float:
    """Return the exact two-sided p of the mean of `values` (n,) under sign flips.

    It is the share of the 2^n patterns of signs whose mean is at least as far from zero; NaN
    for no values and for more than 36.
    """
    n = len(values)
    if not 0 < n <= _MAX_SIGN_FLIP_NETWORKS:
        return np.nan
    first, second = (np.sort(_signed_sums(half)) for half in (values[: n // 2], values[n // 2 :]))
    # The order of summation changes the last digits, hence the tolerance.
    least = abs(values.sum()) - 1e-12 * np.abs(values).sum()
    if least <= 0:
        return 1.0
    above = len(second) - np.searchsorted(second, least - first, side="left")
    return float(2 * above.sum() / 2.0**n)


def holm(p: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the p-values `p` (m,) adjusted by Holm, and the level (m,) each was tested at.

    A missing p counts as 1. An adjusted p is at most `alpha` exactly where p is at most its level:
    hypotheses that are not rejected share the level at which the procedure stopped.
    """
    filled = np.where(np.isfinite(p), p, 1.0)
    order = np.argsort(filled, kind="stable")
    divisors = len(p) - np.arange(len(p))
    stepped = np.minimum(np.maximum.accumulate(divisors * filled[order]), 1.0)
    rejected = int((stepped <= alpha).sum())
    divisors[rejected:] = len(p) - rejected
    adjusted, levels = np.empty(len(p)), np.empty(len(p))
    adjusted[order], levels[order] = stepped, alpha / divisors
    return adjusted, levels


def _test(part: Part) -> dict:
    """Return the row of a part, without its interval and verdict."""
    values = np.array(list(part.values.values()), dtype=float)
    finite = values[np.isfinite(values)]
    fault = part.fault
    if not fault and len(finite) < len(values):
        fault = f"{len(values) - len(finite)} of {len(values)} networks have no estimate"
    if not fault and len(finite) > 1 and _all_equal(finite):
        fault = f"all {len(finite)} networks have the same estimate, so its error is unknown"
    mean, t, p = t_test(finite)
    return {
        "claim": part.claim,
        "part": part.name,
        "needed": part.needed,
        "compared": part.compared,
        "unit": part.unit,
        "verdict": "",
        "reason": fault,
        "estimate": mean,
        "smallest_effect": part.smallest_effect,
        "n_networks": len(finite),
        "n_clips": part.n_clips,
        "test": "paired t" if part.paired else "t",
        "t": t,
        "p": p,
        "p_sign_flip": sign_flip_p(finite),
        "p_holm": np.nan,
        "decided_by": "",
        "_error": finite.std(ddof=1) / np.sqrt(len(finite)) if len(finite) > 1 else np.nan,
        "_fault": fault,
        "_caveat": part.caveat,
    }


def _interval(row: dict, low: float, high: float) -> dict:
    """Return the ends of the t interval, which err with probabilities `low` and `high`."""
    df = row["n_networks"] - 1
    return {
        "low": row["estimate"] + row["_error"] * stdtrit(df, low) if df > 0 else np.nan,
        "high": row["estimate"] - row["_error"] * stdtrit(df, high) if df > 0 else np.nan,
        "low_confidence": 1 - low,
        "high_confidence": 1 - high,
    }


def _verdict(row: dict, min_networks: int) -> tuple[str, str]:
    """Return the verdict on a part, and the reason in words."""
    effect = f"the smallest effect of interest ({row['smallest_effect']:g})"
    if row["_fault"]:
        return UNDETERMINED, row["_fault"]
    if row["n_networks"] < min_networks:
        n = row["n_networks"]
        one, many = "network", "networks"
        if row["test"] == "paired t":
            one, many = "pair of networks", "pairs of networks"
        replicates = one if n == 1 else many
        return UNDETERMINED, f"{n} {replicates}, fewer than claims.min_networks ({min_networks})"
    if row["high"] < row["smallest_effect"]:
        return NOT_SUPPORTED, f"the interval lies below {effect}"
    if row["low"] <= 0:
        return UNDETERMINED, f"the interval contains both zero and {effect}"
    if row["estimate"] < row["smallest_effect"]:
        return UNDETERMINED, f"the interval lies above zero, but the estimate is below {effect}"
    if row["_caveat"]:
        return UNDETERMINED, row["_caveat"]
    return SUPPORTED, f"the interval lies above zero and the estimate reaches {effect}"


def _claim_row(claim: str, parts: Sequence[dict]) -> dict:
    """Return the row of a claim: the numbers of the needed part that decides it."""
    if not parts:
        empty: dict = {name: np.nan for name, kind in VERDICTS.items() if kind is float}
        empty |= {name: "" for name, kind in VERDICTS.items() if kind is str}
        return empty | {
            "claim": claim,
            "part": WHOLE,
            "needed": True,
            "verdict": UNDETERMINED,
            "reason": "nothing was measured",
            "n_networks": 0,
            "n_clips": 0,
        }
    # A failing part decides before an undetermined one, and that before a supported one; among
    # equals, the part with the largest p decides.
    severity = {NOT_SUPPORTED: 0, UNDETERMINED: 1, SUPPORTED: 2}
    decisive = min(
        parts,
        key=lambda row: (severity[row["verdict"]], not row["_fault"], -_directed_p(row, "p", 1)),
    )
    return decisive | {"part": WHOLE, "decided_by": decisive["part"]}


def _intersection_union(parts: Sequence[dict], name: str) -> float:
    """Return the p of a claim, the largest of its `parts`; NaN where one has a fault or no p."""
    values = [_directed_p(row, name) for row in parts]
    faulty = any(row["_fault"] for row in parts)
    return float(np.max(values)) if values and not faulty else np.nan


def _directed_p(row: dict, name: str, missing: float = np.nan) -> float:
    """Return a part's two-sided p, or 1 where the estimate is not positive."""
    if not np.isfinite(row[name]):
        return missing
    return row[name] if row["estimate"] > 0 else 1.0


def _signed_sums(values: np.ndarray) -> np.ndarray:
    """Return the sums (2^n,) of `values` (n,) under every pattern of signs."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _all_equal(values: np.ndarray) -> bool:
    """Tell whether `values` (n,) are equal up to rounding."""
    return bool(np.ptp(values) <= 1e-12 * np.abs(values).max(initial=0))
