"""Decoding of the target from units in the order of selectivity, and from acoustic covariates.

A linear model of the target (1; other clips 0) is fitted on train clips and scores test clips.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from music_detectors.acoustics.covariates import read_covariates
from music_detectors.common.average_precision import average_precision, chance_average_precision
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.decoding.columns import DECODING
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.selectivity.columns import UNITS

SPLITS = ("train", "test")
PENALTIES = 10.0 ** np.arange(-3, 6.5, 0.5)
"""The candidate penalties of ridge regression."""

# Rounding may leave this share of a constant feature as spread, and this much of 1 - h where the
# leverage h is 1.
_CONSTANT = 1e-12
_FULL_LEVERAGE = 1e-10
_MIN_CLIPS = 2


def decode_target(
    units: Sequence[str | os.PathLike],
    train: Sequence[str | os.PathLike],
    test: Sequence[str | os.PathLike],
    clips: str | os.PathLike,
    table: str | os.PathLike,
    *,
    acoustics: Mapping[str, Sequence[str | os.PathLike]],
    layer: str,
    block_size: int,
    replicates: Sequence[int],
) -> None:
    """Write the table of decoding the target in the networks `replicates` of a condition.

    `units` are the networks' units.tsv, `train` and `test` their responses, `clips` is clips.tsv,
    `acoustics` maps each split to its tables of covariates. Units of `layer` are decoded in blocks
    of `block_size`, by rank. Clips without sound have no covariates and are left out everywhere.
    Raises InputError when a file cannot be read or does not fit the others, a response is not
    finite, or there are fewer than two target or two other train clips.
    """
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "role"))
    rows = []
    for units_path, *paths, replicate in zip(units, train, test, replicates, strict=True):
        reported = read_layers(paths[0]).chosen(layer)
        order = _by_rank(units_path, reported)
        parts = [
            _read_split(path, split, corpus, acoustics[split], reported)
            for path, split in zip(paths, SPLITS, strict=True)
        ]
        for responses, _, _ in parts:
            if responses.shape[1] != len(order):
                why = f"{len(order)} units of {reported}, but responses of {responses.shape[1]}"
                raise damaged(units_path, "table", why, *paths)
        for row in _rows(parts, order, block_size):
            rows.append({"seed": replicate, **row})
    write_table(table, pd.DataFrame(rows), DECODING)


def least_squares(train: np.ndarray, label: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the scores (m,) of `test` (m, k) by ordinary least squares on `train` (n, k).

    `label` (n,) is regressed on the features and a constant. If the solution is not unique, the one
    with the smallest coefficients is taken, as in scikit-learn's `LinearRegression`.
    """
    mean = train.mean(axis=0)
    coefficients = np.linalg.lstsq(train - mean, label - label.mean(), rcond=None)[0]
    return (test - mean) @ coefficients + label.mean()


def ridge(train: np.ndarray, label: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the scores (m,) of `test` (m, k) by ridge regression on `train`, and the penalty.

    Features are standardised on train clips, and constant ones left out; the intercept is not
    penalised. The penalty is the one of PENALTIES that minimises the squared leave-one-out errors
    on train clips (Allen's PRESS 1974, in closed form from the leverages, as in scikit-learn's
    `RidgeCV`).
    """
    n = len(train)
    label_mean = label.mean()
    mean, spread = train.mean(axis=0), train.std(axis=0)
    kept = spread > _CONSTANT * np.abs(train).max(axis=0)
    if not kept.any():
        return np.full(len(test), label_mean), float(PENALTIES[-1])
    z = (train[:, kept] - mean[kept]) / spread[kept]
    left, scales, right = np.linalg.svd(z, full_matrices=False)
    centred = label - label_mean
    projected = left.T @ centred
    best, penalty = np.inf, PENALTIES[0]
    for candidate in PENALTIES:
        shrinkage = scales**2 / (scales**2 + candidate)
        error = centred - left @ (shrinkage * projected)
        leverage = 1 / n + np.square(left) @ shrinkage
        press = np.square(error / np.maximum(1 - leverage, _FULL_LEVERAGE)).sum()
        if press < best:
            best, penalty = press, candidate
    coefficients = right.T @ (scales / (scales**2 + penalty) * projected)
    scores = (test[:, kept] - mean[kept]) / spread[kept] @ coefficients + label_mean
    return scores, float(penalty)


def _rows(
    parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], order: np.ndarray, block_size: int
) -> Iterator[dict[str, str | int | float]]:
    """Yield the rows of a network; `parts` has responses, covariates and labels of each split."""
    (train, train_covariates, label), (test, test_covariates, truth) = parts
    label = label.astype(np.float64)
    common = {"n_train": len(label), "n_test": len(truth), "chance": _chance(truth)}

    def row(features: str, first: float, last: float, n: int, scores: np.ndarray) -> dict:
        precision = average_precision(scores[:, None], truth[:, None])[0]
        return common | {
            "features": features,
            "first_rank": first,
            "last_rank": last,
            "n_features": n,
            "average_precision": precision,
        }

    for start in range(0, len(order), block_size):
        block = order[start : start + block_size]
        scores = least_squares(train[:, block], label, test[:, block])
        yield row("units", start + 1, start + len(block), len(block), scores)
    scores, penalty = ridge(train_covariates, label, test_covariates)
    logging.info("covariates: penalty %g", penalty)
    yield row("covariates", np.nan, np.nan, train_covariates.shape[1], scores)
    top = order[:block_size]
    train_both = np.hstack([train[:, top], train_covariates])
    test_both = np.hstack([test[:, top], test_covariates])
    scores, penalty = ridge(train_both, label, test_both)
    logging.info("units and covariates: penalty %g", penalty)
    yield row("units and covariates", 1, len(top), train_both.shape[1], scores)


def _chance(truth: np.ndarray) -> float:
    return float(chance_average_precision(truth.sum(keepdims=True), len(truth))[0])


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
    acoustics: Sequence[str | os.PathLike],
    layer: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return responses (n, units), covariates (n, k) and labels (n,) bool of a split's clips."""
    clip_ids, responses = read_responses(path, [layer])
    roles = described(path, clip_ids, corpus, split)["role"].to_numpy()
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
    values = responses[layer][rows].astype(np.float64)
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        clip = clip_ids[rows[int(np.argmin(finite))]]
        raise InputError(
            f"{path}: a response of {layer} to clip {clip} is not finite; train the network again"
        )
    return values, covariates, is_target
