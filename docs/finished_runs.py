"""Write what came out of finished runs into a page of the documentation.

    .venv/bin/python docs/finished_runs.py docs/embedded-corpus.md results/embedded
    .venv/bin/python docs/finished_runs.py docs/embedded-corpus.md AVX2=results/embedded AVX-512=...

The arguments after the page are the folders of runs, each after a name for its processor if there
are several: networks that are trained on different processors differ. Numbers that differ between
the runs become ranges.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from music_detectors.claims.columns import CLAIMS, VERDICTS, WHOLE  # noqa: E402
from music_detectors.claims.statements import TITLES  # noqa: E402
from music_detectors.common.errors import InputError  # noqa: E402
from music_detectors.common.sealed import read_sealed  # noqa: E402
from music_detectors.common.tables import read_table  # noqa: E402
from music_detectors.recognition.columns import RECOGNITION_SUMMARY  # noqa: E402
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY  # noqa: E402
from music_detectors.selectivity.ranking import of_reported_layer  # noqa: E402

BEGIN = "<!-- docs/finished_runs.py writes what follows from finished runs. Do not edit. -->"
END = "<!-- end of what docs/finished_runs.py writes -->"
# The target and the layer of all pages.
_TARGET, _LAYER = "music", "avgpool"
_MEASURES = {
    "test_auc": "area under the ROC curve",
    "response_hedges_g": "Hedges g",
    "test_ratio": "response ratio",
}


class Run:
    """The tables of a finished run in `folder`, on a processor called `name`."""

    def __init__(self, name: str, folder: Path) -> None:
        """Read the tables; raises InputError, naming the file, for a missing or damaged one."""
        self.name = name
        self.recognition = read_table(folder / "recognition" / "summary.tsv", RECOGNITION_SUMMARY)
        path = folder / "selectivity" / _TARGET / "summary.tsv"
        self.selectivity = of_reported_layer(read_table(path, SELECTIVITY_SUMMARY), _LAYER)
        self.claims = read_table(folder / "claims" / "claims.tsv", VERDICTS)
        weights = sorted((folder / "networks").glob("*/seed-*/weights.safetensors"))
        about = [read_sealed(path, "weights")[1] for path in weights]
        self.computed_by = sorted({one["computed_by"] for one in about if one.get("computed_by")})

    def recognised(self, condition: str, clips: str) -> float:
        """Return the mean average precision over natural classes, the mean of the networks."""
        table = self.recognition
        rows = table[(table["condition"] == condition) & (table["group"] == "natural")]
        return float(rows.loc[rows["clips"] == clips, "mean_average_precision"].mean())

    def selective(self, condition: str, measure: str) -> float:
        """Return the mean of a column of the summary of selectivity over the networks."""
        rows = self.selectivity[self.selectivity["condition"] == condition]
        return float(rows[measure].mean())

    def claim(self, claim: str) -> pd.Series:
        """Return the row of a claim as a whole."""
        rows = self.claims[(self.claims["claim"] == claim) & (self.claims["part"] == WHOLE)]
        return rows.iloc[0]


def page(text: str, runs: Sequence[Run], name: str) -> str:
    """Return the `text` of the page called `name` with what came out in `runs` between its markers.

    Raises InputError for a page without the markers.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"{name}: lacks one of the lines {BEGIN} and {END}; restore it")
    return "\n".join([before + BEGIN, "", *_runs(runs), "", *_conditions(runs), "", *_claims(runs),
                      "", END + after])  # fmt: skip


def ranged(values: Sequence[float], digits: int = 2) -> str:
    """Return the range of `values` as `0.31 to 0.34`, one number if they are equal as rounded.

    Missing values give an empty text.
    """
    found = sorted({round(float(value), digits) + 0.0 for value in values if np.isfinite(value)})
    if not found:
        return ""
    ends = [f"{value:.{digits}f}" for value in (found[0], found[-1])]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _runs(runs: Sequence[Run]) -> list[str]:
    trained = [f"{run.name} ({', '.join(run.computed_by) or 'PyTorch'})" for run in runs]
    text = f"Processors, and what the networks were trained by: {'; '.join(trained)}."
    if len(runs) > 1:
        text += " Where the runs differ, both ends of their range are given."
    return [text]


def _conditions(runs: Sequence[Run]) -> list[str]:
    names = dict.fromkeys(name for run in runs for name in run.selectivity["condition"])
    header = ["condition", "natural sounds, mAP on test clips", "on its own train clips"]
    header += [f"selective units: {words}" for words in _MEASURES.values()]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for name in names:
        cells = [name]
        for clips in ("test", "training"):
            cells.append(ranged([run.recognised(name, clips) for run in runs]))
        cells += [ranged([run.selective(name, measure) for run in runs]) for measure in _MEASURES]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _claims(runs: Sequence[Run]) -> list[str]:
    header = ["claim", "verdict", "decided by", "estimate"]
    header += ["the article's measure", "here", "article"]
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    for claim in CLAIMS:
        rows = [run.claim(claim) for run in runs]
        same = len({(row["verdict"], row["decided_by"]) for row in rows}) == 1
        for run, row in zip(runs, rows, strict=True):
            shown = rows if same else [row]
            cells = [
                TITLES[claim] if run is runs[0] else "",
                row["verdict"] if same else f"{row['verdict']} ({run.name})",
                row["decided_by"],
                ranged([one["estimate"] for one in shown]),
                row["article_measure"],
                ranged([one["here"] for one in shown], 3),
                row["article_value"],
            ]
            lines.append("| " + " | ".join(cells) + " |")
            if same:
                break
    return lines


def run_of(argument: str) -> Run:
    """Return the run that an argument of the command line names."""
    name, equals, folder = argument.rpartition("=")
    return Run(name if equals else "this processor", Path(folder))


def main(arguments: Sequence[str]) -> None:
    """Rewrite the page that the first of `arguments` names from the runs that the others name."""
    path = Path(arguments[0])
    runs = [run_of(one) for one in arguments[1:]]
    path.write_text(page(path.read_text(encoding="utf-8"), runs, str(path)), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(str(error))
