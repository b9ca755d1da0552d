"""The covariates of all clips of a split in one table."""

import os
from collections.abc import Sequence

from music_detectors.acoustics.columns import ACOUSTICS
from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table, stacked, write_table


def join_acoustics(shards: Sequence[str | os.PathLike], table: str | os.PathLike) -> None:
    """Write the rows of the tables `shards` (ACOUSTICS), in their order, to `table`.

    Every analysis that needs covariates reads this one instead of up to thousands. Raises
    InputError when a table cannot be read or has a clip that an earlier one has.
    """
    read, seen = [], set()
    for path in shards:
        of_shard = read_table(path, ACOUSTICS)
        for clip in of_shard["clip_id"]:
            if clip in seen:
                raise damaged(path, "table", f"clip {clip} occurs twice")
            seen.add(clip)
        read.append(of_shard)
    write_table(table, stacked(read, ACOUSTICS), ACOUSTICS)
