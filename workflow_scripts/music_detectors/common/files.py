"""Files that are written whole or not at all, and refused if they do not match their checksum.

A file whose format has no checksum has one beside it, `.NAME.sha256`, in the form of `sha256sum`,
with comments that say where among the results the file belongs and what it follows from. A file
without one, such as a table made by hand, is read with a warning.
"""

import errno
import glob
import hashlib
import io
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .damage import changed, checksum_path, unreadable
from .errors import warn
from .origins import check_origin, followed_by, place_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK_BYTES = 2**20
# sha256sum skips comments.
_COMMENT = b"# "

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

# Files without a checksum that this process has warned about.
_warned: set[Path] = set()


@contextmanager
def replacing(path: str | os.PathLike, *, checksum: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces `path` if the block succeeds.

    The content is on disk (fsync) before the name changes, so a reader sees the old file, none,
    or the whole new one. If the block raises, the temporary file is removed; the next writer
    removes that of a killed one. Only one process at a time may write to `path`. The OSError of a
    full disk names `path`. With `checksum`, the checksum of the content is written beside it before
    the name changes.
    """
    final = Path(path)
    temporary = None
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp adds eight characters.
        for abandoned in final.parent.glob(f".{glob.escape(final.name)}.????????"):
            abandoned.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{final.name}.", dir=final.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        if checksum:
            write_checksum(final, sha256(temporary))
        os.replace(temporary, final)
        _sync_folder(final.parent)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            # The error names a temporary file, or none (for a write).
            if error.filename is None or Path(error.filename).parent == final.parent:
                error.filename = str(final)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: str | os.PathLike) -> str:
    """Return the SHA-256 of a file's content in hexadecimal."""
    with open(path, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def write_checksum(path: str | os.PathLike, digest: str) -> None:
    """Write `digest`, the SHA-256 of what is or will be at `path`, beside it."""
    with replacing(checksum_path(path)) as temporary:
        comments = [*filter(None, [place_of(path)]), *followed_by(path)]
        said = [_COMMENT + f"{comment}\n".encode() for comment in comments]
        temporary.write_bytes(_line(path, digest) + b"".join(said))


def read_checked(path: str | os.PathLike, kind: str) -> bytes:
    """Return the content of a `kind` of file that has its checksum beside it.

    Raises InputError, naming the file and what to do, when the file cannot be read or does not
    match its checksum. A file without one is read with a warning.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise unreadable(path, kind, error) from error
    _compare(path, kind, hashlib.sha256(content).hexdigest())
    return content


@contextmanager
def open_checked(path: str | os.PathLike, kind: str) -> Iterator[BinaryIO]:
    """Yield a `kind` of file that has its checksum beside it, to be read from its start only.

    The bytes are hashed while they are read. Raises InputError as `read_checked` does, but only
    after the block: do not use its results before that. An error of the block is raised only if the
    checksum matches, since otherwise the damage caused it.
    """
    try:
        raw = open(path, "rb", buffering=0)
    except OSError as error:
        raise unreadable(path, kind, error) from error
    hashed = _Hashed(raw)
    with raw:
        try:
            yield io.BufferedReader(hashed, _BLOCK_BYTES)
        except Exception as error:
            _compare(path, kind, _digest_of_all(path, kind, hashed), cause=error)
            raise
        _compare(path, kind, _digest_of_all(path, kind, hashed))


def check_checksum(path: str | os.PathLike, kind: str) -> None:
    """Raise InputError as `read_checked` does unless the file is as it was written."""
    with open_checked(path, kind):
        pass


def temporary_place() -> str:
    """Return the folder for temporary files: TMPDIR where it is set, else that of the system.

    Unlike the module tempfile, it takes no other in place of one that is full, so that a message
    names the disk that needs room.
    """
    try:
        return os.environ.get("TMPDIR") or tempfile.gettempdir()
    except FileNotFoundError:
        # Nothing can be written anywhere: the error of the first file says so.
        return "/tmp"


def drop(path: str | os.PathLike, why: object) -> None:
    """Remove the file or folder at `path`, which a job can do without, and log `why`."""
    logging.warning("%s is removed: %s", path, why)
    if Path(path).is_dir() and not Path(path).is_symlink():
        shutil.rmtree(path)
    else:
        Path(path).unlink(missing_ok=True)


class _Hashed(io.RawIOBase):
    """A file whose bytes are hashed as they are read."""

    def __init__(self, raw: io.FileIO) -> None:
        self._raw = raw
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        n = self._raw.readinto(buffer)
        self.digest.update(memoryview(buffer)[:n])
        return n


def _digest_of_all(path: str | os.PathLike, kind: str, hashed: _Hashed) -> str:
    """Read the rest of the file, and return the digest of the whole file."""
    block = bytearray(_BLOCK_BYTES)
    try:
        while hashed.readinto(block):
            pass
    except OSError as error:
        raise unreadable(path, kind, error) from error
    return hashed.digest.hexdigest()


def _compare(
    path: str | os.PathLike, kind: str, digest: str, cause: Exception | None = None
) -> None:
    """Raise InputError unless `digest` equals the checksum beside `path`."""
    try:
        stored = checksum_path(path).read_bytes()
    except FileNotFoundError:
        _warn_once(Path(path).absolute(), path, kind)
        return
    line, *comments = stored.splitlines(keepends=True) or [b""]
    said = [
        one.removeprefix(_COMMENT).rstrip(b"\n").decode("utf-8", "replace")
        for one in comments
        if one.startswith(_COMMENT)
    ]
    # Two files that changed places with their checksums differ in nothing else.
    check_origin(path, kind, said[0] if said else "", said[1:])
    if line != _line(path, digest) or len(said) < len(comments):
        raise changed(path, kind) from cause


def _warn_once(key: Path, path: str | os.PathLike, kind: str) -> None:
    if key not in _warned:
        _warned.add(key)
        name = checksum_path(path).name
        warn(f"{path}: this {kind} has no checksum ({name}); reading it as it is")


def _line(path: str | os.PathLike, digest: str) -> bytes:
    return f"{digest}  {Path(path).name}\n".encode()
