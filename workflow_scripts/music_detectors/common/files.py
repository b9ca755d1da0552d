"""Files that are written whole or not at all, and read only when they are what was written.

A file whose format holds no checksum has one beside it, `.NAME.sha256`, which `sha256sum -c` takes.
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
from typing import BinaryIO

from .damage import damaged, unreadable

_BLOCK_BYTES = 2**20

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def replacing(path: str | os.PathLike, *, checksum: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block ends well.

    The content is on disk (fsync) before the name changes, so a reader sees the old file, none,
    or the whole new one. When the block raises, the temporary file is removed; what a writer that
    was killed has left, the next one removes. Only one at a time may write to `path`. The OSError
    of a full disk is given the name `path` where it names none. With `checksum`, that of the
    content is written beside it, before the name changes.
    """
    final = Path(path)
    temporary = None
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        # Eight characters are what mkstemp adds.
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
        if isinstance(error, OSError) and _is_about(error, final):
            error.filename = str(final)
        raise


def _is_about(error: OSError, path: Path) -> bool:
    """Return whether `error` is about a temporary file of `path`, or of a full disk and no file."""
    named = error.filename
    if named is None:
        return error.errno in _NO_ROOM
    return isinstance(named, str) and Path(named).name.startswith(f".{path.name}.")


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


def checksum_path(path: str | os.PathLike) -> Path:
    """Return where the checksum of the file at `path` lies."""
    return Path(path).with_name(f".{Path(path).name}.sha256")


def write_checksum(path: str | os.PathLike, digest: str) -> None:
    """Write `digest`, the SHA-256 of what is or will be at `path`, beside it."""
    with replacing(checksum_path(path)) as temporary:
        temporary.write_bytes(_line(path, digest))


def read_checked(path: str | os.PathLike, kind: str) -> bytes:
    """Return the content of a file that was written with its checksum.

    Raises InputError, naming the file, a `kind` of it and what to do, when the file or its
    checksum is missing or cannot be read, and when they do not fit.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise unreadable(path, kind, error) from error
    _compare(path, kind, hashlib.sha256(content).hexdigest())
    return content


@contextmanager
def open_checked(path: str | os.PathLike, kind: str) -> Iterator[BinaryIO]:
    """Yield a file that was written with its checksum, open for reading from its start only.

    What is read is hashed on the way. Raises InputError as `read_checked` does, but not before
    the block has ended: what it found is not to be used until then. An error of the block is
    raised only when the checksum holds, for otherwise it comes of the damage.
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


def drop(path: str | os.PathLike, why: object) -> None:
    """Remove what lies at `path`, be it a folder, and log that and `why`.

    This is for what a job keeps to go on from, and can do without.
    """
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

    def readinto(self, buffer: memoryview) -> int:
        n = self._raw.readinto(buffer)
        self.digest.update(memoryview(buffer)[:n])
        return n


def _digest_of_all(path: str | os.PathLike, kind: str, hashed: _Hashed) -> str:
    """Read what is left of the file, and return the digest of all of it."""
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
    """Raise InputError unless `digest` is what the checksum beside `path` says."""
    try:
        said = checksum_path(path).read_bytes()
    except FileNotFoundError:
        why = f"its checksum, {checksum_path(path).name}, is missing"
        raise damaged(path, kind, why) from cause
    except OSError as error:
        why = f"its checksum cannot be read: {error.strerror or error}"
        raise damaged(path, kind, why, checksum_path(path)) from error
    if said != _line(path, digest):
        raise damaged(path, kind, "its checksum does not hold") from cause


def _line(path: str | os.PathLike, digest: str) -> bytes:
    return f"{digest}  {Path(path).name}\n".encode()
