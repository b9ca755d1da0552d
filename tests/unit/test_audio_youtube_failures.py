"""What yt-dlp's errors are taken for: its own classes, with the messages that it and YouTube use.

The messages are those of yt-dlp's source and of its users' reports; none was got from YouTube here.
"""

import errno
import socket
import ssl
import sys
from types import SimpleNamespace

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from yt_dlp.cookies import CookieLoadError
from yt_dlp.networking.exceptions import (
    CertificateVerifyError,
    HTTPError,
    IncompleteRead,
    ProxyError,
    RequestError,
    SSLError,
    TransportError,
)
from yt_dlp.utils import (
    ContentTooShortError,
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    UnavailableVideoError,
    UnsupportedError,
    UserNotLive,
    YoutubeDLError,
)

from music_detectors.audio.failures import Retryable, Systemic, Unusable
from music_detectors.audio.youtube_failures import classify

ID = "dQw4w9WgXcQ"
HINT = (
    "Use --cookies-from-browser or --cookies for the authentication. See  "
    "https://github.com/yt-dlp/yt-dlp/wiki/FAQ#how-do-i-pass-cookies-to-yt-dlp  for how to "
    "manually pass cookies. Also see  https://github.com/yt-dlp/yt-dlp/wiki/Extractors#exporting-"
    "youtube-cookies  for tips on effectively exporting YouTube cookies"
)
LIMITED = (
    "Video unavailable. This content isn't available, try again later. The current session has "
    "been rate-limited by YouTube for up to an hour. It is recommended to use `-t sleep` to add a "
    "delay between video requests to avoid exceeding the rate limit. For more information, refer "
    "to  https://github.com/yt-dlp/yt-dlp/wiki/Extractors#this-content-isnt-available-try-again-"
    "later"
)


def raised(error):
    """The error as YoutubeDL hands it on: as the cause of a DownloadError, as in `trouble`."""
    try:
        raise error
    except YoutubeDLError:
        return DownloadError(f"\x1b[0;31mERROR:\x1b[0m {error}", sys.exc_info())


def said(message, **facts):
    """The error of an extractor with this message."""
    return raised(ExtractorError(message, expected=True, video_id=ID, ie="youtube", **facts))


def only_said(message):
    """The same where the cause has been lost."""
    return DownloadError(f"ERROR: [youtube] {ID}: {message}", (None, None, None))


FINAL = {
    "Private video. Sign in if you've been granted access to this video. " + HINT: "private video",
    "This video is private": "private video",
    "Video unavailable. This video has been removed by the uploader": "removed",
    "This video has been removed for violating YouTube's policy on hate speech": "removed",
    "This video has been removed for violating YouTube's Terms of Service": "removed",
    "Video unavailable. This video is no longer available because the YouTube account associated "
    "with this video has been terminated.": "account closed",
    "Video unavailable. This video is no longer available because the uploader has closed their "
    "YouTube account.": "removed",
    "This account has been terminated": "account closed",
    "Join this channel to get access to members-only content like this video": "members only",
    "This video is available to this channel's members on level: Gold": "members only",
    "This video requires payment to watch": "must be paid for",
    "Sign in to confirm your age. This video may be inappropriate for some users. "
    + HINT: "age confirmation",
    "This video is DRM protected": "protected by DRM",
    "Video unavailable. This video contains content from UMG, who has blocked it on copyright "
    "grounds": "copyright claim",
    "Video unavailable. This video contains content from SME, who has blocked it in your country "
    "on copyright grounds": "not in this country",
    "The uploader has not made this video available in your country": "not in this country",
    "Video unavailable. This video is no longer available due to a copyright claim by X": (
        "copyright claim"
    ),
    "Incomplete YouTube ID abc. URL https://www.youtube.com/watch?v=abc looks truncated.": (
        "no such video"
    ),
    "This live event has ended.": "live",
    "This live stream recording is not available.": "live",
    "Premieres in 3 hours": "live",
}

