"""The effect of many sets of classes at once, in one network.

Units are chosen on train clips and their mean response is compared on test clips, as for the
target. Sums over clips are products of matrices, so thousands of choices take seconds.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from music_detectors.common.average_precision import average_precision, chance_average_precision
from music_detectors.common.left_out import left_out
from music_detectors.decoding.regressions import ridge
from music_detectors.selectivity.effects import Moments, hedges_g, welch_t
from music_detectors.specificity.sets import MIN_CLIPS, OTHER, TARGET, Sides

_CHOICES_AT_A_TIME = 256
# What rounding may leave of a spread, as a share of the scale of the values.
_ROUNDING = 1e-12


def effects_of(
    sides: Sides,
    train: np.ndarray,
    test: np.ndarray,
    n_chosen: int,
    of_clips: np.ndarray,
    blocks: Sequence[int],
) -> np.ndarray:
    """Return Hedges' g of each choice in `sides`, (1 + blocks, choices).

    `train` and `test` are responses (clips, units). The `n_chosen` units with the largest Welch t
    on train clips are chosen; g compares their mean response to the target's test clips with that
    to the others. Row 0 is of all test clips; each further row leaves out one of the `blocks`,
    numbers that `of_clips` (test clips,) has. NaN where a side has fewer than two clips.
    """
    scaled, test = _scaled(train), test.astype(np.float64)
    in_block = (of_clips[:, None] == np.array(blocks)).astype(np.float64)
    found = np.full((1 + len(blocks), len(sides)), np.nan)
    for some in _portions(np.flatnonzero(sides.measurable())):
        weights = _chosen(sides.train[some], scaled, n_chosen)
        found[:, some] = _effects(sides.test[some], weights @ test.T, in_block)
    return found


def decoded(
    sides: Sides,
    train: np.ndarray,
    test: np.ndarray,
    train_groups: np.ndarray,
    of_clips: np.ndarray,
    blocks: Sequence[int],
) -> np.ndarray:
    """Return how well a linear model tells target from other clips, (1 + blocks, choices).

    It is a ridge regression on all units, fitted on the train clips of each choice and scored on
    its test clips: the average precision above chance, as a share of what chance leaves missing.
    `train_groups` (train clips,) are the groups for the choice of its penalty. Rows and NaN are as
    in `effects_of`.
    """
    found = np.full((1 + len(blocks), len(sides)), np.nan)
    train, test = train.astype(np.float64), test.astype(np.float64)
    for choice in np.flatnonzero(sides.measurable()):
        fitted, scored = sides.train[choice] >= OTHER, sides.test[choice] >= OTHER
        label = (sides.train[choice][fitted] == TARGET).astype(np.float64)
        scores, _ = ridge(train[fitted], label, test[scored], train_groups[fitted])
        scores = scores[:, None]
        truth = (sides.test[choice][scored] == TARGET)[:, None]
        in_block = of_clips[scored]
        without = left_out(scores, truth, in_block, blocks)
        chance = chance_average_precision(truth.sum(axis=0), len(truth), scores)
        chance = np.array([*chance, *without.chance[:, 0]])
        precision = np.array([*average_precision(scores, truth), *without.average_precision[:, 0]])
        n_target = np.array([truth.sum(), *(truth[in_block != block].sum() for block in blocks)])
        n_other = np.array([len(truth), *without.n_clips]) - n_target
        enough = np.minimum(n_target, n_other) >= MIN_CLIPS
        precision, chance = precision[enough], chance[enough]
        found[enough, choice] = (precision - chance) / (1 - chance)
    return found


def _portions(choices: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(choices), _CHOICES_AT_A_TIME):
        yield choices[start : start + _CHOICES_AT_A_TIME]


def _scaled(train: np.ndarray) -> np.ndarray:
    """Return responses (clips, units) with mean 0 and SD 1; units that are constant become 0."""
    values = train.astype(np.float64)
    constant = (values == values[:1]).all(axis=0)
    values -= values.mean(axis=0)
    values /= np.where(constant, 1.0, values.std(axis=0))
    values[:, constant] = 0.0
    return values


def _chosen(sides: np.ndarray, scaled: np.ndarray, n_chosen: int) -> np.ndarray:
    """Return the weight of each unit in the mean over the chosen ones, (choices, units).

    `sides` (choices, clips) are those of train clips, `scaled` (clips, units) their responses.
    Units that are constant for a choice come last.
    """
    moments = []
    for side in (TARGET, OTHER):
        rows = (sides == side).astype(np.float64)
        n = rows.sum(axis=1)[:, None]
        mean = rows @ scaled / n
        variance = (rows @ np.square(scaled) - n * np.square(mean)) / (n - 1)
        moments.append(Moments(n, mean, np.where(variance > _ROUNDING, variance, 0.0)))
    target, other = moments
    alike = (target.variance == 0) & (other.variance == 0)
    alike &= np.abs(target.mean - other.mean) <= np.sqrt(_ROUNDING)
    t = np.where(alike, -np.inf, welch_t(target, other))
    best = np.argsort(-t, axis=1, kind="stable")[:, :n_chosen]
    weights = np.zeros_like(t)
    np.put_along_axis(weights, best, 1 / best.shape[1], axis=1)
    return weights


def _effects(sides: np.ndarray, responses: np.ndarray, in_block: np.ndarray) -> np.ndarray:
    """Return Hedges' g (1 + blocks, choices) of `responses` (choices, clips) between the sides."""
    size = np.abs(responses).max(axis=1, keepdims=True)
    centred = responses - responses.mean(axis=1, keepdims=True)
    centred[np.abs(centred) <= _ROUNDING * size] = 0.0
    moments, enough = [], np.array(True)
    for side in (TARGET, OTHER):
        rows = (sides == side).astype(np.float64)
        sums = (
            _with_blocks_left_out(values, in_block)
            for values in (rows, rows * centred, rows * np.square(centred))
        )
        n, total, squares = sums
        enough = enough & (n >= MIN_CLIPS)
        n = np.maximum(n, MIN_CLIPS)
        mean = total / n
        variance = np.maximum(squares - n * np.square(mean), 0.0) / (n - 1)
        moments.append(Moments(n, mean, variance))
    return np.where(enough, hedges_g(*moments), np.nan)


def _with_blocks_left_out(values: np.ndarray, in_block: np.ndarray) -> np.ndarray:
    """Return sums of `values` (choices, clips): of all clips, and without each block."""
    whole = values.sum(axis=1)
    return np.vstack([whole, whole - (values @ in_block).T])
