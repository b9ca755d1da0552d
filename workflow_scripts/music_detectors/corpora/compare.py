"""Write the tables, the figure and the page over corpora."""

import os
from collections.abc import Sequence

from music_detectors.common.errors import say
from music_detectors.common.files import replacing
from music_detectors.common.tables import write_table
from music_detectors.corpora.columns import CORPORA_CLAIMS, CORPORA_ESTIMATES
from music_detectors.corpora.forest import forest_figure
from music_detectors.corpora.judge import judged
from music_detectors.corpora.page import page as page_of
from music_detectors.corpora.read import comparable, find_corpora, read_corpus
from music_detectors.figures.style import save


def compare_corpora(
    named: Sequence[str],
    results: str | os.PathLike,
    claims: str | os.PathLike,
    estimates: str | os.PathLike,
    svg: str | os.PathLike,
    png: str | os.PathLike,
    page: str | os.PathLike,
    *,
    alpha: float,
) -> None:
    """Write the tables `claims` and `estimates`, the figure (`svg`, `png`) and the `page`.

    The corpora are those that are `named`, or all in the folder `results`; `alpha` is the
    probability of a wrong verdict over them. Raises InputError, naming the file or key, when there
    is no corpus, when one has no claims or of an earlier version, and when corpora are about
    different targets.
    """
    corpora = [read_corpus(folder) for folder in find_corpora(named, results)]
    notes = comparable(corpora)
    over_corpora, of_corpora = judged(corpora, alpha)
    write_table(claims, over_corpora, CORPORA_CLAIMS)
    write_table(estimates, of_corpora, CORPORA_ESTIMATES)
    save(forest_figure(over_corpora, of_corpora), svg, png)
    with replacing(page) as temporary:
        temporary.write_text(page_of(corpora, over_corpora, of_corpora, notes, alpha), "utf-8")
    for note in notes:
        say(f"warning: {note}")
