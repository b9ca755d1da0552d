"""Recordings at http(s) addresses, with bounds on size, time and where a redirect may lead."""

import errno
import logging
import os
import re
import socket
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from music_detectors.audio.clips import Clip
from music_detectors.audio.decode import SHORT_SECONDS, Decoded, decode
from music_detectors.audio.failures import Retryable, Systemic, Unusable
from music_detectors.audio.journal import disk_trouble
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.common.errors import one_line

_AGENT = "music-detectors-workflow (+https://doi.org/10.1038/s41467-023-44516-0)"
_REDIRECTS = 5
_SECONDS_IDLE = 30.0
_BLOCK = 2**16
_WEB_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)\b", re.I)
_GZIP = b"\x1f\x8b"
_RUN_AGAIN = "see whether the network is up, then run again"


class WebSource:
    """Clips whose reference is the http(s) address of a recording."""

    remote = True
    terms = ""

    def __init__(self, clip_seconds: float, ffmpeg_path: str | None, download: Mapping) -> None:
        """Take the length of a clip, the configured ffmpeg and the section `audio.download`."""
        self._clip_seconds = clip_seconds
        self._ffmpeg_path = ffmpeg_path
        self._seconds = download["timeout_seconds"]
        self._most_bytes = int(download["max_mb"] * 10**6)
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._session = _session(self._sockets)
        self._answered: set[str] = set()

    def read(self, clip: Clip) -> Decoded:
        """Download the recording of `clip` and decode its segment, or the start of it."""
        url = clip.reference
        with disk_trouble(tempfile.gettempdir()):
            folder = tempfile.TemporaryDirectory(prefix="clip-", ignore_cleanup_errors=True)
        with folder:
            path = Path(folder.name) / "recording"
            is_whole = self._download(url, path)
            path = _named(path, url)
            seconds = clip.asked_seconds(self._clip_seconds)
            try:
                decoded = decode(path, clip.start_seconds, seconds, self._ffmpeg_path)
            except Unusable as error:
                message = error.message.replace(str(path), _shown(url))
                if error.status == "empty":
                    raise Retryable(error.reason, message) from error
                raise Unusable(error.status, error.reason, message) from error
            got = len(decoded.samples) / SAMPLE_RATE
            if not is_whole and clip.end_seconds is not None and got < seconds - SHORT_SECONDS:
                message = f"{_shown(url)}: {got:.3f} s of {seconds:.3f} s"
                raise Retryable("cut off, perhaps", message)
        message = decoded.message.replace(str(path), _shown(url))
        return Decoded(decoded.samples, decoded.decoder, decoded.decoder_version, message)

    def _download(self, url: str, path: Path) -> bool:
        """Write what lies at `url` to `path`; returns whether that is known to be all of it."""
        deadline = _Deadline(self._seconds, self._sockets)
        try:
            with deadline, self._answer(url) as answer:
                return self._save(answer, url, path)
        except Retryable as error:
            if deadline.passed and not error.retry_after:
                raise self._too_slow(url) from error
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if deadline.passed:
                raise self._too_slow(url) from error
            raise self._trouble(error, url) from error

    def _answer(self, url: str) -> requests.Response:
        """Return the answer that has the recording, its body not yet read."""
        place = url
        for _ in range(_REDIRECTS + 1):
            if urlsplit(place).scheme.lower() not in ("http", "https"):
                raise Unusable(
                    "unavailable",
                    "redirect refused" if place != url else "address refused",
                    f"{_shown(url)}: leads to {_shown(place)}, which is not http or https",
                )
            answer = self._session.get(
                place, stream=True, timeout=_SECONDS_IDLE, allow_redirects=False
            )
            self._answered.add(_host(place))
            if answer.status_code == 200:
                return answer
            answer.close()
            if not answer.is_redirect:
                raise _refusal(answer, url)
            place = urljoin(place, answer.headers["Location"])
        raise Unusable(
            "unavailable", "too many redirects", f"{_shown(url)}: more than {_REDIRECTS}"
        )

    def _save(self, answer: requests.Response, url: str, path: Path) -> bool:
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        said = answer.headers.get("Content-Length", "")
        expected = int(said) if re.fullmatch(r"[0-9]{1,18}", said) else None
        if kind in ("text/html", "application/xhtml+xml"):
            raise _web_page(url, kind)
        if expected is not None and expected > self._most_bytes:
            raise self._too_large(url, expected)
        got = 0
        with _for_writing(path) as file:
            # As it comes: what is compressed on the way is told by its first bytes. A read that
            # waits for a whole block would let a slow drip pass the time limit by.
            while block := answer.raw.read1(_BLOCK, decode_content=False):
                if not got and _WEB_PAGE.match(block):
                    raise _web_page(url, "what begins as HTML")
                got += len(block)
                if got > self._most_bytes:
                    raise self._too_large(url, got)
                with disk_trouble(path):
                    file.write(block)
        if expected is not None and got != expected:
            raise Retryable("incomplete", f"{_shown(url)}: {got} bytes of {expected}")
        if not got:
            raise Retryable("incomplete", f"{_shown(url)}: nothing came")
        return expected is not None or answer.raw.chunked

    def _trouble(self, error: Exception, url: str) -> Exception:
        """Return what a failed connection means: an outage, or nothing that need last."""
        shown = f"{_shown(url)}: {_innermost(error)}"
        if isinstance(error, requests.exceptions.SSLError):
            reason, lasting = "no secure connection", True
        elif isinstance(error, requests.exceptions.ProxyError):
            reason, lasting = "proxy failed", True
        elif _caused_by(error, (urllib3.exceptions.NameResolutionError, socket.gaierror)):
            reason, lasting = "host not found", True
        elif _caused_by(error, (ConnectionRefusedError,)):
            reason, lasting = "connection refused", True
        elif _has_errno(error, (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)):
            reason, lasting = "network unreachable", True
        elif isinstance(error, (requests.Timeout, TimeoutError)) or _caused_by(
            error, (urllib3.exceptions.TimeoutError, TimeoutError)
        ):
            reason, lasting = "no answer in time", False
        elif _caused_by(error, (urllib3.exceptions.IncompleteRead,)):
            reason, lasting = "incomplete", False
        elif isinstance(
            error,
            (
                requests.exceptions.InvalidURL,
                requests.exceptions.InvalidSchema,
                requests.exceptions.MissingSchema,
                urllib3.exceptions.LocationParseError,
            ),
        ):
            return Unusable("unavailable", "address refused", shown)
        else:
            reason, lasting = "connection broken", False
        # Once another host has answered, the network is up, and it is this one's own trouble.
        if lasting and not self._answered - {_host(url)}:
            return Systemic(reason, shown, _RUN_AGAIN)
        return Retryable(reason, shown)

    def _too_slow(self, url: str) -> Retryable:
        return Retryable("no answer in time", f"{_shown(url)}: not here after {self._seconds:g} s")

    def _too_large(self, url: str, size: int) -> Unusable:
        return Unusable(
            "unavailable",
            "too large",
            f"{_shown(url)}: {size} bytes or more, over audio.download.max_mb",
        )


