"""Decoding of the target and its genres from units, other models' features and covariates.

A linear model of the target (1; other clips 0) is fitted on train clips and scores test clips.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from music_detectors.acoustics.covariates import read_covariates
from music_detectors.common.average_precision import (
    average_precision_without,
    chance_average_precision,
    chance_without,
)
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.decoding.columns import DECODING, DECODING_LEFT_OUT
from music_detectors.decoding.regressions import Part, Regressions, ridge
from music_detectors.jackknife.blocks import blocks_in, read_blocks
from music_detectors.jackknife.columns import BLOCKS
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.responses.sample import MOST_FITTED, sampled
from music_detectors.selectivity.columns import UNITS
from music_detectors.selectivity.matching import read_matched

SPLITS = ("train", "test")
_MIN_CLIPS = 2

_ALL = "all units"
_OF_MATCHED = ("n_test", "average_precision", "chance")
# Arrays for train clips and for test clips.
_Pair = tuple[np.ndarray, np.ndarray]
# A row of the table, and what changes in it without each block of test clips.
_Row = tuple[dict[str, Any], pd.DataFrame]
# The block of each test clip, and the blocks that are left out.
_Blocks = tuple[np.ndarray, list[int]]


@dataclass(frozen=True)
class _Clips:
    """The target and other clips of a split that have sound, in the order of the responses.

    `responses` (n, units) are those of the network, `others` maps the name of each fixed model's
    condition to its responses (n, features); `covariates` (n, k), `target` (n,) bool; `labels` (n,)
    lists of labels; `groups` (n,) the group of each clip.
    """

    clip_ids: list[str]
    responses: np.ndarray
    others: dict[str, np.ndarray]
    covariates: np.ndarray
    target: np.ndarray
    labels: pd.Series
    groups: np.ndarray

    def only(self, kept: np.ndarray) -> "_Clips":
        """Return the clips that are `kept` (n,) bool."""
        return _Clips(
            [clip_id for clip_id, own in zip(self.clip_ids, kept, strict=True) if own],
            self.responses[kept],
            {name: features[kept] for name, features in self.others.items()},
            self.covariates[kept],
            self.target[kept],
            self.labels[kept],
            self.groups[kept],
        )

    def with_genre(self, mid: str) -> np.ndarray:
        """Return which clips (n,) are of the target and have the label `mid`."""
        return self.target & np.array([mid in labels for labels in self.labels], dtype=bool)


@dataclass(frozen=True)
class _Fitted:
    """What models are fitted to and scored by.

    `label` (n,) bool and `groups` (n,) are those of train clips. The `scored` (m,) bool of all test
    clips are scored; their `truth` and `blocks` are these clips' own.
    """

    label: np.ndarray
    groups: np.ndarray
    scored: np.ndarray
    truth: np.ndarray
    blocks: _Blocks


def decode_target(
    units: str | os.PathLike,
    train: str | os.PathLike,
    test: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    blocks: str | os.PathLike,
    matched: str | os.PathLike,
    table: str | os.PathLike,
    left_out: str | os.PathLike,
    *,
    acoustics: Mapping[str, str | os.PathLike],
    fixed: Mapping[str, tuple[str | os.PathLike, str | os.PathLike]],
    layer: str,
    block_size: int,
    seed: int,
    replicate: int,
) -> None:
    """Write the table of decoding the target in the network `replicate` of a condition.

    `left_out` gets the rows that claims rest on, scored without each block of test clips. `units`
    is the network's units.tsv, `train` and `test` are its responses, `clips`, `classes`, `blocks`
    and `matched` tables of the corpus; all is done again with matched clips alone. `acoustics` maps
    each split to its table of covariates, `fixed` each condition of a fixed model, whose features
    join the units, to its responses to train and test clips. Units of `layer` are decoded all
    together and in blocks of `block_size`, by rank. Clips without sound have no covariates and are
    left out everywhere; of more than MOST_FITTED train clips, a sample that follows from the master
    `seed` is used. Raises InputError when a file cannot be read or does not fit the others, a
    response is not finite, or there are fewer than two target or two other train clips.
    """
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "role", "labels", "group"))
    listed = read_table(classes, CLASSES, only=("mid", "genre"))
    genres = listed.loc[listed["genre"], "mid"].tolist()
    of_corpus = read_table(blocks, BLOCKS, only=("block",))["block"].to_numpy()
    numbers = blocks_in(of_corpus)
    paths = train, test
    order = _by_rank(units, read_layers(train).chosen(layer))
    parts = [
        _read_split(
            path,
            split,
            corpus,
            acoustics[split],
            {name: files[place] for name, files in fixed.items()},
            layer,
            seed,
        )
        for place, (path, split) in enumerate(zip(paths, SPLITS, strict=True))
    ]
    for part in parts:
        if part.responses.shape[1] != len(order):
            why = f"ranks {len(order)} units, but there are responses of {part.responses.shape[1]}"
            raise damaged(units, "table", why, *paths)
    of_clips = read_blocks(blocks, parts[1].clip_ids)
    kept = [read_matched(matched, part.clip_ids) for part in parts]
    found = list(_rows(parts, (of_clips, numbers), order, block_size, genres))
    again = found
    if not all(own.all() for own in kept):
        some = [part.only(own) for part, own in zip(parts, kept, strict=True)]
        again = _matched_rows(some, (of_clips[kept[1]], numbers), order, block_size, genres)
    rows, without = [], []
    for row, of_blocks in _with_matched(found, again):
        rows.append({"seed": replicate, **row})
        # Claims compare the first two blocks of units, and of genres use the first.
        last = 1 if row["genre"] else 1 + block_size
        if numbers and not row["first_rank"] > last:
            without.append(of_blocks.assign(**rows[-1] | dict(of_blocks)))
    write_table(table, pd.DataFrame(rows), DECODING)
    write_table(left_out, stacked(without, DECODING_LEFT_OUT), DECODING_LEFT_OUT)


def _rows(
    parts: Sequence[_Clips],
    blocks: _Blocks,
    order: np.ndarray,
    block_size: int,
    genres: Sequence[str],
) -> Iterator[_Row]:
    """Yield the rows of a network, the target's first, then those of each of `genres` (MIDs).

    `parts` are the train and the test clips, and `blocks` those of the latter.
    """
    train, test = parts
    by_rank = train.responses[:, order], test.responses[:, order]
    # Other clips come first. All models of units have them, and the mean of these as their origin.
    is_other = ~train.target
    others = Part(by_rank[0][is_other])
    targets = Part(by_rank[0][train.target], others.origin)
    in_order = np.argsort(train.target, kind="stable")
    all_scored = np.full(len(test.target), True)
    every = _Fitted(train.target[in_order], train.groups[in_order], all_scored, test.target, blocks)
    units = Regressions([others, targets], every.label.astype(np.float64))
    yield from _blocks(units, by_rank[1], every, block_size)
    covariates = train.covariates[in_order], test.covariates
    yield _row("covariates", covariates, every)
    top = by_rank[0][in_order, :block_size], by_rank[1][:, :block_size]
    ranks = 1, min(block_size, len(order))
    yield _row("units and covariates", _joined(top, covariates), every, ranks)
    yield _all_units(units, by_rank[1], every)
    for name in train.others:
        more = train.others[name][in_order], test.others[name]
        both = _joined((by_rank[0][in_order], by_rank[1]), more)
        yield _row(f"{_ALL} and {name}", both, every, (1, len(order)))
    for mid in genres:
        own, heard = train.with_genre(mid), test.with_genre(mid)
        if own.sum() < _MIN_CLIPS or not heard.any():
            continue
        label = np.arange(is_other.sum() + own.sum()) >= is_other.sum()
        groups = np.concatenate([train.groups[is_other], train.groups[own]])
        scored = heard | ~test.target
        of_clips = blocks[0][scored], blocks[1]
        of_genre = _Fitted(label, groups, scored, heard[scored], of_clips)
        of_own = targets.only(own[train.target])
        units = Regressions([others, of_own], label.astype(np.float64))
        for row, without in (
            *_blocks(units, by_rank[1], of_genre, block_size),
            _all_units(units, by_rank[1], of_genre),
        ):
            yield row | {"genre": mid}, without


def _matched_rows(
    parts: Sequence[_Clips],
    blocks: _Blocks,
    order: np.ndarray,
    block_size: int,
    genres: Sequence[str],
) -> list[_Row]:
    """Return what `_rows` yields for matched clips; of a genre, if they are in several blocks.

    There is nothing if one of `parts` has too few clips.
    """
    if min(min(part.target.sum(), (~part.target).sum()) for part in parts) < _MIN_CLIPS:
        return []
    in_blocks = {mid: len(np.unique(blocks[0][parts[1].with_genre(mid)])) for mid in genres}
    some = [mid for mid in genres if in_blocks[mid] > 1]
    return list(_rows(parts, blocks, order, block_size, some))


def _with_matched(found: Iterable[_Row], again: Iterable[_Row]) -> Iterator[_Row]:
    """Yield the rows `found` with the columns of matched clips, from the rows `again` of these."""
    matched = {_key(row): (row, without) for row, without in again}
    for row, without in found:
        of_matched, of_blocks = matched.get(_key(row), (None, None))
        for name in _OF_MATCHED:
            missing = 0 if name == "n_test" else np.nan
            row[f"matched_{name}"] = missing if of_matched is None else of_matched[name]
            without[f"matched_{name}"] = missing if of_blocks is None else of_blocks[name]
        yield row, without


def _key(row: Mapping[str, Any]) -> tuple:
    return row["genre"], row["features"], str(row["first_rank"])


def _joined(some: _Pair, more: _Pair) -> _Pair:
    """Return the columns of both, for train and test clips."""
    return np.hstack([some[0], more[0]]), np.hstack([some[1], more[1]])


def _blocks(units: Regressions, test: np.ndarray, of: _Fitted, block_size: int) -> Iterator[_Row]:
    """Yield a row for each block of `units`, the columns of `test` in their order."""
    last = test.shape[1]
    for start in range(0, last, block_size):
        block = slice(start, min(start + block_size, last))
        scores = units.least_squares(block).scores(test)
        yield _scored("units", block.stop - start, scores, of, (start + 1, block.stop))


def _all_units(units: Regressions, test: np.ndarray, of: _Fitted) -> _Row:
    fit, n = units.ridge(of.groups), test.shape[1]
    logging.info("%s: penalty %g", _ALL, fit.penalty)
    return _scored(_ALL, n, fit.scores(test), of, (1, n))


def _row(
    name: str, features: _Pair, of: _Fitted, ranks: tuple[float, float] = (np.nan, np.nan)
) -> _Row:
    """Return the row of a ridge regression on the `features` called `name`."""
    train, test = features
    scores, penalty = ridge(train, of.label.astype(np.float64), test, of.groups)
    logging.info("%s: penalty %g", name, penalty)
    return _scored(name, train.shape[1], scores, of, ranks)


def _scored(
    name: str, n_features: int, scores: np.ndarray, of: _Fitted, ranks: tuple[float, float]
) -> _Row:
    of_clips, numbers = of.blocks
    places = np.searchsorted(numbers, of_clips) if numbers else np.full(len(of.truth), -1)
    scored = scores[of.scored, None], of.truth[:, None], places, len(numbers)
    precision, without = average_precision_without(*scored)
    of_blocks = pd.DataFrame(
        {
            "block": np.array(numbers, dtype=np.int64),
            "n_test": len(of.truth) - np.bincount(places[places >= 0], minlength=len(numbers)),
            "average_precision": without[:, 0],
            "chance": chance_without(*scored)[:, 0],
        }
    )
    n_positive = of.truth.sum(keepdims=True)
    row = {
        "genre": "",
        "features": name,
        "first_rank": ranks[0],
        "last_rank": ranks[1],
        "n_features": n_features,
        "n_train": len(of.label),
        "n_test": len(of.truth),
        "average_precision": precision[0],
        "chance": chance_average_precision(n_positive, len(of.truth), scored[0])[0],
    }
    return row, of_blocks


def _by_rank(path: str | os.PathLike, layer: str) -> np.ndarray:
    """Return the units of `layer` in the order of their rank."""
    table = read_table(path, UNITS, only=("layer", "unit", "rank"))
    table = table[table["layer"] == layer].sort_values("rank")
    if table.empty:
        raise damaged(path, "table", f"has no unit of {layer}")
    return table["unit"].to_numpy()


def _read_split(
    path: str | os.PathLike,
    split: str,
    corpus: pd.DataFrame,
    acoustics: str | os.PathLike,
    fixed: Mapping[str, str | os.PathLike],
    layer: str,
    seed: int,
) -> _Clips:
    """Return the clips of a split in the file of responses at `path`; of many train clips, some."""
    clip_ids, responses = _read(path, layer)
    of_clips = described(path, clip_ids, corpus, split)
    roles = of_clips["role"].to_numpy()
    rows = np.flatnonzero(np.isin(roles, ("target", "other")))
    covariates = read_covariates(acoustics, [clip_ids[row] for row in rows])
    with_sound = np.isfinite(covariates).all(axis=1)
    rows, covariates = rows[with_sound], covariates[with_sound]
    is_target = roles[rows] == "target"
    n_target = int(is_target.sum())
    if split == "train" and min(n_target, len(rows) - n_target) < _MIN_CLIPS:
        raise InputError(
            f"{path}: {n_target} target and {len(rows) - n_target} other train clips with sound, "
            f"but decoding needs at least {_MIN_CLIPS} of each; add clips to the corpus"
        )
    if split == "train":
        own = sampled(of_clips.iloc[rows], corpus, split, MOST_FITTED, seed, "decoding")
        rows, covariates, is_target = rows[own], covariates[own], is_target[own]
    kept = [clip_ids[row] for row in rows]
    others = {}
    for name, place in fixed.items():
        own_ids, features = _read(place, layer)
        places = pd.Index(own_ids).get_indexer(kept)
        if (places < 0).any():
            missing = kept[int(np.argmax(places < 0))]
            raise damaged(place, "responses", f"has no response to clip {missing}", path)
        others[name] = _finite(features[places], place, kept)
    return _Clips(
        kept,
        _finite(responses[rows], path, kept),
        others,
        covariates,
        is_target,
        of_clips["labels"].iloc[rows].str.split(";"),
        of_clips["group"].to_numpy()[rows],
    )


def _read(path: str | os.PathLike, layer: str) -> tuple[list[str], np.ndarray]:
    """Return clip ids and responses (n, units) of `layer`, or of the model's reported layer."""
    reported = read_layers(path).chosen(layer)
    clip_ids, responses = read_responses(path, [reported])
    return clip_ids, responses[reported]


def _finite(values: np.ndarray, path: str | os.PathLike, clip_ids: Sequence[str]) -> np.ndarray:
    """Return `values` (n, units) of the file at `path` as float64; InputError unless finite."""
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        clip = clip_ids[int(np.argmin(finite))]
        raise InputError(
            f"{path}: the response to clip {clip} is not finite; train the network again"
        )
    return values.astype(np.float64)
