import h5py
import numpy as np
import pytest

from music_detectors.common import chunks
from music_detectors.common.chunks import Rows
from music_detectors.common.hdf5 import CHECKED, create_hdf5, write_rows


def stored(path, values, **changes):
    """Store `values` row by row, as `write_rows` does but for `changes`; return the dataset."""
    with create_hdf5(path, "numbers", 1) as file:
        if changes:
            kept = {"chunks": (1, *values.shape[1:]), **CHECKED} | changes
            file.create_dataset("numbers", data=values, **kept)
        else:
            write_rows(file, "numbers", values)
    return h5py.File(path, "r", locking=False)["numbers"]


def random(shape, dtype=np.float16):
    return np.random.default_rng(1).normal(-45, 15, shape).astype(dtype)


@pytest.mark.parametrize(
    "values",
    [
        random((9, 4, 5)),
        # More than one block of a stream that is not compressed, and of the sums of Fletcher.
        random((3, 64, 802)),
        random((2, 70_001), np.int8),
        random((70, 3), np.float32),
        np.zeros((2, 40)),
        np.arange(7, dtype=np.uint8)[:, None],
    ],
    ids=lambda values: f"{values.shape} {values.dtype}",
)
@pytest.mark.parametrize("level", [None, 4])
def test_rows_are_the_librarys(tmp_path, values, level):
    changes = {} if level is None else {"compression_opts": level}
    dataset = stored(tmp_path / "numbers.h5", values, **changes)
    rows = [*range(len(values))][::-1]
    out = np.zeros((len(values) + 2, *values.shape[1:]), values.dtype)
    Rows(dataset).read(rows, out, [row + 1 for row in rows])
    np.testing.assert_array_equal(out[1:-1], dataset[:])
    np.testing.assert_array_equal(out[1:-1], values)
    assert not out[0].any() and not out[-1].any()


def test_the_file_stays_open_for_its_rows(tmp_path):
    values = random((40, 8))
    rows, out = Rows(stored(tmp_path / "numbers.h5", values)), np.zeros_like(values)
    (tmp_path / "numbers.h5").unlink()
    others = [open(tmp_path / f"other-{number}", "wb") for number in range(3)]
    rows.read(range(40), out, range(40))
    np.testing.assert_array_equal(out, values)
    assert len(others) == 3


def chunk_of(dataset, row):
    about = dataset.id.get_chunk_info_by_coord((row, *(0 for _ in dataset.shape[1:])))
    return about.byte_offset, about.size


@pytest.mark.parametrize("level", [None, 4])
def test_every_byte_of_a_chunk_is_checked(tmp_path, level):
    path, values = tmp_path / "numbers.h5", random((3, 7))
    dataset = stored(path, values, **({} if level is None else {"compression_opts": level}))
    offset, size = chunk_of(dataset, 1)
    rows, out = Rows(dataset), np.zeros_like(values)
    with open(path, "r+b", buffering=0) as file:

        def put(place, content):
            file.seek(place)
            file.write(content)

        content = path.read_bytes()
        for place in range(offset, offset + size):
            put(place, bytes([content[place] ^ 1]))
            with pytest.raises(ValueError, match="the checksum of row 1 does not match"):
                rows.read([0, 1], out, [0, 1])
            put(place, content[place : place + 1])
        # Zeros have the right sum of Fletcher's, but not of Adler's.
        put(offset, bytes(size))
        with pytest.raises(ValueError, match="the checksum of row 1 does not match"):
            rows.read([1], out, [1])
        file.truncate(offset + 3)
        with pytest.raises(ValueError, match="row 1 is cut off"):
            rows.read([1], out, [1])


def test_a_damaged_row_among_many_is_found_by_any_thread(tmp_path):
    path, values = tmp_path / "numbers.h5", random((200, 30))
    dataset = stored(path, values)
    offset, _ = chunk_of(dataset, 77)
    with open(path, "r+b") as file:
        file.seek(offset + 20)
        file.write(b"no")
    with pytest.raises(ValueError, match="the checksum of row 77 does not match"):
        Rows(dataset).read(range(200), np.zeros_like(values), range(200))


def test_what_is_stored_otherwise_is_refused(tmp_path):
    values = random((8, 6))
    for name, changes in (
        ("several rows", {"chunks": (2, 6)}),
        ("no second checksum", {"fletcher32": False}),
        ("another order", {"shuffle": True}),
    ):
        with pytest.raises(ValueError, match="not stored row by row with checksums"):
            Rows(stored(tmp_path / f"{name}.h5", values, **changes))
    with create_hdf5(tmp_path / "missing.h5", "numbers", 1) as file:
        kept = {"chunks": (1, 6), "dtype": np.float16, **CHECKED}
        file.create_dataset("numbers", (8, 6), **kept)[:3] = values[:3]
    dataset = h5py.File(tmp_path / "missing.h5", "r", locking=False)["numbers"]
    with pytest.raises(ValueError, match="row 3 has no chunk with checksums"):
        Rows(dataset).read(range(8), np.zeros_like(values), range(8))
    for out in (np.zeros((8, 5), np.float16), np.zeros((8, 6)), np.zeros((6, 8), np.float16).T):
        with pytest.raises(TypeError, match="out is"):
            Rows(dataset).read([0], out, [0])


def test_several_threads_read_together(tmp_path, monkeypatch):
    threads = set()
    read = Rows._read

    def remember(self, rows, out, places):
        threads.add(tuple(rows))
        read(self, rows, out, places)

    monkeypatch.setattr(Rows, "_read", remember)
    values = random((80, 6))
    out = np.zeros_like(values)
    Rows(stored(tmp_path / "numbers.h5", values)).read(range(80), out, range(80))
    np.testing.assert_array_equal(out, values)
    assert len(threads) == chunks._READERS
    assert sorted(row for rows in threads for row in rows) == [*range(80)]
