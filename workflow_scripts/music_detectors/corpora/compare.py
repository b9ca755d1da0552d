"""Write the tables, the figure and the page over corpora."""

import os
from collections.abc import Sequence
from pathlib import Path

from music_detectors.common.errors import say
from music_detectors.common.files import replacing
from music_detectors.common.tables import write_table
from music_detectors.corpora.columns import CORPORA_CLAIMS, CORPORA_ESTIMATES
from music_detectors.corpora.forest import forest_figure
from music_detectors.corpora.judge import judged
from music_detectors.corpora.page import page
from music_detectors.corpora.read import OWN, comparable, find_corpora, read_corpus
from music_detectors.figures.style import save


def compare_corpora(named: Sequence[str], results: str | os.PathLike, *, alpha: float) -> None:
    """Write claims.tsv, estimates.tsv, forest.svg, forest.png and corpora.md to results/corpora.

    The corpora are those that are `named`, or all in the folder `results`; `alpha` is the
    probability of a wrong verdict over them. Raises InputError, naming the file or key, when there
    is no corpus, when one has no claims or of an earlier version, and when corpora are about
    different targets.
    """
    corpora = [read_corpus(folder) for folder in find_corpora(named, results)]
    notes = comparable(corpora)
    claims, estimates = judged(corpora, alpha)
    folder = Path(results, OWN)
    write_table(folder / "claims.tsv", claims, CORPORA_CLAIMS)
    write_table(folder / "estimates.tsv", estimates, CORPORA_ESTIMATES)
    save(forest_figure(claims, estimates), folder / "forest.svg", folder / "forest.png")
    with replacing(folder / "corpora.md") as temporary:
        temporary.write_text(page(corpora, claims, estimates, notes, alpha), "utf-8")
    for note in notes:
        say(f"warning: {note}")