SYSTEMIC = {
    "Sign in to confirm you’re not a bot. " + HINT: "bot check",
    "Sign in to confirm you're not a bot. " + HINT: "bot check",
    LIMITED: "rate limit",
    "Video unavailable. YouTube is requiring a captcha challenge before playback": "bot check",
    "All player responses are invalid. Your IP is likely being blocked by Youtube": (
        "address blocked"
    ),
    "Unable to download API page: HTTP Error 429: Too Many Requests": "rate limit",
    "Unable to download webpage: <urlopen error [Errno -3] Temporary failure in name resolution>": (
        "name resolution"
    ),
    "Unable to download webpage: Failed to resolve 'www.youtube.com'": "name resolution",
    "Unable to download webpage: [Errno 101] Network is unreachable": "network unreachable",
    "Unable to download webpage: [Errno 113] No route to host": "network unreachable",
    "[download] Got error: [Errno 111] Connection refused. Giving up after 2 retries": (
        "connection refused"
    ),
    "Unable to download webpage: ('Unable to connect to proxy', NewConnectionError())": "proxy",
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer": (
        "certificate"
    ),
    "could not find firefox cookies database in '/home/x'": "cookies",
    "failed to load cookies": "cookies",
    "unable to write data: [Errno 28] No space left on device": "disk full",
    "unable to write data: [Errno 122] Disk quota exceeded": "disk full",
    "unable to open for writing: [Errno 13] Permission denied: 'sound'": "disk",
    "ffmpeg not found. Please install or provide the path using --ffmpeg-location": (
        "ffmpeg missing"
    ),
    "No supported JavaScript runtime could be found. Only deno is enabled by default": (
        "runtime missing"
    ),
}

PASSING = {
    "Unable to download webpage: The read operation timed out": "timed out",
    "Unable to download API page: HTTPSConnectionPool(host='www.youtube.com', port=443): Read "
    "timed out. (read timeout=20.0)": "timed out",
    "[download] Got error: [Errno 104] Connection reset by peer. Giving up after 2 retries": (
        "connection broken"
    ),
    "('Connection aborted.', RemoteDisconnected('Remote end closed connection'))": (
        "connection broken"
    ),
    "Downloaded 1000 bytes, expected 2000 bytes": "body shorter than announced",
    "[download] Got error: 5 bytes read, 10 more expected. Giving up": (
        "body shorter than announced"
    ),
    "Did not get any data blocks": "body shorter than announced",
    "The page needs to be reloaded.": "page to be reloaded",
    "Failed to extract any player response": "no player response",
    "Requested format is not available. Use --list-formats for a list of available formats": (
        "no format"
    ),
    "No video formats found!": "no format",
    "unable to download video data: HTTP Error 403: Forbidden": "status 403",
    "HTTP Error 503: Service Unavailable": "status 503",
    "An error occurred. Please try again later.": "yt-dlp failed",
    "Something that nobody has seen before": "yt-dlp failed",
    "Video unavailable": "video unavailable",
    "Video unavailable.": "video unavailable",
    "Video unavailable. This video is unavailable": "video unavailable",
    "Video unavailable. This video is not available": "video unavailable",
    "This video is not available": "video unavailable",
    "This video isn’t available": "video unavailable",
}


@pytest.mark.parametrize("form", [said, only_said, YoutubeDLError], ids=lambda form: form.__name__)
@pytest.mark.parametrize(
    ("kind", "messages"),
    [(Unusable, FINAL), (Systemic, SYSTEMIC), (Retryable, PASSING)],
    ids=["final", "systemic", "passing"],
)
def test_messages_are_known_whatever_holds_them(form, kind, messages):
    for message, reason in messages.items():
        found = classify(form(message))
        assert (type(found), found.reason) == (kind, reason), message
        assert found.message.isprintable() and "ERROR" not in found.message
        if kind is Systemic:
            assert found.advice


def status(code, **headers):
    response = SimpleNamespace(status=code, reason="Why", headers=headers, close=lambda: None)
    return HTTPError(response)


def refused():
    pool = urllib3.HTTPSConnectionPool("www.youtube.com")
    inner = urllib3.exceptions.NewConnectionError(pool, "Failed to establish a new connection")
    inner.__cause__ = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/watch", inner))


def unresolved():
    gai = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    inner = urllib3.exceptions.NameResolutionError("www.youtube.com", None, gai)
    pool = urllib3.HTTPSConnectionPool("www.youtube.com")
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/watch", inner))


