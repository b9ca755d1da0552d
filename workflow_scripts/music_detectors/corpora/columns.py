"""The columns of the tables over corpora."""

CORPORA_CLAIMS = {
    "claim": str,
    "part": str,
    "unit": str,
    "verdict": str,
    "reason": str,
    "n_corpora": int,
    "estimate": float,
    "low": float,
    "high": float,
    "low_confidence": float,
    "high_confidence": float,
    "prediction_low": float,
    "prediction_high": float,
    "smallest_effect": float,
    "equivalence": bool,
    "error": float,
    "between": float,
    "i2": float,
    "p": float,
    "p_holm": float,
    "decided_by": str,
}
"""`corpora/claims.tsv`: one row per claim (part `whole`), followed by one for each of its parts.

`estimate` is the random-effects mean over corpora with its standard `error`, and `between` the
standard deviation of the true effects between corpora; `prediction_low` and `prediction_high` are
the ends of the 95 % interval for another corpus, empty for fewer than three. Of a claim, the row
repeats the numbers of the part that `decided_by` names. The other columns are those of
`claims/claims.tsv`.
"""

CORPORA_ESTIMATES = {
    "claim": str,
    "part": str,
    "corpus": str,
    "verdict": str,
    "estimate": float,
    "error": float,
    "n_networks": int,
    "n_clips": int,
    "weight": float,
    "left_out": str,
}
"""`corpora/estimates.tsv`: one row per needed part of a claim and corpus.

`error` is the standard error over networks and sounds, `weight` the share in the mean over corpora,
and `left_out` says why a corpus has none.
"""
