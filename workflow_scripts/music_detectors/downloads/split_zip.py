"""Read a zip archive that is split into parts, where its parts lie.

The module zipfile cannot: in a split archive, the place of a member is that in its part, and
members go on from one part to the next. The format is that of PKWARE's APPNOTE.TXT 6.3.10; a zip
that is not split is one of a single part.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from music_detectors.common.errors import InputError, one_line

_BLOCK = 2**20
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
# What a field of 2 or 4 bytes holds if its value is elsewhere, in one of 4 or 8.
_ELSEWHERE = (2**16 - 1, 2**32 - 1)
_LONGEST_COMMENT = 2**16
_ENCRYPTED = 1
_STORED, _DEFLATED = 0, 8


class Member(NamedTuple):
    """A file in an archive: `place` is where its header begins, in bytes from the first part on."""

    name: str
    size: int
    crc: int
    packed: int
    method: int
    place: int


class SplitZip:
    """The parts of an archive, in order: `NAME.z01`, `NAME.z02`, ..., and at last `NAME.zip`."""

    def __init__(self, parts: Sequence[Path]) -> None:
        """Remember where each part begins."""
        self._parts = list(parts)
        self._name = str(self._parts[-1])
        self._sizes = [part.stat().st_size for part in self._parts]
        self._starts = [sum(self._sizes[:number]) for number in range(len(self._parts))]

    def members(self) -> list[Member]:
        """Return the files of the archive. Raises InputError, naming it, where it is damaged."""
        start, size, count = self._directory()
        directory = self._read(start, size)
        found, at = [], 0
        for _ in range(count):
            (signature, *fields) = self._unpacked(_ENTRY, directory[at : at + _ENTRY.size])
            _, _, flags, method, _, _, crc, packed, content = fields[:9]
            lengths, part, place = fields[9:12], fields[12], fields[15]
            at += _ENTRY.size
            raw = directory[at : at + lengths[0]]
            extra = directory[at + lengths[0] : at + lengths[0] + lengths[1]]
            at += sum(lengths)
            if signature != b"PK\x01\x02" or at > len(directory):
                raise self._damaged("its list of members cannot be read")
            content, packed, place, part = self._whole_numbers(extra, content, packed, place, part)
            # The program zip does so without the flag that says so.
            name = raw.decode("utf-8", "replace")
            if flags & _ENCRYPTED or method not in (_STORED, _DEFLATED):
                raise self._damaged(f"{one_line(name, 80)} is packed in a way that is not read")
            if name.endswith("/"):
                continue
            found.append(Member(name, content, crc, packed, method, self._place(part, place)))
        return found

    def content(self, member: Member) -> Iterator[bytes]:
        """Yield the content of a member, block by block.

        Raises InputError, naming archive and member, where it is damaged; the last block is then
        not yielded.
        """
        header = self._unpacked(_LOCAL, self._read(member.place, _LOCAL.size))
        if header[0] != b"PK\x03\x04":
            raise self._damaged(f"{one_line(member.name, 80)} is not where it should be")
        at = member.place + _LOCAL.size + header[9] + header[10]
        end = at + member.packed
        inflate = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == _DEFLATED else None
        crc, left, waiting = 0, member.size, b""
        while left:
            if not waiting and at < end:
                waiting = self._read(at, min(_BLOCK, end - at))
                at += len(waiting)
            try:
                block = waiting if inflate is None else inflate.decompress(waiting, _BLOCK)
            except zlib.error:
                block = b""
            more = b"" if inflate is None else inflate.unconsumed_tail
            if not block and (not waiting or more == waiting):
                break
            waiting = more
            crc = zlib.crc32(block, crc)
            left -= len(block)
            if left < 0 or (left == 0 and crc != member.crc):
                break
            yield block
        if left or crc != member.crc:
            raise self._damaged(f"{one_line(member.name, 80)} is damaged")

    def _directory(self) -> tuple[int, int, int]:
        """Return where the list of members begins, its size in bytes, and how many it lists."""
        total = sum(self._sizes)
        tail_at = max(0, total - _END.size - _LONGEST_COMMENT)
        tail = self._read(tail_at, total - tail_at)
        at = tail.rfind(b"PK\x05\x06")
        if at < 0:
            raise self._damaged("it has no end")
        _, last, part, _, count, size, place, _ = self._unpacked(_END, tail[at:])
        if _ELSEWHERE[0] in (last, part, count) or _ELSEWHERE[1] in (size, place):
            before = tail_at + at - _LOCATOR.size
            signature, its_part, its_place, _ = self._unpacked(
                _LOCATOR, self._read(before, _LOCATOR.size)
            )
            if signature == b"PK\x06\x07":
                end = self._read(self._place(its_part, its_place), _END_64.size)
                values = self._unpacked(_END_64, end)
                if values[0] != b"PK\x06\x06":
                    raise self._damaged("its list of members cannot be found")
                last, part, count, size, place = (values[4], values[5], *values[7:10])
        if last != len(self._parts) - 1:
            raise self._damaged(f"it is the last of {last + 1} parts, not of {len(self._parts)}")
        return self._place(part, place), size, count

    def _whole_numbers(
        self, extra: bytes, content: int, packed: int, place: int, part: int
    ) -> tuple[int, int, int, int]:
        """Return the numbers of an entry, those from its extra field that are elsewhere."""
        values = [content, packed, place, part]
        fields = b""
        while len(extra) >= 4:
            kind, length = struct.unpack_from("<2H", extra)
            if kind == 1:
                fields = extra[4 : 4 + length]
            extra = extra[4 + length :]
        for number, form in enumerate(("<Q", "<Q", "<Q", "<L")):
            if values[number] == _ELSEWHERE[number < 3] and fields:
                values[number] = self._unpacked(struct.Struct(form), fields)[0]
                fields = fields[struct.calcsize(form) :]
        return values[0], values[1], values[2], values[3]

    def _place(self, part: int, place: int) -> int:
        if part >= len(self._parts) or place > self._sizes[part]:
            raise self._damaged("it points to where nothing is")
        return self._starts[part] + place

    def _read(self, at: int, size: int) -> bytes:
        """Return `size` bytes from `at` on, counted from the first part on."""
        if at < 0 or at + size > sum(self._sizes):
            raise self._damaged("it points to where nothing is")
        found = []
        for part, start, length in zip(self._parts, self._starts, self._sizes, strict=True):
            begin, end = max(at, start), min(at + size, start + length)
            if begin < end:
                with open(part, "rb") as file:
                    file.seek(begin - start)
                    found.append(file.read(end - begin))
        return b"".join(found)

    def _unpacked(self, form: struct.Struct, data: bytes) -> tuple:
        if len(data) < form.size:
            raise self._damaged("it was cut")
        return form.unpack_from(data)

    def _damaged(self, what: str) -> InputError:
        return InputError(
            f"{self._name}: {what}; remove the parts of this archive, then run the same command "
            "again"
        )
