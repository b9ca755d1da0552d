"""Files that are written whole or not at all."""

import errno
import glob
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block ends well.

    The content is on disk (fsync) before the name changes, so a reader sees the old file, none,
    or the whole new one. When the block raises, the temporary file is removed; what a writer that
    was killed has left, the next one removes. Only one at a time may write to `path`. The OSError
    of a full disk is given the name `path` where it names none.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    # Eight characters are what mkstemp adds.
    for abandoned in final.parent.glob(f".{glob.escape(final.name)}.????????"):
        abandoned.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{final.name}.", dir=final.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, final)
        _sync_folder(final.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _NO_ROOM and error.filename is None:
            error.filename = os.fspath(path)
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
