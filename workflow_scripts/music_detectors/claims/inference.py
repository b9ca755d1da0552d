"""From one estimate per network to the verdict on a claim: networks are the replicates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from music_detectors.claims.article import ARTICLE
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
    equivalence: bool = False
    """Whether the claim is that there is no effect: `smallest_effect` is then the margin on both
    sides of zero within which the mean must lie."""
    here: float = np.nan
    """What was measured here in the article's measure (music_detectors.claims.article)."""
    fault: str = ""
    """Why the part cannot be assessed at all; it is then undetermined."""
    caveat: str = ""
    """Why the part cannot count as supported; it can still be not supported."""


def claims_table(parts: Iterable[Part], *, alpha: float, min_networks: int) -> pd.DataFrame:
    """Return the table of claims (VERDICTS) with the verdicts on `parts` and on their claims.

    A verdict is wrong when a claim is supported although the mean of a needed part is not
    positive (for an equivalence: not within its margin), or not supported although all needed
    parts reach their smallest effects (lie within their margins). The probability of any wrong
    verdict is at most `alpha`. A claim without parts is undetermined.
    """
    rows_of: dict[str, list[dict]] = {claim: [] for claim in CLAIMS}
    for part in parts:
        rows_of[part.claim].append(_test(part))
    needed = {claim: [row for row in rows if row["needed"]] for claim, rows in rows_of.items()}
    p = np.array([_intersection_union(needed[claim], "_p") for claim in CLAIMS])
    p_holm, levels = holm(p, alpha)
    table = []
    for claim, claim_p, claim_p_holm, level in zip(CLAIMS, p, p_holm, levels, strict=True):
        for row in rows_of[claim]:
            # All parts must hold, so the errors of support are corrected for the number of claims
            # only (Holm). Those of rejection are Bonferroni-corrected over all parts of all
            # claims, since one failing part rejects a claim.
            support = reject = alpha / 2
            if row["needed"]:
                support, reject = level / 2, alpha / 2 / len(CLAIMS) / len(needed[claim])
            row |= _interval(row, support, support if row["_equivalence"] else reject)
            if row["needed"]:
                row["verdict"], row["reason"] = _verdict(row, reject, min_networks)
        whole = _claim_row(claim, needed[claim]) | _reported_first(rows_of[claim])
        whole |= {"p": claim_p, "p_holm": claim_p_holm if np.isfinite(claim_p) else np.nan}
        whole["p_sign_flip"] = _intersection_union(needed[claim], "_p_sign_flip")
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
    # The mean lies within a margin when it lies above the lower and below the upper end: two
    # one-sided tests, of which both must reject (Schuirmann, 1987).
    margin = part.smallest_effect
    sides = [margin - finite, margin + finite] if part.equivalence else [finite]
    tests = [t_test(side) for side in sides]
    flips = [sign_flip_p(side) for side in sides]
    directed = float(np.max([_directed(mean, p) for mean, _, p in tests]))
    directed_flip = float(
        np.max([_directed(mean, p) for (mean, *_), p in zip(tests, flips, strict=True)])
    )
    _, t, p = min(tests, key=lambda test: test[1])
    mean = float(np.mean(finite)) if len(finite) else np.nan
    reported = ARTICLE.get((part.claim, part.name))
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
        "test": ("paired " if part.paired else "") + ("equivalence" if part.equivalence else "t"),
        "t": t,
        "p": directed if part.equivalence else p,
        "p_sign_flip": directed_flip if part.equivalence else flips[0],
        "p_holm": np.nan,
        "decided_by": "",
        "article_measure": reported.measure if reported else "",
        "here": part.here if reported else np.nan,
        "article_value": reported.value if reported else "",
        "article_figure": reported.figure if reported else "",
        "_equivalence": part.equivalence,
        "_p": directed,
        "_p_sign_flip": directed_flip,
        "_error": finite.std(ddof=1) / np.sqrt(len(finite)) if len(finite) > 1 else np.nan,
        "_fault": fault,
        "_caveat": part.caveat,
    }


