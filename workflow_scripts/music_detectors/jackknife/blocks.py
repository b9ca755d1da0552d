"""The blocks of sounds that are left out, one at a time."""

import os
from collections.abc import Sequence

import numpy as np

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.jackknife.columns import BLOCKS

MOST = 40
"""The largest number of blocks: its t quantiles are near the normal ones, and each block costs one
computation of everything."""


def read_blocks(path: str | os.PathLike, clip_ids: Sequence[str]) -> np.ndarray:
    """Return the block (clips,) of each of `clip_ids`, test clips, from the table `path` (BLOCKS).

    Raises InputError when it cannot be read or has no block of a clip.
    """
    table = read_table(path, BLOCKS, only=("clip_id", "block"))
    of_clips = dict(zip(table["clip_id"].tolist(), table["block"].tolist(), strict=True))
    try:
        return np.array([of_clips[clip_id] for clip_id in clip_ids], dtype=np.int64)
    except KeyError as error:
        raise damaged(path, "table", f"has no block of clip {error.args[0]}") from error


def blocks_in(blocks: np.ndarray) -> list[int]:
    """Return the numbers of the blocks to leave out in turn, from the block (n,) of each sound.

    They are none where all sounds are in one block: without it, there would be nothing left.
    """
    numbers = np.unique(blocks).tolist()
    return numbers if len(numbers) > 1 else []


def of_sounds(
    categories: Sequence[str], is_target: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the block (sounds,) of each sound of a probe set from its category.

    There are 40 blocks, or as many as sounds of the target or other sounds, if these are fewer.
    The sounds of each category are dealt to the blocks in random order, the target's first.
    """
    place = {name: number for number, name in enumerate(dict.fromkeys(categories))}
    strata = np.array([place[name] for name in categories]) + len(place) * ~is_target
    return dealt(strata, int(min(is_target.sum(), (~is_target).sum())), rng)


def dealt(strata: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """Return the block (draws,) of each draw: dealt round, stratum by stratum, in random order.

    There are at most `most` blocks, and at most 40.
    """
    order = np.lexsort((rng.permutation(len(strata)), strata))
    blocks = np.empty(len(strata), dtype=np.int64)
    blocks[order] = np.arange(len(strata)) % max(min(most, MOST), 1)
    return blocks
