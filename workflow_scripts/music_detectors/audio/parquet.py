"""Parquet files of recordings, one per row: which there are, and the recordings of single rows.

The form is that of data sets on Hugging Face, of which agkphysics/AudioSet is one: a column
`video_id`, and a column `audio` with the bytes of a file, or with structs that have them as
`bytes`.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pyarrow
import pyarrow.parquet

from music_detectors.audio.failures import Systemic, Unusable
from music_detectors.common.errors import InputError, one_line
from music_detectors.common.files import temporary_place

_MAX_ROWS = 20_000_000
_IDS_AT_A_TIME = 4096
_RECORDINGS_AT_A_TIME = 8
_READ_AHEAD_BYTES = 2**20
_MOST_BYTES = 2**27
"""The recordings of a row group may hold as much each, on average."""
_BROKEN = (pyarrow.ArrowException, OSError, ValueError)


class Row(NamedTuple):
    """The recording called `name` in row `row` of the Parquet file `archive`."""

    archive: Path
    name: str
    row: int

    def __str__(self) -> str:
        """Return archive and name, for messages."""
        return f"{self.archive}:{self.name}"


def row_names(path: str | os.PathLike) -> Iterator[str]:
    """Yield the name of the file in each row of the Parquet file at `path`: `<video_id>.flac`.

    A row without an id has the name "". No recording is read. Raises ValueError, which says why,
    for what is no whole Parquet file of this form, and OSError where it cannot be read.
    """
    try:
        with _opened(path) as file:
            _column_of_sound(file)
            for batch in file.iter_batches(_IDS_AT_A_TIME, columns=["video_id"], use_threads=False):
                for name in batch.column(0).to_pylist():
                    yield "" if name is None else f"{name}.flac"
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from error


class Recordings:
    """Recordings in rows of Parquet files, taken out row group by row group.

    A row cannot be read without most of its row group. So when one is asked for, all of the group
    that will be are written to temporary files, and removed when they have been read.
    """

    def __init__(self, wanted: Iterable[Row]) -> None:
        """Set the rows that will be asked for."""
        self._wanted: dict[Path, list[Row]] = {}
        for row in wanted:
            self._wanted.setdefault(row.archive, []).append(row)
        self._folder: tempfile.TemporaryDirectory | None = None
        self._files: dict[Row, Path] = {}

    @contextmanager
    def file(self, row: Row) -> Iterator[Path]:
        """Yield the temporary file that holds the recording of `row`.

        Raises Unusable when it cannot be read, Systemic when there is no room for it, and
        InputError when the archive is gone.
        """
        if row not in self._files:
            self._take_out_group(row)
        path = self._files.pop(row)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _take_out_group(self, row: Row) -> None:
        """Write to files the wanted recordings in the row group of `row`."""
        if not row.archive.is_file():
            raise InputError(f"{row.archive}: the archive is gone; put it back, then run again")
        try:
            for one, content in self._group(row):
                self._write(one, content)
        except Unusable:
            # Damage may lie behind the row.
            if row not in self._files:
                raise
        if row not in self._files:
            raise Unusable("empty", "no sound decoded", f"{row}: the row holds no sound")

    def _group(self, row: Row) -> Iterator[tuple[Row, pyarrow.Buffer]]:
        """Yield the wanted rows in the row group of `row`, each with its recording."""
        try:
            with _opened(row.archive) as file:
                column = _column_of_sound(file)
                group, start, end = _group_of(file, row.row)
                _check_size(file, group, column)
                wanted = {
                    one.row: one for one in self._wanted[row.archive] if start <= one.row < end
                }
                batches = file.iter_batches(
                    _RECORDINGS_AT_A_TIME, row_groups=[group], columns=[column], use_threads=False
                )
                numbers = count(start)
                for batch in batches:
                    sounds = batch.column(0)
                    if column != "audio":
                        sounds = sounds.field("bytes")
                    for sound, number in zip(sounds, numbers, strict=False):
                        if number in wanted and sound.is_valid:
                            yield wanted[number], sound.as_buffer()
        except _BROKEN as error:
            raise Unusable("empty", "no sound decoded", f"{row}: {error}") from error

    def _write(self, row: Row, content: pyarrow.Buffer) -> None:
        place = temporary_place()
        try:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(
                    prefix="parquet-", dir=place, ignore_cleanup_errors=True
                )
            # No text from the file becomes part of a path.
            archive = list(self._wanted).index(row.archive)
            path = Path(self._folder.name, f"{archive}-{row.row}")
            path.write_bytes(content)
        except OSError as error:
            raise Systemic(
                "cannot be written",
                f"{place}: {error.strerror or one_line(error)}",
                "make room there, or set TMPDIR to another folder, then run again",
            ) from error
        self._files[row] = path


@contextmanager
def _opened(path: str | os.PathLike) -> Iterator[pyarrow.parquet.ParquetFile]:
    with pyarrow.parquet.ParquetFile(
        path,
        buffer_size=_READ_AHEAD_BYTES,
        pre_buffer=False,
        page_checksum_verification=True,
    ) as file:
        if file.metadata.num_rows > _MAX_ROWS:
            raise ValueError(f"more than {_MAX_ROWS} rows")
        yield file


def _column_of_sound(file: pyarrow.parquet.ParquetFile) -> str:
    """Return the column that holds the bytes of recordings; check both columns."""
    types = pyarrow.types
    schema = file.schema_arrow
    names = schema.names
    if names.count("video_id") != 1 or names.count("audio") != 1:
        raise ValueError("it lacks a column video_id, or audio")
    ids, sound = schema.field("video_id").type, schema.field("audio").type
    if not (types.is_string(ids) or types.is_large_string(ids)):
        raise ValueError("its column video_id is no text")
    column = "audio"
    if types.is_struct(sound) and sound.get_field_index("bytes") >= 0:
        column, sound = "audio.bytes", sound.field("bytes").type
    if not (types.is_binary(sound) or types.is_large_binary(sound)):
        raise ValueError("its column audio holds no bytes")
    return column


def _check_size(file: pyarrow.parquet.ParquetFile, group: int, column: str) -> None:
    """Raise ValueError where recordings would take much more memory than the file has bytes."""
    about = file.metadata.row_group(group)
    chunks = (about.column(place) for place in range(about.num_columns))
    held = sum(one.total_uncompressed_size for one in chunks if one.path_in_schema == column)
    if held > about.num_rows * _MOST_BYTES:
        raise ValueError(
            f"its row group holds more than {_MOST_BYTES >> 20} MiB for each recording"
        )


def _group_of(file: pyarrow.parquet.ParquetFile, row: int) -> tuple[int, int, int]:
    """Return the row group that holds `row`, its first row, and the row after its last."""
    start = 0
    for group in range(file.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        if row < end:
            return group, start, end
        start = end
    raise ValueError("the file has changed since it was indexed")
