"""What each error of yt-dlp means, in its own classes and with its and YouTube's messages.

The messages are from yt-dlp's source and from reports of its users; YouTube was not asked.
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

HINT = " Use --cookies-from-browser or --cookies for the authentication."
ACCOUNT, GONE = (Unusable, "needs an account"), (Unusable, "not available")
REFUSED, NETWORK = (Systemic, "refused by YouTube"), (Systemic, "network")
COOKIES, DISK, PROGRAM = ((Systemic, reason) for reason in ("cookies", "disk", "missing program"))
BARE, FAILED = (Retryable, "video unavailable"), (Retryable, "yt-dlp failed")

MESSAGES = {
    "Private video. Sign in if you've been granted access to this video." + HINT: ACCOUNT,
    "Join this channel to get access to members-only content like this video": ACCOUNT,
    "This video requires payment to watch": ACCOUNT,
    "Sign in to confirm your age. This video may be inappropriate for some users." + HINT: ACCOUNT,
    "Video unavailable. This video has been removed by the uploader": GONE,
    "This video has been removed for violating YouTube's policy on hate speech": GONE,
    "Video unavailable. This video is no longer available because the YouTube account associated "
    "with this video has been terminated.": GONE,
    "This video is DRM protected": GONE,
    "Video unavailable. This video contains content from SME, who has blocked it in your country "
    "on copyright grounds": GONE,
    "Incomplete YouTube ID abc. URL https://www.youtube.com/watch?v=abc looks truncated.": GONE,
    "This live stream recording is not available.": GONE,
    "Premieres in 3 hours": GONE,
    "Sign in to confirm you’re not a bot." + HINT: REFUSED,
    "Video unavailable. This content isn't available, try again later. The current session has "
    "been rate-limited by YouTube for up to an hour.": REFUSED,
    "Video unavailable. YouTube is requiring a captcha challenge before playback": REFUSED,
    "All player responses are invalid. Your IP is likely being blocked by Youtube": REFUSED,
    "Unable to download API page: HTTP Error 429: Too Many Requests": REFUSED,
    "could not find firefox cookies database in '/home/x'": COOKIES,
    "unable to write data: [Errno 28] No space left on device": DISK,
    "unable to open for writing: [Errno 13] Permission denied: 'sound'": DISK,
    "ffmpeg not found. Please install or provide the path using --ffmpeg-location": PROGRAM,
    "No supported JavaScript runtime could be found. Only deno is enabled by default": PROGRAM,
    "Unable to download webpage: <urlopen error [Errno -3] Temporary failure in name "
    "resolution>": NETWORK,
    "Unable to download webpage: [Errno 101] Network is unreachable": NETWORK,
    "[download] Got error: [Errno 111] Connection refused. Giving up after 2 retries": NETWORK,
    "Unable to download webpage: ('Unable to connect to proxy', NewConnectionError())": NETWORK,
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get issuer": NETWORK,
    "Video unavailable": BARE,
    "Video unavailable. This video is not available": BARE,
    "This video isn’t available": BARE,
    "Unable to download webpage: The read operation timed out": FAILED,
    "[download] Got error: 5 bytes read, 10 more expected. Giving up": FAILED,
    "Requested format is not available. Use --list-formats for a list of formats": FAILED,
    "unable to download video data: HTTP Error 403: Forbidden": FAILED,
    "HTTP Error 503: Service Unavailable": FAILED,
    "Something that nobody has seen before": FAILED,
}


def raised(error):
    """The error as YoutubeDL hands it on: as the cause of a DownloadError."""
    try:
        raise error
    except YoutubeDLError:
        return DownloadError(f"\x1b[0;31mERROR:\x1b[0m {error}", sys.exc_info())


def extractor_error(message, **facts):
    return raised(ExtractorError(message, expected=True, video_id="x", ie="youtube", **facts))


def without_cause(message):
    return DownloadError(f"ERROR: [youtube] dQw4w9WgXcQ: {message}", (None, None, None))


@pytest.mark.parametrize("form", [extractor_error, without_cause, YoutubeDLError])
def test_messages_are_known_in_every_form(form):
    for message, (kind, reason) in MESSAGES.items():
        found = classify(form(message))
        assert (type(found), found.reason) == (kind, reason), message
        assert found.message.isprintable() and "ERROR" not in found.message


def status(code, **headers):
    return HTTPError(
        SimpleNamespace(status=code, reason="Why", headers=headers, close=lambda: None)
    )


def unresolved():
    gai = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    inner = urllib3.exceptions.NameResolutionError("www.youtube.com", None, gai)
    pool = urllib3.HTTPSConnectionPool("www.youtube.com")
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/watch", inner))


CAUSES = {
    "404": (status(404), GONE),
    "403": (status(403), FAILED),
    "500": (status(500), FAILED),
    "402": (status(402), REFUSED),
    "429": (status(429), REFUSED),
    "407": (status(407), NETWORK),
    "geo": (GeoRestrictedError("Blocked in your country", countries=["DE"]), GONE),
    "unsupported": (UnsupportedError("http://a/b"), GONE),
    "not live": (UserNotLive(), GONE),
    "scheme": (RequestError("Unsupported url scheme"), GONE),
    "cookies": (CookieLoadError("x"), COOKIES),
    "certificate": (CertificateVerifyError(cause=ssl.SSLError(1, "x")), NETWORK),
    "proxy": (ProxyError(cause="no tunnel"), NETWORK),
    "unresolved": (TransportError(cause=unresolved()), NETWORK),
    "refused": (TransportError(cause=ConnectionRefusedError(111, "Connection refused")), NETWORK),
    "short": (ContentTooShortError(1, 2), FAILED),
    "incomplete": (IncompleteRead(5, 10), FAILED),
    "time-out": (TransportError(cause=TimeoutError("timed out")), FAILED),
    "full disk": (
        UnavailableVideoError(OSError(errno.ENOSPC, "No space left on device")),
        DISK,
    ),
}


@pytest.mark.parametrize("name", CAUSES)
@pytest.mark.parametrize("depth", ["itself", "raised", "behind an extractor's error"])
def test_the_cause_of_an_error_counts(name, depth):
    error, (kind, reason) = CAUSES[name]
    if depth == "raised":
        error = raised(error)
    elif depth != "itself":
        error = extractor_error("Unable to download webpage", cause=error)
    found = classify(error)
    assert (type(found), found.reason) == (kind, reason)


def test_the_time_that_the_server_asks_to_wait_is_kept():
    assert classify(raised(status(503, **{"Retry-After": "12"}))).retry_after == 12
    assert classify(raised(status(503, **{"Retry-After": "Fri, 31 Dec"}))).retry_after is None


@pytest.mark.parametrize(
    ("warning", "expected"),
    [
        ("[youtube] Unable to fetch: Failed to resolve 'youtubei'", NETWORK),
        ("HTTP Error 429: Too Many Requests. Retrying (1/2)...", REFUSED),
        ("YouTube said: nothing of note", FAILED),
    ],
)
def test_the_warnings_before_explain_a_vague_error(warning, expected):
    found = classify(extractor_error("Failed to extract any player response"), [warning])
    assert (type(found), found.reason) == expected


def test_a_final_answer_stands_whatever_the_warnings():
    found = classify(extractor_error("Private video"), ["HTTP Error 429: Too Many Requests"])
    assert isinstance(found, Unusable)


@given(text=st.text(max_size=200), colour=st.sampled_from(["", "\x1b[31m", "\x1b]0;title\x07"]))
def test_any_text_is_classified_and_made_harmless(text, colour):
    found = classify(YoutubeDLError(colour + text))
    assert isinstance(found, (Unusable, Retryable, Systemic))
    assert found.message.isprintable() and len(found.message) <= 300
