"""Whether the selective units respond to every genre of the target, or to some alone."""

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

_FEWEST_CLIPS = 2


def genre_responses(
    clip_responses: Sequence[str | os.PathLike],
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    genres: str | os.PathLike,
    *,
    replicates: Sequence[int],
) -> None:
    """Write what the selective units of each of `replicates` answer to each genre.

    `clip_responses` are their clip_responses.tsv, `clips` and `classes` the tables of the corpus.
    Raises InputError when a table cannot be read, holds a clip that is no test clip of the corpus,
    or has fewer than two other clips.
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
        if n_other < _FEWEST_CLIPS:
            raise InputError(
                f"{path}: {n_other} other clips in the test split, and genres are compared with at "
                f"least {_FEWEST_CLIPS}; add clips to the corpus"
            )
        of_network = by_genre(table.assign(labels=table["clip_id"].map(labels)), listed)
        tables.append(of_network.assign(seed=replicate))
    write_table(genres, pd.concat(tables, ignore_index=True), GENRES)


def by_genre(clips: pd.DataFrame, genres: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `genres` (mid, name) with the columns of the table, but for the seed.

    `clips` are test clips (role, response, labels joined by `;`). A clip counts to every genre
    that it bears, if its role is target. Genres of fewer than two clips have no statistics and
    take no part in the corrections.
    """
    other = clips.loc[clips["role"] == "other", "response"].to_numpy()
    target = clips[clips["role"] == "target"]
    borne = target.assign(mid=target["labels"].str.split(";")).explode("mid")
    responses = dict(list(borne.groupby("mid")["response"]))
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
    """Return the numbers and statistics of one genre's clips (n,) against `other` (m,)."""
    genre = np.asarray(genre, dtype=np.float64)
    row = {
        "n_clips": len(genre),
        "n_other": len(other),
        "response": genre.mean() if len(genre) else np.nan,
        "other_response": other.mean(),
    }
    if len(genre) < _FEWEST_CLIPS:
        return row
    statistics = effects(genre[:, None], other[:, None])
    kept = ("welch_t", "p", "d_prime", "hedges_g", "auc")
    return row | {name: float(statistics[name][0]) for name in kept}
