"""Rows of clips.tsv, parsed shard by shard, so that no job holds all clips."""

import csv
import io
import os
from collections.abc import Iterator
from itertools import groupby
from typing import BinaryIO, NamedTuple

from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError, one_line
from music_detectors.common.files import open_checked, read_checked
from music_detectors.common.tables import column_positions
from music_detectors.corpus.columns import CLIPS

SHORT_SECONDS = 0.025
"""A clip is `short` when more than this is missing at the end of its segment."""

_KIND = "table"
_BLOCK_BYTES = 2**20
_COLUMN = {name: position for position, name in enumerate(CLIPS)}
_USUAL_ORDER = [*range(len(CLIPS))]


class Clip(NamedTuple):
    """The columns of a clip that the audio and spectrogram stages need.

    `end_seconds` is None where no segment is given; `labels` are MIDs.
    """

    clip_id: str
    source: str
    reference: str
    start_seconds: float
    end_seconds: float | None
    labels: tuple[str, ...]

    def seconds_to_read(self, clip_seconds: float) -> float:
        """Return how many seconds to read: the segment, at most `clip_seconds`."""
        if self.end_seconds is None:
            return clip_seconds
        return min(self.end_seconds - self.start_seconds, clip_seconds)


def read_shard_clips(path: str | os.PathLike, split: str, shard: str) -> list[Clip]:
    """Return the clips of one shard of clips.tsv, in the table's order.

    Only the rows of that shard are parsed. Raises InputError when the table cannot be read, is
    damaged, or has no such shard.
    """
    found: list[list[str]] = []
    with open_checked(path, _KIND) as table:
        positions = _column_positions(path, table)
        # In a table with another order of columns, split and shard need not be adjacent.
        mark = f"\t{split}\t{shard}\t".encode() if positions == _USUAL_ORDER else b""
        for block in _blocks(table):
            if mark in block:
                rows = _rows(path, block, positions)
                found += (row for row in rows if _key(row) == (split, shard))
            elif found:
                break
    if not found:
        raise damaged(path, _KIND, f"it has no shard {split}/{shard}")
    return [_clip(path, row) for row in found]


def clips_by_shard(path: str | os.PathLike) -> Iterator[tuple[str, str, list[Clip]]]:
    """Yield (split, shard, its clips) for every shard of clips.tsv, in the table's order.

    Raises InputError when the table cannot be read or the rows of a shard are not adjacent.
    """
    seen = set()
    # Read the whole table first: callers use clips before the end, and its checksum, is read.
    table = io.BytesIO(read_checked(path, _KIND))
    positions = _column_positions(path, table)
    rows = (row for block in _blocks(table) for row in _rows(path, block, positions))
    for key, members in groupby(rows, _key):
        if key in seen:
            raise damaged(path, _KIND, f"the clips of shard {key[0]}/{key[1]} are not adjacent")
        seen.add(key)
        yield *key, [_clip(path, row) for row in members]


def _column_positions(path: str | os.PathLike, table: BinaryIO) -> list[int]:
    """Read the header and return the position of each column of CLIPS in a row."""
    return column_positions(path, table.readline(), CLIPS, _KIND)


def _blocks(table: BinaryIO) -> Iterator[bytes]:
    """Yield the table after its header in blocks of whole rows; a row may span lines."""
    while block := table.read(_BLOCK_BYTES) + table.readline():
        # An odd number of quotes: the block ends within a quoted field.
        while block.count(b'"') % 2 and (line := table.readline()):
            block += line
        yield block


def _rows(path: str | os.PathLike, block: bytes, positions: list[int]) -> Iterator[list[str]]:
    """Yield the fields of each row in the order of CLIPS, without additional columns."""
    try:
        lines = io.StringIO(block.decode("utf-8"), newline="")
        for row in csv.reader(lines, delimiter="\t", strict=True):
            if len(row) <= max(positions):
                why = f"a row has too few fields ({len(row)}): {one_line(row, 60)}"
                raise damaged(path, _KIND, why)
            yield row if positions == _USUAL_ORDER else [row[position] for position in positions]
    except (UnicodeDecodeError, csv.Error) as error:
        raise damaged(path, _KIND, error) from error


def _key(row: list[str]) -> tuple[str, str]:
    return row[_COLUMN["split"]], row[_COLUMN["shard"]]


def _clip(path: str | os.PathLike, row: list[str]) -> Clip:
    clip_id = row[_COLUMN["clip_id"]]
    try:
        start = float(row[_COLUMN["start_seconds"]] or 0)
        end = float(row[_COLUMN["end_seconds"]]) if row[_COLUMN["end_seconds"]] else None
    except ValueError:
        raise InputError(f"{path}: clip {one_line(clip_id)}: times are not numbers") from None
    if not clip_id.isascii():
        raise InputError(f"{path}: clip {one_line(clip_id)}: the id must be plain ASCII")
    if not 0 <= start < (float("inf") if end is None else end):
        raise InputError(
            f"{path}: clip {clip_id}: the segment {start} to {end} s must start at or after 0 and "
            "end after its start"
        )
    labels = row[_COLUMN["labels"]]
    return Clip(
        clip_id=clip_id,
        source=row[_COLUMN["source"]],
        reference=row[_COLUMN["reference"]],
        start_seconds=start,
        end_seconds=end,
        labels=tuple(labels.split(";")) if labels else (),
    )
