"""The division of the test clips into blocks."""

import logging
import os
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from music_detectors.audio.columns import STATUS, USABLE
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.jackknife.blocks import dealt
from music_detectors.jackknife.columns import BLOCKS

# Those who hold one role only come first and last, so that the draws of either role are one run of
# the list: dealt round, each run reaches every block.
_ORDER = (
    {"target"},
    {"target", "mixed"},
    {"target", "mixed", "other"},
    {"target", "other"},
    {"other", "mixed"},
    {"other"},
    {"mixed"},
)


def assign_blocks(
    clips: str | os.PathLike,
    status: Sequence[str | os.PathLike],
    blocks: str | os.PathLike,
    *,
    sounds: str,
    seed: int,
) -> None:
    """Write the blocks (BLOCKS) of the usable test clips.

    `clips` is the table of the corpus, `status` those of the audio of the test clips, and `sounds`
    says what is one draw: `groups`, `clips` or `classes`. Raises InputError when a table cannot be
    read or has no status of a test clip, and when there is no usable target or other test clip.
    """
    table = read_table(clips, CLIPS, only=("clip_id", "split", "role", "group", "labels"))
    table = table[table["split"] == "test"]
    found = pd.concat([read_table(path, STATUS, only=("clip_id", "status")) for path in status])
    of_clips = table["clip_id"].map(found.set_index("clip_id")["status"])
    if of_clips.isna().any():
        missing = table.loc[of_clips.isna(), "clip_id"].iloc[0]
        raise damaged(status[0], "table", f"test clip {missing} has no row in it or its like")
    table = table[of_clips.isin(USABLE)]
    for role in ("target", "other"):
        if not (table["role"] == role).any():
            raise InputError(f"{clips}: no {role} test clip has usable audio; see audio/yield.tsv")
    draws = draws_of(table, sounds)
    numbers = blocks_of(draws.to_numpy(), table["role"].to_numpy(), generator(seed, "blocks"))
    for role in ("target", "other"):
        logging.info(
            "%s test clips: %d draws of sounds", role, draws[table["role"] == role].nunique()
        )
    logging.info("%d blocks", len(np.unique(numbers)))
    write_table(blocks, table.assign(draw=draws, block=numbers), BLOCKS)


def draws_of(clips: pd.DataFrame, sounds: str) -> pd.Series:
    """Return the name of the draw of each of `clips` (clip_id, group, labels); see assign_blocks.

    The class of a group is the rarest label of its clips; of labels as rare, the first by name.
    """
    if sounds == "clips":
        return clips["clip_id"]
    if sounds == "groups":
        return clips["group"]
    labels = clips["labels"].str.split(";")
    numbers = Counter(label for of_clip in labels for label in of_clip)
    rarest = {
        group: min(
            {label for of_clip in of_group for label in of_clip},
            key=lambda name: (numbers[name], name),
        )
        for group, of_group in labels.groupby(clips["group"])
    }
    return clips["group"].map(rarest)


def blocks_of(draws: np.ndarray, roles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the block (clips,) of each clip from its draw and role (clips,).

    There are 40 blocks, or as many as draws with a target or with an other clip, if these are
    fewer. Draws of the same roles are dealt to the blocks in random order. No draw is divided.
    """
    held: dict[str, set[str]] = {}
    for draw, role in zip(draws.tolist(), roles.tolist(), strict=True):
        held.setdefault(draw, set()).add(role)
    names = sorted(held)
    strata = np.array([_ORDER.index(held[name]) for name in names])
    fewest = min(sum(role in of_draw for of_draw in held.values()) for role in ("target", "other"))
    of_draw = dict(zip(names, dealt(strata, fewest, rng).tolist(), strict=True))
    return np.array([of_draw[draw] for draw in draws.tolist()], dtype=np.int64)
