"""Average precision without the clips of one block, for each block, as the jackknife needs it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from music_detectors.common.average_precision import (
    average_precision_without,
    chance_without,
)


@dataclass(frozen=True)
class LeftOut:
    """The scores of classes without the clips of each block; arrays are (blocks, classes)."""

    blocks: Sequence[int]
    """The number of each block."""
    average_precision: np.ndarray
    """NaN where no positive is left."""
    chance: np.ndarray
    """That expected of random labels, NaN without positives."""
    n_clips: np.ndarray
    """The clips (blocks,) that are left."""

    def means(self, counted: np.ndarray) -> pd.DataFrame:
        """Return the means over the classes `counted` (classes,) bool, one row per block.

        The columns are block, n_classes, n_clips, mean_average_precision and chance. A class counts
        in a row if a positive is left, as if there had never been other clips than these: where a
        block has all positives of a class, the mean is over the other classes. Without any class
        it is NaN.
        """
        occur = ~np.isnan(self.average_precision) & counted
        return pd.DataFrame(
            {
                "block": np.array(self.blocks, dtype=np.int64),
                "n_classes": occur.sum(axis=1),
                "n_clips": self.n_clips,
                "mean_average_precision": class_means(self.average_precision, occur),
                "chance": class_means(self.chance, occur),
            }
        )


def left_out(
    scores: np.ndarray, labels: np.ndarray, of_clips: np.ndarray, blocks: Sequence[int]
) -> LeftOut:
    """Return the scores without the clips of each of `blocks`, numbers that `of_clips` (n,) has.

    `scores` (n, classes) are those of the clips, `labels` (n, classes) bool. A row equals
    `average_precision` and `chance_average_precision` of the clips that are left; for a block
    without any of these clips, of all. Raises ValueError when the shapes differ or a score is NaN.
    """
    places = places_of(of_clips, blocks)
    _, precision = average_precision_without(scores, labels, places, len(blocks))
    chance = chance_without(scores, labels, places, len(blocks))
    n_clips = len(scores) - np.bincount(places[places >= 0], minlength=len(blocks))
    return LeftOut(blocks, precision, chance, n_clips)


def places_of(of_clips: np.ndarray, blocks: Sequence[int]) -> np.ndarray:
    """Return the place (n,) in `blocks` of the block of each clip, -1 if it is none of them."""
    places = np.full(len(of_clips), -1)
    for place, block in enumerate(blocks):
        places[of_clips == block] = place
    return places


def class_means(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Return the means of the rows of `values` over the classes `counted`, NaN without any.

    Both are (blocks, classes).
    """
    # Row by row, so that a row's mean is to the last bit that of the same values elsewhere.
    rows = zip(values, counted, strict=True)
    return np.array([row[kept].mean() if kept.any() else np.nan for row, kept in rows])
