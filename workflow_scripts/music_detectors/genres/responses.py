"""Whether the selective units respond to every genre of the target, or only to some."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtr

from music_detectors.common.corrections import false_discovery, holm
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.genres.columns import ENOUGH_BLOCKS, GENRES, GENRES_LEFT_OUT
from music_detectors.jackknife.blocks import blocks_in, read_blocks
from music_detectors.jackknife.variance import jackknife_variance
from music_detectors.selectivity.columns import CLIP_RESPONSES
from music_detectors.selectivity.effects import effects, hedges_g, moments

_MIN_CLIPS = 2
_OF_ALL_NETWORKS = "seed error t p p_fdr p_holm n_blocks deviation_error".split()


def genre_responses(
    clip_responses: Sequence[str | os.PathLike],
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    blocks: str | os.PathLike,
    genres: str | os.PathLike,
    left_out: str | os.PathLike,
    *,
    replicates: Sequence[int],
) -> None:
    """Write the responses of the selective units to each genre, for the networks `replicates`.

    `left_out` is written too: the effects without each block of clips. `clip_responses` are the
    networks' clip_responses.tsv, `clips` and `classes` the tables of the corpus, and `blocks` that
    of the blocks of test clips.
    Raises InputError when a table cannot be read, has a clip that is no test clip of the corpus,
    has other clips than that of the first network, or fewer than two other clips.
    """
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "labels"))
    labels = corpus[corpus["split"] == "test"].set_index("clip_id")["labels"]
    listed = read_table(classes, CLASSES, only=("mid", "name", "genre"))
    listed = listed[listed["genre"]]
    tables, heard = [], []
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
        heard.append(table[table["role"] != "mixed"].set_index("clip_id"))
        if set(heard[-1].index) != set(heard[0].index):
            why = f"its test clips are not those of {clip_responses[0]}"
            raise damaged(path, "table", why)
    first = heard[0]
    responses = np.column_stack([table.loc[first.index, "response"] for table in heard])
    is_target = (first["role"] == "target").to_numpy()
    of_clips = labels[first.index].str.split(";")
    carries = np.array([[mid in own for mid in listed["mid"]] for own in of_clips], dtype=bool)
    carries = carries.reshape(len(first), len(listed)) & is_target[:, None]
    of_blocks = read_blocks(blocks, first.index.tolist())
    without = without_blocks(responses, ~is_target, carries, of_blocks)
    n_blocks = np.array([len(np.unique(of_blocks[has])) for has in carries.T], dtype=np.int64)
    errors = deviation_errors(without["hedges_g"], n_blocks)
    table = pd.concat(tables, ignore_index=True)
    added = {
        "n_blocks": np.tile(n_blocks, len(heard)),
        "deviation_error": errors.T.ravel(),
    }
    tested = with_tests(table.assign(**added), errors_of(without["hedges_g"], n_blocks))
    write_table(genres, tested, GENRES)
    rows = table[["seed", "mid", "name"]].assign(**added)
    written = [
        rows.assign(
            block=block,
            n_clips=np.tile(n_clips, len(heard)),
            n_other=n_other,
            hedges_g=g.T.ravel(),
        )
        for block, n_clips, n_other, g in zip(*without.values(), strict=True)
    ]
    write_table(left_out, stacked(written, GENRES_LEFT_OUT), GENRES_LEFT_OUT)


def without_blocks(
    responses: np.ndarray, is_other: np.ndarray, carries: np.ndarray, blocks: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the effects without each block: block, n_clips, n_other and hedges_g by name.

    `responses` are (clips, networks), `carries` (clips, genres) tells which target clips have which
    genre, `is_other` (clips,) which clips they are compared with, and `blocks` (clips,) are their
    blocks. n_clips is (blocks, genres) and hedges_g (blocks, genres, networks), NaN where fewer
    than two clips are left.
    """
    numbers = blocks_in(blocks)
    n_clips = np.zeros((len(numbers), carries.shape[1]), dtype=np.int64)
    n_other = np.zeros(len(numbers), dtype=np.int64)
    g = np.full((len(numbers), carries.shape[1], responses.shape[1]), np.nan)
    for place, block in enumerate(numbers):
        kept = blocks != block
        others = responses[kept & is_other]
        n_other[place] = len(others)
        of_others = moments(others) if len(others) >= _MIN_CLIPS else None
        for genre, has in enumerate(carries.T):
            own = responses[kept & has]
            n_clips[place, genre] = len(own)
            if len(own) >= _MIN_CLIPS and of_others:
                g[place, genre] = hedges_g(moments(own), of_others)
    return {"block": np.array(numbers), "n_clips": n_clips, "n_other": n_other, "hedges_g": g}


