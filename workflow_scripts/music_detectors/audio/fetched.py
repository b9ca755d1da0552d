"""What the network answered about a shard's clips: recordings as they came, in a tar archive.

The first member, `answers.jsonl`, has a line for each answer, with checksums of the line and of its
recording. The recordings follow, numbered from 0 in the order of their lines.
"""

import os
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from music_detectors.audio.clips import Clip
from music_detectors.audio.lines import line_of, parsed
from music_detectors.common.damage import damaged, unreadable
from music_detectors.common.files import replacing
from music_detectors.common.origins import check_origin, place_of

FETCHED = "fetched"
"""The status of an answer that is a recording."""

KIND = "archive of fetched recordings"
"""What messages call the archive."""
_ANSWERS = "answers.jsonl"
_BLOCK_BYTES = 2**20
_TAR_BYTES = 512


class Fetched(NamedTuple):
    """An answer of the network.

    `key` is what was asked for (see `fetch_key`), `clip_id` the first clip that it was for; `terms`
    is a text that identifies what else a refusal depends on. A recording has `size` bytes of the
    checksum `checksum`, from byte `offset` of a file on, and the `ending` .gz if it is compressed.
    """

    key: str
    clip_id: str
    source: str
    status: str
    reason: str
    message: str
    attempts: int
    terms: str
    size: int = 0
    checksum: int = 0
    offset: int = 0
    ending: str = ""


def fetch_key(clip: Clip) -> str:
    """Return a key of what the network is asked for.

    An address gives its whole recording, for any segment; a video is fetched up to the end of one.
    """
    if clip.source == "url":
        return clip.reference
    return f"{clip.reference} {clip.start_seconds} {clip.end_seconds}"


def content_of(answer: Fetched, path: str | os.PathLike) -> Iterator[bytes]:
    """Yield the recording of `answer` in the file at `path`, or what there is of it."""
    missing = answer.size
    with open(path, "rb") as file:
        file.seek(answer.offset)
        while missing and (block := file.read(min(_BLOCK_BYTES, missing))):
            missing -= len(block)
            yield block


def is_intact(answer: Fetched, path: str | os.PathLike) -> bool:
    """Return whether the recording of `answer` in the file at `path` is as it came."""
    checksum = size = 0
    for block in content_of(answer, path):
        checksum, size = zlib.crc32(block, checksum), size + len(block)
    return (size, checksum) == (answer.size, answer.checksum)


def write_fetched(
    path: str | os.PathLike,
    answers: Sequence[Fetched],
    content: Callable[[Fetched], Iterable[bytes]],
) -> None:
    """Write `answers` and the `content` of their recordings, whole or not at all."""
    offset = 0
    placed = []
    for answer in answers:
        placed.append(answer._replace(offset=offset + _TAR_BYTES if answer.size else 0))
        offset += _member_bytes(answer.size) if answer.size else 0
    head = {"kind": KIND, "place": place_of(path), "answers": len(answers)}
    index = b"".join(map(line_of, (head, *(answer._asdict() for answer in placed))))
    with replacing(path) as temporary, open(temporary, "wb") as file:
        _write_member(file, _ANSWERS, len(index), [index])
        recordings = [answer for answer in answers if answer.size]
        for number, answer in enumerate(recordings):
            _write_member(file, f"{number}{answer.ending}", answer.size, content(answer))
        # The end of a tar archive.
        file.write(bytes(2 * _TAR_BYTES))


def read_fetched(path: str | os.PathLike) -> dict[str, Fetched]:
    """Return the answers in an archive made by `write_fetched`, by key.

    Raises InputError when it is missing, damaged or belongs elsewhere. The recordings are not
    compared with their checksums.
    """
    try:
        head, found = _read(path)
    except OSError as error:
        raise unreadable(path, KIND, error) from error
    if head.get("kind") != KIND:
        raise damaged(path, KIND, "its list of answers cannot be read")
    check_origin(path, KIND, head["place"])
    if len(found) != head["answers"]:
        raise damaged(path, KIND, f"{len(found)} of {head['answers']} answers can be read")
    return found


def intact_answers(path: str | os.PathLike) -> tuple[list[Fetched], bool]:
    """Return the undamaged answers in an archive, and whether these are all; none without it."""
    try:
        head, found = _read(path)
        intact = [answer for answer in found.values() if is_intact(answer, path)]
    except OSError:
        return [], False
    return intact, len(intact) == head.get("answers")


def parse_answer(record: dict) -> Fetched | None:
    """Return the answer that a record is, if it is one."""
    return Fetched(**record) if record.keys() == set(Fetched._fields) else None


def _read(path: str | os.PathLike) -> tuple[dict, dict[str, Fetched]]:
    """Return the first line of the list of answers, {} if it is damaged, and intact answers."""
    with open(path, "rb") as file:
        try:
            about = tarfile.TarInfo.frombuf(file.read(_TAR_BYTES), "utf-8", "strict")
        except tarfile.HeaderError:
            return {}, {}
        head, *records = parsed(file.read(about.size).split(b"\n")) if about.size > 0 else [{}]
    begin = _member_bytes(about.size)
    answers = [parse_answer(record) for record in records if record is not None]
    placed = [one._replace(offset=begin + one.offset) for one in answers if one is not None]
    return head or {}, {one.key: one for one in placed}


def _member_bytes(size: int) -> int:
    return _TAR_BYTES + size + -size % _TAR_BYTES


def _write_member(file: BinaryIO, name: str, size: int, content: Iterable[bytes]) -> None:
    about = tarfile.TarInfo(name)
    about.size = size
    file.write(about.tobuf(tarfile.USTAR_FORMAT))
    for block in content:
        file.write(block)
    file.write(bytes(-size % _TAR_BYTES))