class _Deadline:
    """Cuts every connection when the time is up, whatever the other side does until then."""

    def __init__(self, seconds: float, sockets: weakref.WeakSet) -> None:
        self.passed = False
        self._sockets = sockets
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        self.passed = True
        for own in list(self._sockets):
            try:
                own.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def _session(sockets: weakref.WeakSet) -> requests.Session:
    """Return a session that enters every socket it opens in `sockets`."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            sockets.add(made)
            return made

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            # The TLS layer has taken the plain socket's place.
            if isinstance(self.sock, socket.socket):
                sockets.add(self.sock)

        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            sockets.add(made)
            return made

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *arguments: object, **options: object) -> None:
            super().init_poolmanager(*arguments, **options)
            self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    session = requests.Session()
    session.headers.update({"User-Agent": _AGENT, "Accept": "audio/*,*/*;q=0.5"})
    session.headers["Accept-Encoding"] = "identity"
    # Without this, passwords in ~/.netrc would go to whatever host a table names.
    session.auth = _no_auth
    for scheme in ("http://", "https://"):
        session.mount(scheme, Adapter(max_retries=0))
    return session


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _refusal(answer: requests.Response, url: str) -> Exception:
    """Return what the status of an answer other than 200 means."""
    code = answer.status_code
    message = f"{_shown(url)}: {code} {one_line(answer.reason, 60)}"
    wait = _retry_after(answer.headers.get("Retry-After", ""))
    if code in (404, 410):
        return Unusable("unavailable", "no longer there", message)
    if code == 429:
        advice = "wait, or ask with fewer jobs at a time; then run again"
        systemic = Systemic("too many requests", message, advice)
        return systemic if wait is None else Retryable("too many requests", message, wait, systemic)
    if code == 407:
        return Systemic("proxy failed", message, _RUN_AGAIN)
    if code in (403, 408, 425) or code >= 500:
        reason = "access refused" if code == 403 else "server failed"
        return Retryable(reason, message, wait)
    return Unusable("unavailable", "refused by the server", message)


def _retry_after(text: str) -> float | None:
    """Return the seconds that a Retry-After header, a number or a date, asks to wait."""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _web_page(url: str, what: str) -> Retryable:
    # A log-in page, a captcha or a hotel's portal: no answer about the clip.
    return Retryable("web page instead of sound", f"{_shown(url)}: {what}")


@contextmanager
def _for_writing(path: Path) -> Iterator[BinaryIO]:
    with disk_trouble(path):
        file = open(path, "wb", buffering=0)
    with file:
        yield file


def _named(path: Path, url: str) -> Path:
    """Give a gzip file the name that says so; all else is known by its content."""
    with open(path, "rb") as file:
        zipped = file.read(2) == _GZIP
    if not zipped:
        return path
    logging.debug("%s: compressed", _shown(url))
    os.replace(path, path.with_suffix(".gz"))
    return path.with_suffix(".gz")


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def _shown(url: str) -> str:
    """Return an address for messages, without passwords and signatures that it may hold."""
    try:
        parts = urlsplit(url)
        return one_line(f"{parts.scheme}://{_host(url)}{parts.path}", 160)
    except ValueError:
        return "an address that makes no sense"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield `error` and what it came from, in whichever way that is told."""
    waiting, seen = [error], set()
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [getattr(current, "reason", None), *current.args]
        waiting += [current.__cause__, current.__context__]


def _caused_by(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(cause, kinds) for cause in _chain(error))


def _has_errno(error: BaseException, numbers: tuple[int, ...]) -> bool:
    return any(getattr(cause, "errno", None) in numbers for cause in _chain(error))


def _innermost(error: BaseException) -> str:
    """Return the deepest cause's words, which the outer ones repeat with addresses in memory."""
    last = list(_chain(error))[-1]
    return one_line(re.sub(r"<[^<>]* at 0x[0-9a-f]+>:? ?", "", str(last) or type(last).__name__))
