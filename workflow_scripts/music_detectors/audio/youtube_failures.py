"""What yt-dlp's errors mean: an answer about the clip, trouble that may pass, or trouble for all.

The cause of an error is looked at first, for its type says more than words; then the message, whose
wording is yt-dlp's and YouTube's (yt-dlp 2026.10.26, extractor/youtube/_video.py). What is known to
be neither final nor everybody's trouble, and all that is not known, may be tried again: enough of
that in a row stops the shard.
"""

import errno
import re
import socket
from collections.abc import Iterable, Iterator

from yt_dlp.cookies import CookieLoadError
from yt_dlp.networking.exceptions import (
    CertificateVerifyError,
    HTTPError,
    ProxyError,
    RequestError,
    TransportError,
)
from yt_dlp.utils import (
    ContentTooShortError,
    ExtractorError,
    GeoRestrictedError,
    UnsupportedError,
    UserNotLive,
)

from music_detectors.audio.failures import Retryable, Systemic, Unusable
from music_detectors.common.errors import one_line

VIDEO_UNAVAILABLE = "video unavailable"
"""The reason of the one answer that a block may give as well as a video that is gone."""

_NETWORK = "see that the network is up, then run again: what was fetched is kept"
_BLOCKED = (
    "YouTube refuses this address or account for now: wait an hour or more, raise "
    "audio.youtube.pause_seconds, set audio.youtube.cookies, or use a mirror (docs/fetching.md)"
)
_DISK = "make room or mend the disk, then run again: what was fetched is kept"
_COOKIES = "export the cookies anew (docs/fetching.md), or set audio.youtube.cookies to null"
_TOOLS = "install it as envs/requirements.lock has it, or set its path (docs/fetching.md)"

_ERRNO = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), ("disk full", _DISK)),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), ("no permission to write", _DISK)),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), ("too many open files", _DISK)),
    **dict.fromkeys((errno.ENETUNREACH, errno.EHOSTUNREACH), ("network unreachable", _NETWORK)),
    errno.ECONNREFUSED: ("connection refused", _NETWORK),
}
# Everybody's trouble, in the order in which messages are looked through.
_SYSTEMIC = [
    (r"not a bot|captcha|unusual traffic|verify (that )?you('re| are) human", "bot check"),
    (r"rate.?limit|too many (requests|429)|http error 429", "rate limit"),
    (r"content isn't available,? try again later", "rate limit"),
    (r"\bip (address )?(is|was|has been) .{0,20}\b(blocked|banned)", "address blocked"),
    (r"(failed|unable) to (load|read) .{0,30}cookie|could not .{0,40}cookie", "cookies"),
    (r"cookies are no longer valid|netscape format cookies", "cookies"),
    (r"no space left|disk quota exceeded", "disk full"),
    (r"permission denied|read-only file system|too many open files", "disk"),
    (r"unable to (open for writing|write data)", "disk"),
    (r"name resolution|failed to resolve|getaddrinfo|name or service not known", "name resolution"),
    (r"nodename nor servname|no address associated", "name resolution"),
    (r"network is unreachable|no route to host", "network unreachable"),
    (r"connection refused|actively refused", "connection refused"),
    (r"\bproxy\b.{0,60}(error|fail|refus|connect|authenti)|to connect to proxy", "proxy"),
    (r"certificate.?verify.?failed|certificate verification", "certificate"),
    (r"ffmpeg.{0,30}not (found|installed)|ffmpeg could not be found", "ffmpeg missing"),
    (r"no supported javascript runtime|javascript runtime .{0,30}missing", "runtime missing"),
]
_ADVICE = {
    **dict.fromkeys(("bot check", "rate limit", "address blocked"), _BLOCKED),
    "cookies": _COOKIES,
    **dict.fromkeys(("disk full", "disk"), _DISK),
    **dict.fromkeys(("ffmpeg missing", "runtime missing"), _TOOLS),
}
# Answers about the video.
_FINAL = [
    (r"private", "private video"),
    (r"members.only|join this channel|channel's members|members on level", "members only"),
    (r"requires payment|purchase|rental|\brent\b|youtube (music )?premium", "must be paid for"),
    (r"confirm your age|age.?(restricted|verif|gate)|inappropriate for some", "age confirmation"),
    (r"\bdrm\b", "protected by DRM"),
    (r"(your|this) (country|location|region)|geo.?(restrict|block)", "not in this country"),
    (r"copyright", "copyright claim"),
    (r"account .{0,60}(terminated|closed|suspended|deactivated|removed)", "account closed"),
    (r"(has been|was|been) (removed|deleted)|removed by|no longer available|violat", "removed"),
    (r"does(n't| not) exist|video id .{0,40}incomplete|incomplete youtube id", "no such video"),
    (r"live event|premieres? in|will begin in|recording is not available", "live"),
    (r"unsupported url scheme|file:// urls are disabled|no connection adapters", "scheme refused"),
    (r"unsupported url|no suitable (info ?)?extractor|not a valid url", "address not supported"),
]
# All that may be left of a message whose only news is that there is no video.
_BARE = re.compile(
    r"(?:this )?(?:video|content) (?:is )?(?:unavailable|not available|isn't available)"
    r"(?:\W+(?:this )?(?:video|content) (?:is )?(?:unavailable|not available|isn't available))*\W*"
)
_PASSING = [
    (r"timed? ?out", "time-out"),
    (r"reset by peer|connection (was )?(reset|aborted)|remote end closed|broken pipe", "reset"),
    (r"connection (was )?closed|eof occurred|unexpected.eof", "reset"),
    (
        r"downloaded \S+ bytes, expected|more expected|did not get any data blocks|"
        r"downloaded file is empty|incomplete ?read",
        "short body",
    ),
    (r"needs to be reloaded", "page to be reloaded"),
    (r"player response", "no player response"),
    (r"format is not available|no video formats|only images are available", "no format"),
]
_WORDS = {
    "time-out": "timed out",
    "reset": "connection broken",
    "short body": "body shorter than announced",
}


