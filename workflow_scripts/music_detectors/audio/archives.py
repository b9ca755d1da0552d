"""Tar archives of recordings: an index of their members, and reading members in place."""

import csv
import io
import logging
import os
import posixpath
import stat
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from music_detectors.audio.clips import Clip
from music_detectors.audio.columns import ARCHIVES
from music_detectors.audio.decode import Decoded, Member
from music_detectors.audio.extensions import stem
from music_detectors.audio.naming import Location, decode_named, file_stems
from music_detectors.audio.recordings import see, write_note
from music_detectors.audio.tar import tar_members
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError, one_line
from music_detectors.common.files import open_checked, replacing

_KIND = "index of archives"
_MAX_NAME_LENGTH = 300
_MAX_PATH_LENGTH = 4096


def index_archives(
    archives: Sequence[str | os.PathLike], index: str | os.PathLike, state: str | None = None
) -> None:
    """Write to `index` the positions of the sound files in the tar files `archives`; see ARCHIVES.

    Only headers are read and nothing is unpacked. Members that are links or devices, or whose path
    leads out of the archive, are listed as refused. A note beside the index has the sizes and times
    of the archives, and `state`; see `recordings`. Raises InputError for a file that is not a
    complete tar archive.
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
    """Clips of AudioSet in tar archives, named as in AudioSetFolder."""

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
        self._found: dict[str, list[Location]] = {}
        self._refused: dict[str, tuple[str, str]] = {}
        stems = file_stems(clips)
        with open_checked(index, _KIND) as content:
            for archive, name, offset, size, refused in _index_rows(index, content):
                file_stem = stem(posixpath.basename(name))
                if file_stem not in stems:
                    continue
                if refused:
                    self._refused[file_stem] = (f"{refused} in an archive", f"{archive}:{name}")
                else:
                    member = Member(Path(archive), name, int(offset), int(size))
                    self._found.setdefault(file_stem, []).append(member)

    def read(self, clip: Clip) -> Decoded:
        """Decode the segment of `clip` from the member that is named after it."""
        return decode_named(
            clip, self._found, self._refused, "archives", self._clip_seconds, self._ffmpeg_path
        )


def _members(archive: Path) -> Iterator[tuple[str, int, int, str]]:
    """Yield name, offset, size and reason for refusal (or "") of every sound file in `archive`."""
    advice = "fetch it again, or leave it out of audio.archives"
    try:
        about = archive.stat()
        if not stat.S_ISREG(about.st_mode):
            raise InputError(f"{archive}: not a file; leave it out of audio.archives")
        with open(archive, "rb") as file:
            for member in tar_members(file, about.st_size):
                # A name may be very long.
                name = member.name[-_MAX_PATH_LENGTH:]
                if member.kind == "folder" or stem(posixpath.basename(name)) is None:
                    continue
                refused = member.kind or _refusal(member.name)
                yield one_line(name, _MAX_NAME_LENGTH), member.offset, member.size, refused
    except (tarfile.TarError, ValueError) as error:
        raise InputError(
            f"{archive}: not a complete, uncompressed tar archive ({one_line(error)}); {advice}"
        ) from error
    except OSError as error:
        raise InputError(f"{archive}: cannot be read ({one_line(error)}); {advice}") from error


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
