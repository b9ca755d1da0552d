"""The covariates of given clips, joined by their ids."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from music_detectors.acoustics.columns import ACOUSTICS, COVARIATES
from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table


def read_covariates(path: str | os.PathLike, clip_ids: Sequence[str]) -> np.ndarray:
    """Return the covariates (clips, len(COVARIATES)) of `clip_ids`, in their order, as float64.

    `path` is the table of the clips' split. A covariate that is not defined for a clip is NaN.
    Raises InputError when it cannot be read, lacks a clip or has one twice.
    """
    every = read_table(path, ACOUSTICS)
    twice = every["clip_id"].duplicated()
    if twice.any():
        clip = every.loc[twice, "clip_id"].iloc[0]
        raise damaged(path, "table", f"clip {clip} occurs twice")
    places = pd.Index(every["clip_id"]).get_indexer(pd.Index(clip_ids, dtype=object))
    if (places < 0).any():
        missing = clip_ids[int(np.argmax(places < 0))]
        raise damaged(path, "table", f"no covariates of clip {missing}")
    return every[list(COVARIATES)].to_numpy(dtype=np.float64)[places]
