"""The covariates of given clips, joined by their ids."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from music_detectors.acoustics.columns import ACOUSTICS, COVARIATES
from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table


def read_covariates(paths: Sequence[str | os.PathLike], clip_ids: Sequence[str]) -> np.ndarray:
    """Return the covariates (clips, len(COVARIATES)) of `clip_ids`, in their order, as float64.

    `paths` are the tables of the clips' shards. A covariate that is not defined for a clip is NaN.
    Raises InputError when a table cannot be read, or when a clip is in no table or in two.
    """
    tables = [read_table(path, ACOUSTICS) for path in paths]
    every = pd.concat(tables, ignore_index=True)
    where = Path(paths[0]).parent if len(paths) > 1 else paths[0]
    twice = every["clip_id"].duplicated()
    if twice.any():
        clip = every.loc[twice, "clip_id"].iloc[0]
        raise damaged(where, "table", f"clip {clip} occurs twice")
    places = pd.Index(every["clip_id"]).get_indexer(pd.Index(clip_ids, dtype=object))
    if (places < 0).any():
        missing = clip_ids[int(np.argmax(places < 0))]
        raise damaged(where, "table", f"no covariates of clip {missing}")
    return every[list(COVARIATES)].to_numpy(dtype=np.float64)[places]
