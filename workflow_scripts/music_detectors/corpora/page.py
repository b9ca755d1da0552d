"""The page over corpora."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from music_detectors.claims.columns import CLAIMS, WHOLE
from music_detectors.claims.statements import TITLES
from music_detectors.corpora.read import Corpus


def page(
    corpora: Sequence[Corpus],
    claims: pd.DataFrame,
    estimates: pd.DataFrame,
    notes: Sequence[str],
    alpha: float,
) -> str:
    """Return the page as Markdown.

    `claims` and `estimates` are the tables CORPORA_CLAIMS and CORPORA_ESTIMATES, `notes` what
    stands in the way of a comparison.
    """
    names = [corpus.name for corpus in corpora]
    lines = [
        f"# {corpora[0].settings['target']} in networks, over "
        f"{len(corpora)} {'corpus' if len(corpora) == 1 else 'corpora'}",
        "",
        *(f"**{note}**\n" for note in [*_few(names), *notes]),
        "An estimate over corpora is the random-effects mean (Paule and Mandel's variance between "
        "corpora, the error of Hartung and Knapp). Verdicts are those of docs/claims.md with "
        "corpora in place of networks; the probability of a wrong one on any claim is at most "
        f"{alpha:g}. A verdict rests on the parts that every corpus has.",
        "",
        "![Estimates of every part, by corpus and over corpora](forest.png)",
        "",
        "## Verdicts",
        "",
        *_table(["claim", *names, "over corpora", "reason"], _verdicts(names, claims, estimates)),
        "## Parts",
        "",
        "The estimate over corpora has its corrected interval; the interval for another corpus "
        "(95 %) says where the effect would lie there, if it is like these.",
        "",
        *_table(
            [
                "claim",
                "part",
                *names,
                "over corpora",
                "another corpus",
                "smallest effect",
                "verdict",
            ],
            _parts(names, claims, estimates),
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _few(names: Sequence[str]) -> list[str]:
    if len(names) == 1:
        return [
            f"There is only one corpus ({names[0]}), so nothing here says whether its results hold "
            "in others. Run another corpus of the same target."
        ]
    if len(names) == 2:
        return [
            "Two corpora say little about others: how much effects vary between corpora is "
            "estimated from one difference, the interval is some ten times as wide as with four, "
            "and there is none for another corpus. Read the estimates side by side."
        ]
    if len(names) < 5:
        return [
            f"With {len(names)} corpora, the variation between corpora is poorly known; intervals "
            "take that into account and are wide."
        ]
    return []


def _verdicts(
    names: Sequence[str], claims: pd.DataFrame, estimates: pd.DataFrame
) -> Iterable[list[str]]:
    for claim in CLAIMS:
        row = claims[(claims["claim"] == claim) & (claims["part"] == WHOLE)].iloc[0]
        decisive = estimates[
            (estimates["claim"] == claim) & (estimates["part"] == row["decided_by"])
        ].set_index("corpus")
        own = [decisive["verdict"].get(name, "–") for name in names]
        reason = f"{row['decided_by']}: {row['reason']}" if row["decided_by"] else row["reason"]
        yield [TITLES[claim], *own, f"**{row['verdict']}**", reason]


def _parts(
    names: Sequence[str], claims: pd.DataFrame, estimates: pd.DataFrame
) -> Iterable[list[str]]:
    by_part = estimates.set_index(["claim", "part", "corpus"])
    for row in claims[claims["part"] != WHOLE].to_dict("records"):
        cells = []
        for name in names:
            key = (row["claim"], row["part"], name)
            cells.append("–")
            if key in by_part.index:
                own = by_part.loc[key]
                cells[-1] = _number(own["estimate"])
                if np.isfinite(own["error"]):
                    cells[-1] += f" ± {_number(own['error'])}"
        margin = "±" if row["equivalence"] else ""
        yield [
            TITLES[row["claim"]],
            row["part"],
            *cells,
            f"{_number(row['estimate'])} ({_number(row['low'])} to {_number(row['high'])})"
            if row["n_corpora"] > 1
            else "–",
            f"{_number(row['prediction_low'])} to {_number(row['prediction_high'])}"
            if np.isfinite(row["prediction_low"])
            else "–",
            f"{margin}{row['smallest_effect']:g}",
            f"{row['verdict']}: {row['reason']}",
        ]


def _number(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "–"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    escaped = ([cell.replace("|", r"\|").replace("\n", " ") for cell in row] for row in rows)
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    return [*lines, *(f"| {' | '.join(row)} |" for row in escaped), ""]
