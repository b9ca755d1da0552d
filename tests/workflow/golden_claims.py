"""What the table of claims of the smoke run says on every kind of processor.

After a deliberate change: PYTHONPATH=workflow_scripts:tests python -m workflow.golden_claims \
results/smoke/claims/claims.tsv
"""

import sys
from pathlib import Path

from music_detectors.claims.columns import VERDICTS, WHOLE
from music_detectors.common.tables import read_table

GOLDEN = Path(__file__).parent / "golden" / "claims.tsv"
# Estimates differ by processor, and with them the part that decides a claim.
_STABLE = (
    *("claim", "part", "needed", "compared", "unit", "verdict", "reason", "smallest_effect"),
    *("n_networks", "n_clips", "test", "article_measure", "article_value", "article_figure"),
)
_OF_THE_DECIDING_PART = ("compared", "unit", "reason", "smallest_effect", "n_clips", "test")


def stable(path: Path) -> str:
    """Return the table of claims at `path` without what depends on the processor, as TSV."""
    table = read_table(path, VERDICTS)[list(_STABLE)]
    # Texts may quote measured values, which have decimals; settings have them too.
    for column in ("compared", "reason"):
        table[column] = table[column].str.replace(r"\d+\.\d+", "#", regex=True)
    table = table.astype(str)
    whole = table["part"] == WHOLE
    table.loc[whole, [*_OF_THE_DECIDING_PART, "n_networks"]] = ""
    return table.to_csv(sep="\t", index=False, lineterminator="\n")


if __name__ == "__main__":
    GOLDEN.write_text(stable(Path(sys.argv[1])), encoding="utf-8")
