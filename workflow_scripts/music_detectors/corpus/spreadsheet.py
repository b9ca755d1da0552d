"""The first column of an Excel workbook (.xlsx), which is a zip of XML files (ECMA-376)."""

import io
import os
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from xml.etree import ElementTree

from music_detectors.common.errors import InputError, one_line

_START_OF_ZIP = b"PK\x03\x04"
_MOST_BYTES = 2**23
"""A part of a workbook may hold as much when decompressed."""
_CODINGS = ("utf-8", "utf-16-le", "utf-16-be")


def is_workbook(path: str | os.PathLike) -> bool:
    """Return whether the file at `path` begins as a zip does, whatever its name."""
    try:
        with open(path, "rb") as file:
            return file.read(len(_START_OF_ZIP)) == _START_OF_ZIP
    except OSError:
        return False


def first_column(path: str | os.PathLike) -> Iterator[tuple[int, str]]:
    """Yield row and text of every cell of column A of the first sheet, but for empty ones.

    Raises InputError, naming the file, when it is no workbook, is damaged, or is implausibly large.
    """
    try:
        with zipfile.ZipFile(path) as workbook:
            sheet = _first_sheet(workbook)
            shared = _shared_texts(workbook)
            cells = list(_cells(_part(workbook, sheet), shared))
    except (
        zipfile.BadZipFile,
        zlib.error,
        ElementTree.ParseError,
        EOFError,
        LookupError,
        NotImplementedError,
        OSError,
        RuntimeError,
        ValueError,
        struct.error,
    ) as error:
        raise InputError(
            f"{path}: is not a whole Excel workbook ({one_line(error, 120)}); fetch it again, or "
            "save its first column as a text file, one entry per line"
        ) from error
    yield from cells


def _first_sheet(workbook: zipfile.ZipFile) -> str:
    """Return the path, in the zip, of the first sheet."""
    sheets = _elements(_part(workbook, "xl/workbook.xml"), "sheet")
    ids = [value for sheet in sheets for name, value in sheet.items() if _local(name) == "id"]
    for relation in _elements(_part(workbook, "xl/_rels/workbook.xml.rels"), "Relationship"):
        if relation.get("Id") in ids[:1]:
            return posixpath.normpath(posixpath.join("/xl", relation.attrib["Target"])).lstrip("/")
    raise ValueError("its first sheet is nowhere")


def _shared_texts(workbook: zipfile.ZipFile) -> list[str]:
    """Return the texts that cells refer to by number."""
    if "xl/sharedStrings.xml" not in workbook.namelist():
        return []
    return [_text(entry) for entry in _elements(_part(workbook, "xl/sharedStrings.xml"), "si")]


def _cells(content: bytes, shared: list[str]) -> Iterator[tuple[int, str]]:
    number = 0
    for row in _elements(content, "row"):
        number = int(row.get("r", number + 1))
        for cell in row:
            # Without a reference, cells stand side by side from column A on.
            place = cell.get("r", "A")
            if place.rstrip("0123456789") == "A":
                value = _text(cell).strip()
                if value and cell.get("t") == "s":
                    value = shared[int(value)].strip()
                if value:
                    yield number, value
                break


def _part(workbook: zipfile.ZipFile, name: str) -> bytes:
    """Return a part of the workbook, read within bounds whatever its header says."""
    if workbook.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed in an unusual way")
    with workbook.open(name) as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{name} holds more than {_MOST_BYTES >> 20} MiB")
    # Workbooks declare no document types, whose entities can make much of a few lines.
    if any("<!DOCTYPE".encode(coding) in content for coding in _CODINGS):
        raise ValueError(f"{name} declares a document type")
    return content


def _elements(content: bytes, tag: str) -> Iterator[ElementTree.Element]:
    """Yield the elements `tag` of any namespace, whole, one after the other."""
    for _, element in ElementTree.iterparse(io.BytesIO(content)):
        if _local(element.tag) == tag:
            yield element
            element.clear()


def _text(element: ElementTree.Element) -> str:
    """Return the text of a cell or shared text, whose parts may be formatted differently."""
    # Phonetic hints (rPh) are beside the text, not in it.
    hints = {part for hint in element.iter() if _local(hint.tag) == "rPh" for part in hint.iter()}
    return "".join(
        part.text or ""
        for part in element.iter()
        if _local(part.tag) in ("t", "v") and part not in hints
    )


def _local(name: str) -> str:
    return name.rpartition("}")[2]
