"""From one estimate per network, and the same without some sounds, to the verdict on a claim."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, stdtr

from music_detectors.claims.article import ARTICLE
from music_detectors.claims.columns import (
    CLAIMS,
    NOT_SUPPORTED,
    PRESENT,
    RANK,
    SUPPORTED,
    UNDETERMINED,
    VERDICTS,
    WHOLE,
)
from music_detectors.claims.skewness import skew_shift
from music_detectors.jackknife.variance import Source, crossed_variance, reach_of, variance_of

CLIPS, PROBE_SOUNDS = "test clips", "sounds of the probe set"
_MAX_SIGN_FLIP_NETWORKS = 36
"""The largest number of networks for which all patterns of signs are enumerated, in two halves."""
_MOST = 2 / 3
"""The share of the squared error from which on the networks or the sounds are said to carry it."""


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
    sounds: str = CLIPS
    """What the values are measured with, in the plural: test clips or sounds of the probe set, or
    what is one draw of them."""
    left_out: Mapping[int, Mapping[int, float]] = field(default_factory=dict)
    """Block of sounds to the values without it."""
    rank_p: float | None = None
    """p of the target among random sets of classes. The part then holds when p is at most alpha,
    whatever its interval: the sets vary with networks and sounds as the target does."""


class Mean(NamedTuple):
    """A mean and what it varies by: networks and sounds, or one of them."""

    value: float
    sources: tuple[Source, ...]
    interaction: float = 0.0
    """The variance that is in each of two sources."""

    @property
    def error(self) -> float:
        """The standard error."""
        return float(np.sqrt(variance_of(self.sources, self.interaction)))

    def reach(self, p: float) -> float:
        """Return how far from the mean an end lies that errs with probability `p`.

        NaN without an error.
        """
        return float(reach_of(self.sources, p, self.interaction)) if self.error > 0 else np.nan

    def t(self, null: float = 0.0) -> float:
        """Return the distance to `null` in standard errors; NaN without an error."""
        return (self.value - null) / self.error if self.error > 0 else np.nan

    def p(self, null: float = 0.0) -> float:
        """Return the two-sided p against `null`: the end that errs with half of it is there."""
        distance = abs(self.value - null)
        if not self.error > 0 or np.isnan(distance):
            return np.nan
        sources = [source for source in self.sources if source.variance > 0]
        # p over both is at least that over each source.
        least = max(
            float(stdtr(source.df, -distance / np.sqrt(source.variance))) for source in sources
        )
        # It is zero where it is less than a float can hold.
        if len(sources) == 1 or not least > 0:
            return 2 * least

        def beyond(z: float) -> float:
            return float(reach_of(sources, ndtr(-z), self.interaction)) - distance

        # A little further than necessary, since all of this is rounded.
        return 2 * float(ndtr(-brentq(beyond, 0, 1e-6 - ndtri(least))))


def crossed_mean(estimates: np.ndarray, left_out: np.ndarray) -> Mean:
    """Return the mean of `estimates` (networks,), which varies by networks and sounds.

    `left_out` has the estimates (blocks, networks) without each block of sounds.
    """
    value = float(np.mean(estimates)) if len(estimates) else np.nan
    networks, sounds, interaction = crossed_variance(estimates, left_out)
    return Mean(value, (networks, sounds), interaction)


def claims_table(
    parts: Iterable[Part],
    *,
    alpha: float,
    min_networks: int,
    not_learnt: Sequence[tuple[str, int]] = (),
) -> pd.DataFrame:
    """Return the table of claims (VERDICTS) with the verdicts on `parts` and on their claims.

    Intervals and tests are about other networks and other sounds. A verdict is wrong when a claim
    is supported although the mean of a needed part is below its smallest effect (for an
    equivalence: outside its margin), present although it is not positive, or not supported although
    all needed parts reach their smallest effects (lie within their margins). The probability of any
    wrong verdict is at most `alpha`, and so is that of each part with `rank_p` to hold for a set of
    classes drawn by lot. A claim without parts is undetermined. `verdict_without` is the verdict
    without the seeds of the networks `not_learnt` (condition, seed), empty where there are none.
    """
    parts = list(parts)
    table = _verdicts(parts, alpha, min_networks)
    table["verdict_without"] = ""
    if not_learnt:
        learnt = [_without(part, {seed for _, seed in not_learnt}) for part in parts]
        table["verdict_without"] = _verdicts(learnt, alpha, min_networks)["verdict"]
        names = ", ".join(f"{condition} {seed}" for condition, seed in not_learnt)
        differs = (table["part"] == WHOLE) & (table["verdict_without"] != table["verdict"])
        table.loc[differs, "reason"] += (
            "; without the networks that did not learn ("
            + names
            + "): "
            + table.loc[differs, "verdict_without"]
        )
    return table[list(VERDICTS)]


def verdict(
    mean: Mean, smallest: float, *, support: float, reject: float, equivalence: bool = False
) -> str:
    """Return the verdict on an effect from its mean.

    It errs with probability `support` where it says that the effect is there, or large enough, and
    with `reject` where it says that it is not. `smallest` is the smallest effect of interest, or of
    an equivalence the margin.
    """
    if equivalence:
        if abs(mean.value) - mean.reach(reject) > smallest:
            return NOT_SUPPORTED
        within = abs(mean.value) + mean.reach(support) < smallest
        return SUPPORTED if within else UNDETERMINED
    low = mean.value - mean.reach(support)
    if mean.value + mean.reach(reject) < smallest:
        return NOT_SUPPORTED
    if low > 0:
        return SUPPORTED if low >= smallest else PRESENT
    return UNDETERMINED


def judged_by_rank(p: float, alpha: float) -> tuple[str, str]:
    """Return the verdict on a target whose `p` is that among random sets of classes, and why."""
    p_is = f"p of the target among random sets of classes is {p:.3g}"
    if p <= alpha:
        return SUPPORTED, f"{p_is}, at most claims.alpha ({alpha:g})"
    return UNDETERMINED, f"{p_is}, above claims.alpha ({alpha:g})"


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


def _verdicts(parts: Sequence[Part], alpha: float, min_networks: int) -> pd.DataFrame:
    rows_of: dict[str, list[dict]] = {claim: [] for claim in CLAIMS}
    for part in parts:
        rows_of[part.claim].append(_test(part, alpha))
    needed = {claim: [row for row in rows if row["needed"]] for claim, rows in rows_of.items()}
    # Support is tested against the smallest effects. A claim leaves the family only when it is
    # supported, so the level of those that are not is right for "present" too: a claim is in error
    # where its p against the smallest effects is small, or, if it has no effect at all, that
    # against zero, which is not smaller.
    p = np.array([_intersection_union(needed[claim], "_p_smallest") for claim in CLAIMS])
    p_holm, levels = holm(p, alpha)
    table = []
    for place, (claim, level) in enumerate(zip(CLAIMS, levels, strict=True)):
        for row in rows_of[claim]:
            # All parts must hold, so the errors of support are corrected for the number of claims
            # only (Holm). Those of rejection are Bonferroni-corrected over all parts of all
            # claims, since one failing part rejects a claim.
            support = reject = alpha / 2
            if row["needed"]:
                support, reject = level / 2, alpha / 2 / len(CLAIMS) / len(needed[claim])
            row |= _interval(row, support, support if row["_equivalence"] else reject)
            if row["needed"]:
                row["verdict"], row["reason"] = _judged(row, support, reject, min_networks, alpha)
        whole = _claim_row(claim, needed[claim]) | _reported_first(rows_of[claim])
        whole |= {"p_smallest": p[place], "p_holm": p_holm[place] if p[place] >= 0 else np.nan}
        whole["p"] = _intersection_union(needed[claim], "_p")
        whole["p_sign_flip"] = _intersection_union(needed[claim], "_p_sign_flip")
        table += [whole, *rows_of[claim]]
    return pd.DataFrame(table)


def _without(part: Part, seeds: Collection[int]) -> Part:
    """Return `part` without the networks of `seeds`."""
    left_out = {
        block: {seed: value for seed, value in values.items() if seed not in seeds}
        for block, values in part.left_out.items()
    }
    values = {seed: value for seed, value in part.values.items() if seed not in seeds}
    return dataclasses.replace(part, values=values, left_out=left_out)


def _test(part: Part, alpha: float) -> dict:
    """Return the row of a part, without its interval and verdict."""
    values = np.array(list(part.values.values()), dtype=float)
    finite = values[np.isfinite(values)]
    left_out = np.array(
        [
            [of_block.get(seed, np.nan) for seed in part.values]
            for of_block in part.left_out.values()
        ]
    ).reshape(len(part.left_out), len(values))[:, np.isfinite(values)]
    fault = part.fault or _fault(part, values, left_out)
    mean = crossed_mean(finite, left_out)
    networks, sounds = (Mean(mean.value, (source,)) for source in mean.sources)
    # The mean lies within a margin when it lies above the lower and below the upper end: two
    # one-sided tests, of which both must reject (Schuirmann, 1987).
    margin = part.smallest_effect
    if part.equivalence:
        inside = mean._replace(value=margin - abs(mean.value))
        t, p = inside.t(), _directed(inside.value, inside.p())
        directed = p_smallest = p
        sides = [(margin - sign * mean.value, margin - sign * finite) for sign in (1, -1)]
        flip = float(np.max([_directed(value, sign_flip_p(side)) for value, side in sides]))
    else:
        t, p, flip = mean.t(), mean.p(), sign_flip_p(finite)
        directed = _directed(mean.value, p)
        p_smallest = _directed(mean.value - margin, mean.p(margin))
    of_claim = {"_p": directed, "_p_smallest": p_smallest, "_p_sign_flip": _directed(t, flip)}
    if part.rank_p is not None:
        t = flip = np.nan
        p = p_smallest = part.rank_p
        # It is no p about the size of an effect: the claim has those of its other parts, or none.
        of_claim = dict.fromkeys(of_claim, 0.0 if p <= alpha else 1.0)
    reported = ARTICLE.get((part.claim, part.name))
    return {
        "claim": part.claim,
        "part": part.name,
        "needed": part.needed,
        "compared": part.compared,
        "unit": part.unit,
        "verdict": "",
        "reason": fault,
        "estimate": mean.value,
        "smallest_effect": part.smallest_effect,
        "n_networks": len(finite),
        "n_clips": part.n_clips,
        "error_networks": networks.error,
        "error_sounds": sounds.error,
        "df_sounds": float(mean.sources[1].df),
        "error": mean.error,
        "test": _name_of_test(part),
        "t": t,
        "p": p,
        "p_smallest": p_smallest,
        "p_sign_flip": flip,
        "p_holm": np.nan,
        "decided_by": "",
        "article_measure": reported.measure if reported else "",
        "here": part.here if reported else np.nan,
        "article_value": reported.value if reported else "",
        "article_figure": reported.figure if reported else "",
        "_equivalence": part.equivalence,
        **of_claim,
        "_rank_p": part.rank_p,
        "_mean": mean,
        "_networks": networks,
        "_values": finite,
        "_sounds": part.sounds,
        "_fault": fault,
        "_caveat": part.caveat,
    }


def _name_of_test(part: Part) -> str:
    if part.rank_p is not None:
        return RANK
    return ("paired " if part.paired else "") + ("equivalence" if part.equivalence else "t")


def _fault(part: Part, values: np.ndarray, left_out: np.ndarray) -> str:
    """Return why `values` (networks,) and those `left_out` (blocks, networks) give no error."""
    n, missing = len(values), int((~np.isfinite(values)).sum())
    if missing:
        return f"{missing} of {n} networks have no estimate"
    if n > 1 and _all_equal(values):
        return f"all {n} networks have the same estimate, so its error is unknown"
    if n and len(left_out) < 2:
        return f"no {part.sounds} could be left out, so the error over them is unknown"
    failed = (~np.isfinite(left_out)).any(axis=1)
    if failed.any():
        return (
            f"without some of the {part.sounds} ({failed.sum()} of {len(left_out)} blocks), there "
            "is no estimate, so its error is unknown"
        )
    return ""


def _interval(row: dict, low: float, high: float) -> dict:
    """Return the ends of the intervals, which err with probabilities `low` and `high`."""
    mean, networks = row["_mean"], row["_networks"]
    return {
        "low": mean.value - mean.reach(low),
        "high": mean.value + mean.reach(high),
        "networks_low": mean.value - networks.reach(low),
        "networks_high": mean.value + networks.reach(high),
        "low_confidence": 1 - low,
        "high_confidence": 1 - high,
    }


def _judged(
    row: dict, support: float, reject: float, min_networks: int, alpha: float
) -> tuple[str, str]:
    """Return the verdict on a part, and the reason in words."""
    if row["_fault"]:
        return UNDETERMINED, row["_fault"]
    if row["n_networks"] < min_networks:
        n = row["n_networks"]
        one, many = "network", "networks"
        if row["test"].startswith("paired"):
            one, many = "pair of networks", "pairs of networks"
        replicates = one if n == 1 else many
        return UNDETERMINED, f"{n} {replicates}, fewer than claims.min_networks ({min_networks})"
    if row["_rank_p"] is not None:
        return judged_by_rank(row["_rank_p"], alpha)
    smallest, equivalence = row["smallest_effect"], row["_equivalence"]
    found = verdict(row["_mean"], smallest, support=support, reject=reject, equivalence=equivalence)
    if found in (SUPPORTED, PRESENT) and row["_caveat"]:
        return UNDETERMINED, row["_caveat"]
    if equivalence:
        within = f"the margin that counts as no effect (±{smallest:g})"
        reasons = {
            SUPPORTED: f"the interval lies within {within}",
            NOT_SUPPORTED: f"the interval lies outside {within}",
            UNDETERMINED: f"the interval does not lie within {within}",
        }
    else:
        effect = f"the smallest effect of interest ({smallest:g})"
        reasons = {
            SUPPORTED: f"the interval lies above {effect}",
            PRESENT: f"the interval lies above zero, but not above {effect}",
            NOT_SUPPORTED: f"the interval lies below {effect}",
            UNDETERMINED: f"the interval contains both zero and {effect}",
        }
    if found != UNDETERMINED:
        skewed = _verdict_if_skewed(row, support, reject)
        if skewed != found:
            return skewed, (
                f"{reasons[found]}, but not when the skewness of the networks' estimates is taken "
                "into account; more networks would tell"
            )
    if found in (PRESENT, UNDETERMINED):
        return found, f"{reasons[found]}; {_remedy(row)} would narrow it"
    return found, reasons[found]


def _verdict_if_skewed(row: dict, support: float, reject: float) -> str:
    """Return the verdict with each end moved outwards by the skewness of the networks."""
    mean, smallest = row["_mean"], row["smallest_effect"]

    def ends(p: float, upper_p: float) -> tuple[float, float]:
        shifts = [
            skew_shift(row["_values"], mean.error, mean.reach(q) / mean.error) for q in (p, upper_p)
        ]
        return (
            mean.value - mean.reach(p) + min(shifts[0], 0.0),
            mean.value + mean.reach(upper_p) + max(shifts[1], 0.0),
        )

    if row["_equivalence"]:
        low, high = ends(support, support)
        if -smallest < low and high < smallest:
            return SUPPORTED
        low, high = ends(reject, reject)
        return NOT_SUPPORTED if low > smallest or high < -smallest else UNDETERMINED
    low, high = ends(support, reject)
    if high < smallest:
        return NOT_SUPPORTED
    if low > 0:
        return SUPPORTED if low >= smallest else PRESENT
    return UNDETERMINED


def _remedy(row: dict) -> str:
    """Return what would narrow the interval of a part: more of what carries the error."""
    sounds, networks = row["error_sounds"] ** 2, row["error_networks"] ** 2
    if sounds > _MOST * (sounds + networks):
        return f"more {row['_sounds']}, not more networks,"
    if networks > _MOST * (sounds + networks):
        return "more networks"
    return f"more networks and more {row['_sounds']}"


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
    # A failing part decides before an undetermined one, that before a present one, and that before
    # a supported one; among equals, the part with the largest p against its smallest effect.
    severity = (NOT_SUPPORTED, UNDETERMINED, PRESENT, SUPPORTED)
    decisive = min(
        parts,
        key=lambda row: (
            severity.index(row["verdict"]),
            not row["_fault"],
            *(-row[p] if np.isfinite(row[p]) else -1 for p in ("_p_smallest", "_p")),
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