def classify(error: BaseException, warnings: Iterable[str] = ()) -> Unusable | Retryable | Systemic:
    """Return what `error`, raised by yt-dlp, means for the clip.

    `warnings` are what yt-dlp said about the clip before: where the error itself is no final
    answer, everybody's trouble that shows in them is taken for its cause.
    """
    message = _message(error)
    said = _plain(message)
    found = _by_cause(error, message) or _by_message(said, message)
    if isinstance(found, Retryable):
        for warning in warnings:
            behind = _systemic(_plain(warning), warning)
            if behind is not None:
                return behind
    return found


def _by_cause(error: BaseException, message: str) -> Unusable | Retryable | Systemic | None:
    """Return what the types behind `error` tell, or None where they leave it to the words."""
    behind = list(_chain(error))
    for cause in behind:
        if isinstance(cause, GeoRestrictedError):
            return Unusable("unavailable", "not in this country", message)
        if isinstance(cause, UnsupportedError):
            return Unusable("unavailable", "address not supported", message)
        if isinstance(cause, UserNotLive):
            return Unusable("unavailable", "live", message)
        if isinstance(cause, CookieLoadError):
            return Systemic("cookies", message, _COOKIES)
        if isinstance(cause, CertificateVerifyError):
            return Systemic("certificate", message, _NETWORK)
        if isinstance(cause, ProxyError):
            return Systemic("proxy", message, _NETWORK)
        if isinstance(cause, HTTPError):
            return _by_status(cause, message)
        if isinstance(cause, ContentTooShortError):
            return Retryable(_WORDS["short body"], message)
    # Names that cannot be resolved and refused ports hide below errors of a general kind.
    for cause in behind:
        if isinstance(cause, socket.gaierror) or type(cause).__name__ == "NameResolutionError":
            return Systemic("name resolution", message, _NETWORK)
        if isinstance(cause, TimeoutError):
            return Retryable(_WORDS["time-out"], message)
        if isinstance(cause, OSError) and cause.errno in _ERRNO:
            reason, advice = _ERRNO[cause.errno]
            return Systemic(reason, message, advice)
    for cause in behind:
        if isinstance(cause, TransportError):
            # A library's own words, which may be all that names the trouble.
            text = " ".join([_plain(cause), _plain(message)])
            return _systemic(text, message) or _passing(text, message)
        if isinstance(cause, RequestError):
            return Unusable("unavailable", "scheme refused", message)
    return None


def _by_status(error: HTTPError, message: str) -> Unusable | Retryable | Systemic:
    status = error.status
    if status in (404, 410, 451):
        return Unusable("unavailable", f"status {status}", message)
    # 402 is what YouTube answered to too many requests before there was 429.
    if status in (402, 429):
        return Systemic("rate limit", message, _BLOCKED)
    if status in (407, 511):
        return Systemic("proxy", message, _NETWORK)
    after = error.response.headers.get("Retry-After") or ""
    return Retryable(f"status {status}", message, float(after) if after.isdecimal() else None)


def _by_message(said: str, message: str) -> Unusable | Retryable | Systemic:
    systemic = _systemic(said, message)
    if systemic is not None:
        return systemic
    for pattern, reason in _FINAL:
        if re.search(pattern, said):
            return Unusable("unavailable", reason, message)
    if _BARE.fullmatch(said):
        return Retryable(VIDEO_UNAVAILABLE, message)
    status = re.search(r"http error (\d{3})", said)
    if status and status[1] in ("404", "410", "451"):
        return Unusable("unavailable", f"status {status[1]}", message)
    if status:
        return Retryable(f"status {status[1]}", message)
    return _passing(said, message)


def _systemic(said: str, message: str) -> Systemic | None:
    for pattern, reason in _SYSTEMIC:
        if re.search(pattern, said):
            return Systemic(reason, message, _ADVICE.get(reason, _NETWORK))
    return None


def _passing(said: str, message: str) -> Retryable:
    for pattern, reason in _PASSING:
        if re.search(pattern, said):
            return Retryable(_WORDS.get(reason, reason), message)
    return Retryable("yt-dlp failed", message)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and all that stands behind it, nearest first."""
    waiting: list[object] = [error]
    seen: list[BaseException] = []
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or cause in seen:
            continue
        seen.append(cause)
        yield cause
        waiting.append((getattr(cause, "exc_info", None) or (None, None))[1])
        waiting += [getattr(cause, "cause", None), getattr(cause, "reason", None)]
        waiting += [cause.__cause__, *cause.args]


def _message(error: BaseException) -> str:
    """Return the message for people, without what yt-dlp puts before and after it."""
    inner = (getattr(error, "exc_info", None) or (None, None))[1]
    shown = inner if isinstance(inner, ExtractorError) else error
    text = shown.orig_msg if isinstance(shown, ExtractorError) else str(error)
    text = one_line(text, limit=1000)
    text = re.sub(r"^(?:ERROR:\s*)?(?:\[[^\]]*\]\s*(?:[\w-]{11}:\s*)?)?", "", text)
    return re.split(r"; please report this issue on|\(caused by ", text)[0].strip() or repr(error)


def _plain(text: object) -> str:
    """Return `text` as the patterns expect it: small letters, one kind of apostrophe, one line."""
    return one_line(text, limit=2000).replace("\u2019", "'").lower()
