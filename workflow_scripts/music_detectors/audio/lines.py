"""Files of lines with checksums, to which a job only appends: a kill loses no earlier line."""

import errno
import fcntl
import json
import logging
import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from music_detectors.audio.failures import Systemic, Unusable, disk_trouble
from music_detectors.common.files import drop

_MAX_DEATHS = 2
"""After this many jobs that ended while they read a clip, it is no longer read."""
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


class Lines:
    """The file of lines at `path`: the `records` that it had, None for a damaged one, and more.

    One job at a time may hold it.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        """Open or create the file. Raises Systemic when that fails, or another job holds it."""
        self._path = Path(path)
        with disk_trouble(path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.is_dir():
                drop(self._path, "it must be a file, not a folder")
            self._file = open(path, "ab+", buffering=0)
        self._lock()
        with disk_trouble(path):
            self._file.seek(0)
            content = self._file.readall()
            # Do not append to an incomplete last line.
            if content and not content.endswith(b"\n"):
                write_all(self._file, b"\n")
        self.records = list(parsed(content.split(b"\n")))

    def append(self, record: dict) -> None:
        """Write a record. Raises Systemic when that is not possible."""
        with disk_trouble(self._path):
            write_all(self._file, line_of(record))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise Systemic(
                "shard in use",
                f"another job writes to {self._path}",
                "wait until it ends, or stop it, then run again",
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            logging.warning("%s: no locks on this file system", self._path)
        with disk_trouble(self._path):
            # The job that held it may just have finished and removed the file.
            if os.fstat(self._file.fileno()).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "has just been finished by another job")


class Readings:
    """Which clips a job reads, noted in a file, since reading one may end the job without a word.

    `deaths` counts for each clip the jobs that ended while they read it.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        """Read the notes of earlier jobs at `path`. Raises Systemic when that is not possible."""
        self._path = Path(path)
        self._lines = Lines(path)
        self.deaths: Counter[str] = Counter()
        begun: str | None = None
        for record in self._lines.records:
            if begun is not None and record is not None and "begun" in record:
                self.deaths[begun] += 1
            begun = None if record is None else record.get("begun")
        if begun is not None:
            self.deaths[begun] += 1

    def __enter__(self) -> "Readings":
        """Return the notes themselves."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; it stays for the next job."""
        self._lines.close()

    @contextmanager
    def reading(self, clip_id: str) -> Iterator[None]:
        """Note that the block reads a clip; raises Unusable for one that ended too many jobs."""
        if self.deaths[clip_id] >= _MAX_DEATHS:
            message = f"{_MAX_DEATHS} jobs ended without a word while they read this clip"
            raise Unusable("unavailable", "reading it ended the job", message)
        self._lines.append({"begun": clip_id})
        try:
            yield
        finally:
            self._lines.append({"ended": clip_id})

    def forget(self) -> None:
        """Remove the file: all clips have been read."""
        self._path.unlink(missing_ok=True)


def line_of(record: dict) -> bytes:
    """Return the line of a record: its checksum and itself."""
    text = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def parsed(lines: Iterable[bytes]) -> Iterator[dict | None]:
    """Yield the record in each of `lines` that is not empty, None for a damaged one."""
    for line in lines:
        checksum, _, text = line.partition(b" ")
        if text and checksum == b"%08x" % zlib.crc32(text):
            yield json.loads(text)
        elif line:
            yield None


def write_all(file: FileIO, content: bytes) -> None:
    """Write all of `content`: one write to an unbuffered file may take only a part."""
    view = memoryview(content)
    while len(view):
        view = view[file.write(view) :]
