"""Download large files: go on with what has come, and keep it only if its checksum is right."""

import errno
import hashlib
import logging
import os
import re
import shutil
import socket
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import requests
import urllib3

from music_detectors.common.errors import ComeBackLater, InputError, one_line
from music_detectors.common.urls import host_of, is_http, next_place, shown_url
from music_detectors.common.web import Deadline, bounded_session, root_cause

_ATTEMPTS = 6
_FIRST_PAUSE = 2.0
# A server that asks for more is asked again by another run.
_LONGEST_PAUSE = 300.0
# A request is ended after this time, and counts as failed if it brought fewer bytes: no server can
# hold a job for ever.
_SECONDS = 1800.0
_ENOUGH = 2**24
_SECONDS_TO_ANSWER = (20.0, 60.0)
_REDIRECTS = 5
# 403 is also said of a signature in an address that has expired since.
_TRY_AGAIN = (403, 408, 425, 429, 500, 502, 503, 504)
_BLOCK = 2**16
_SPARE = 2**30
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Wanted(NamedTuple):
    """A file to download.

    `path` is its place below the folder, `size` is in bytes, `digest` is its checksum, hexadecimal,
    by `algorithm` of hashlib. `headers` are sent to the host of `url`, and to no other.
    """

    path: str
    url: str
    size: int
    algorithm: str
    digest: str
    headers: Mapping[str, str] = MappingProxyType({})


class _Passing(Exception):
    """Trouble that may be gone at the next request."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


def is_whole(wanted: Wanted, folder: str | os.PathLike) -> bool:
    """Return whether `folder` has the file, with its size and checksum."""
    place = Path(folder, wanted.path)
    try:
        return place.stat().st_size == wanted.size and _digest(place, wanted) == wanted.digest
    except FileNotFoundError:
        return False


def part_of(wanted: Wanted, folder: str | os.PathLike) -> Path:
    """Return the path of what has come of the file so far."""
    place = Path(folder, wanted.path)
    return place.with_name(f".{place.name}.{wanted.digest[:8]}.part")


def bytes_to_come(wanted: Wanted, folder: str | os.PathLike) -> int:
    """Return how many bytes of a file that is not whole are to be downloaded still."""
    return max(0, wanted.size - _size(part_of(wanted, folder)))


def check_room(folder: str | os.PathLike, needed: int, key: str) -> None:
    """Create `folder`; raise InputError, naming the configuration's `key`, if it lacks room.

    `needed` is in bytes; a GiB more must be free, so that other work on the disk can go on.
    """
    os.makedirs(folder, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed and free < needed + _SPARE:
        raise InputError(
            f"{folder}: the download needs {_shown(needed + _SPARE)} of disk, and {_shown(free)} "
            f"are free; make room, or name a folder on another disk in {key}"
        )


@contextmanager
def naming_full_disk(path: str | os.PathLike) -> Iterator[None]:
    """End the job for now, naming `path`, if the block finds the disk or a quota full."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise ComeBackLater(
            f"{path}: the disk is full; make room, then run the same command again"
        ) from error


def download(
    wanted: Wanted, folder: str | os.PathLike, *, first_pause: float = _FIRST_PAUSE
) -> Iterator[int]:
    """Download the file into `folder`; yields the numbers of bytes that come.

    It goes on with what an earlier run has left of it, after broken connections and errors of the
    server too, with pauses that double from `first_pause` s on, or as Retry-After says. The file
    gets its name when its checksum is right, and is read-only then. Raises ComeBackLater, naming
    the address, where requests go on failing, the server wants a long pause, the checksum is wrong
    twice, or the disk is full; InputError where the server says that there is no such file.
    """
    place, part = Path(folder, wanted.path), part_of(wanted, folder)
    place.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(2):
        yield from _fill(part, wanted, first_pause)
        if _digest(part, wanted) == wanted.digest:
            break
        part.unlink()
        logging.warning("%s: the checksum is wrong; it is removed", part)
    else:
        raise ComeBackLater(
            f"{shown_url(wanted.url)}: came twice with another checksum than the published one "
            f"({wanted.algorithm} {wanted.digest}); run the same command again later"
        )
    with open(part, "rb") as written:
        os.fsync(written.fileno())
    os.replace(part, place)
    make_read_only(place)


def make_read_only(path: str | os.PathLike) -> None:
    """Take the right to write `path` from everybody, if the file is one's own."""
    with suppress(PermissionError):
        os.chmod(path, 0o444)


