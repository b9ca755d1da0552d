"""Whether the selective units respond to every genre of the target, or only to some."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.genres.columns import GENRES
from music_detectors.selectivity.columns import CLIP_RESPONSES
from music_detectors.selectivity.effects import effects

_MIN_CLIPS = 2


def genre_responses(
    clip_responses: Sequence[str | os.PathLike],
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    genres: str | os.PathLike,
    *,
    replicates: Sequence[int],
) -> None:
    """Write the responses of the selective units to each genre, for the networks `replicates`.

    `clip_responses` are their clip_responses.tsv, `clips` and `classes` the tables of the corpus.
    Raises InputError when a table cannot be read, has a clip that is no test clip of the corpus, or
    has fewer than two other clips.
    """
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "labels"))
    labels = corpus[corpus["split"] == "test"].set_index("clip_id")["labels"]
    listed = read_table(classes, CLASSES, only=("mid", "name", "genre"))
    listed = listed[listed["genre"]]
    tables = []
    for path, replicate in zip(clip_responses, replicates, strict=True):
        table = read_table(path, CLIP_RESPONSES)
        table = table[table["split"] == "test"]
        unknown = table.loc[~table["clip_id"].isin(labels.index), "clip_id"]
        if len(unknown):
            why = f"clip {unknown.iloc[0]} is not among the test clips of the corpus"
            raise damaged(path, "table", why)
        n_other = (table["role"] == "other").sum()
        if n_other < _MIN_CLIPS:
            raise InputError(
                f"{path}: {n_other} other clips in the test split, but the comparison with genres "
                f"needs at least {_MIN_CLIPS}; add clips to the corpus"
            )
        rows = by_genre(table.assign(labels=table["clip_id"].map(labels)), listed)
        tables.append(rows.assign(seed=replicate))
    write_table(genres, pd.concat(tables, ignore_index=True), GENRES)


def by_genre(clips: pd.DataFrame, genres: pd.DataFrame) -> pd.DataFrame:
    """Return `genres` (mid, name) with the columns of the genre table, except the seed.

    `clips` are test clips (role, response, labels joined by `;`). A target clip counts for each
    genre among its labels. Genres with fewer than two clips have no statistics and do not count in
    the corrections.
    """
    other = clips.loc[clips["role"] == "other", "response"].to_numpy()
    target = clips[clips["role"] == "target"]
    by_label = target.assign(mid=target["labels"].str.split(";")).explode("mid").groupby("mid")
    responses = dict(list(by_label["response"]))
    rows = [
        {"mid": mid, "name": name, **_row(responses.get(mid, other[:0]), other)}
        for mid, name in zip(genres["mid"], genres["name"], strict=True)
    ]
    table = pd.DataFrame(rows, columns=list(GENRES)).drop(columns="seed")
    table = table.astype({name: GENRES[name] for name in table.columns})
    tested = table["p"].notna().to_numpy()
    if tested.any():
        p = table.loc[tested, "p"].to_numpy()
        table.loc[tested, "p_fdr"] = multipletests(p, method="fdr_bh")[1]
        table.loc[tested, "p_holm"] = multipletests(p, method="holm")[1]
    return table


def _row(genre: np.ndarray | pd.Series, other: np.ndarray) -> dict[str, float | int]:
    """Return the columns for one genre from the responses to its clips (n,) and to `other` (m,)."""
    genre = np.asarray(genre, dtype=np.float64)
    row = {
        "n_clips": len(genre),
        "n_other": len(other),
        "response": genre.mean() if len(genre) else np.nan,
        "other_response": other.mean(),
    }
    if len(genre) < _MIN_CLIPS:
        return row
    statistics = effects(genre[:, None], other[:, None])
    names = ("welch_t", "p", "d_prime", "hedges_g", "auc")
    return row | {name: float(statistics[name][0]) for name in names}
