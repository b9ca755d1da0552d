"""The level of a corpus: the mean RMS amplitude of its clips."""

import os
from collections.abc import Sequence

import pandas as pd

from music_detectors.audio.columns import LEVEL, STATUS, USABLE
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table


def measure_level(status: Sequence[str | os.PathLike], output: str | os.PathLike) -> None:
    """Write the mean RMS amplitude of the usable clips in the tables `status` of all shards.

    The RMS of a clip is that of its sound, without the zeros that pad it. Raises InputError when a
    table cannot be read, when a usable clip has no level, or when there is no sound at all.
    """
    amplitudes = []
    for path in status:
        table = read_table(path, STATUS, only=("clip_id", "status", "rms_db"))
        usable = table[table["status"].isin(USABLE)]
        if usable["rms_db"].isna().any():
            clip_id = usable.loc[usable["rms_db"].isna(), "clip_id"].iloc[0]
            raise damaged(path, "table", f"usable clip {clip_id} has no level")
        amplitudes.append(10 ** (usable["rms_db"] / 20))
    every = pd.concat(amplitudes) if amplitudes else pd.Series(dtype=float)
    if not every.any():
        raise InputError(
            f"{output}: no clip has any sound, so the corpus has no mean level; look at "
            "audio/yield.tsv"
        )
    write_table(output, pd.DataFrame({"n_clips": [len(every)], "rms": [every.mean()]}), LEVEL)


def read_level(path: str | os.PathLike) -> float:
    """Return the mean RMS amplitude of the corpus, re full scale, from the table at `path`.

    Raises InputError, naming the file, when it cannot be read or does not hold one level above 0.
    """
    rms = read_table(path, LEVEL)["rms"]
    if len(rms) != 1 or not rms.iloc[0] > 0:
        raise damaged(path, "table", "must hold one row with an rms above 0")
    return float(rms.iloc[0])
