"""Sound as Ogg Vorbis, the same bytes for the same samples."""

import io

import numpy as np
import soundfile

# From 0, the largest files, to 1; here some 6 kB a second at the most.
_COMPRESSION = 0.6
_PAGE = b"OggS"
# Within the header of a page: its serial number, its checksum, and the number of its segments.
_SERIAL, _CHECKSUM, _SEGMENTS = slice(14, 18), slice(22, 26), 26
_HEADER_BYTES = 27
_POLYNOMIAL = 0x04C11DB7


def ogg_vorbis(samples: np.ndarray, rate: int) -> bytes:
    """Return `samples` (n,) float32, between -1 and 1 at `rate` Hz, as Ogg Vorbis.

    The serial number of the stream, which libsndfile draws, is set to 1.
    """
    file = io.BytesIO()
    soundfile.write(
        file, samples, rate, format="OGG", subtype="VORBIS", compression_level=_COMPRESSION
    )
    return _with_serial(file.getvalue(), 1)


def _with_serial(stream: bytes, serial: int) -> bytes:
    """Return the Ogg `stream` with that serial number (RFC 3533) in each page."""
    pages = bytearray(stream)
    start = 0
    while start < len(pages):
        assert pages[start : start + 4] == _PAGE
        segments = pages[start + _SEGMENTS]
        body = start + _HEADER_BYTES + segments
        end = body + sum(pages[start + _HEADER_BYTES : body])
        page = pages[start:end]
        page[_SERIAL] = serial.to_bytes(4, "little")
        page[_CHECKSUM] = bytes(4)
        page[_CHECKSUM] = _checksum(bytes(page)).to_bytes(4, "little")
        pages[start:end] = page
        start = end
    return bytes(pages)


def _checksum(page: bytes) -> int:
    value = 0
    for byte in page:
        value = (value << 8) & 0xFFFFFFFF ^ _TABLE[value >> 24 ^ byte]
    return value


def _remainder(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = (value << 1) & 0xFFFFFFFF ^ (_POLYNOMIAL if value >> 31 else 0)
    return value


_TABLE = [_remainder(byte) for byte in range(256)]
