"""What became of each of the article's claims in this run, beside the article's own numbers."""

import math
from collections.abc import Mapping, Sequence

from music_detectors.claims.columns import NOT_SUPPORTED, PRESENT, SUPPORTED

OWN_CLAIMS = ("acoustics", "genres")
"""Claims of the workflow, which the article does not make."""

REPEATED = "repeated"
NOT_REPEATED = "not repeated"
UNDECIDED = "undecided"
NOT_TESTED = "not tested"


def outcome(claim: Mapping, min_networks: int) -> str:
    """Return what became of the article's claim, from the row of a claim as a whole.

    It is repeated if it is supported or present, and not tested if there were fewer networks than
    `min_networks` or nothing to measure.
    """
    if claim["verdict"] in (SUPPORTED, PRESENT):
        return REPEATED
    if claim["verdict"] == NOT_SUPPORTED:
        return NOT_REPEATED
    measured = claim["n_networks"] >= min_networks and math.isfinite(claim["estimate"])
    return UNDECIDED if measured else NOT_TESTED


def beside_the_article(answers: Sequence[Mapping], min_networks: int) -> list[dict]:
    """Return one row per claim of the article: number, title, outcome, verdict, numbers of both.

    `answers` are the rows of the claims, each with those of its `parts`.
    """
    return [
        {
            "number": number,
            "title": answer["title"],
            "outcome": outcome(answer, min_networks),
            "verdict": answer["verdict"],
            "numbers": [part for part in answer["parts"] if part["article_value"]],
        }
        for number, answer in enumerate(answers, start=1)
        if answer["claim"] not in OWN_CLAIMS
    ]
