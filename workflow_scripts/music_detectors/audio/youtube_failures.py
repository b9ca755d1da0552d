"""What yt-dlp's errors mean: an answer about the video, or trouble that may pass or concerns all.

The types and messages of an error and of its causes are searched for words (yt-dlp 2026.10.26,
extractor/youtube/_video.py). Whatever is not known may be tried again; enough of that in a row
stops the shard.
"""

import re
from collections.abc import Iterable, Iterator

from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.utils import ExtractorError

from music_detectors.audio.failures import Retryable, Systemic, Unusable
from music_detectors.common.errors import one_line

VIDEO_UNAVAILABLE = "video unavailable"
"""The reason of the one answer that a block may give as well as a video that is gone."""

DISK = "disk"
"""The reason of trouble with the folder for downloads."""

# Trouble of every clip: a reason, what the user can do, and the words that tell of it.
_SYSTEMIC = [
    (
        "refused by YouTube",
        "wait an hour or more, raise audio.youtube.pause_seconds, set audio.youtube.cookies, "
        "give its clients tokens (docs/youtube.md), or use a mirror (docs/audioset.md)",
        r"not a bot|captcha|unusual traffic|verify (that )?you('re| are) human|rate.?limit"
        r"|too many (requests|429)|http error (402|429)|content isn't available,? try again later"
        r"|\bip (address )?(is|was|has been) .{0,20}\b(blocked|banned)",
    ),
    (
        "cookies",
        "export the cookies anew (docs/youtube.md), or set audio.youtube.cookies to null",
        r"cookieloaderror|(failed|unable) to (load|read) .{0,30}cookie|could not .{0,40}cookie"
        r"|cookies are no longer valid|netscape format cookies",
    ),
    (
        DISK,
        "make room or get access to the disk, then run again: what was fetched is kept",
        r"no space left|quota exceeded|permission denied|read-only file system"
        r"|too many open files|unable to (open for writing|write data)",
    ),
    (
        "missing program",
        "install it as envs/requirements.lock has it, or set its path (docs/youtube.md)",
        r"ffmpeg.{0,30}not (found|installed)|ffmpeg could not be found"
        r"|no supported javascript runtime|javascript runtime .{0,30}missing",
    ),
    (
        "network",
        "see that the network is up, then run again: what was fetched is kept",
        r"name resolution|failed to resolve|getaddrinfo|name or service not known"
        r"|nodename nor servname|no address associated|network is unreachable|no route to host"
        r"|connection refused|actively refused|proxyerror|http error (407|511)"
        r"|\bproxy\b.{0,60}(error|fail|refus|connect|authenti)|to connect to proxy"
        r"|certificate.?verify|certificate verification",
    ),
]
# Answers about the video: those that cookies of an account may change, and others.
_ACCOUNT = (
    r"private|members.only|join this channel|channel's members|members on level|requires payment"
    r"|purchase|rental|\brent\b|youtube (music )?premium|confirm your age"
    r"|age.?(restricted|verif|gate)|inappropriate for some"
)
_FINAL = (
    r"\bdrm\b|(your|this) (country|location|region)|geo.?(restrict|block)|copyright"
    r"|account .{0,60}(terminated|closed|suspended|deactivated|removed)"
    r"|(has been|was|been) (removed|deleted)|removed by|no longer available|violat"
    r"|does(n't| not) exist|video id .{0,40}incomplete|incomplete youtube id|not currently live"
    r"|live event|premieres? in|will begin in|recording is not available|unsupported url"
    r"|file:// urls are disabled|no connection adapters|no suitable (info ?)?extractor"
    r"|not a valid url|http error (404|410|451)"
)
# All of a message whose only news is that there is no video.
_BARE = re.compile(
    r"(?:this )?(?:video|content) (?:is )?(?:unavailable|not available|isn't available)"
    r"(?:\W+(?:this )?(?:video|content) (?:is )?(?:unavailable|not available|isn't available))*\W*"
)


def classify(error: BaseException, warnings: Iterable[str] = ()) -> Unusable | Retryable | Systemic:
    """Return what `error`, raised by yt-dlp, means for the clip.

    `warnings` are what yt-dlp said about the clip before. Where the error itself is no final
    answer, systemic trouble in them explains it.
    """
    message = _message(error)
    causes = list(_chain(error))
    words = " | ".join(_plain(f"{type(cause).__name__}: {cause}") for cause in causes)
    if (systemic := _systemic(words, message)) is not None:
        return systemic
    if re.search(_ACCOUNT, words):
        return Unusable("unavailable", "needs an account", message)
    if re.search(_FINAL, words):
        return Unusable("unavailable", "not available", message)
    for warning in warnings:
        if (systemic := _systemic(_plain(warning), warning)) is not None:
            return systemic
    if _BARE.fullmatch(_plain(message)):
        return Retryable(VIDEO_UNAVAILABLE, message)
    return Retryable("yt-dlp failed", message, _seconds_to_wait(causes))


def _systemic(words: str, message: str) -> Systemic | None:
    for reason, advice, pattern in _SYSTEMIC:
        if re.search(pattern, words):
            return Systemic(reason, message, advice)
    return None


def _seconds_to_wait(causes: Iterable[BaseException]) -> float | None:
    """Return for how long the server asks to wait, None where it does not say."""
    for cause in causes:
        if isinstance(cause, HTTPError):
            after = cause.response.headers.get("Retry-After") or ""
            return float(after) if after.isdecimal() else None
    return None


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
