"""Target and other clips that are matched in length and level, for analyses of all units at once.

A linear model of one response can hold length and level constant; a model that is fitted on all
units finds them wherever they have left a trace. Among matched clips they tell nothing.
"""

import logging
import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from music_detectors.acoustics.columns import ACOUSTICS
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.selectivity.balance import MEASURES, differences
from music_detectors.selectivity.columns import MATCHED

LARGEST_LEFT = 0.1
"""The largest standardised difference between matched clips (Austin 2009, Stat. Med. 28:3083)."""

_MIN_CLIPS = 2
# Along each measure; every further division leaves fewer clips.
_INTERVALS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 25, 32)


def match_clips(
    clips: str | os.PathLike,
    train: str | os.PathLike,
    test: str | os.PathLike,
    table: str | os.PathLike,
    *,
    target: str,
    seed: int,
) -> None:
    """Write matched.tsv (MATCHED): the target and other clips of each split, and which are matched.

    `clips` is the table of the corpus with the roles for `target`, `train` and `test` are the
    tables of acoustic covariates. Which clips of equal length and level are kept is drawn at
    random, from the master `seed`. Raises InputError when a table cannot be read.
    """
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "role"))
    corpus = corpus[corpus["role"] != "mixed"]
    found = []
    for split, path in (("train", train), ("test", test)):
        heard = read_table(path, ACOUSTICS)
        of_split = corpus[corpus["split"] == split].merge(heard, on="clip_id")
        of_split = of_split[np.isfinite(of_split[list(ACOUSTICS)[1:]]).all(axis=1)]
        is_target = (of_split["role"] == "target").to_numpy()
        kept = matched(
            is_target,
            of_split[list(MEASURES)].to_numpy(),
            generator(seed, "matched clips", target, split),
        )
        logging.info(
            "%s: %d of %d target and %d of %d other clips are matched in length and level",
            *(split, kept[is_target].sum(), is_target.sum()),
            *(kept[~is_target].sum(), (~is_target).sum()),
        )
        found.append(of_split.assign(matched=kept))
    write_table(table, pd.concat(found, ignore_index=True), MATCHED)


def matched(target: np.ndarray, measures: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Return which clips (clips,) bool are matched in `measures`.

    `target` (clips,) bool are the target clips, `measures` (clips, k) have no missing value. The
    measures are divided at their quantiles, and of every cell as many clips of either role are kept
    as make the ratio of the roles that of all clips (coarsened exact matching; Iacus, King & Porro
    2012, Political Analysis 20:1-24). The division is the coarsest after which no standardised
    difference exceeds LARGEST_LEFT: where nothing differs, all clips are kept. None are kept where
    there is no such division.
    """
    order = draws.permutation(len(target))
    none = np.zeros(len(target), dtype=bool)
    if min(target.sum(), (~target).sum()) < _MIN_CLIPS:
        return none
    for intervals in _INTERVALS:
        kept = _of_cells(target, _cells(measures, intervals), order)
        if min((kept & target).sum(), (kept & ~target).sum()) < _MIN_CLIPS:
            break
        if not differences(target[kept], measures[kept], LARGEST_LEFT)["differs"].any():
            return kept
    return none


def read_matched(path: str | os.PathLike, clip_ids: Sequence[str]) -> np.ndarray:
    """Return which of `clip_ids` (clips,) bool are matched, from the table `path` (MATCHED).

    Clips that are not in it, such as mixed ones, are not. Raises InputError when it cannot be read.
    """
    table = read_table(path, MATCHED, only=("clip_id", "matched"))
    kept = set(table.loc[table["matched"], "clip_id"])
    return np.array([clip_id in kept for clip_id in clip_ids], dtype=bool)


def _cells(measures: np.ndarray, intervals: int) -> np.ndarray:
    """Return the number of the cell (clips,) of each clip, with `intervals` along each measure."""
    cells = np.zeros(len(measures), dtype=np.int64)
    for values in measures.T:
        edges = np.unique(np.quantile(values, np.arange(1, intervals) / intervals))
        cells = cells * intervals + np.searchsorted(edges, values, side="right")
    return cells


def _of_cells(target: np.ndarray, cells: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return which clips (clips,) are kept; the first in `order` (clips,) of each cell are."""
    fewer = target if target.sum() <= (~target).sum() else ~target
    n_fewer, n_more = int(fewer.sum()), int((~fewer).sum())
    kept = np.zeros(len(target), dtype=bool)
    in_cells = pd.Series(order).groupby(cells[order]).indices
    for places in in_cells.values():
        clips = order[places]
        some, rest = clips[fewer[clips]], clips[~fewer[clips]]
        n_some = min(len(some), len(rest) * n_fewer // n_more)
        kept[some[:n_some]] = True
        kept[rest[: round(n_some * n_more / n_fewer)]] = True
    return kept
