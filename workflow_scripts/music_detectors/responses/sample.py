"""A random sample of many clips, for analyses that would take too long or too much memory with all.

The sample follows from the master seed, the split and the corpus, so all networks and analyses of
a split have the same clips in common: the smaller sample is part of the larger one.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from music_detectors.common.seeds import generator

# The configuration imports this file for its numbers, without the seconds that pandas takes.
if TYPE_CHECKING:
    import pandas as pd

MOST_EMBEDDED = 20_000
"""Target and other test clips that t-SNE places; 17,100 took 17 s on one core."""

MOST_OVER_TRAINING = 5_000
"""The same after each epoch of `snapshots`, which else would take most of all analyses' time."""

MOST_FITTED = 200_000
"""Clips of a split that labels are permuted among, linear models fitted to, and random sets of
classes measured on."""


def sampled(
    clips: pd.DataFrame, corpus: pd.DataFrame, split: str, most: int, seed: int, what: str
) -> np.ndarray:
    """Return which of `clips` (clip_id, role, group) are in a sample of `most`, (clips,) bool.

    All are, if there are no more. Each role has its share of the sample. Groups of clips
    (recordings) are drawn, so that those of one stay together, but for the last group of a role.
    `corpus` is clips.tsv, to whose `split` the clips belong. The log says `what` is done with the
    sample.
    """
    if len(clips) <= most:
        return np.ones(len(clips), dtype=bool)
    names = np.unique(corpus.loc[corpus["split"] == split, "group"].to_numpy(dtype=str))
    drawn = generator(seed, "sample of clips", split).permutation(len(names))
    order = drawn[names.searchsorted(clips["group"].to_numpy(dtype=str))]
    clip_ids = clips["clip_id"].to_numpy(dtype=str)
    # The place of each clip among those of its role, from 0 to 1.
    place = np.empty(len(clips))
    for rows in clips.reset_index(drop=True).groupby("role").indices.values():
        in_order = rows[np.lexsort((clip_ids[rows], order[rows]))]
        place[in_order] = (np.arange(len(rows)) + 0.5) / len(rows)
    kept = np.zeros(len(clips), dtype=bool)
    kept[np.argsort(place, kind="stable")[:most]] = True
    logging.warning(
        "%s: a random sample of %d of %d %s clips, by role", what, most, len(clips), split
    )
    return kept
