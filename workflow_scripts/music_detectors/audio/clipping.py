"""Clips that are clipped: recorded, or made, louder than their format can hold."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from music_detectors.audio.columns import CLIPPED
from music_detectors.audio.storage import read_audio_shard
from music_detectors.common.tables import write_table

LEAST_SHARE = 0.001
"""A clip with such a share of its samples at full scale, or beyond it, counts as clipped."""

_AT_FULL_SCALE = 0.999 * 32_768


def find_clipped(
    audio: Mapping[str, Sequence[str | os.PathLike]], output: str | os.PathLike
) -> None:
    """Write how many usable clips of each split are clipped; `audio` are its shards.

    A sample counts from 0.999 of full scale on, since resampling and lossy coding blur the edge.
    Raises InputError when a shard cannot be read.
    """
    rows = []
    for split, shards in audio.items():
        shares: dict[str, float] = {}
        for path in shards:
            shard = read_audio_shard(path)
            for row, clip_id in enumerate(shard.clip_id):
                samples = shard.samples[row, : shard.n_samples[row]].astype(np.int32)
                scale = 1.0 if shard.full_scale is None else shard.full_scale[row]
                shares[clip_id] = float((np.abs(samples) * scale >= _AT_FULL_SCALE).mean())
        clipped = [clip_id for clip_id, share in shares.items() if share >= LEAST_SHARE]
        most = max(clipped, key=shares.__getitem__, default="")
        rows.append((split, len(shares), len(clipped), most, shares.get(most, 0.0)))
    write_table(output, pd.DataFrame(rows, columns=list(CLIPPED)), CLIPPED)
