"""Responses and the clips they are of."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from music_detectors.common.damage import damaged
from music_detectors.responses.files import read_responses


def described(
    path: str | os.PathLike, clip_ids: Sequence[str], clips: pd.DataFrame, split: str
) -> pd.DataFrame:
    """Return the rows of `clips` (clips.tsv) for `clip_ids`, in their order.

    Raises InputError, naming the file of responses at `path`, when it holds a clip that is not
    among those of `split`.
    """
    of_split = clips[clips["split"] == split]
    places = pd.Index(of_split["clip_id"]).get_indexer(clip_ids)
    if (places < 0).any():
        unknown = clip_ids[int(np.argmax(places < 0))]
        why = f"clip {unknown} is not among the {split} clips of the corpus"
        raise damaged(path, "responses", why)
    return of_split.iloc[places].reset_index(drop=True)


def responses_to(path: str | os.PathLike, layer: str, clip_ids: Sequence[str]) -> np.ndarray:
    """Return the responses (clips, units) of `layer` in the file at `path` to `clip_ids`.

    Raises InputError, naming the file, when it cannot be read or lacks a clip.
    """
    stored, responses = read_responses(path, [layer])
    places = pd.Index(stored).get_indexer(list(clip_ids))
    if (places < 0).any():
        missing = list(clip_ids)[int(np.argmax(places < 0))]
        raise damaged(path, "responses", f"lacks clip {missing} of its index")
    return responses[layer][places]
