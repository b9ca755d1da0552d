"""Average precision of every class at once, exact and aware of ties."""

from functools import cache
from typing import NamedTuple

import numpy as np

from music_detectors.common.compiled import compiled

# Scores are transposed in tiles that fit the first cache, this many classes at a time.
_CLASSES_IN_A_BLOCK = 32
_CLIPS_IN_A_TILE = 64
# Equal steps between the lowest and the highest positive.
_STEPS = 1022
# Clips of no block are counted in so many columns in turn: most of a class's scores lie below all
# of its positives, and a processor waits before it adds to the number that it has just added to.
_COLUMNS = 4


class Positives(NamedTuple):
    """The clips of the positives, class by class, found once for labels that are used often.

    `clips` (positives,) are those of class k from `ends[k]` to `ends[k + 1]`; `shape` is that of
    the labels, (n, classes).
    """

    clips: np.ndarray
    ends: np.ndarray
    shape: tuple[int, ...]


def positives(labels: np.ndarray) -> Positives:
    """Return the positives of `labels` (n, classes) bool; ValueError when they are not boolean."""
    labels = np.asarray(labels)
    if labels.dtype != bool:
        raise ValueError(f"labels are {labels.dtype}, not bool")
    if labels.ndim != 2:
        raise ValueError(f"labels {labels.shape} are not (n, classes)")
    clips, ends = _positive_clips(np.ascontiguousarray(labels))
    return Positives(clips, ends, labels.shape)


def average_precision(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the average precision of each class, (classes,) float64.

    `scores` (n, classes) are floats, higher for likelier; `labels` (n, classes) are booleans. The
    value is the mean, over a class's positives, of the share of positives among all clips that
    score at least as high. This is the sum over thresholds of (recall gained) x precision, without
    interpolation, as in scikit-learn's `average_precision_score`; clips of equal score share one
    threshold. It is NaN for a class without positives.

    Raises ValueError when the shapes differ, `labels` are not boolean or a score is NaN.
    """
    no_blocks = np.empty(0, np.int64)
    return _scored(scores, labels, no_blocks, 0)[0]


def average_precision_without(
    scores: np.ndarray,
    labels: np.ndarray | Positives,
    blocks: np.ndarray,
    n_blocks: int,
    outside: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the average precision (classes,), and that without each block's clips.

    `blocks` (n,) has the block of each clip, from 0 to `n_blocks` - 1, or -1 for none. The second
    array is (n_blocks, classes), and NaN where no positive is left. The clips `outside` (n,) bool
    are left out together with every block, so that a block without clips leaves out these alone;
    their own block does not matter. Each clip is placed among the positives once, and what a
    block's clips count is subtracted. `labels` may be their `positives`; scores that lie in memory
    class by class (`scores.T` is contiguous) take less time. Errors are those of
    `average_precision`.
    """
    return _scored(scores, labels, np.asarray(blocks, np.int64), n_blocks, outside)


def chance_average_precision(
    n_positive: np.ndarray, n_clips: int, scores: np.ndarray | None = None
) -> np.ndarray:
    """Return the average precision expected of random labels, as `n_positive` (classes,).

    With R positives among N clips, a clip is a positive with probability R / N, and then
    (k - 1)(R - 1) / (N - 1) of the other k - 1 that score at least as high are expected to be: the
    mean over clips is (H + (N - H)(R - 1) / (N - 1)) / N, where H is the sum over clips of 1 / k.
    Without ties, as of random scores, it is 1 + 1/2 + ... + 1/N, and the value exceeds the share of
    positives, R / N, the more the fewer they are. Ties in `scores` (n, classes) bring it nearer
    R / N, which it is when all clips have one score. NaN without positives.
    """
    sums = (
        _tie_sums(scores, np.full(n_clips, -1), 1)[0] if scores is not None else harmonic(n_clips)
    )
    return _expected(np.asarray(n_positive), np.asarray(n_clips), sums)


def chance_without(
    scores: np.ndarray, labels: np.ndarray, blocks: np.ndarray, n_blocks: int
) -> np.ndarray:
    """Return `chance_average_precision` without each block's clips, (n_blocks, classes).

    The arguments are those of `average_precision_without`, with `labels` (n, classes) bool.
    """
    n_positive = np.tile(labels.sum(axis=0), (n_blocks, 1))
    n_clips = np.full((n_blocks, 1), len(labels))
    for block in range(n_blocks):
        own = np.flatnonzero(blocks == block)
        n_positive[block] -= labels[own].sum(axis=0)
        n_clips[block] -= len(own)
    return _expected(n_positive, n_clips, _tie_sums(scores, blocks, n_blocks))


@cache
def harmonic(n: int) -> float:
    """Return 1 + 1/2 + ... + 1/n."""
    return float(np.sum(1 / np.arange(1, n + 1)))


def _expected(n_positive: np.ndarray, n_clips: np.ndarray, sums: np.ndarray | float) -> np.ndarray:
    share_of_others = (n_positive - 1) / np.maximum(n_clips - 1, 1)
    expected = (sums + (n_clips - sums) * share_of_others) / np.maximum(n_clips, 1)
    return np.where(n_positive > 0, expected, np.nan)


def _tie_sums(scores: np.ndarray, blocks: np.ndarray, n_blocks: int) -> np.ndarray:
    """Return the sums of 1 / k over the clips that are left without each block, (blocks, classes).

    k is the number of those clips that score at least as high, the clip itself included. Only ties
    make them differ from 1 + 1/2 + ... + 1/n.
    """
    scores, blocks = np.asarray(scores), np.asarray(blocks)
    of_blocks = np.bincount(blocks[blocks >= 0], minlength=n_blocks)
    up_to = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, len(scores) + 1))])
    sums = np.empty((n_blocks, scores.shape[1]))
    sums.T[:] = [harmonic(n) for n in len(scores) - of_blocks]
    for place, column in enumerate(scores.T):
        in_order = np.sort(column)
        tied = np.unique(in_order[1:][in_order[1:] == in_order[:-1]])
        if len(tied):
            at_least, equal = _ties(column, tied, blocks, n_blocks)
            share = np.divide(equal, at_least, out=np.zeros(equal.shape), where=equal > 0)
            sums[:, place] += (share - (up_to[at_least] - up_to[at_least - equal])).sum(axis=0)
    return sums


