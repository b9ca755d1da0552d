"""The verdicts over corpora."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from music_detectors.claims.columns import (
    CLAIMS,
    NOT_SUPPORTED,
    PRESENT,
    SUPPORTED,
    UNDETERMINED,
    WHOLE,
)
from music_detectors.claims.inference import Mean, holm, judged_by_rank, verdict
from music_detectors.corpora.columns import CORPORA_CLAIMS, CORPORA_ESTIMATES
from music_detectors.corpora.combine import Combined, combined
from music_detectors.corpora.read import Corpus

_SEVERITY = (NOT_SUPPORTED, UNDETERMINED, PRESENT, SUPPORTED)


def judged(corpora: Sequence[Corpus], alpha: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of claims (CORPORA_CLAIMS) and of estimates (CORPORA_ESTIMATES).

    Verdicts go by the random-effects mean over corpora, as those on one corpus go by the mean over
    networks: Holm's levels over the claims for support, Bonferroni's over all parts for rejection.
    A part that is tested by rank is supported where p is at most `alpha` in every corpus.
    A claim needs the parts that all `corpora` have; a part that some lack is shown, and the verdict
    does not rest on it.
    """
    rows: dict[str, list[dict]] = {claim: [] for claim in CLAIMS}
    estimates: list[dict] = []
    for claim in CLAIMS:
        for part in _names(corpora, claim):
            row, of_corpora = _part(corpora, claim, part)
            rows[claim].append(row)
            estimates += of_corpora
    needed = {claim: [row for row in rows[claim] if row["_in_all"]] for claim in CLAIMS}
    p = np.array(
        [
            max((_p_of_claim(row, alpha) for row in needed[claim]), default=np.nan)
            for claim in CLAIMS
        ]
    )
    p_holm, levels = holm(p, alpha)
    table = []
    for place, claim in enumerate(CLAIMS):
        reject = alpha / 2 / len(CLAIMS) / max(len(needed[claim]), 1)
        for row in rows[claim]:
            _judge(row, levels[place] / 2, reject, alpha)
        whole = _whole(claim, rows[claim], needed[claim])
        whole |= {"p": p[place], "p_holm": p_holm[place] if p[place] >= 0 else np.nan}
        table += [whole, *rows[claim]]
    return _typed(table, CORPORA_CLAIMS), _typed(estimates, CORPORA_ESTIMATES)


def _names(corpora: Sequence[Corpus], claim: str) -> list[str]:
    """Return the parts of `claim` that any of `corpora` has, in their order."""
    found = (c.parts.loc[c.parts["claim"] == claim, "part"] for c in corpora)
    return list(dict.fromkeys(name for names in found for name in names))


def _part(corpora: Sequence[Corpus], claim: str, part: str) -> tuple[dict, list[dict]]:
    """Return the row of a part, without ends and verdict, and those of its estimates."""
    having: dict[str, dict] = {}
    for corpus in corpora:
        rows = corpus.parts[(corpus.parts["claim"] == claim) & (corpus.parts["part"] == part)]
        if len(rows):
            having[corpus.name] = rows.to_dict("records")[0]
    left_out = {name: _left_out(row) for name, row in having.items()}
    used = {name: row for name, row in having.items() if not left_out[name]}
    first = next(iter(having.values()))
    smallest = max(row["smallest_effect"] for row in having.values())
    both = (
        combined(*(np.array([row[key] for row in used.values()]) for key in ("estimate", "error")))
        if len(used) > 1
        else None
    )
    weights = dict(zip(used, both.weights if both else np.ones(len(used)), strict=True))
    fault = _fault(having, len(used), len(corpora))
    # The part has to hold in every corpus. It does not where a p is missing: the largest is NaN.
    p = 1.0 if fault or both is None else _p(both.mean, smallest, first["equivalence"])
    rank_p = float(np.max([row["rank_p"] for row in having.values()]))
    by_rank = any(np.isfinite(row["rank_p"]) for row in having.values())
    row = {
        "claim": claim,
        "part": part,
        "unit": first["unit"],
        "reason": fault,
        "n_corpora": len(used),
        "smallest_effect": smallest,
        "equivalence": bool(first["equivalence"]),
        "p": rank_p if by_rank else p,
        "p_holm": np.nan,
        "decided_by": "",
        "_in_all": len(having) == len(corpora),
        "_by_rank": by_rank,
        "_mean": both.mean if both else None,
        "_lacking": [name for name in having if name not in used],
        **_numbers(both, used),
    }
    return row, [
        {
            **{key: of[key] for key in CORPORA_ESTIMATES if key in of},
            "corpus": name,
            "weight": weights.get(name, 0.0),
            "left_out": left_out[name],
        }
        for name, of in having.items()
    ]


