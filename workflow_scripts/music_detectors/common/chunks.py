"""Rows of a dataset, read and checked by several threads at a time.

The HDF5 library reads for one thread at a time. Here it only says where the chunks are; their bytes
are then read from the same open file, and checked as the library does it.
"""

import os
import threading
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np

_READERS = 4
# Fewer are read sooner than threads are started.
_ROWS_FOR_A_THREAD = 16
# So many stay in a core's cache, and BLAS starts no threads for their products.
_WORDS = 8192
_ONES, _WEIGHTS = np.ones(_WORDS), np.arange(_WORDS, 0, -1, dtype=np.float64)
_FLETCHER_BYTES, _ADLER_BYTES = 4, 4
_FILTERS = [h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32]


class Rows:
    """The rows of a dataset of `hdf5.write_rows` with a row in each chunk."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        """Look up the chunks of `dataset`; raises ValueError when it is not stored so."""
        about = dataset.id.get_create_plist()
        filters = [about.get_filter(number)[0] for number in range(about.get_nfilters())]
        if dataset.chunks != (1, *dataset.shape[1:]) or filters != _FILTERS:
            raise ValueError(f"{dataset.name} is not stored row by row with checksums")
        # Else the file could be closed, and another have its number.
        self._held = dataset, dataset.file
        self._file = dataset.file.id.get_vfd_handle()
        self._shape, self._type = dataset.shape[1:], dataset.dtype
        self._chunks: dict[int, tuple[int, int, int]] = {}
        dataset.id.chunk_iter(self._add)
        self._own = threading.local()

    def _add(self, chunk: h5py.h5d.StoreInfo) -> None:
        self._chunks[chunk.chunk_offset[0]] = chunk.byte_offset, chunk.size, chunk.filter_mask

    def read(self, rows: Sequence[int], out: np.ndarray, places: Sequence[int]) -> None:
        """Write each of `rows` to `out` (n, ...) at its place in `places`.

        Raises ValueError, naming the row, when a chunk is missing or a checksum does not match.
        """
        parts = min(len(rows) // _ROWS_FOR_A_THREAD, _READERS)
        if parts < 2:
            self._read(rows, out, places)
            return
        with ThreadPoolExecutor(parts) as readers:
            coming = [
                readers.submit(self._read, rows[part::parts], out, places[part::parts])
                for part in range(parts)
            ]
            for part in coming:
                part.result()

    def _read(self, rows: Sequence[int], out: np.ndarray, places: Sequence[int]) -> None:
        for row, place in zip(rows, places, strict=True):
            self.read_row(row, out[place])

    def read_row(self, row: int, out: np.ndarray) -> None:
        """Write a row to `out`, which is of its shape and type and contiguous; raises as `read`."""
        if out.shape != self._shape or out.dtype != self._type or not out.flags.c_contiguous:
            raise TypeError(f"out is {out.shape} {out.dtype}, not {self._shape} {self._type}")
        offset, size, skipped = self._chunks.get(row, (0, 0, 0))
        if skipped or size <= _FLETCHER_BYTES:
            raise ValueError(f"row {row} has no chunk with checksums")
        stored = self._buffer(size)
        if os.preadv(self._file, [stored], offset) != size:
            raise ValueError(f"row {row} is cut off")
        content = stored[:-_FLETCHER_BYTES]
        expected = int.from_bytes(stored[-_FLETCHER_BYTES:], "little")
        if self._fletcher32(np.frombuffer(content, np.uint8)) != expected:
            raise ValueError(f"the checksum of row {row} does not match")
        try:
            _inflate(content, out.reshape(-1).view(np.uint8))
        except (zlib.error, ValueError) as error:
            raise ValueError(f"the checksum of row {row} does not match ({error})") from error

    def _buffer(self, size: int) -> memoryview:
        """Return bytes of this thread's own; fresh memory would take longer than to read."""
        held = getattr(self._own, "bytes", None)
        if held is None or len(held) < size:
            held = self._own.bytes = memoryview(bytearray(size))
            self._own.values = np.empty(_WORDS)
        return held[:size]

    def _fletcher32(self, content: np.ndarray) -> int:
        """Return Fletcher's checksum of `content` as HDF5 computes it, by sums of 16-bit words.

        HDF5 reads words high byte first, and modulo 65,535 a word is 256 times that with its bytes
        exchanged. In float64 the sums are exact.
        """
        if len(content) % 2:
            content = np.append(content, np.uint8(0))
        words = content.view("<u2")
        total = weighted = 0
        for start in range(0, len(words), _WORDS):
            part = words[start : start + _WORDS]
            values = self._own.values[: len(part)]
            np.copyto(values, part)
            of_part = int(np.dot(values, _ONES[: len(part)]))
            total += of_part
            # A word counts as often as there are words from it on.
            weighted += (len(words) - start - len(part)) * of_part
            weighted += int(np.dot(values, _WEIGHTS[-len(part) :]))
        return _residue(weighted) << 16 | _residue(total)


def _residue(total: int) -> int:
    """Return 256 x `total` modulo 65,535, which HDF5 leaves at 65,535 unless all is 0."""
    return (256 * total - 1) % 65_535 + 1 if total else 0


def _inflate(content: memoryview, out: np.ndarray) -> None:
    """Write the `content` of a zlib stream to `out`; raises zlib.error or ValueError if it cannot.

    A stream that is not compressed is copied without other memory: a header of two bytes, then
    blocks of a byte (1 for the last), their length, its complement and so many bytes, then Adler's
    checksum.
    """
    place, filled, adler, last = 2, 0, 1, False
    while not last:
        kind = content[place] if place + 5 <= len(content) else 2
        length = int.from_bytes(content[place + 1 : place + 3], "little")
        complement = int.from_bytes(content[place + 3 : place + 5], "little")
        place += 5
        block = content[place : place + length]
        stored = kind in (0, 1) and length ^ complement == 0xFFFF and len(block) == length
        if not stored or filled + length > len(out):
            break
        adler = zlib.adler32(block, adler)
        out[filled : filled + length] = block
        place, filled, last = place + length, filled + length, kind == 1
    whole = last and filled == len(out) and len(content) == place + _ADLER_BYTES
    if whole and int.from_bytes(content[place:], "big") == adler:
        return
    inflated = zlib.decompress(content)
    if len(inflated) != len(out):
        raise ValueError(f"{len(inflated)} bytes, not {len(out)}")
    out[:] = np.frombuffer(inflated, np.uint8)