def deviation_errors(left_out: np.ndarray, n_blocks: np.ndarray) -> np.ndarray:
    """Return the standard error over sounds of each genre's effect less the mean over genres.

    Only genres with clips in enough blocks count in the mean; arguments and result are those of
    `errors_of`.
    """
    counted = left_out[:, n_blocks >= ENOUGH_BLOCKS]
    if not counted.size:
        return errors_of(left_out, n_blocks)
    return errors_of(left_out - counted.mean(axis=1, keepdims=True), n_blocks)


def errors_of(left_out: np.ndarray, n_blocks: np.ndarray) -> np.ndarray:
    """Return the standard error over sounds of an estimate of each genre, (genres, networks).

    `left_out` are the estimates (blocks, genres, networks) without each block, and `n_blocks`
    (genres,) says in how many the genre has clips. The errors are NaN for genres with clips in too
    few blocks and where no block is left out.
    """
    errors = np.full(left_out.shape[1:], np.nan)
    enough, n = n_blocks >= ENOUGH_BLOCKS, len(left_out)
    if n and enough.any():
        # To leave out a clip of eight changes their mean by a seventh of the clip's deviation,
        # whatever the number of other blocks, so the number of the genre's own blocks counts.
        own = (1 - 1 / n_blocks[enough]) / (1 - 1 / n)
        errors[enough] = np.sqrt(own[:, None] * jackknife_variance(left_out[:, enough]))
    return errors


def with_tests(table: pd.DataFrame, errors: np.ndarray) -> pd.DataFrame:
    """Return `table` with error, t, p, p_fdr and p_holm.

    `table` has a row for each network and genre, with hedges_g and n_blocks; `errors` are those of
    hedges_g (genres, networks). t is that of Student with one degree of freedom less than the genre
    has blocks, and p two-sided. Genres without an error, or with one of zero, have neither, and do
    not count in the corrections over the genres of a network.
    """
    error = errors.T.ravel()
    t = np.full(len(table), np.nan)
    np.divide(table["hedges_g"].to_numpy(dtype=float), error, out=t, where=error > 0)
    p = 2 * stdtr(table["n_blocks"].to_numpy(dtype=float) - 1, -np.abs(t))
    table = table.assign(error=error, t=t, p=p, p_fdr=np.nan, p_holm=np.nan)
    for _, rows in table[np.isfinite(p)].groupby("seed"):
        for name, adjusted in (("p_fdr", false_discovery), ("p_holm", holm)):
            table.loc[rows.index, name] = adjusted(rows["p"].to_numpy())
    return table


def by_genre(clips: pd.DataFrame, genres: pd.DataFrame) -> pd.DataFrame:
    """Return `genres` (mid, name) with the columns of the genre table about one network's effects.

    `clips` are test clips (role, response, labels joined by `;`). A target clip counts for each
    genre among its labels. Genres with fewer than two clips have no statistics.
    """
    other = clips.loc[clips["role"] == "other", "response"].to_numpy()
    target = clips[clips["role"] == "target"]
    by_label = target.assign(mid=target["labels"].str.split(";")).explode("mid").groupby("mid")
    responses = dict(list(by_label["response"]))
    rows = [
        {"mid": mid, "name": name, **_row(responses.get(mid, other[:0]), other)}
        for mid, name in zip(genres["mid"], genres["name"], strict=True)
    ]
    columns = [name for name in GENRES if name not in _OF_ALL_NETWORKS]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({name: GENRES[name] for name in table.columns})


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
    names = ("d_prime", "hedges_g", "auc")
    return row | {name: float(statistics[name][0]) for name in names}
