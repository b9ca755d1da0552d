"""Whether selective units answer the target more when it is no louder than other sounds."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from music_detectors.common.errors import warn
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.jackknife.blocks import blocks_in, read_blocks
from music_detectors.levels.columns import LEVELS, LEVELS_LEFT_OUT
from music_detectors.responses.clips import responses_to
from music_detectors.responses.files import read_layers
from music_detectors.selectivity.effects import hedges_g, moments, response_ratio
from music_detectors.selectivity.groups import groups_of_units
from music_detectors.spectrograms.columns import INDEX

_MIN_CLIPS = 2


def level_responses(
    indices: Sequence[str | os.PathLike],
    responses: Sequence[str | os.PathLike],
    units: Sequence[str | os.PathLike],
    clips: str | os.PathLike,
    blocks: str | os.PathLike,
    output: str | os.PathLike,
    left_out: str | os.PathLike,
    *,
    levels_db: Sequence[int],
    seeds: Sequence[int],
    layer: str,
) -> None:
    """Write the responses of groups of units of `layer` to target clips at each of `levels_db`.

    They are compared with the responses to other test clips at 0 dB, which must be among the
    levels. `indices` are those of the spectrograms of each level; `responses` are the files of
    every network for the first level, in the order of `seeds`, then those for the next; `units` are
    the networks' units.tsv, `clips` is clips.tsv, and `blocks` the table of the blocks of test
    clips. The most selective units' responses without each block are written to `left_out`. Units
    are those chosen on the original sounds. Clips without any sound have no level and are left out.
    Raises InputError when a file cannot be read, a network has no selective unit, or a file of
    responses lacks a clip of its index.
    """
    listed = set.intersection(
        *(set(read_table(path, INDEX, only=("clip_id",))["clip_id"]) for path in indices)
    )
    table = read_table(clips, CLIPS, only=("clip_id", "split", "role"))
    table = table[(table["split"] == "test") & table["clip_id"].isin(listed)]
    ids = {
        role: table.loc[table["role"] == role, "clip_id"].tolist() for role in ("target", "other")
    }
    for role, of_role in ids.items():
        if len(of_role) < _MIN_CLIPS:
            warn(f"{len(of_role)} test clips are {role} and have sound, too few to compare levels")
    of_blocks = {role: read_blocks(blocks, of_role) for role, of_role in ids.items()}
    numbers = blocks_in(np.concatenate(list(of_blocks.values())))
    rows, without = [], []
    for place, seed in enumerate(seeds):
        of_network = read_layers(responses[place]).chosen(layer)
        groups = groups_of_units(units[place], of_network)
        paths = dict(zip(levels_db, responses[place :: len(seeds)], strict=True))
        others = responses_to(paths[0], of_network, ids["other"])
        for level, path in paths.items():
            targets = responses_to(path, of_network, ids["target"])
            for group, chosen in groups.items():
                target, other = (
                    values[:, chosen].mean(axis=1, dtype=np.float64) for values in (targets, others)
                )
                names = {"seed": seed, "level_db": level, "group": group}
                rows.append(names | _row(target, other))
                if group == "most":
                    without += [
                        {"block": block, **names}
                        | _row(
                            target[of_blocks["target"] != block],
                            other[of_blocks["other"] != block],
                        )
                        for block in numbers
                    ]
    write_table(output, pd.DataFrame(rows), LEVELS)
    tables = [pd.DataFrame(without)] if without else []
    write_table(left_out, stacked(tables, LEVELS_LEFT_OUT), LEVELS_LEFT_OUT)


def _row(target: np.ndarray, other: np.ndarray) -> dict[str, float | int]:
    """Return the columns that compare the responses to target clips (n,) with `other` (m,)."""
    row = {
        "n_target": len(target),
        "n_other": len(other),
        "response_target": np.nan,
        "response_other": np.nan,
        "ratio": np.nan,
        "hedges_g": np.nan,
    }
    if min(len(target), len(other)) < _MIN_CLIPS:
        return row
    return row | {
        "response_target": target.mean(),
        "response_other": other.mean(),
        "ratio": response_ratio(target, other),
        "hedges_g": hedges_g(moments(target[:, None]), moments(other[:, None]))[0],
    }