@compiled
def _ties(
    column: np.ndarray, tied: np.ndarray, blocks: np.ndarray, n_blocks: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return how many clips score at least as high as each of `tied`, sorted, and how many just so.

    Both are (tied, blocks): without each block's clips.
    """
    at_least = np.zeros((len(tied) + 1, n_blocks + 1), np.int64)
    equal = np.zeros((len(tied), n_blocks + 1), np.int64)
    for clip in range(len(column)):
        rank = np.searchsorted(tied, column[clip], side="right")
        at_least[rank, blocks[clip]] += 1
        if rank and tied[rank - 1] == column[clip]:
            equal[rank - 1, blocks[clip]] += 1
    # Blocks of -1 were counted in the last column.
    left_at_least = np.empty((len(tied), n_blocks), np.int64)
    left_equal = np.empty_like(left_at_least)
    for rank in range(len(tied) - 1, -1, -1):
        all_at_least = all_equal = 0
        for block in range(n_blocks + 1):
            at_least[rank, block] += at_least[rank + 1, block]
            all_at_least += at_least[rank + 1, block]
            all_equal += equal[rank, block]
        for block in range(n_blocks):
            left_at_least[rank, block] = all_at_least - at_least[rank + 1, block]
            left_equal[rank, block] = all_equal - equal[rank, block]
    return left_at_least, left_equal


def _scored(
    scores: np.ndarray,
    labels: np.ndarray | Positives,
    blocks: np.ndarray,
    n_blocks: int,
    outside: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    scores = np.asarray(scores)
    if not isinstance(labels, Positives):
        labels = np.asarray(labels)
    if scores.ndim != 2 or scores.shape != labels.shape:
        raise ValueError(f"scores {scores.shape} and labels {labels.shape} are not (n, classes)")
    found = labels if isinstance(labels, Positives) else positives(labels)
    if n_blocks and blocks.shape != (len(scores),):
        raise ValueError(f"blocks {blocks.shape} are not those of {len(scores)} clips")
    if n_blocks and len(blocks) and not -1 <= blocks.min() <= blocks.max() < n_blocks:
        raise ValueError(f"blocks are not from -1 to {n_blocks - 1}")
    if outside is not None and outside.shape != (len(scores),):
        raise ValueError(f"outside {outside.shape} is not that of {len(scores)} clips")
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float64)
    # Those of blocks come first, and then that of the clips outside.
    columns = n_blocks + 1 + np.arange(len(scores), dtype=np.uint32) % _COLUMNS
    if n_blocks:
        columns = np.where(blocks >= 0, blocks, columns)
        if outside is not None:
            columns[outside] = n_blocks
    columns = columns.astype(np.uint32)
    result = np.full(scores.shape[1], np.nan)
    without = np.full((n_blocks, scores.shape[1]), np.nan)
    # One of the two has the scores.
    by_clip, by_class = np.empty((0, 0), scores.dtype), np.ascontiguousarray(scores.T[:0])
    if scores.flags.f_contiguous:
        by_class = scores.T
    else:
        by_clip = np.ascontiguousarray(scores)
    if not _score(by_clip, by_class, found.clips, found.ends, columns, result, without):
        raise ValueError("a score is NaN")
    return result, without


@compiled
def _score(
    by_clip: np.ndarray,
    by_class: np.ndarray,
    clips: np.ndarray,
    ends: np.ndarray,
    counted_in: np.ndarray,
    result: np.ndarray,
    without: np.ndarray,
) -> bool:
    """Fill `result` (classes,) and `without` (blocks, classes) for the classes with positives.

    The scores are those `by_clip` (n, classes) or `by_class` (classes, n); the other is empty.
    `counted_in` (n,) is the column in which a clip is counted: its block's, that of the clips
    outside (the next after those of blocks) or one of _COLUMNS others. Returns whether no score is
    NaN.

    A class's positives are sorted, and every clip's score is placed among them. A table over equal
    steps between the lowest and the highest positive says between which positives a score is, so
    that it is usually compared with only one of them: no other scores are sorted.
    """
    classes, n_blocks = len(result), len(without)
    transposed = len(by_class) < classes
    n = by_clip.shape[0] if transposed else by_class.shape[1]
    most = 0
    for k in range(classes):
        most = max(most, ends[k + 1] - ends[k])
    rows = np.empty((min(_CLASSES_IN_A_BLOCK, classes) if transposed else 0, n), by_clip.dtype)
    positives = np.empty(most + 1, by_clip.dtype)
    steps = np.empty(n, np.int32)
    below = np.empty(_STEPS + 3, np.int32)
    placed = np.empty((most + 2, n_blocks + 1 + _COLUMNS), np.int32)
    hits = np.empty((most + 2 if n_blocks else 0, n_blocks + 1 + _COLUMNS), np.int32)
    for first in range(0, classes, _CLASSES_IN_A_BLOCK):
        width = min(_CLASSES_IN_A_BLOCK, classes - first)
        for start in range(0, n if transposed else 0, _CLIPS_IN_A_TILE):
            stop = min(n, start + _CLIPS_IN_A_TILE)
            for k in range(width):
                for i in range(start, stop):
                    rows[k, i] = by_clip[i, first + k]
        for k in range(width):
            row = rows[k] if transposed else by_class[first + k]
            own = clips[ends[first + k] : ends[first + k + 1]]
            n_positive = len(own)
            for place in range(n_positive):
                positives[place] = row[own[place]]
            positives[:n_positive].sort()
            # Scores above all positives are compared with this.
            positives[n_positive] = np.inf
            ranked = placed[: n_positive + 2]
            if not _place(row, counted_in, positives[: n_positive + 1], steps, below, ranked):
                return False
            if not n_positive:
                continue
            result[first + k] = _mean_precision(positives[:n_positive], ranked)
            if n_blocks:
                hits[: n_positive + 2] = 0
                for i in own:
                    hits[_rank(row[i], steps[i], positives, below), counted_in[i]] += 1
                for column in range(hits.shape[1]):
                    hits[n_positive, column] += hits[n_positive + 1, column]
                left = _mean_precision_without(positives[:n_positive], ranked, hits, n_blocks)
                # One by one: to assign a column takes seconds to compile.
                for block in range(n_blocks):
                    without[block, first + k] = left[block]
    return True


@compiled
def _positive_clips(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the clips of the positives, class by class, and where each class begins and ends."""
    classes = labels.shape[1]
    places = np.flatnonzero(labels)
    ends = np.zeros(classes + 1, np.int64)
    for place in places:
        ends[place % classes + 1] += 1
    ends = np.cumsum(ends)
    filled = ends[:-1].copy()
    clips = np.empty(len(places), np.int64)
    for place in places:
        of_class = place % classes
        clips[filled[of_class]] = place // classes
        filled[of_class] += 1
    return clips, ends


@compiled
def _place(
    row: np.ndarray,
    counted_in: np.ndarray,
    positives: np.ndarray,
    steps: np.ndarray,
    below: np.ndarray,
    placed: np.ndarray,
) -> bool:
    """Count in `placed` the scores with 0, 1, 2 ... of the sorted `positives` at or below them.

    `row` (n,) has the scores, and `counted_in` the column of `placed` for each. The last of
    `positives` is no positive but infinity. `steps` and `below` are left as `_rank` needs them.
    Returns whether no score is NaN.
    """
    n_positive = len(positives) - 1
    # If there is no range to divide, NaN puts every score into the last step.
    line = np.full(2, np.nan, row.dtype)
    if n_positive and 0 < positives[n_positive - 1] - positives[0] < np.inf:
        line[1] = (_STEPS - 1) / np.float64(positives[n_positive - 1] - positives[0])
        if line[1] < np.inf:
            line[0] = positives[0]
    _find_steps(positives[:n_positive], line, steps)
    step = 0
    below[0] = 0
    for place in range(n_positive):
        while step < steps[place]:
            step += 1
            below[step] = place
    while step < _STEPS + 2:
        step += 1
        below[step] = n_positive
    if not _find_steps(row, line, steps):
        return False
    placed[:] = 0
    for i in range(row.size):
        rank = _rank(row[i], steps[i], positives, below)
        placed[rank, counted_in[i]] += 1
    # Infinite scores reach the last of `positives`.
    for column in range(placed.shape[1]):
        placed[n_positive, column] += placed[n_positive + 1, column]
    return True


@compiled
def _rank(score: float, step: int, positives: np.ndarray, below: np.ndarray) -> np.uint32:
    """Return how many of the sorted `positives` are at or below `score`.

    `below` has the number of positives below each step, and `step` is the score's.
    """
    # Unsigned, since a negative place would count from the end.
    start = np.uint32(below[np.uint32(step)])
    stop = np.uint32(below[np.uint32(step) + np.uint32(1)])
    rank = start + np.uint32(positives[start] <= score)
    if stop > start + np.uint32(1):
        while rank < stop:
            middle = (rank + stop) >> np.uint32(1)
            if positives[middle] <= score:
                rank = middle + np.uint32(1)
            else:
                stop = middle
    return rank


@compiled
def _find_steps(column: np.ndarray, line: np.ndarray, steps: np.ndarray) -> bool:
    """Fill `steps` with each score's step on `line` (start, steps a unit), from 0 to _STEPS + 1.

    A higher score is never on a lower step. Returns whether no score is NaN.
    """
    low, scale = line[0], line[1]
    ends = np.array([0, 1, _STEPS + 1], dtype=column.dtype)
    n_nan = 0
    for i in range(column.size):
        score = column[i]
        n_nan += score != score
        step = (score - low) * scale + ends[1]
        # NaN goes to the last step.
        step = step if step < ends[2] else ends[2]
        steps[i] = np.int32(step if step > ends[0] else ends[0])
    return n_nan == 0


@compiled
def _mean_precision(positives: np.ndarray, placed: np.ndarray) -> float:
    """Return the mean over the sorted `positives` of the share of positives at or above each."""
    n_positive = len(positives)
    total = 0.0
    at_least = 0
    above = n_positive
    while above:
        # Ties share one threshold: `first` to `above` are positives of one score.
        first = above - 1
        while first and positives[first - 1] == positives[above - 1]:
            first -= 1
        # No score has a number of them between `first` and `above` at or below it.
        for column in range(placed.shape[1]):
            at_least += placed[above, column]
        total += (above - first) * (n_positive - first) / at_least
        above = first
    return total / n_positive


@compiled
def _mean_precision_without(
    positives: np.ndarray, placed: np.ndarray, hits: np.ndarray, n_blocks: int
) -> np.ndarray:
    """Return, (blocks,), `_mean_precision` without the clips of each block and those outside.

    `hits` are to the positives as `placed` to all clips. NaN where no positive is left.
    """
    n_positive = len(positives)
    total = np.zeros(n_blocks)
    placed_above = np.zeros(n_blocks)
    hits_above = np.zeros(n_blocks)
    at_least = inside = 0
    above = n_positive
    while above:
        first = above - 1
        while first and positives[first - 1] == positives[above - 1]:
            first -= 1
        # Of the clips inside.
        here = above - first - hits[above, n_blocks]
        inside += here
        for column in range(placed.shape[1]):
            at_least += placed[above, column]
        at_least -= placed[above, n_blocks]
        for block in range(n_blocks):
            placed_above[block] += placed[above, block]
            hits_above[block] += hits[above, block]
            own = here - hits[above, block]
            if own:
                share = (inside - hits_above[block]) / (at_least - placed_above[block])
                total[block] += own * share
        above = first
    for block in range(n_blocks):
        left = inside - hits_above[block]
        total[block] = total[block] / left if left else np.nan
    return total