CAUSES = {
    "404": (status(404), Unusable, "status 404"),
    "410": (status(410), Unusable, "status 410"),
    "403": (status(403), Retryable, "status 403"),
    "408": (status(408), Retryable, "status 408"),
    "500": (status(500), Retryable, "status 500"),
    "402": (status(402), Systemic, "rate limit"),
    "429": (status(429), Systemic, "rate limit"),
    "407": (status(407), Systemic, "proxy"),
    "geo": (GeoRestrictedError("Not for you", countries=["DE"]), Unusable, "not in this country"),
    "unsupported": (UnsupportedError("http://a/b"), Unusable, "address not supported"),
    "not live": (UserNotLive(), Unusable, "live"),
    "cookies": (CookieLoadError("failed to load cookies"), Systemic, "cookies"),
    "certificate": (CertificateVerifyError(cause=ssl.SSLError(1, "x")), Systemic, "certificate"),
    "proxy": (ProxyError(cause="no tunnel"), Systemic, "proxy"),
    "TLS broken": (
        SSLError("EOF occurred in violation of protocol"),
        Retryable,
        "connection broken",
    ),
    "short": (ContentTooShortError(1, 2), Retryable, "body shorter than announced"),
    "incomplete": (IncompleteRead(5, 10), Retryable, "body shorter than announced"),
    "time-out": (TransportError(cause=TimeoutError("timed out")), Retryable, "timed out"),
    "reset": (
        TransportError(cause=ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")),
        Retryable,
        "connection broken",
    ),
    "refused": (TransportError(cause=refused()), Systemic, "connection refused"),
    "unresolved": (TransportError(cause=unresolved()), Systemic, "name resolution"),
    "unreachable": (
        TransportError(cause=OSError(errno.ENETUNREACH, "Network is unreachable")),
        Systemic,
        "network unreachable",
    ),
    "scheme": (RequestError("Unsupported url scheme"), Unusable, "scheme refused"),
}


@pytest.mark.parametrize("name", CAUSES)
@pytest.mark.parametrize("depth", ["itself", "raised", "behind an extractor's error"])
def test_the_cause_comes_before_the_words(name, depth):
    error, kind, reason = CAUSES[name]
    if depth == "raised":
        error = raised(error)
    elif depth != "itself":
        # Words that by themselves would be final.
        error = said("This video is private", cause=error)
    found = classify(error)
    assert (type(found), found.reason) == (kind, reason)


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "disk full"), (errno.EDQUOT, "disk full"), (errno.EROFS, "no permission")],
)
def test_a_disk_that_cannot_be_written_is_everybodys_trouble(number, reason):
    found = classify(OSError(number, "x"))
    assert isinstance(found, Systemic) and found.reason.startswith(reason)


def test_yt_dlp_gives_the_words_of_a_full_disk_without_its_number():
    found = classify(UnavailableVideoError(OSError(errno.ENOSPC, "No space left on device")))
    assert isinstance(found, Systemic) and found.reason == "disk full"


def test_what_the_server_asks_to_wait_is_passed_on():
    assert classify(raised(status(503, **{"Retry-After": "12"}))).retry_after == 12
    assert classify(raised(status(503, **{"Retry-After": "Fri, 31 Dec"}))).retry_after is None


@pytest.mark.parametrize(
    ("warning", "kind", "reason"),
    [
        ("[youtube] Unable to fetch: Failed to resolve 'youtubei'", Systemic, "name resolution"),
        ("No supported JavaScript runtime could be found", Systemic, "runtime missing"),
        ("HTTP Error 429: Too Many Requests. Retrying (1/2)...", Systemic, "rate limit"),
        ("YouTube said: nothing of note", Retryable, "no player response"),
    ],
)
def test_a_vague_error_is_explained_by_the_warnings_before_it(warning, kind, reason):
    found = classify(said("Failed to extract any player response"), [warning])
    assert (type(found), found.reason) == (kind, reason)


def test_a_final_answer_stands_whatever_was_warned_of():
    found = classify(said("Private video"), ["HTTP Error 429: Too Many Requests"])
    assert isinstance(found, Unusable)


@given(text=st.text(max_size=200), colour=st.sampled_from(["", "\x1b[31m", "\x1b]0;title\x07"]))
def test_any_text_is_classified_and_made_harmless(text, colour):
    found = classify(YoutubeDLError(colour + text))
    assert isinstance(found, (Unusable, Retryable, Systemic))
    assert found.message.isprintable() and len(found.message) <= 300
