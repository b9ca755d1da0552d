"""Zip archives that are split into parts, as `zip -s` makes them."""

import io
import struct
import zipfile

_MARK = b"PK\x07\x08"


def split_archive(
    files: dict[str, bytes], part: int, compression: int = zipfile.ZIP_DEFLATED
) -> list[bytes]:
    """Return the parts of an archive of `files`: each of `part` bytes, but for the last.

    The list of members is in the last part; it says in which part each member begins, and where in
    it, as PKWARE's APPNOTE.TXT wants.
    """
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", compression) as archive:
        for name, content in files.items():
            # With a time that is always the same.
            archive.writestr(zipfile.ZipInfo(name), content, compression)
        starts = [info.header_offset + len(_MARK) for info in archive.infolist()]
    with zipfile.ZipFile(whole) as archive:
        begin = archive.start_dir
    data = whole.getvalue()
    members, tail = _MARK + data[:begin], bytearray(data[begin:])
    last, offset = divmod(len(members), part)
    at = 0
    for start in starts:
        struct.pack_into("<H", tail, at + 34, start // part)
        struct.pack_into("<L", tail, at + 42, start % part)
        at += 46 + sum(struct.unpack_from("<3H", tail, at + 28))
    struct.pack_into("<2H", tail, at + 4, last, last)
    struct.pack_into("<L", tail, at + 16, offset)
    parts = [members[begin : begin + part] for begin in range(0, last * part, part)]
    return [*parts, members[last * part :] + bytes(tail)]


def write_parts(folder, name: str, parts: list[bytes]) -> list:
    """Write the parts as `name`.z01, ... and `name`.zip into `folder`; returns their paths."""
    names = [f"{name}.z{number:02}" for number in range(1, len(parts))] + [f"{name}.zip"]
    paths = [folder / one for one in names]
    for path, content in zip(paths, parts, strict=True):
        path.write_bytes(content)
    return paths
