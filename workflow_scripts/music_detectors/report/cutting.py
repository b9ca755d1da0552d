"""Sounds as they are stored, and excerpts of them."""

import os
from collections.abc import Collection, Iterable, Iterator

import numpy as np

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import read_audio_shard
from music_detectors.common.damage import damaged

_SECONDS = 5.0
_FADE_SECONDS = 0.01


def each_sound(
    shards: Iterable[str | os.PathLike], clip_ids: Collection[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each of `clip_ids` with its sound, (n,) float32 of full scale 1, shard by shard.

    Raises InputError when no shard has one.
    """
    missing = set(clip_ids)
    path: str | os.PathLike = ""
    for path in shards:
        if not missing:
            break
        shard = read_audio_shard(path)
        for row, clip_id in enumerate(shard.clip_id):
            if clip_id in missing:
                missing.remove(clip_id)
                yield clip_id, shard.samples_of(row)
    if missing:
        raise damaged(path, "audio shard", f"neither it nor another holds clip {min(missing)}")


def shortened(samples: np.ndarray) -> np.ndarray:
    """Return the first seconds of `samples`, which fade out where there are more."""
    length = round(_SECONDS * SAMPLE_RATE)
    if len(samples) <= length:
        return samples
    fade = round(_FADE_SECONDS * SAMPLE_RATE)
    cut = samples[:length].copy()
    cut[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return cut
