"""Average precision of every class at once, exact and aware of ties."""

import numpy as np

# A tile of 16 float32 scores (a cache line) by 512 clips is turned while it lies in the first
# cache; the working memory is 16 columns, whatever the number of classes.
_CLASSES_IN_A_BLOCK = 16
_CLIPS_IN_A_TILE = 512


def average_precision(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the average precision of each class, (classes,) float64.

    `scores` (n, classes) are floats, higher for likelier; `labels` (n, classes) are booleans. The
    value is the mean, over a class's positives, of the share of positives among all clips that
    score at least as high. That is the sum over thresholds of (recall gained) x precision, without
    interpolation, as in scikit-learn's `average_precision_score`; clips of equal score fall under
    one threshold. It is NaN for a class without positives.

    Raises ValueError when the shapes differ, `labels` are not boolean or a score is NaN.
    """
    scores, labels = np.asarray(scores), np.asarray(labels)
    if scores.ndim != 2 or scores.shape != labels.shape:
        raise ValueError(f"scores {scores.shape} and labels {labels.shape} are not (n, classes)")
    if labels.dtype != bool:
        raise ValueError(f"labels are {labels.dtype}, not bool")
    n, classes = scores.shape
    result = np.full(classes, np.nan)
    if n == 0:
        return result
    clips, ends = _positives(labels)
    columns = np.empty((min(_CLASSES_IN_A_BLOCK, classes), n), dtype=scores.dtype)
    for start in range(0, classes, _CLASSES_IN_A_BLOCK):
        block = columns[: classes - start]
        _turn(scores[:, start : start + _CLASSES_IN_A_BLOCK], block)
        of_block = [
            row[clips[ends[place] : ends[place + 1]]] for place, row in enumerate(block, start)
        ]
        block.sort(axis=1)
        # Sorting puts NaN last.
        if np.isnan(block[:, -1]).any():
            raise ValueError("a score is NaN")
        for place, (ranked, hits) in enumerate(zip(block, of_block, strict=True), start):
            if hits.size:
                hits.sort()
                # The first place of a score is the number of lower ones, whatever the ties.
                at_least = n - ranked.searchsorted(hits)
                hits_at_least = hits.size - hits.searchsorted(hits)
                result[place] = (hits_at_least / at_least).sum() / hits.size
    return result


def chance_average_precision(n_positive: np.ndarray, n_clips: int) -> np.ndarray:
    """Return the average precision expected of random scores without ties, as `n_positive` (k,).

    With R positives among N clips, place k of a random order holds a positive with probability
    R / N, and then (k - 1)(R - 1) / (N - 1) of those before it are expected to be positives: the
    mean over places is (H + (N - H)(R - 1) / (N - 1)) / N, where H = 1 + 1/2 + ... + 1/N. It
    exceeds the share of positives, R / N, the more the fewer they are. NaN without positives.
    """
    n_positive = np.asarray(n_positive)
    harmonic = np.sum(1 / np.arange(1, n_clips + 1))
    share_of_others = (n_positive - 1) / max(n_clips - 1, 1)
    expected = (harmonic + (n_clips - harmonic) * share_of_others) / max(n_clips, 1)
    return np.where(n_positive > 0, expected, np.nan)


def _positives(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the clips of the positives, class by class, and where each class starts and ends."""
    n, classes = labels.shape
    clips, places = np.divmod(np.flatnonzero(labels), classes)
    # Sorting the numbers themselves is faster than an argsort of the classes.
    ordered = np.sort(places * n + clips)
    return ordered % n, np.searchsorted(ordered, np.arange(classes + 1) * n)


def _turn(scores: np.ndarray, columns: np.ndarray) -> None:
    """Copy `scores` (n, some classes) to `columns` (some classes, n), tile by tile."""
    for first in range(0, len(scores), _CLIPS_IN_A_TILE):
        tile = slice(first, first + _CLIPS_IN_A_TILE)
        columns[:, tile] = scores[tile].T
