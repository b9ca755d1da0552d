"""Recordings at http(s) addresses, with limits on size, time and redirects."""

import errno
import logging
import os
import re
import socket
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http.client import responses
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import requests
import urllib3

from music_detectors.audio.clips import SHORT_SECONDS, Clip
from music_detectors.audio.failures import Retryable, Systemic, Unusable, disk_trouble
from music_detectors.common.files import temporary_place
from music_detectors.common.urls import host_of, is_http, next_place, shown_url
from music_detectors.common.web import Deadline, bounded_session, causes, root_cause

_MAX_REDIRECTS = 5
_IDLE_SECONDS = 30.0
_BLOCK_BYTES = 2**16
_WEB_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)\b", re.I)
_GZIP = b"\x1f\x8b"
_RUN_AGAIN = "check the network, then run again"


class WebSource:
    """Clips whose reference is the http(s) address of a recording."""

    terms = ""

    def __init__(
        self,
        judge: Callable[[Clip, Path, str], float],
        download: Mapping,
        addresses: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Set the section `audio.download`.

        `judge` returns how many seconds of a clip a file has, which messages call by the third
        argument (see `judging`). `addresses` has those with a query, by the reference that stands
        for them.
        """
        self._addresses = addresses
        self._judge = judge
        self._seconds = download["timeout_seconds"]
        self._max_bytes = int(download["max_mb"] * 10**6)
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._session = bounded_session(self._sockets)
        self._session.headers["Accept"] = "audio/*,*/*;q=0.5"
        self._answering_hosts: set[str] = set()

    @contextmanager
    def fetch(self, clip: Clip) -> Iterator[Path]:
        """Download the recording of `clip`; yield its file, which is then removed.

        Its sound is decoded once, to know whether to ask again. Raises as `NetworkSource` says.
        """
        url = self._addresses.get(clip.reference, clip.reference)
        place = temporary_place()
        with disk_trouble(place):
            folder = tempfile.TemporaryDirectory(
                prefix="clip-", dir=place, ignore_cleanup_errors=True
            )
        with folder:
            path = Path(folder.name) / "recording"
            is_whole = self._download(url, path)
            path = _mark_gzip(path, url)
            got = self._judge(clip, path, shown_url(url))
            if not is_whole and clip.end_seconds is not None:
                seconds = clip.end_seconds - clip.start_seconds
                if got < seconds - SHORT_SECONDS:
                    message = f"{shown_url(url)}: {got:.3f} s of {seconds:.3f} s"
                    raise Retryable("cut off, perhaps", message)
            yield path

    def _download(self, url: str, path: Path) -> bool:
        """Download `url` to `path`; return whether the download is known to be complete."""
        deadline = Deadline(self._seconds, self._sockets)
        try:
            with deadline, self._request(url) as answer:
                return self._save(answer, url, path)
        except Retryable as error:
            if deadline.passed and not error.retry_after:
                raise self._too_slow(url) from error
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if deadline.passed:
                raise self._too_slow(url) from error
            raise self._connection_error(error, url) from error

    def _request(self, url: str) -> requests.Response:
        """Follow redirects to the recording; return the response with its body unread."""
        address = url
        for _ in range(_MAX_REDIRECTS + 1):
            if not is_http(address):
                raise Unusable(
                    "unavailable",
                    "redirect refused" if address != url else "address refused",
                    f"{shown_url(url)}: leads to {shown_url(address)}, which is not http or https",
                )
            try:
                answer = self._session.get(
                    address, stream=True, timeout=_IDLE_SECONDS, allow_redirects=False
                )
            except requests.RequestException:
                raise
            except ValueError as error:
                # requests parses the Location of a redirect even if it is not to follow it.
                raise Retryable("server failed", f"{shown_url(url)}: {error}") from error
            self._answering_hosts.add(host_of(address))
            if answer.status_code == 200:
                return answer
            answer.close()
            if not answer.is_redirect:
                raise _refusal(answer, url)
            try:
                address = next_place(address, answer.headers["Location"])
            except ValueError as error:
                raise Retryable("server failed", f"{shown_url(url)}: {error}") from None
        raise Unusable(
            "unavailable", "too many redirects", f"{shown_url(url)}: more than {_MAX_REDIRECTS}"
        )

    def _save(self, answer: requests.Response, url: str, path: Path) -> bool:
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        length = answer.headers.get("Content-Length", "")
        expected = int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None
        if kind in ("text/html", "application/xhtml+xml"):
            raise _web_page(url, kind)
        if expected is not None and expected > self._max_bytes:
            raise self._too_large(url, expected)
        got = 0
        with _for_writing(path) as file:
            # Undecoded: the first bytes show what is compressed. `read1` does not wait for a whole
            # block, so a slow server cannot evade the time limit.
            while block := answer.raw.read1(_BLOCK_BYTES, decode_content=False):
                if not got and _WEB_PAGE.match(block):
                    raise _web_page(url, "starts like HTML")
                got += len(block)
                if got > self._max_bytes:
                    raise self._too_large(url, got)
                with disk_trouble(path):
                    file.write(block)
        if expected is not None and got != expected:
            raise Retryable("incomplete", f"{shown_url(url)}: {got} bytes of {expected}")
        if not got:
            raise Retryable("incomplete", f"{shown_url(url)}: no data")
        return expected is not None or answer.raw.chunked

    def _connection_error(self, error: Exception, url: str) -> Exception:
        """Return the error for a failed connection: an outage or a temporary failure."""
        shown = f"{shown_url(url)}: {root_cause(error)}"
        if isinstance(error, requests.exceptions.SSLError):
            reason, is_outage = "no secure connection", True
        elif isinstance(error, requests.exceptions.ProxyError):
            reason, is_outage = "proxy failed", True
        elif _caused_by(error, (urllib3.exceptions.NameResolutionError, socket.gaierror)):
            reason, is_outage = "host not found", True
        elif _caused_by(error, (ConnectionRefusedError,)):
            reason, is_outage = "connection refused", True
        elif _has_errno(error, (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)):
            reason, is_outage = "network unreachable", True
        elif isinstance(error, (requests.Timeout, TimeoutError)) or _caused_by(
            error, (urllib3.exceptions.TimeoutError, TimeoutError)
        ):
            reason, is_outage = "no answer in time", False
        elif _caused_by(error, (urllib3.exceptions.IncompleteRead,)):
            reason, is_outage = "incomplete", False
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
            reason, is_outage = "connection broken", False
        # If another host has answered, the network works and only this host fails.
        if is_outage and not self._answering_hosts - {host_of(url)}:
            return Systemic(reason, shown, _RUN_AGAIN)
        return Retryable(reason, shown)

    def _too_slow(self, url: str) -> Retryable:
        return Retryable(
            "no answer in time", f"{shown_url(url)}: not complete after {self._seconds:g} s"
        )

    def _too_large(self, url: str, size: int) -> Unusable:
        return Unusable(
            "unavailable",
            "too large",
            f"{shown_url(url)}: {size} bytes or more, over audio.download.max_mb",
        )


def _refusal(answer: requests.Response, url: str) -> Exception:
    """Return the error for a response whose status is not 200."""
    code = answer.status_code
    # Not the server's own words, which may repeat the query.
    message = f"{shown_url(url)}: {code} {responses.get(code, '')}".strip()
    wait = _retry_after(answer.headers.get("Retry-After", ""))
    if code in (404, 410):
        return Unusable("unavailable", "no longer there", message)
    if code == 429:
        advice = "wait, or run fewer jobs at a time; then run again"
        systemic = Systemic("too many requests", message, advice)
        return systemic if wait is None else Retryable("too many requests", message, wait, systemic)
    if code == 407:
        return Systemic("proxy failed", message, _RUN_AGAIN)
    if code in (403, 408, 425) or code >= 500:
        reason = "access refused" if code == 403 else "server failed"
        return Retryable(reason, message, wait)
    return Unusable("unavailable", "refused by the server", message)


def _retry_after(text: str) -> float | None:
    """Return the seconds to wait according to a Retry-After header (a number or a date)."""
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _web_page(url: str, evidence: str) -> Retryable:
    # A log-in page, a captcha or a network portal: no answer about the clip.
    return Retryable("web page instead of sound", f"{shown_url(url)}: {evidence}")


@contextmanager
def _for_writing(path: Path) -> Iterator[BinaryIO]:
    with disk_trouble(path):
        file = open(path, "wb", buffering=0)
    with file:
        yield file


def _mark_gzip(path: Path, url: str) -> Path:
    """Rename a gzip file to end in .gz; other formats are recognised by content."""
    with open(path, "rb") as file:
        is_gzip = file.read(2) == _GZIP
    if not is_gzip:
        return path
    logging.debug("%s: compressed", shown_url(url))
    os.replace(path, path.with_suffix(".gz"))
    return path.with_suffix(".gz")


def _caused_by(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes(error))


def _has_errno(error: BaseException, numbers: tuple[int, ...]) -> bool:
    return any(getattr(cause, "errno", None) in numbers for cause in causes(error))
