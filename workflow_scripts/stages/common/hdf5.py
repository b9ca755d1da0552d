"""HDF5 files that are whole, checked and safe to read on any file system."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import h5py
import numpy as np

from .errors import InputError, one_line
from .files import replacing


@contextmanager
def create_hdf5(
    path: str | os.PathLike, kind: str, schema_version: int, *, in_memory: bool = False
) -> Iterator[h5py.File]:
    """Yield a new HDF5 file that takes the name `path` when the block ends well.

    `kind` says what is stored ("audio shard" ...); it and `schema_version` are written as
    attributes, for `open_hdf5` to check. A file that is made `in_memory` meets a full disk as an
    ordinary OSError; HDF5 itself would end the process with a segmentation fault.
    """
    with replacing(path) as temporary:
        driver = {"driver": "core", "backing_store": False} if in_memory else {}
        with h5py.File(temporary, "w", **driver) as file:
            file.attrs["kind"] = kind
            file.attrs["schema_version"] = schema_version
            yield file
            if in_memory:
                file.flush()
                temporary.write_bytes(file.id.get_file_image())


@contextmanager
def open_hdf5(path: str | os.PathLike, kind: str, schema_version: int) -> Iterator[h5py.File]:
    """Yield the HDF5 file at `path`, open for reading without locks.

    Raises InputError, naming the file, when it is missing, damaged, of another kind or of another
    schema version; reads that fail inside the block (a checksum that does not hold) likewise.
    """
    advice = "delete it and run again to rebuild it"
    try:
        with h5py.File(path, "r", locking=False) as file:
            found = file.attrs.get("kind"), file.attrs.get("schema_version")
            if found[0] != kind:
                raise InputError(f"{path}: holds {one_line(found[0])}, not {kind}; {advice}")
            if found[1] != schema_version:
                raise InputError(
                    f"{path}: {kind} of schema version {found[1]}, but {schema_version} is needed; "
                    f"{advice}"
                )
            yield file
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the rule that makes it") from None
    except (OSError, KeyError, RuntimeError) as error:
        raise InputError(f"{path}: damaged {kind} ({one_line(error)}); {advice}") from error


def write_strings(file: h5py.File, name: str, values: Sequence[str]) -> None:
    """Store `values` (n,) as the dataset `name` of fixed-width ASCII bytes.

    Raises UnicodeEncodeError for a value that is not ASCII.
    """
    encoded = [value.encode("ascii") for value in values]
    width = max((len(value) for value in encoded), default=1)
    file.create_dataset(
        name,
        data=np.array(encoded, dtype=f"S{max(width, 1)}"),
        fletcher32=bool(encoded),
        chunks=True if encoded else None,
    )


def read_strings(file: h5py.File, name: str) -> list[str]:
    """Return the dataset `name` made by `write_strings`."""
    return [value.decode("ascii") for value in file[name][:]]
