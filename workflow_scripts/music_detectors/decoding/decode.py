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
from music_detectors.jackknife.blocks import blocks_in, read_blocks
from music_detectors.jackknife.columns import BLOCKS
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.responses.sample import MOST_FITTED, sampled
from music_detectors.selectivity.columns import UNITS
from music_detectors.selectivity.matching import read_matched

SPLITS = ("train", "test")
PENALTIES = 10.0 ** np.arange(-3, 6.5, 0.5)
"""The candidate penalties of ridge regression."""

# Rounding may leave this share of a constant feature as spread, and this much of 1 - h where the
# leverage h is 1.
_CONSTANT = 1e-12
_FULL_LEVERAGE = 1e-10
_NO_SIZE = 1e-14
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


def least_squares(train: np.ndarray, label: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the scores (m,) of `test` (m, k) by ordinary least squares on `train` (n, k).

    `label` (n,) is regressed on the features and a constant. If the solution is not unique, the one
    with the smallest coefficients is taken, as in scikit-learn's `LinearRegression`.
    """
    mean = train.mean(axis=0)
    coefficients = np.linalg.lstsq(train - mean, label - label.mean(), rcond=None)[0]
    return (test - mean) @ coefficients + label.mean()


def ridge(
    train: np.ndarray, label: np.ndarray, test: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return the scores (m,) of `test` (m, k) by ridge regression on `train`, and the penalty.

    Features are standardised on train clips, and constant ones left out; the intercept is not
    penalised. The penalty is the one of PENALTIES that minimises the squared errors of train clips
    when their group is left out, `groups` (n,) being the group of each (Allen's PRESS 1974, in
    closed form from the leverages; where each clip is its own group, as in scikit-learn's
    `RidgeCV`).
    """
    label_mean = label.mean()
    mean, spread = train.mean(axis=0), train.std(axis=0)
    kept = spread > _CONSTANT * np.abs(train).max(axis=0)
    if not kept.any():
        return np.full(len(test), label_mean), float(PENALTIES[-1])
    z = (train[:, kept] - mean[kept]) / spread[kept]
    left, scales, right = _factors(z)
    centred = label - label_mean
    projected = left.T @ centred
    # All penalties at once: (directions, penalties).
    shrinkage = scales[:, None] ** 2 / (scales[:, None] ** 2 + PENALTIES)
    errors = centred[:, None] - left @ (shrinkage * projected[:, None])
    press = np.square(_left_out_errors(errors, left, shrinkage, groups)).sum(axis=0)
    penalty = PENALTIES[np.argmin(press)]
    coefficients = right.T @ (scales / (scales**2 + penalty) * projected)
    scores = (test[:, kept] - mean[kept]) / spread[kept] @ coefficients + label_mean
    return scores, float(penalty)


def _left_out_errors(
    errors: np.ndarray, left: np.ndarray, shrinkage: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """Return the errors (n, penalties) of clips whose group is left out, from those of the fit.

    The fit's hat matrix is 1/n + `left` diag(`shrinkage`) `left`', with `left` (n, directions) and
    `shrinkage` (directions, penalties). With H that of a group's clips, the errors of the group
    are multiplied by the inverse of 1 - H.
    """
    n = len(left)
    found = errors / np.maximum(1 - 1 / n - np.square(left) @ shrinkage, _FULL_LEVERAGE)
    of_groups = pd.factorize(groups)[0]
    sizes = np.bincount(of_groups)
    order, ends = np.argsort(of_groups, kind="stable"), np.cumsum(sizes)
    for group in np.flatnonzero(sizes > 1):
        rows = order[ends[group] - sizes[group] : ends[group]]
        own = left[rows]
        hat = 1 / n + (own * shrinkage.T[:, None, :]) @ own.T
        remaining, vectors = np.linalg.eigh(np.eye(len(rows)) - hat)
        along = np.einsum("pij,ip->pj", vectors, errors[rows])
        along /= np.maximum(remaining, _FULL_LEVERAGE)
        found[rows] = np.einsum("pij,pj->ip", vectors, along)
    return found


def _factors(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the thin singular value decomposition of `z` (n, k), without directions of no size.

    It comes from the eigenvectors of the smaller of the two products of `z` with itself, several
    times faster than directly. What that loses, sizes below about 1e-7 of the largest, is nothing
    beside the penalties.
    """
    n, k = z.shape
    squares, vectors = np.linalg.eigh(z.T @ z if n >= k else z @ z.T)
    sized = squares > _NO_SIZE * squares[-1]
    scales, vectors = np.sqrt(squares[sized]), vectors[:, sized]
    if n >= k:
        return z @ vectors / scales, scales, vectors.T
    return vectors, scales, vectors.T @ z / scales[:, None]


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
    labels = train.target, test.target
    by_rank = train.responses[:, order], test.responses[:, order]
    yield from _blocks(by_rank, labels, blocks, block_size)
    covariates = train.covariates, test.covariates
    yield _row("covariates", covariates, labels, blocks, train.groups)
    top = by_rank[0][:, :block_size], by_rank[1][:, :block_size]
    ranks = 1, min(block_size, len(order))
    joined = _joined(top, covariates)
    yield _row("units and covariates", joined, labels, blocks, train.groups, ranks)
    ranks = 1, len(order)
    yield _row(_ALL, by_rank, labels, blocks, train.groups, ranks)
    for name in train.others:
        both = _joined(by_rank, (train.others[name], test.others[name]))
        yield _row(f"{_ALL} and {name}", both, labels, blocks, train.groups, ranks)
    for mid in genres:
        own = train.with_genre(mid), test.with_genre(mid)
        if own[0].sum() < _MIN_CLIPS or not own[1].any():
            continue
        rows = own[0] | ~train.target, own[1] | ~test.target
        features = by_rank[0][rows[0]], by_rank[1][rows[1]]
        of_genre = own[0][rows[0]], own[1][rows[1]]
        places, groups = (blocks[0][rows[1]], blocks[1]), train.groups[rows[0]]
        for row, without in _blocks(features, of_genre, places, block_size):
            yield row | {"genre": mid}, without
        row, without = _row(_ALL, features, of_genre, places, groups, ranks)
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


def _blocks(features: _Pair, labels: _Pair, blocks: _Blocks, block_size: int) -> Iterator[_Row]:
    """Yield a row for each block of units, the columns of `features` in their order."""
    train, test = features
    for start in range(0, train.shape[1], block_size):
        block = slice(start, start + block_size)
        scores = least_squares(train[:, block], labels[0].astype(np.float64), test[:, block])
        n = train[:, block].shape[1]
        yield _scored("units", n, scores, labels, blocks, (start + 1, start + n))


def _row(
    name: str,
    features: _Pair,
    labels: _Pair,
    blocks: _Blocks,
    groups: np.ndarray,
    ranks: tuple[float, float] = (np.nan, np.nan),
) -> _Row:
    """Return the row of a ridge regression on the `features` called `name`.

    `groups` are those of the train clips, `blocks` those of the test clips.
    """
    train, test = features
    scores, penalty = ridge(train, labels[0].astype(np.float64), test, groups)
    logging.info("%s: penalty %g", name, penalty)
    return _scored(name, train.shape[1], scores, labels, blocks, ranks)


def _scored(
    name: str,
    n_features: int,
    scores: np.ndarray,
    labels: _Pair,
    blocks: _Blocks,
    ranks: tuple[float, float],
) -> _Row:
    label, truth = labels
    of_clips, numbers = blocks
    places = np.searchsorted(numbers, of_clips) if numbers else np.full(len(truth), -1)
    scored = scores[:, None], truth[:, None], places, len(numbers)
    precision, without = average_precision_without(*scored)
    of_blocks = pd.DataFrame(
        {
            "block": np.array(numbers, dtype=np.int64),
            "n_test": len(truth) - np.bincount(places[places >= 0], minlength=len(numbers)),
            "average_precision": without[:, 0],
            "chance": chance_without(*scored)[:, 0],
        }
    )
    row = {
        "genre": "",
        "features": name,
        "first_rank": ranks[0],
        "last_rank": ranks[1],
        "n_features": n_features,
        "n_train": len(label),
        "n_test": len(truth),
        "average_precision": precision[0],
        "chance": chance_average_precision(truth.sum(keepdims=True), len(truth), scored[0])[0],
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
