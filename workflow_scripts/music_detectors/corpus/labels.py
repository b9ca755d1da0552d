"""Labels of clips as the networks see them: one column per class."""

import os
from collections.abc import Iterable, Sequence

import numpy as np

from music_detectors.common.damage import damaged


def label_matrix(
    clip_ids: Sequence[str],
    labels: Iterable[Iterable[str]],
    mids: Sequence[str],
    path: str | os.PathLike,
) -> np.ndarray:
    """Return which of the classes `mids` each clip has as labels, (clips, classes) bool.

    `labels` are the MIDs of each of `clip_ids`. Raises InputError, naming the table at `path`
    from which they were read, for a label that is not in `mids`.
    """
    place = {mid: at for at, mid in enumerate(mids)}
    matrix = np.zeros((len(clip_ids), len(place)), dtype=bool)
    for row, (clip_id, mids_of_clip) in enumerate(zip(clip_ids, labels, strict=True)):
        for mid in mids_of_clip:
            if mid not in place:
                why = f"clip {clip_id} has the label {mid!r}, which is no class of the corpus"
                raise damaged(path, "table", why)
            matrix[row, place[mid]] = True
    return matrix
