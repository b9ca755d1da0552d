"""Download a published file, with limits on size, time and redirects."""

import logging
import os
import re
import socket
import time
import weakref

import requests
import urllib3

from music_detectors.common.errors import InputError, one_line
from music_detectors.common.urls import is_http, next_place, shown_url
from music_detectors.common.web import Deadline, bounded_session, root_cause

_MOST_BYTES = 2**29
_SECONDS = 900.0
_SECONDS_TO_ANSWER = (20.0, 60.0)
_ATTEMPTS = 5
_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 60.0
_REDIRECTS = 5
_TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_BLOCK = 2**16
_BROKEN = (
    requests.ConnectionError,
    requests.Timeout,
    urllib3.exceptions.HTTPError,
)


class _Passing(Exception):
    """Trouble that may be gone at the next attempt."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


def download(
    url: str,
    path: str | os.PathLike,
    *,
    most_bytes: int = _MOST_BYTES,
    seconds: float = _SECONDS,
    first_pause: float = _FIRST_PAUSE,
) -> None:
    """Write the file at `url` to `path`.

    After a time-out, a broken connection, a short body or an error of the server it tries again,
    with pauses that double from `first_pause` s on, or as Retry-After says. It follows redirects to
    http and https only. Raises InputError, naming the URL, when the file cannot be downloaded, is
    larger than `most_bytes`, or takes longer than `seconds` in one attempt.
    """
    pause = first_pause
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _attempt(url, path, most_bytes, seconds)
            return
        except _Passing as trouble:
            if attempt == _ATTEMPTS:
                raise InputError(
                    f"{shown_url(url)}: cannot be downloaded after {_ATTEMPTS} attempts "
                    f"({one_line(trouble)}); run again later, or download it by other means and "
                    "configure the path of the file"
                ) from trouble
            wait = min(_LONGEST_PAUSE, pause if trouble.pause is None else trouble.pause)
            logging.warning("%s: %s; again in %.1f s", shown_url(url), one_line(trouble), wait)
            time.sleep(wait)
            pause *= 2


def _attempt(url: str, path: str | os.PathLike, most_bytes: int, seconds: float) -> None:
    sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
    deadline = Deadline(seconds, sockets)
    try:
        with deadline, bounded_session(sockets) as session, _answer(session, url) as answer:
            said = answer.headers.get("Content-Length", "")
            expected = int(said) if re.fullmatch(r"[0-9]{1,18}", said) else None
            if expected is not None and expected > most_bytes:
                raise _too_large(url, most_bytes)
            got = 0
            with open(path, "wb") as file:
                while block := answer.raw.read1(_BLOCK, decode_content=True):
                    got += len(block)
                    if got > most_bytes:
                        raise _too_large(url, most_bytes)
                    file.write(block)
            # Compressed on the way, the body's length is not the file's.
            if expected is not None and not answer.headers.get("Content-Encoding"):
                if got != expected:
                    raise _Passing(f"{got} bytes of {expected}")
    except _BROKEN as error:
        raise _Passing(_late(deadline, seconds) or root_cause(error)) from error
    except requests.RequestException as error:
        raise InputError(
            f"{shown_url(url)}: cannot be asked for ({root_cause(error)}); correct it"
        ) from None
    except ValueError as error:
        # requests parses the Location of a redirect even if it is not asked to follow it.
        raise _Passing("it leads to what is no address") from error
    if deadline.passed:
        raise _Passing(_late(deadline, seconds))


def _late(deadline: Deadline, seconds: float) -> str:
    return f"not complete after {seconds:g} s" if deadline.passed else ""


def _answer(session: requests.Session, url: str) -> requests.Response:
    """Return the answer with the file; its body is not read yet."""
    place = url
    for _ in range(_REDIRECTS + 1):
        answer = session.get(
            place,
            stream=True,
            timeout=_SECONDS_TO_ANSWER,
            allow_redirects=False,
        )
        if answer.status_code == 200:
            return answer
        answer.close()
        code = answer.status_code
        if answer.is_redirect:
            try:
                place = next_place(place, answer.headers["Location"])
            except ValueError as error:
                raise _Passing(str(error)) from None
            if not is_http(place):
                raise InputError(f"{shown_url(url)}: leads to {shown_url(place)}, which is refused")
        elif code in _TRY_AGAIN:
            after = answer.headers.get("Retry-After", "")
            raise _Passing(
                f"status {code}", float(after) if re.fullmatch(r"[0-9]{1,9}", after) else None
            )
        else:
            raise InputError(
                f"{shown_url(url)}: the server answers with status {code}; correct the address, "
                "or give the path of a copy"
            )
    raise InputError(f"{shown_url(url)}: more than {_REDIRECTS} redirects")


def _too_large(url: str, most_bytes: int) -> InputError:
    return InputError(
        f"{shown_url(url)}: is larger than {most_bytes >> 20} MiB, and no such file is"
    )
