"""The members of a tar archive by a stranger: a walk over its headers, bounded in time and memory.

The module tarfile parses single headers here and is not trusted with the walk. Depending on its
version, it loops for ever on a negative size, reads an extension header of any size into memory,
and takes a cut or damaged archive for a complete one.
"""

import tarfile
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_BLOCK = 512
_ZEROS = bytes(_BLOCK)
_MAX_EXTENSION_BYTES = 2**20
_MAX_EXTENSIONS = 8
"""The extension headers that may describe one member: four kinds exist."""
_MAX_MEMBERS = 20_000_000
_MAX_SIZE_DIGITS = 20
_MAX_PADDING_BYTES = 2**24
"""What may follow the end of an archive: writers fill it up with zeros to whole records."""

_LOCAL = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_EXTENSIONS = (*_LOCAL, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


class TarMember(NamedTuple):
    """A member called `name`: `size` bytes from `offset` on.

    `kind` is "" for an ordinary file, or folder, link, device or sparse file.
    """

    name: str
    offset: int
    size: int
    kind: str


class _Extensions:
    """What the extension headers before a member say about it."""

    def __init__(self) -> None:
        self.n = 0
        self.name: str | None = None
        self.size: int | None = None
        self.sparse = False

    def add(self, kind: bytes, content: bytes) -> None:
        self.n += 1
        if self.n > _MAX_EXTENSIONS:
            raise ValueError(f"more than {_MAX_EXTENSIONS} extension headers in a row")
        if kind == tarfile.GNUTYPE_LONGNAME:
            self.name = _text(content.partition(b"\0")[0])
        elif kind == tarfile.XGLTYPE:
            if {"path", "size"} & dict(_pax_records(content)).keys():
                raise ValueError("a global header with a path or size")
        elif kind in _LOCAL:
            for keyword, value in _pax_records(content):
                if keyword in ("path", "GNU.sparse.name"):
                    self.name = _text(value)
                elif keyword == "size":
                    self.size = _number(value)
                self.sparse |= keyword.startswith("GNU.sparse.")


def tar_members(file: BinaryIO, end: int) -> Iterator[TarMember]:
    """Yield the members of the uncompressed tar archive `file`, whose size is `end` bytes.

    Only headers are read. Raises ValueError or tarfile.HeaderError, which say why, unless `file` is
    an archive from its start to the two blocks of zeros that end it, with nothing but zeros after
    them. A damaged header is found by its checksum.
    """
    place, n_members = 0, 0
    extensions = _Extensions()
    while (header := _read(file, place, _BLOCK, end)) != _ZEROS:
        info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        start = place + _BLOCK
        if info.type in _EXTENSIONS:
            if not 0 <= info.size <= _MAX_EXTENSION_BYTES:
                raise ValueError(f"an extension header of {info.size} bytes")
            extensions.add(info.type, _read(file, start, info.size, end))
            place = start + _whole_blocks(info.size)
            continue
        n_members += 1
        if n_members > _MAX_MEMBERS:
            raise ValueError(f"more than {_MAX_MEMBERS} members")
        if info.type == tarfile.GNUTYPE_SPARSE:
            start = _after_sparse_map(file, header, start, end)
        size = info.size if extensions.size is None else extensions.size
        if size < 0:
            raise ValueError(f"a member of {size} bytes")
        # As tar does: other members, such as folders and links, have no content.
        stored = size if info.isreg() or info.type not in tarfile.SUPPORTED_TYPES else 0
        place = start + _whole_blocks(stored)
        if place > end:
            raise ValueError("the file ends within a member")
        name = info.name if extensions.name is None else extensions.name
        yield TarMember(name, start, size, _kind(info, extensions))
        extensions = _Extensions()
    if extensions.n:
        raise ValueError("extension headers without a member")
    _check_end(file, place, end)


def _kind(info: tarfile.TarInfo, extensions: _Extensions) -> str:
    if info.isdir():
        return "folder"
    if info.issym() or info.islnk():
        return "link"
    if not info.isreg():
        return "device"
    return "sparse file" if info.type == tarfile.GNUTYPE_SPARSE or extensions.sparse else ""


def _read(file: BinaryIO, place: int, size: int, end: int) -> bytes:
    if place + size > end:
        raise ValueError("the file ends before the two blocks of zeros that end an archive")
    file.seek(place)
    content = file.read(size)
    if len(content) < size:
        raise ValueError("the file became shorter while it was read")
    return content


def _after_sparse_map(file: BinaryIO, header: bytes, start: int, end: int) -> int:
    """Return where the content starts: the map of an old GNU sparse file may go on in blocks."""
    more = header[482]
    while more:
        more = _read(file, start, _BLOCK, end)[504]
        start += _BLOCK
    return start


def _check_end(file: BinaryIO, place: int, end: int) -> None:
    if _read(file, place, 2 * _BLOCK, end) != 2 * _ZEROS:
        raise ValueError("a block of zeros between headers")
    rest = end - place
    if rest > _MAX_PADDING_BYTES or any(_read(file, place, rest, end)):
        raise ValueError("more content after the end of the archive")


def _pax_records(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield keyword and value of each record `length keyword=value`, a line of that length."""
    place = 0
    while place < len(content):
        digits, space, _ = content[place : place + _MAX_SIZE_DIGITS].partition(b" ")
        length = _number(digits) if space else 0
        record = content[place + len(digits) + 1 : place + length]
        keyword, equals, value = record.partition(b"=")
        if not (equals and value.endswith(b"\n")) or place + length > len(content):
            raise ValueError("a damaged extension header")
        yield _text(keyword), value[:-1]
        place += length


def _number(digits: bytes) -> int:
    # int() of very many digits takes very long.
    if not digits.isdigit() or len(digits) > _MAX_SIZE_DIGITS:
        raise ValueError("a damaged number in an extension header")
    return int(digits)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _whole_blocks(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
