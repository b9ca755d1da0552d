"""HDF5 files that are whole, checked and safe to read on any file system.

Everything that the library reads from them has a checksum, which it compares first: the metadata in
the format of HDF5 1.10, and each chunk of the data with two, since Fletcher's alone would accept
zeros for a whole chunk. Attributes are bytes of fixed width, because the heap of strings of
variable length has no checksum.
"""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import h5py
import numpy as np

from .damage import damaged, unreadable
from .files import replacing
from .origins import check_origin, followed_by, place_of

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

CHECKED = {"fletcher32": True, "compression": "gzip", "compression_opts": 0}
"""How chunks are stored: not compressed, but with the checksums of Fletcher and of zlib (Adler)."""

_CHUNK_CACHE_BYTES = 2**23


class NewFile(h5py.File):
    """An HDF5 file that is being written; errors of the disk are kept for `raise_trouble`."""

    def __init__(self, path: str | os.PathLike) -> None:
        """Open the file at `path`, emptying it."""
        self._disk = _Disk(path)
        super().__init__(
            self._disk,
            "w",
            libver=("v110", "v110"),
            track_times=False,
            rdcc_nbytes=_CHUNK_CACHE_BYTES,
        )

    def raise_trouble(self) -> None:
        """Raise the OSError of the disk, if there was one.

        Long writers call this now and then, since otherwise the error is raised only at the end.
        """
        if self._disk.trouble is not None:
            raise self._disk.trouble

    def close(self) -> None:
        """Close the file, for good; raises what `raise_trouble` does."""
        try:
            super().close()
        finally:
            self._disk.close()
            self.raise_trouble()


@contextmanager
def create_hdf5(path: str | os.PathLike, kind: str, schema_version: int) -> Iterator[NewFile]:
    """Yield a new HDF5 file that gets the name `path` if the block succeeds.

    `kind` says what is stored ("audio shard" ...); it, `schema_version` and the origin are written
    as attributes, for `open_hdf5` to check. The same content and origin give the same bytes. A full
    disk raises an ordinary OSError.
    """
    with replacing(path) as temporary, NewFile(temporary) as file:
        write_text(file, "kind", kind)
        if place := place_of(path):
            write_text(file, "place", place)
        file.attrs["schema_version"] = schema_version
        try:
            yield file
            if follows := followed_by(path):
                write_text(file, "follows", "\n".join(follows))
        except Exception:
            # The library fails on data that the disk did not take.
            file.raise_trouble()
            raise


@contextmanager
def open_hdf5(path: str | os.PathLike, kind: str, schema_version: int) -> Iterator[h5py.File]:
    """Yield the HDF5 file at `path`, open for reading without locks.

    Raises InputError, naming the file, when it is missing, damaged, of another kind, of another
    schema version or of another origin than the job asks for; also for reads that fail inside the
    block (a wrong checksum, a missing dataset).
    """
    try:
        with h5py.File(path, "r", locking=False) as file:
            found = _text(file.attrs.get("kind")), file.attrs.get("schema_version")
            if found[0] != kind:
                raise damaged(path, kind, f"it holds {found[0]}")
            if found[1] != schema_version:
                raise damaged(path, kind, f"of schema version {found[1]}, not {schema_version}")
            if "place" in file.attrs:
                follows = read_text(file, "follows").split("\n") if "follows" in file.attrs else ()
                check_origin(path, kind, read_text(file, "place"), follows)
            yield file
    except OSError as error:
        raise unreadable(path, kind, error) from error
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise damaged(path, kind, error) from error


def write_rows(file: h5py.File, name: str, rows: np.ndarray, chunk: int = 1) -> None:
    """Store `rows` (n, ...) as the dataset `name`, `chunk` rows per chunk, each with checksums."""
    stored = {"chunks": (min(chunk, len(rows)), *rows.shape[1:]), **CHECKED} if rows.size else {}
    file.create_dataset(name, data=rows, **stored)


def write_strings(file: h5py.File, name: str, values: Sequence[str]) -> None:
    """Store `values` (n,) as the dataset `name` of fixed-width ASCII bytes.

    Raises UnicodeEncodeError for a value that is not ASCII.
    """
    encoded = [value.encode("ascii") for value in values]
    width = max((len(value) for value in encoded), default=1)
    write_rows(file, name, np.array(encoded, dtype=f"S{max(width, 1)}"), chunk=len(encoded))


def read_strings(file: h5py.File, name: str) -> list[str]:
    """Return the dataset `name` made by `write_strings`."""
    return [value.decode("ascii") for value in file[name][:]]


def write_text(file: h5py.File, name: str, value: str) -> None:
    """Store `value` as the attribute `name`."""
    encoded = value.encode()
    file.attrs[name] = np.array(encoded, dtype=f"S{max(len(encoded), 1)}")


def read_text(file: h5py.File, name: str) -> str:
    """Return the attribute `name` made by `write_text`."""
    return _text(file.attrs[name])


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


class _Disk(io.RawIOBase):
    """A file for the library to write to, which hides errors from it.

    HDF5 cannot close a file whose disk is full: it ends the process with a segmentation fault. So
    an error of the disk is kept in `trouble`, and later writes are dropped.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self._file = open(path, "r+b", buffering=0)
        self._file.truncate(0)
        self._place = 0
        self.trouble: BaseException | None = None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        starts = {os.SEEK_SET: 0, os.SEEK_CUR: self._place}
        start = starts[whence] if whence in starts else os.fstat(self._file.fileno()).st_size
        self._place = start + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer`, with zeros where nothing was written."""
        view = memoryview(buffer)
        n = os.preadv(self._file.fileno(), [view], self._place)
        view[n:] = bytes(len(view) - n)
        self._place += len(view)
        return len(view)

    def write(self, content: "ReadableBuffer") -> int:
        size = len(memoryview(content))

        def put() -> None:
            rest, place = memoryview(content), self._place
            while len(rest):
                n = os.pwrite(self._file.fileno(), rest, place)
                rest, place = rest[n:], place + n

        self._attempt(put)
        self._place += size
        return size

    def truncate(self, size: int | None = None) -> int:
        size = self._place if size is None else size
        self._attempt(lambda: os.ftruncate(self._file.fileno(), size))
        return size

    def close(self) -> None:
        """Close the file; a network's disk may report its errors only now."""
        if not self.closed:
            self._attempt(lambda: os.fsync(self._file.fileno()))
            self._attempt(self._file.close)
        super().close()

    def _attempt(self, action: Callable[[], object]) -> None:
        if self.trouble is not None:
            return
        try:
            action()
        # An interruption would also leave the library with a file that it cannot close.
        except BaseException as error:
            self.trouble = error