def _left_out(row: Mapping) -> str:
    """Return why the estimate of a corpus cannot be used; nothing where it can."""
    if not np.isfinite(row["estimate"]):
        return row["reason"] or "it has no estimate"
    if not (np.isfinite(row["error"]) and row["error"] > 0):
        return row["reason"] or "the error of its estimate is unknown"
    return ""


def _fault(having: Mapping[str, Mapping], n_used: int, n: int) -> str:
    """Return why there is no verdict on a part, in words; nothing where there is one."""
    if len(having) < n:
        return f"only in {', '.join(having)}"
    for key, words in (("unit", "units"), ("smallest_effect", "smallest effects of interest")):
        values = {name: row[key] for name, row in having.items()}
        if len(set(values.values())) > 1:
            shown = ", ".join(f"{value} in {name}" for name, value in values.items())
            return f"the corpora have different {words}: {shown}"
    if n_used < 2:
        return f"corpora with an estimate and its error: {n_used}; at least two are needed"
    return ""


def _numbers(both: Combined | None, used: Mapping[str, Mapping]) -> dict[str, float]:
    if both is None:
        only = next(iter(used.values()), {"estimate": np.nan, "error": np.nan})
        nothing = dict.fromkeys(("between", "i2", "prediction_low", "prediction_high"), np.nan)
        return {"estimate": only["estimate"], "error": only["error"], **nothing}
    low, high = both.prediction()
    return {
        "estimate": both.mean.value,
        "error": both.mean.error,
        "between": both.between,
        "i2": both.i2,
        "prediction_low": low,
        "prediction_high": high,
    }


def _p(mean: Mean, smallest: float, equivalence: bool) -> float:
    """Return the two-sided p against the smallest effect, or against the nearer end of a margin."""
    above = mean.value - smallest
    if equivalence:
        above = smallest - abs(mean.value)
    return mean._replace(value=above).p() if above > 0 else 1.0


def _p_of_claim(row: Mapping, alpha: float) -> float:
    """Return the p of a part in the claim's; of a rank, only whether it holds."""
    if row["_by_rank"]:
        return 0.0 if row["p"] <= alpha and not row["reason"] else 1.0
    return row["p"]


def _judge(row: dict[str, Any], support: float, reject: float, alpha: float) -> None:
    """Add the ends of the interval, and the verdict, to the row of a part."""
    mean, equivalence = row["_mean"], row["equivalence"]
    upper = support if equivalence else reject
    row |= {"low": np.nan, "high": np.nan, "verdict": UNDETERMINED}
    row |= {"low_confidence": 1 - support, "high_confidence": 1 - upper}
    if mean is None:
        return
    row |= {"low": mean.value - mean.reach(support), "high": mean.value + mean.reach(upper)}
    if row["reason"]:
        return
    smallest = row["smallest_effect"]
    if row["_by_rank"]:
        row["verdict"], reason = judged_by_rank(row["p"], alpha)
        row["reason"] = f"the largest {reason}"
    else:
        row["verdict"] = verdict(
            mean, smallest, support=support, reject=reject, equivalence=equivalence
        )
        row["reason"] = _reason(row["verdict"], smallest, equivalence)
    if row["_lacking"]:
        row["reason"] += f"; {', '.join(row['_lacking'])} has no such estimate"


def _reason(found: str, smallest: float, equivalence: bool) -> str:
    if equivalence:
        within = f"the margin that counts as no effect (±{smallest:g})"
        return {
            SUPPORTED: f"the interval lies within {within}",
            NOT_SUPPORTED: f"the interval lies outside {within}",
            UNDETERMINED: f"the interval does not lie within {within}",
        }[found]
    effect = f"the smallest effect of interest ({smallest:g})"
    return {
        SUPPORTED: f"the interval lies above {effect}",
        PRESENT: f"the interval lies above zero, but not above {effect}",
        NOT_SUPPORTED: f"the interval lies below {effect}",
        UNDETERMINED: f"the interval contains both zero and {effect}",
    }[found]


def _whole(claim: str, parts: Sequence[dict], needed: Sequence[dict]) -> dict[str, Any]:
    """Return the row of a claim: the numbers of the part that decides it."""
    if not needed:
        empty: dict[str, Any] = {
            name: np.nan if kind is float else "" for name, kind in CORPORA_CLAIMS.items()
        }
        return empty | {
            "claim": claim,
            "part": WHOLE,
            "verdict": UNDETERMINED,
            "reason": "no part is needed in every corpus" if parts else "nothing was measured",
            "n_corpora": 0,
            "equivalence": False,
        }
    decisive = min(needed, key=lambda row: (_SEVERITY.index(row["verdict"]), -row["p"]))
    return decisive | {"part": WHOLE, "decided_by": decisive["part"]}


def _typed(rows: Sequence[dict], columns: Mapping[str, type]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(columns))
    return table.astype({name: kind for name, kind in columns.items() if kind is not str})
