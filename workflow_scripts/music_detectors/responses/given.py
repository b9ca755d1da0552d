"""Responses that another tool computed, read layer by layer from HDF5, npz or Parquet.

Nothing in such a file can run code: no array is unpickled. docs/responses.md describes the forms.
"""

import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from music_detectors.common.errors import InputError, one_line
from music_detectors.corpus.inputs import repeated
from music_detectors.responses.files import Layers

_CLIP_ID = "clip_id"
_LAYER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_MAX_CLIPS = 20_000_000
# How pandas calls an index that it stores as a column.
_INDEX = "__index_level_"
_BROKEN = (
    EOFError,
    KeyError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pyarrow.ArrowException,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Given:
    """An open file of responses from another tool.

    `units` gives the number of units of each layer, in the order of the file. `layers` says which
    layer is reported (the last one, unless an HDF5 file says otherwise) and which holds outputs.
    `stimulus` is what an HDF5 file says that it is of, else empty.
    """

    path: Path
    clip_ids: list[str]
    units: dict[str, int]
    layers: Layers
    stimulus: str
    _stored: Callable[[str], np.ndarray]

    def responses(self, layer: str) -> np.ndarray:
        """Return the responses (clips, units) float32 of `layer`, in the order of `clip_ids`.

        They may be NaN or infinite. Raises InputError, naming the file, when they cannot be read.
        """
        with _named(self.path):
            values = np.asarray(self._stored(layer))
        if values.shape != (len(self.clip_ids), self.units[layer]):
            raise _unusable(self.path, f"layer {layer} is {values.shape} for {self._shape(layer)}")
        # Values too large for float32 become infinite, and are refused as such.
        with np.errstate(over="ignore"):
            return values.astype(np.float32, copy=False)

    def _shape(self, layer: str) -> str:
        return f"{len(self.clip_ids)} clips and {self.units[layer]} units"


@contextmanager
def open_given(path: str | os.PathLike) -> Iterator[Given]:
    """Yield the file of responses at `path`, which is read as its ending says.

    Raises InputError, naming the file, when it is missing, of no known form, not whole, or when its
    layers do not have one row per clip.
    """
    with ExitStack() as stack:
        with _named(path):
            form = _FORMS[Path(path).suffix.lower()]
            given = stack.enter_context(form(Path(path)))
            _check(given)
        # Outside the block that names the file: what is raised here need not be its fault.
        yield given


def _check(given: Given) -> None:
    twice = repeated(given.clip_ids)
    if not given.clip_ids:
        raise _unusable(given.path, "it has no clip")
    if twice is not None:
        raise _unusable(given.path, f"clip {one_line(twice)} occurs twice")
    if not given.units:
        raise _unusable(given.path, "it has no layer")
    for layer, units in given.units.items():
        if not _LAYER.fullmatch(layer):
            raise _unusable(
                given.path,
                f"{one_line(repr(layer), 80)} is no name of a layer: letters, digits, ., - and _, "
                "the first a letter or digit",
            )
        if not units:
            raise _unusable(given.path, f"layer {layer} has no unit")


@contextmanager
def _npz(path: Path) -> Iterator[Given]:
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        if _CLIP_ID not in names:
            raise _unusable(path, f"it has no array {_CLIP_ID}")
        if repeated(names) is not None:
            raise _unusable(path, f"array {one_line(repeated(names))} occurs twice")

        def stored(name: str) -> np.ndarray:
            with archive.open(f"{name}.npy") as content:
                return np.lib.format.read_array(content, allow_pickle=False)

        shape, dtype = _npy_header(archive, _CLIP_ID)
        if len(shape) != 1 or dtype.kind not in "US" or shape[0] > _MAX_CLIPS:
            raise _unusable(
                path,
                f"{_CLIP_ID} is an array {shape} of {dtype}; store a text per clip: "
                "np.array(ids, dtype=str)",
            )
        clip_ids = _texts(stored(_CLIP_ID))
        units = {}
        for name in names:
            if name != _CLIP_ID:
                shape, dtype = _npy_header(archive, name)
                units[name] = _units(path, name, shape, dtype, len(clip_ids))
        yield Given(path, clip_ids, units, _layers(units), "", stored)


@contextmanager
def _hdf5(path: Path) -> Iterator[Given]:
    with h5py.File(path, "r", locking=False) as file:

        def attribute(name: str) -> str:
            value = file.attrs.get(name, "")
            return value.decode() if isinstance(value, bytes) else str(value)

        if not isinstance(file.get(_CLIP_ID), h5py.Dataset):
            raise _unusable(path, f"it has no dataset {_CLIP_ID}")
        clip_ids = _texts(file[_CLIP_ID][:])
        # Without the attribute, the library gives the names in the order of the alphabet.
        names = attribute("layers").split() or [name for name in file if name != _CLIP_ID]
        units = {}
        for name in names:
            if not isinstance(file.get(name), h5py.Dataset):
                raise _unusable(path, f"its layer {one_line(name)} is no dataset")
            units[name] = _units(path, name, file[name].shape, file[name].dtype, len(clip_ids))
        layers = _layers(units, attribute("reported_layer"), attribute("output_layer"))
        if layers.reported not in units or layers.outputs not in (None, *units):
            raise _unusable(path, "reported_layer or output_layer is not one of its layers")
        stimulus = attribute("stimulus")
        yield Given(path, clip_ids, units, layers, stimulus, lambda name: file[name][:])


@contextmanager
def _parquet(path: Path) -> Iterator[Given]:
    with pyarrow.parquet.ParquetFile(path, page_checksum_verification=True) as file:
        if file.metadata.num_rows > _MAX_CLIPS:
            raise _unusable(path, f"it has more than {_MAX_CLIPS} rows")
        schema = file.schema_arrow
        twice = repeated(schema.names)
        if twice is not None:
            raise _unusable(path, f"column {one_line(twice)} occurs twice")
        if _CLIP_ID not in schema.names:
            raise _unusable(path, f"it has no column {_CLIP_ID}")
        clip_ids = file.read([_CLIP_ID], use_threads=False).column(_CLIP_ID).to_pylist()
        if not all(isinstance(clip_id, str) for clip_id in clip_ids):
            raise _unusable(path, f"its column {_CLIP_ID} holds something other than texts")
        lists, single = _columns(path, schema)
        units = {name: len(numbers) for name, numbers in single.items()}
        for name in lists:
            lengths = pyarrow.compute.list_value_length(_column(file, name)).to_pylist()
            units[name] = lengths[0] if lengths else 0
            for clip_id, length in zip(clip_ids, lengths, strict=True):
                if length != units[name] or length is None:
                    raise _unusable(
                        path,
                        f"layer {one_line(name)} has {length or 0} units for clip "
                        f"{one_line(clip_id)} and {units[name]} for clip {one_line(clip_ids[0])}",
                    )
        # In the order of the first column of each.
        firsts = [column.rpartition("/")[0] or column for column in schema.names]
        units = {name: units[name] for name in dict.fromkeys(firsts) if name in units}

        def stored(name: str) -> np.ndarray:
            if name in lists:
                flat = _column(file, name).combine_chunks().flatten()
                return flat.to_numpy(zero_copy_only=False).reshape(len(clip_ids), -1)
            columns = [f"{name}/{number}" for number in range(units[name])]
            table = file.read(columns, use_threads=False)
            values = np.empty((len(clip_ids), len(columns)), dtype=np.float32)
            for place, column in enumerate(columns):
                with np.errstate(over="ignore"):
                    values[:, place] = table.column(column).to_numpy()
            return values

        yield Given(path, clip_ids, units, _layers(units), "", stored)


_FORMS: Mapping[str, Callable] = {
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".npz": _npz,
    ".parquet": _parquet,
}


def _columns(path: Path, schema: pyarrow.Schema) -> tuple[list[str], dict[str, set[int]]]:
    """Return the layers that are a column of lists, and the units of those with a column each."""
    types = pyarrow.types
    lists: list[str] = []
    single: dict[str, set[int]] = {}
    for field in schema:
        if field.name == _CLIP_ID or field.name.startswith(_INDEX):
            continue
        layer, _, unit = field.name.rpartition("/")
        is_list = (
            types.is_list(field.type)
            or types.is_large_list(field.type)
            or types.is_fixed_size_list(field.type)
        )
        of = field.type.value_type if is_list else field.type
        if not (types.is_floating(of) or types.is_integer(of)):
            raise _unusable(path, f"column {one_line(field.name)} holds {one_line(of)}, no numbers")
        if is_list:
            lists.append(field.name)
        elif layer and re.fullmatch(r"0|[1-9][0-9]{0,8}", unit):
            single.setdefault(layer, set()).add(int(unit))
        else:
            raise _unusable(
                path,
                f"column {one_line(field.name)} is no unit; call it layer/number, with the units "
                "of a layer numbered from 0, or store a column of lists per layer",
            )
    for layer, numbers in single.items():
        missing = next((number for number in range(len(numbers)) if number not in numbers), None)
        if missing is not None:
            raise _unusable(path, f"layer {one_line(layer)} has no column for its unit {missing}")
        if layer in lists:
            raise _unusable(path, f"layer {one_line(layer)} is there twice: as lists and by units")
    return lists, single


def _column(file: pyarrow.parquet.ParquetFile, name: str) -> pyarrow.ChunkedArray:
    return file.read([name], use_threads=False).column(name)


def _npy_header(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and type of the array `name`, which is not read."""
    with archive.open(f"{name}.npy") as content:
        version = np.lib.format.read_magic(content)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(content)
    return shape, dtype


def _units(path: Path, layer: str, shape: tuple[int, ...], dtype: np.dtype, clips: int) -> int:
    """Return the number of units of `layer`, whose array has this shape and type."""
    if len(shape) != 2 or shape[0] != clips:
        raise _unusable(
            path,
            f"layer {one_line(layer)} is {tuple(shape)}, and must be ({clips}, units): one row per "
            "clip, averaged over time where there is time",
        )
    if dtype.kind not in "fiu":
        raise _unusable(path, f"layer {one_line(layer)} holds {dtype}, no real numbers")
    return shape[1]


def _layers(units: Mapping[str, int], reported: str = "", outputs: str = "") -> Layers:
    names = tuple(units)
    return Layers(names, reported or (names[-1] if names else ""), outputs or None)


def _texts(values: np.ndarray) -> list[str]:
    """Return texts that may be stored as bytes; raises ValueError for what is no list of texts."""
    found = [one.decode() if isinstance(one, bytes) else one for one in values.tolist()]
    if not all(isinstance(one, str) for one in found):
        raise ValueError(f"{_CLIP_ID} holds something other than texts")
    return found


@contextmanager
def _named(path: str | os.PathLike) -> Iterator[None]:
    """Turn what a library raises inside the block into an InputError that names the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file; compute these responses") from error
    except _BROKEN as error:
        raise _unusable(path, error) from error


def _unusable(path: str | os.PathLike, why: object) -> InputError:
    return InputError(
        f"{path}: these responses cannot be used ({one_line(why)}); write the file again as "
        "docs/responses.md describes, then run the same command again"
    )
