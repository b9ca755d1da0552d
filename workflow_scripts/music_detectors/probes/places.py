"""The files of a probe set: in a folder, or in a zip that nobody has to trust.

Nothing of a zip is unpacked but the files that are asked for, each up to a size, to a name of ours.
A zip with a link, or with a name that leads out of a folder, is refused as a whole.
"""

import os
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from music_detectors.audio.extensions import stem
from music_detectors.common.errors import InputError, one_line

MOST_BYTES = 2**27
"""The largest file that is read from a zip: 128 MiB."""
_MOST_FILES = 100_000
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)


class Place(Protocol):
    """Where the files of a probe set are; `str` of it is for messages."""

    names: list[str]
    """The path of every file below the place, with `/` between its parts, sorted."""

    def read(self, name: str) -> bytes:
        """Return the content of the file `name`, one of `names`. Raises InputError."""


class Folder:
    """The files of a folder and the folders in it; links to folders are not followed."""

    def __init__(self, folder: str | os.PathLike, key: str) -> None:
        """List the files of `folder`. Raises InputError, naming `key`, when it cannot be read."""
        self.path = Path(folder)
        if not os.path.isdir(folder):
            raise InputError(
                f"configuration: {key} is {str(folder)!r}, and there is no such folder"
            )
        found = []
        for root, folders, files in os.walk(self.path, onerror=self._fail):
            folders[:] = [name for name in folders if not name.startswith(".")]
            below = Path(root).relative_to(self.path)
            found += [(below / name).as_posix() for name in files if not name.startswith(".")]
        self.names = sorted(found)

    def __str__(self) -> str:
        """Return the path of the folder."""
        return str(self.path)

    def read(self, name: str) -> bytes:
        """Return the content of the file `name`. Raises InputError when it cannot be read."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            self._fail(error)
            raise

    def _fail(self, error: OSError) -> None:
        raise InputError(
            f"{error.filename or self.path}: cannot be read ({one_line(error.strerror)})"
        ) from error


class Zip:
    """The files of a zip, read in place."""

    def __init__(self, path: str | os.PathLike, file: zipfile.ZipFile) -> None:
        """List the files of the open zip `file`. Raises InputError, naming `path`."""
        self.path = Path(path)
        self._file = file
        members = file.infolist()
        if len(members) > _MOST_FILES:
            raise InputError(f"{path}: holds {len(members):,} files, more than {_MOST_FILES:,}")
        for member in members:
            problem = _problem(member)
            if problem:
                name = one_line(member.orig_filename, 80)
                raise InputError(f"{path}: refused, because it holds {problem} ({name!r})")
        self._members = {
            member.filename: member
            for member in members
            if not member.is_dir() and not _is_hidden(member.filename)
        }
        self.names = sorted(self._members)

    def __str__(self) -> str:
        """Return the path of the zip."""
        return str(self.path)

    def read(self, name: str) -> bytes:
        """Return the content of the file `name`.

        Raises InputError when it is damaged or larger than MOST_BYTES, whatever the zip says.
        """
        try:
            with self._file.open(self._members[name]) as content:
                found = content.read(MOST_BYTES + 1)
        except _ZIP_ERRORS as error:
            raise InputError(
                f"{self.path}: {one_line(name, 80)} in it is damaged ({one_line(error)}); get the "
                "zip again"
            ) from error
        if len(found) > MOST_BYTES:
            raise InputError(
                f"{self.path}: {one_line(name, 80)} in it is larger than {MOST_BYTES >> 20} MiB, "
                "and no sound of a probe set is"
            )
        return found


@contextmanager
def open_zip(path: str | os.PathLike) -> Iterator[Zip]:
    """Yield the zip at `path`. Raises InputError when it is none, or holds what is refused."""
    try:
        file = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such zip") from None
    except _ZIP_ERRORS as error:
        raise InputError(f"{path}: is no zip that can be read ({one_line(error)})") from error
    with file:
        yield Zip(path, file)


def find(place: Place, wanted: str) -> str:
    """Return the name of the file in `place` that `wanted` means: its path, or its last part.

    Several files may have the same last part if their contents are the same. Raises InputError.
    """
    if wanted in place.names:
        return wanted
    return _only(place, wanted, [name for name in place.names if _last(name) == wanted])


def find_all(place: Place, sounds: Iterable[str]) -> dict[str, str]:
    """Return the name of the file of each of `sounds`, given by path, file name, or without ending.

    Raises InputError when a sound has no file, or several with different contents.
    """
    by_name: dict[str, list[str]] = {}
    for name in place.names:
        last = _last(name)
        for key in dict.fromkeys((name, last, stem(last))):
            if key is not None:
                by_name.setdefault(key, []).append(name)
    return {sound: _only(place, sound, by_name.get(sound, [])) for sound in sounds}


def _only(place: Place, wanted: str, found: list[str]) -> str:
    if not found:
        raise InputError(f"{place}: has no file {one_line(wanted, 80)}")
    first = place.read(found[0]) if len(found) > 1 else b""
    for other in found[1:]:
        if place.read(other) != first:
            raise InputError(
                f"{place}: {one_line(found[0], 80)} and {one_line(other, 80)} are different files, "
                f"and both may be {one_line(wanted, 80)}; give the path or the ending too"
            )
    return found[0]


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _problem(member: zipfile.ZipInfo) -> str:
    """Return what is wrong with `member`, or nothing."""
    name = member.orig_filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "a link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a file of a special kind"
    if name.startswith(("/", "\\")) or name[1:2] == ":":
        return "an absolute name"
    if ".." in name.replace("\\", "/").split("/"):
        return "a name that leads out of its folder"
    if not name.isprintable():
        return "a name with control characters"
    if member.flag_bits & 1:
        return "an encrypted file"
    # zipfile decompresses the other kinds without a limit.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "a file that is neither stored nor deflated"
    return ""