def _digest(path: Path, wanted: Wanted) -> str:
    with open(path, "rb") as content:
        return hashlib.file_digest(content, wanted.algorithm).hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _shown(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB"


def _fill(part: Path, wanted: Wanted, first_pause: float) -> Iterator[int]:
    """Ask for what `part` lacks until it has the size of the file."""
    if _size(part) > wanted.size:
        part.unlink()
    failed, pause = 0, first_pause
    while (have := _size(part)) < wanted.size:
        trouble = _Passing("the connection was closed")
        try:
            yield from _request(part, wanted, have)
        except _Passing as error:
            trouble = error
        got = _size(part) - have
        if have + got == wanted.size:
            return
        if got >= _ENOUGH:
            failed, pause = 0, first_pause
        failed += 1
        wait = pause if trouble.pause is None else trouble.pause
        what = f"{shown_url(wanted.url)}: {one_line(trouble)}"
        if failed == _ATTEMPTS or wait > _LONGEST_PAUSE:
            raise ComeBackLater(
                f"{what}; what has come is kept: run the same command again later"
            ) from trouble
        logging.warning(
            "%s; %d of %d bytes are there; again in %.1f s", what, have + got, wanted.size, wait
        )
        time.sleep(wait)
        pause *= 2


def _request(part: Path, wanted: Wanted, have: int) -> Iterator[int]:
    """Append to `part`, which has `have` bytes, what one request brings."""
    sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
    deadline = Deadline(_SECONDS, sockets)
    try:
        with (
            deadline,
            bounded_session(sockets) as session,
            _answer(session, wanted, have) as answer,
            naming_full_disk(part),
            open(part, "ab" if answer.status_code == 206 else "wb") as file,
        ):
            left = wanted.size - file.tell()
            while left and (block := _block(answer, min(left, _BLOCK))):
                file.write(block)
                left -= len(block)
                yield len(block)
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _Passing(root_cause(error)) from error
    except requests.RequestException as error:
        raise InputError(
            f"{shown_url(wanted.url)}: cannot be asked for ({root_cause(error)})"
        ) from None


def _block(answer: requests.Response, most: int) -> bytes:
    try:
        return bytes(answer.raw.read1(most, decode_content=False))
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise _Passing(root_cause(error)) from error


def _answer(session: requests.Session, wanted: Wanted, have: int) -> requests.Response:
    """Return the answer with the bytes from `have` on, or with all; its body is not read yet."""
    place = wanted.url
    for _ in range(_REDIRECTS + 1):
        headers = dict(wanted.headers) if host_of(place) == host_of(wanted.url) else {}
        if have:
            headers["Range"] = f"bytes={have}-"
        try:
            answer = session.get(
                place,
                headers=headers,
                stream=True,
                timeout=_SECONDS_TO_ANSWER,
                allow_redirects=False,
            )
        except requests.RequestException:
            raise
        except ValueError as error:
            # requests parses the Location of a redirect even if it is not asked to follow it.
            raise _Passing("it leads to what is no address") from error
        if answer.status_code in (200, 206):
            if problem := _unlike(answer, wanted.size, have):
                answer.close()
                raise _Passing(problem)
            return answer
        answer.close()
        if not answer.is_redirect:
            raise _refusal(answer, wanted.url)
        try:
            place = next_place(place, answer.headers["Location"])
        except ValueError as error:
            raise _Passing(str(error)) from None
        if not is_http(place):
            raise InputError(
                f"{shown_url(wanted.url)}: leads to {shown_url(place)}, which is refused"
            )
    raise _Passing(f"more than {_REDIRECTS} redirects")


def _unlike(answer: requests.Response, size: int, have: int) -> str:
    """Return why an answer cannot be the file of `size` bytes, from `have` on or whole, or nothing.

    A page that a network portal sends in its place may not replace what has come.
    """
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        return "the server compresses it"
    if answer.status_code == 206:
        said = answer.headers.get("Content-Range", "")
        return "" if said == f"bytes {have}-{size - 1}/{size}" else f"the server sends {said!r}"
    said = answer.headers.get("Content-Length", "")
    return "" if said == str(size) else f"the server has {said or 'an unknown number of'} bytes"


def _refusal(answer: requests.Response, url: str) -> Exception:
    """Return the error for an answer that is neither the file nor a redirect."""
    code = answer.status_code
    if code == 416:
        return _Passing("the server has fewer bytes than were published")
    if code not in _TRY_AGAIN:
        return InputError(
            f"{shown_url(url)}: the server answers with status {code}; download the file by other "
            "means (docs/downloads.md)"
        )
    after = answer.headers.get("Retry-After", "")
    pause = float(after) if re.fullmatch(r"[0-9]{1,9}", after) else None
    if code == 429:
        # Who sends too many requests and is not told for how long to wait should wait long.
        pause = 2 * _LONGEST_PAUSE if pause is None else pause
        return _Passing("too many requests", pause)
    return _Passing(f"the server answers with status {code}", pause)
