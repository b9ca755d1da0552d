"""The columns of the tables of claims; docs/claims.md defines each."""

CLAIMS = (
    "apart",
    "all-units",
    "selective",
    "level",
    "decoding",
    "probe",
    "models",
    "temporal",
    "generalisation",
    "lesion",
    "emergence",
    "speech",
    "specific",
    "acoustics",
    "genres",
)
"""The article's claims, in its order, and the workflow's own, acoustics and genres, after them."""

WHOLE = "whole"
"""The name of the part in the row of a claim as a whole."""

SUPPORTED = "supported"
PRESENT = "present"
NOT_SUPPORTED = "not supported"
UNDETERMINED = "undetermined"

RANK = "rank"
"""The test of a part by the place of the target among random sets of classes."""

VERDICTS = {
    "claim": str,
    "part": str,
    "needed": bool,
    "compared": str,
    "unit": str,
    "verdict": str,
    "reason": str,
    "verdict_without": str,
    "estimate": float,
    "low": float,
    "high": float,
    "networks_low": float,
    "networks_high": float,
    "low_confidence": float,
    "high_confidence": float,
    "smallest_effect": float,
    "n_networks": int,
    "n_clips": int,
    "error_networks": float,
    "error_sounds": float,
    "df_sounds": float,
    "error": float,
    "test": str,
    "t": float,
    "p": float,
    "p_smallest": float,
    "p_sign_flip": float,
    "p_holm": float,
    "decided_by": str,
    "article_measure": str,
    "here": float,
    "article_value": str,
    "article_figure": str,
}
"""`claims/claims.tsv`: one row per claim (part `whole`), followed by one row for each of its parts.

A claim holds when all its needed parts hold; the other parts are shown for comparison and have no
verdict. The row of a claim repeats the numbers of the part that `decided_by` names. `low` and
`high` are the interval over networks and sounds that verdicts rest on. The last columns have what
the article reports for music, and the same measure `here` (mean over networks); in the row of a
claim, those of its first part with a value of the article.
"""

ESTIMATES = {
    "claim": str,
    "part": str,
    "needed": bool,
    "seed": int,
    "estimate": float,
}
"""`claims/estimates.tsv`: one row per part of a claim and network (or pair of networks of one
seed).
"""
