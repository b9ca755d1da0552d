"""FSD50K from Zenodo: its archives are downloaded, unpacked where their parts lie, and removed.

Fonseca et al. (2022), FSD50K: an open dataset of human-labeled sound events, IEEE/ACM TASLP 30;
https://zenodo.org/records/4060432, version 1.0.
"""

import json
import logging
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from music_detectors.common.errors import InputError, one_line
from music_detectors.common.files import replacing
from music_detectors.downloads.large import (
    Wanted,
    bytes_to_come,
    check_room,
    naming_full_disk,
)
from music_detectors.downloads.several import download_all, missing, show_megabytes, write_record
from music_detectors.downloads.split_zip import Member, SplitZip

_KEY = "downloads.fsd50k"
_STAGING = ".download"
_PART = 3 * 2**30

ARCHIVES: dict[str, tuple[int, list[tuple[str, int, str]]]] = {
    "FSD50K.ground_truth": (
        5 * 10**6,
        [("FSD50K.ground_truth.zip", 334701, "ca27382c195e37d2269c4c866dd73485")],
    ),
    "FSD50K.metadata": (
        10**8,
        [("FSD50K.metadata.zip", 6700838, "b9ea0c829a411c1d42adb9da539ed237")],
    ),
    "FSD50K.doc": (10**5, [("FSD50K.doc.zip", 6984, "3516162b82dc2945d3e7feba0904e800")]),
    "FSD50K.dev_audio": (
        25_600_000_000,
        [
            ("FSD50K.dev_audio.z01", _PART, "faa7cf4cc076fc34a44a479a5ed862a3"),
            ("FSD50K.dev_audio.z02", _PART, "8f9b66153e68571164fb1315d00bc7bc"),
            ("FSD50K.dev_audio.z03", _PART, "1196ef47d267a993d30fa98af54b7159"),
            ("FSD50K.dev_audio.z04", _PART, "d088ac4e11ba53daf9f7574c11cccac9"),
            ("FSD50K.dev_audio.z05", _PART, "81356521aa159accd3c35de22da28c7f"),
            ("FSD50K.dev_audio.zip", 2306663327, "c480d119b8f7a7e32fdb58f3ea4d6c5a"),
        ],
    ),
    "FSD50K.eval_audio": (
        8_900_000_000,
        [
            ("FSD50K.eval_audio.z01", _PART, "3090670eaeecc013ca1ff84fe4442aeb"),
            ("FSD50K.eval_audio.zip", 3037675767, "6fa47636c3a3ad5c7dfeba99f2637982"),
        ],
    ),
}
"""About how many bytes each archive unpacks to, and its parts in order, with size in bytes and MD5.

The dev set comes before the eval set, since it needs most room while archive and sounds are there.
"""


def fetch_fsd50k(folder: str, table: str | os.PathLike) -> None:
    """Download FSD50K and unpack it into `folder`, and write to `table` what was downloaded.

    What is unpacked already, with the checksums of its archive, is left as it is. The address of
    Zenodo is that in the environment variable ZENODO_ENDPOINT, if it is set. Raises InputError
    where the disk has too little room, and ComeBackLater where Zenodo cannot be reached for now.
    """
    staging = Path(folder, _STAGING)
    left = [name for name in ARCHIVES if not _is_unpacked(name, folder)]
    check_room(folder, _most_room(left, folder), _KEY)
    for name in left:
        wanted = parts_of(name)
        lacking = missing(wanted, staging)
        expected = sum(bytes_to_come(one, staging) for one in lacking)
        download_all(lacking, staging, expected, name)
        _unpack(name, [staging / one.path for one in wanted], folder)
        for one in wanted:
            (staging / one.path).unlink()
    everything = [one for name in ARCHIVES for one in parts_of(name)]
    write_record(table, everything, "md5", ["FSD50K 1.0, https://zenodo.org/records/4060432"])


def parts_of(name: str) -> list[Wanted]:
    """Return the parts of the archive `name`, in order."""
    base = os.environ.get("ZENODO_ENDPOINT", "https://zenodo.org").rstrip("/")
    return [
        Wanted(file, f"{base}/records/4060432/files/{file}?download=1", size, "md5", digest)
        for file, size, digest in ARCHIVES[name][1]
    ]


def _most_room(names: Sequence[str], folder: str) -> int:
    """Return the most bytes that are to be written and kept at a time, from archive to archive."""
    staging = Path(folder, _STAGING)
    kept = most = 0
    for name in names:
        there = sum(path.stat().st_size for path in Path(folder, name).glob("*"))
        unpacked = max(0, ARCHIVES[name][0] - there)
        archive = sum(
            0 if (staging / one.path).exists() else bytes_to_come(one, staging)
            for one in parts_of(name)
        )
        most = max(most, kept + archive + unpacked)
        kept += unpacked
    return most


def _list_of(name: str, folder: str) -> Path:
    """Return the path of the list of what was unpacked of an archive."""
    return Path(folder, _STAGING, f"{name}.json")


def _is_unpacked(name: str, folder: str) -> bool:
    """Return whether every file of an archive is there, as its archive had it."""
    try:
        listed = json.loads(_list_of(name, folder).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return False
    return all(_is_there(Path(folder, file), size, crc) for file, size, crc in listed)


def _is_there(path: Path, size: int, crc: int) -> bool:
    try:
        if path.stat().st_size != size:
            return False
        found = 0
        with open(path, "rb") as file:
            while block := file.read(2**20):
                found = zlib.crc32(block, found)
    except FileNotFoundError:
        return False
    return found == crc


def _unpack(name: str, parts: Sequence[Path], folder: str) -> None:
    """Unpack what the archive has in the folder `name`, but for what is there already."""
    archive = SplitZip(parts)
    members = [member for member in archive.members() if member.name.startswith(f"{name}/")]
    if not members:
        raise InputError(f"{parts[-1]}: has no folder {name}; get it by other means")
    for member in members:
        path = PurePosixPath(member.name)
        if ".." in path.parts or "\\" in member.name or not member.name.isprintable():
            raise InputError(
                f"{parts[-1]}: holds {one_line(member.name, 80)}, which is refused; get the "
                "archive by other means (docs/downloads.md)"
            )
    left = [
        member
        for member in members
        if not _is_there(Path(folder, member.name), member.size, member.crc)
    ]
    expected = sum(member.size for member in left)
    check_room(folder, expected, _KEY)
    show_megabytes(_written(archive, left, folder), expected, f"unpacking {name}", lambda: "")
    # The archive is removed after this.
    os.sync()
    with replacing(_list_of(name, folder)) as temporary:
        listed = [[member.name, member.size, member.crc] for member in members]
        temporary.write_text(json.dumps(listed), encoding="utf-8")
    logging.info("%s: %d files, of which %d were written now", name, len(members), len(left))


def _written(archive: SplitZip, members: Sequence[Member], folder: str) -> Iterator[int]:
    """Write each member to its place, whole or not at all; yields the numbers of bytes."""
    temporary = Path(folder, _STAGING, "unpacked.part")
    for member in members:
        place = Path(folder, member.name)
        temporary.unlink(missing_ok=True)
        with naming_full_disk(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            with open(
                temporary, "xb", opener=lambda path, flags: os.open(path, flags, 0o444)
            ) as file:
                for block in archive.content(member):
                    file.write(block)
                    yield len(block)
            os.replace(temporary, place)