def _interval(row: dict, low: float, high: float) -> dict:
    """Return the ends of the t interval, which err with probabilities `low` and `high`."""
    return {
        "low": row["estimate"] - _reach(row, low),
        "high": row["estimate"] + _reach(row, high),
        "low_confidence": 1 - low,
        "high_confidence": 1 - high,
    }


def _reach(row: dict, error: float) -> float:
    """Return how far from the mean an end lies that errs with probability `error`."""
    df = row["n_networks"] - 1
    return float(-row["_error"] * stdtrit(df, error)) if df > 0 else np.nan


def _verdict(row: dict, reject: float, min_networks: int) -> tuple[str, str]:
    """Return the verdict on a part, and the reason in words.

    `reject` is the probability with which a rejection may err.
    """
    effect = f"the smallest effect of interest ({row['smallest_effect']:g})"
    if row["_fault"]:
        return UNDETERMINED, row["_fault"]
    if row["n_networks"] < min_networks:
        n = row["n_networks"]
        one, many = "network", "networks"
        if row["test"].startswith("paired"):
            one, many = "pair of networks", "pairs of networks"
        replicates = one if n == 1 else many
        return UNDETERMINED, f"{n} {replicates}, fewer than claims.min_networks ({min_networks})"
    if row["_equivalence"]:
        return _verdict_of_equivalence(row, reject)
    if row["high"] < row["smallest_effect"]:
        return NOT_SUPPORTED, f"the interval lies below {effect}"
    if row["low"] <= 0:
        return UNDETERMINED, f"the interval contains both zero and {effect}"
    if row["estimate"] < row["smallest_effect"]:
        return UNDETERMINED, f"the interval lies above zero, but the estimate is below {effect}"
    if row["_caveat"]:
        return UNDETERMINED, row["_caveat"]
    return SUPPORTED, f"the interval lies above zero and the estimate reaches {effect}"


def _verdict_of_equivalence(row: dict, reject: float) -> tuple[str, str]:
    margin = row["smallest_effect"]
    within = f"the margin that counts as no effect (±{margin:g})"
    if abs(row["estimate"]) - _reach(row, reject) > margin:
        return NOT_SUPPORTED, f"the interval lies outside {within}"
    if not -margin < row["low"] <= row["high"] < margin:
        return UNDETERMINED, f"the interval does not lie within {within}"
    if row["_caveat"]:
        return UNDETERMINED, row["_caveat"]
    return SUPPORTED, f"the interval lies within {within}"


def _reported_first(parts: Sequence[dict]) -> dict:
    """Return the article's value and that measured here, of the first of `parts` that has one."""
    columns = ("article_measure", "here", "article_value", "article_figure")
    return next(
        ({name: row[name] for name in columns} for row in parts if row["article_value"]),
        {"article_measure": "", "here": np.nan, "article_value": "", "article_figure": ""},
    )


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
        key=lambda row: (
            severity[row["verdict"]],
            not row["_fault"],
            -row["_p"] if np.isfinite(row["_p"]) else -1,
        ),
    )
    return decisive | {"part": WHOLE, "decided_by": decisive["part"]}


def _intersection_union(parts: Sequence[dict], name: str) -> float:
    """Return the p of a claim, the largest of its `parts`; NaN where one has a fault or no p."""
    values = [row[name] for row in parts]
    faulty = any(row["_fault"] for row in parts)
    return float(np.max(values)) if values and not faulty else np.nan


def _directed(mean: float, p: float) -> float:
    """Return a two-sided `p`, or 1 where the mean is not positive."""
    return p if mean > 0 or np.isnan(p) else 1.0


def _signed_sums(values: np.ndarray) -> np.ndarray:
    """Return the sums (2^n,) of `values` (n,) under every pattern of signs."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _all_equal(values: np.ndarray) -> bool:
    """Tell whether `values` (n,) are equal up to rounding."""
    return bool(np.ptp(values) <= 1e-12 * np.abs(values).max(initial=0))
