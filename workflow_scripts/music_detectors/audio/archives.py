"""Archives of recordings, tar or Parquet: an index of their members, read in place."""

import csv
import io
import logging
import os
import posixpath
import stat
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from music_detectors.audio.clips import Clip
from music_detectors.audio.columns import ARCHIVES
from music_detectors.audio.decode import Decoded, Member
from music_detectors.audio.extensions import stem
from music_detectors.audio.failures import Unusable
from music_detectors.audio.naming import Location, Named, NamedRecordings, decode_named
from music_detectors.audio.recordings import see, write_note
from music_detectors.audio.tar import tar_members
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError, one_line
from music_detectors.common.files import open_checked, replacing

if TYPE_CHECKING:
    from music_detectors.audio.parquet import Row

_KIND = "index of archives"
_MAX_NAME_LENGTH = 300
_MAX_PATH_LENGTH = 4096
_START_OF_PARQUET = b"PAR1"


def index_archives(
    archives: Sequence[str | os.PathLike], index: str | os.PathLike, state: str | None = None
) -> None:
    """Write to `index` the positions of the sound files in the files `archives`; see ARCHIVES.

    Of a tar archive only headers are read, of a Parquet file only the column of ids. Members that
    are links or devices, or whose path leads out of the archive, are listed as refused. A note
    beside the index has the sizes and times of the archives, and `state`; see `recordings`. Raises
    InputError for a file that is not a complete archive.
    """
    seen = see(archives)
    with (
        replacing(index, checksum=True) as path,
        open(path, "w", encoding="utf-8", newline="") as file,
    ):
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(ARCHIVES)
        for archive in archives:
            counts: Counter[str] = Counter()
            for row in _members(Path(archive)):
                rows.writerow((archive, *row))
                counts[row[-1] or "sound files"] += 1
            logging.info(
                "%s: %s",
                archive,
                ", ".join(f"{name} {count}" for name, count in counts.items()) or "no sound files",
            )
    write_note(index, seen, state)


class ArchiveSource:
    """Clips of AudioSet in archives, named as in AudioSetFolder."""

    terms = ""
    remote = False

    def __init__(
        self,
        index: str | os.PathLike,
        clips: Iterable[Clip],
        clip_seconds: float,
        ffmpeg_path: str | None,
    ) -> None:
        """Find the members of `clips` in an index made by `index_archives`."""
        self._clip_seconds = clip_seconds
        self._ffmpeg_path = ffmpeg_path
        self._named: NamedRecordings[Member | Row] = NamedRecordings(clips)
        in_rows: list[tuple[str, Path, int, str]] = []
        with open_checked(index, _KIND) as content:
            for archive, kind, name, offset, size, refused in _index_rows(index, content):
                base = posixpath.basename(name)
                refusal = f"{refused} in an archive" if refused else ""
                if kind == "parquet" and self._named.has(base):
                    in_rows.append((name, Path(archive), int(offset), refusal))
                elif kind != "parquet":
                    member = Member(Path(archive), name, int(offset), int(size))
                    self._named.add(base, member, refusal)
        if in_rows:
            # pyarrow takes a moment to import.
            from music_detectors.audio import parquet

            rows = []
            for name, path, number, refusal in in_rows:
                row = parquet.Row(path, name, number)
                self._named.add(posixpath.basename(name), row, refusal)
                if not refusal:
                    rows.append(row)
            self._rows = parquet.Recordings(rows)

    def read(self, clip: Clip) -> Decoded:
        """Decode the segment of `clip` from the member that is named after it."""
        named: list[Named[Location]] = []
        shown: dict[str, str] = {}
        with ExitStack() as files:
            for one in self._named.of(clip):
                location: Location
                if isinstance(one.location, Member):
                    location = one.location
                elif one.refusal:
                    # It is not read, and so needs no file.
                    location = Path(str(one.location))
                else:
                    location = files.enter_context(self._rows.file(one.location))
                    shown[str(location)] = str(one.location)
                named.append(Named(one.rest, location, one.refusal))
            try:
                decoded = decode_named(
                    clip, named, "archives", self._clip_seconds, self._ffmpeg_path
                )
            except Unusable as error:
                message = _with_names(error.message, shown)
                raise Unusable(error.status, error.reason, message) from error
        return replace(decoded, message=_with_names(decoded.message, shown))


def _with_names(message: str, shown: Mapping[str, str]) -> str:
    """Return `message` with the names in `shown` for the paths of temporary files."""
    for path, name in shown.items():
        message = message.replace(path, name)
    return message


def _members(archive: Path) -> Iterator[tuple[str, str, int, int, str]]:
    """Yield kind, name, offset, size and refusal (or "") of every sound file in `archive`."""
    advice = "fetch it again, or leave it out of audio.archives"
    kind = "complete, uncompressed tar archive"
    try:
        about = archive.stat()
        if not stat.S_ISREG(about.st_mode):
            raise InputError(f"{archive}: not a file; leave it out of audio.archives")
        with open(archive, "rb") as file:
            if file.read(len(_START_OF_PARQUET)) == _START_OF_PARQUET:
                kind = "complete Parquet file of recordings"
                yield from _rows(archive)
                return
            for member in tar_members(file, about.st_size):
                # A name may be very long.
                name = member.name[-_MAX_PATH_LENGTH:]
                if member.kind == "folder" or stem(posixpath.basename(name)) is None:
                    continue
                refused = member.kind or _refusal(member.name)
                shown = one_line(name, _MAX_NAME_LENGTH)
                yield "tar", shown, member.offset, member.size, refused
    except (tarfile.TarError, ValueError) as error:
        raise InputError(f"{archive}: not a {kind} ({one_line(error)}); {advice}") from error
    except OSError as error:
        raise InputError(f"{archive}: cannot be read ({one_line(error)}); {advice}") from error


def _rows(archive: Path) -> Iterator[tuple[str, str, int, int, str]]:
    """Yield the same of every row of a Parquet file, whose offset is its number."""
    # pyarrow takes a moment to import.
    from music_detectors.audio.parquet import row_names

    for number, name in enumerate(row_names(archive)):
        if name:
            shown = one_line(name[-_MAX_PATH_LENGTH:], _MAX_NAME_LENGTH)
            yield "parquet", shown, number, 0, _refusal(name)


def _refusal(name: str) -> str:
    if len(name) > _MAX_NAME_LENGTH or not name.isprintable():
        return "unreadable name"
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/"):
        return "path out of the archive"
    return ""


def _index_rows(index: str | os.PathLike, content: BinaryIO) -> Iterator[list[str]]:
    lines = io.TextIOWrapper(content, "utf-8", newline="")
    try:
        rows = csv.reader(lines, delimiter="\t", strict=True)
        if next(rows, None) != list(ARCHIVES):
            raise damaged(index, _KIND, "wrong columns")
        for row in rows:
            if len(row) != len(ARCHIVES):
                raise damaged(index, _KIND, "an incomplete row")
            yield row
    except (UnicodeDecodeError, csv.Error) as error:
        raise damaged(index, _KIND, error) from error
