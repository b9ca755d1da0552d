"""Average precision of every class at once, exact and aware of ties."""

from typing import NamedTuple

import numpy as np

from music_detectors.common.compiled import compiled

# Scores are transposed in tiles that fit the first cache, this many classes at a time.
_CLASSES_IN_A_BLOCK = 32
_CLIPS_IN_A_TILE = 64
# Equal steps between the lowest and the highest positive.
_STEPS = 1022


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
    scores: np.ndarray, labels: np.ndarray | Positives, blocks: np.ndarray, n_blocks: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the average precision (classes,), and that without each block's clips.

    `blocks` (n,) has the block of each clip, from 0 to `n_blocks` - 1, or -1 for none. The second
    array is (n_blocks, classes), and NaN where no positive is left. Each clip is placed among the
    positives once, and what a block's clips count is subtracted. `labels` may be their `positives`;
    scores that lie in memory class by class (`scores.T` is contiguous) take less time. Errors are
    those of `average_precision`.
    """
    return _scored(scores, labels, np.asarray(blocks, np.int64), n_blocks)


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
    n_positive = np.asarray(n_positive)
    sums = tie_sums(scores) if scores is not None else harmonic(n_clips)
    share_of_others = (n_positive - 1) / max(n_clips - 1, 1)
    expected = (sums + (n_clips - sums) * share_of_others) / max(n_clips, 1)
    return np.where(n_positive > 0, expected, np.nan)


def harmonic(n: int) -> float:
    """Return 1 + 1/2 + ... + 1/n."""
    return float(np.sum(1 / np.arange(1, n + 1)))


def tie_sums(scores: np.ndarray) -> np.ndarray:
    """Return, for each class of `scores` (n, classes), the sum over clips of 1 / k.

    k is the number of clips that score at least as high, the clip itself included.
    """
    scores = np.asarray(scores)
    sums = np.full(scores.shape[1], harmonic(len(scores)))
    for place, column in enumerate(scores.T):
        in_order = np.sort(column)
        if (in_order[1:] == in_order[:-1]).any():
            _, counts = np.unique(in_order, return_counts=True)
            sums[place] = np.sum(counts / counts[::-1].cumsum()[::-1])
    return sums


def _scored(
    scores: np.ndarray, labels: np.ndarray | Positives, blocks: np.ndarray, n_blocks: int
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
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float64)
    result = np.full(scores.shape[1], np.nan)
    without = np.full((n_blocks, scores.shape[1]), np.nan)
    # One of the two has the scores.
    by_clip, by_class = np.empty((0, 0), scores.dtype), np.ascontiguousarray(scores.T[:0])
    if scores.flags.f_contiguous:
        by_class = scores.T
    else:
        by_clip = np.ascontiguousarray(scores)
    if not _score(by_clip, by_class, found.clips, found.ends, blocks, result, without):
        raise ValueError("a score is NaN")
    return result, without


@compiled
def _score(
    by_clip: np.ndarray,
    by_class: np.ndarray,
    clips: np.ndarray,
    ends: np.ndarray,
    blocks: np.ndarray,
    result: np.ndarray,
    without: np.ndarray,
) -> bool:
    """Fill `result` (classes,) and `without` (blocks, classes) for the classes with positives.

    The scores are those `by_clip` (n, classes) or `by_class` (classes, n); the other is empty.
    Returns whether no score is NaN.

    A class's positives are sorted, and every clip's score is placed among them. A table over equal
    steps between the lowest and the highest positive says between which positives a score is, so
    that it is usually compared with only one of them: no other scores are sorted.
    """
    classes = len(result)
    transposed = len(by_class) < classes
    n = by_clip.shape[0] if transposed else by_class.shape[1]
    most = np.max(ends[1:] - ends[:-1]) if classes else 0
    columns = np.empty((min(_CLASSES_IN_A_BLOCK, classes) if transposed else 0, n), by_clip.dtype)
    positives = np.empty(most + 1, by_clip.dtype)
    steps = np.empty(n, np.int32)
    below = np.empty(_STEPS + 3, np.int32)
    placed = np.empty(most + 2, np.int64)
    n_blocks = len(without)
    placed_in = np.empty((most + 1 if n_blocks else 0, n_blocks), np.int32)
    hits_in = np.empty_like(placed_in)
    for first in range(0, classes, _CLASSES_IN_A_BLOCK):
        width = min(_CLASSES_IN_A_BLOCK, classes - first)
        for start in range(0, n if transposed else 0, _CLIPS_IN_A_TILE):
            stop = min(n, start + _CLIPS_IN_A_TILE)
            for k in range(width):
                for i in range(start, stop):
                    columns[k, i] = by_clip[i, first + k]
        for k in range(width):
            column = columns[k] if transposed else by_class[first + k]
            own = clips[ends[first + k] : ends[first + k + 1]]
            for place in range(len(own)):
                positives[place] = column[own[place]]
            positives[: len(own)].sort()
            # Scores above all positives are compared with this.
            positives[len(own)] = np.inf
            if not _place(column, positives[: len(own) + 1], steps, below, placed):
                return False
            if len(own):
                result[first + k] = _mean_precision(positives[: len(own)], placed)
                if n_blocks:
                    _count_in_blocks(steps, own, blocks, placed_in, hits_in)
                    without[:, first + k] = _mean_precision_without(
                        positives[: len(own)], placed, placed_in, hits_in
                    )
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
    column: np.ndarray,
    positives: np.ndarray,
    steps: np.ndarray,
    below: np.ndarray,
    placed: np.ndarray,
) -> bool:
    """Count in `placed` the scores with 0, 1, 2 ... of the sorted `positives` at or below them.

    The last of `positives` is no positive but infinity; `steps` and `below` are work space, and
    `steps` is left with that number of each score. Returns whether no score is NaN.
    """
    n_positive = len(positives) - 1
    # If there is no range to divide, NaN puts every score into the last step.
    line = np.full(2, np.nan, column.dtype)
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
    if not _find_steps(column, line, steps):
        return False
    placed[: n_positive + 2] = 0
    for i in range(column.size):
        score = column[i]
        # Unsigned, since a negative place would count from the end.
        step_of = np.uint32(steps[i])
        start = np.uint32(below[step_of])
        stop = np.uint32(below[step_of + np.uint32(1)])
        rank = start + np.uint32(positives[start] <= score)
        if stop > start + np.uint32(1):
            while rank < stop:
                middle = (rank + stop) >> np.uint32(1)
                if positives[middle] <= score:
                    rank = middle + np.uint32(1)
                else:
                    stop = middle
        placed[rank] += 1
        steps[i] = rank
    # Infinite scores reach the last of `positives`.
    placed[n_positive] += placed[n_positive + 1]
    return True


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
        at_least += placed[above]
        total += (above - first) * (n_positive - first) / at_least
        above = first
    return total / n_positive


@compiled
def _count_in_blocks(
    ranks: np.ndarray,
    own: np.ndarray,
    blocks: np.ndarray,
    placed_in: np.ndarray,
    hits_in: np.ndarray,
) -> None:
    """Count the scores (`placed_in`) and the positives (`hits_in`) of each rank and block.

    `ranks` (n,) are the numbers of positives at or below each score, `own` the clips of the
    positives. Both tables are (positives + 1 or more, blocks).
    """
    n_positive = len(own)
    placed_in[: n_positive + 1] = 0
    hits_in[: n_positive + 1] = 0
    for i in range(len(ranks)):
        if blocks[i] >= 0:
            placed_in[min(ranks[i], n_positive), blocks[i]] += 1
    for i in own:
        if blocks[i] >= 0:
            hits_in[min(ranks[i], n_positive), blocks[i]] += 1


@compiled
def _mean_precision_without(
    positives: np.ndarray, placed: np.ndarray, placed_in: np.ndarray, hits_in: np.ndarray
) -> np.ndarray:
    """Return what `_mean_precision` is without the clips of each block, (blocks,).

    NaN for a block that has all positives.
    """
    n_positive, n_blocks = len(positives), placed_in.shape[1]
    total = np.zeros(n_blocks)
    placed_above = np.zeros(n_blocks)
    hits_above = np.zeros(n_blocks)
    at_least = 0
    above = n_positive
    while above:
        first = above - 1
        while first and positives[first - 1] == positives[above - 1]:
            first -= 1
        at_least += placed[above]
        for block in range(n_blocks):
            placed_above[block] += placed_in[above, block]
            hits_above[block] += hits_in[above, block]
            hits = above - first - hits_in[above, block]
            if hits:
                share = (n_positive - first - hits_above[block]) / (at_least - placed_above[block])
                total[block] += hits * share
        above = first
    for block in range(n_blocks):
        left = n_positive - hits_above[block]
        total[block] = total[block] / left if left else np.nan
    return total
