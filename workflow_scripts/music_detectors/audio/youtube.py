"""Clips from YouTube, through yt-dlp: as little of the sound as covers the segment, cut here."""

import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import NoReturn

import deno
import yt_dlp
import yt_dlp_ejs
from yt_dlp.utils import DownloadCancelled, YoutubeDLError
from yt_dlp.version import __version__ as YT_DLP

from music_detectors.audio.clips import Clip
from music_detectors.audio.decode import SHORT_SECONDS, Decoded, decode, find_ffmpeg
from music_detectors.audio.failures import Retryable, Systemic, Unusable
from music_detectors.audio.journal import disk_trouble
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.youtube_failures import VIDEO_UNAVAILABLE, classify
from music_detectors.common.errors import one_line

_WATCH = "https://www.youtube.com/watch?v={}"
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_NATIVE = ("http", "https", "http_dash_segments", "m3u8_native")
_OLDEST_DENO = (2, 3)

# How far beyond the segment's end the download goes: bytes are not spread evenly over time.
_MARGIN_SECONDS = 10.0
_MARGIN_SHARE = 0.15
# YouTube gives durations in whole seconds.
_DURATION_SECONDS = 1.0

_SECONDS_IDLE = 30.0
_RETRIES = 2
_RETRY_SECONDS = 2.0
_LONGEST_RETRY = 30.0

_COOKIES = "audio.youtube.cookies takes a file of cookies in Netscape's form, or null"


class YouTubeSource:
    """Clips whose reference is the id of a video on YouTube.

    One YoutubeDL serves all clips of a job. It is made when the first clip is asked for, after what
    it needs has been checked.
    """

    remote = True

    def __init__(
        self,
        clip_seconds: float,
        ffmpeg_path: str | None,
        youtube: Mapping,
        download: Mapping,
        *,
        address: str = _WATCH,
        extractors: Sequence[str] = ("youtube",),
        retry_seconds: float = _RETRY_SECONDS,
    ) -> None:
        """Take a clip's length, the configured ffmpeg, `audio.youtube` and `audio.download`.

        `address` makes the address of a video's id, and only yt-dlp's `extractors` may answer to
        it; within one attempt at a clip yt-dlp tries again after pauses that double from
        `retry_seconds` on.
        """
        self._clip_seconds = clip_seconds
        self._ffmpeg_path = ffmpeg_path
        self._settings = youtube
        self._seconds = download["timeout_seconds"]
        self._most_bytes = int(download["max_mb"] * 10**6)
        self._address = address
        self._extractors = extractors
        self._retry_seconds = retry_seconds
        # A session that YouTube trusts gets videos that others do not.
        self.terms = youtube["cookies"] or ""
        self._downloader: yt_dlp.YoutubeDL | None = None
        self._folder: tempfile.TemporaryDirectory | None = None
        self._asked_at = -float("inf")
        self._voice = _Voice()
        # Clips that were answered for good, and how many had been when a clip was first said to be
        # unavailable with no word of why.
        self._answered = 0
        self._unavailable: dict[str, int] = {}
        self._short: dict[str, int] = {}
        # What is known of the video that is being asked for.
        self._end = 0.0
        self._start = 0.0
        self._duration: float | None = None
        self._refusal: Unusable | None = None
        self._mute = False

    def read(self, clip: Clip) -> Decoded:
        """Download and decode the segment of `clip`.

        Raises Unusable when it cannot be had, Retryable when it may be had another time, Systemic
        when no clip can be had for now, and InputError when ffmpeg cannot be run.
        """
        if self._downloader is None:
            self._open()
        try:
            decoded = self._read(clip)
        except Unusable:
            self._answered += 1
            raise
        except Retryable as error:
            if error.reason == VIDEO_UNAVAILABLE:
                self._hear_unavailable(clip, error)
            raise
        except OSError as error:
            raise classify(error) from error
        self._answered += 1
        return decoded

    def close(self) -> None:
        """Remove what was downloaded; the source may be read from again."""
        if self._downloader is not None:
            self._downloader.close()
            self._downloader = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _open(self) -> None:
        """Check all that YouTube takes, then make the downloader."""
        cookies = _read_cookies(self._settings["cookies"])
        ffmpeg, _ = find_ffmpeg(self._ffmpeg_path)
        runtime, version = find_deno(self._settings["deno"])
        logging.info(
            "yt-dlp %s with yt-dlp-ejs %s and deno %s", YT_DLP, yt_dlp_ejs.version, version
        )
        if self._folder is None:
            with disk_trouble(tempfile.gettempdir()):
                self._folder = tempfile.TemporaryDirectory(
                    prefix="youtube-", ignore_cleanup_errors=True
                )
        downloader = yt_dlp.YoutubeDL(self._params(cookies, ffmpeg, runtime))
        try:
            # Read now, not in the middle of the first clip.
            _ = downloader.cookiejar
        except YoutubeDLError as error:
            path = self._settings["cookies"]
            raise Systemic("cookies", f"{path} is no such file", _COOKIES) from error
        self._downloader = downloader

    def _params(self, cookies: StringIO | None, ffmpeg: str, runtime: str) -> dict:
        agent = self._settings["user_agent"]

        def wait(n: int) -> float:
            return min(_LONGEST_RETRY, self._retry_seconds * 2**n)

        return {
            "format": self._choose,
            "allowed_extractors": list(self._extractors),
            "noplaylist": True,
            "match_filter": self._admit,
            "progress_hooks": [self._progress],
            # One name, chosen here: nothing that the site says becomes a path.
            "outtmpl": {"default": str(self._file)},
            "nopart": True,
            "overwrites": True,
            "updatetime": False,
            "cachedir": False,
            "external_downloader": {"default": "native"},
            "hls_prefer_native": True,
            "fixup": "never",
            "ffmpeg_location": ffmpeg,
            "js_runtimes": {"deno": {"path": runtime}},
            "cookiefile": cookies,
            "http_headers": {"User-Agent": agent} if agent else {},
            "socket_timeout": min(_SECONDS_IDLE, self._seconds),
            "retries": _RETRIES,
            "fragment_retries": _RETRIES,
            "extractor_retries": _RETRIES,
            "file_access_retries": 1,
            "skip_unavailable_fragments": False,
            "retry_sleep_functions": dict.fromkeys(("http", "fragment", "extractor"), wait),
            "logger": self._voice,
            "quiet": True,
            "noprogress": True,
            "color": {"stdout": "no_color", "stderr": "no_color"},
        }

    @property
    def _file(self) -> Path:
        return Path(self._folder.name) / "sound"

    def _read(self, clip: Clip) -> Decoded:
        if self._address is _WATCH and not _VIDEO_ID.fullmatch(clip.reference):
            raise Unusable("unavailable", "no such video", f"{clip.reference} is no YouTube id")
        seconds = clip.asked_seconds(self._clip_seconds)
        self._start, self._end = clip.start_seconds, clip.start_seconds + seconds
        self._duration, self._refusal, self._mute = None, None, False
        self._voice.warnings.clear()
        self._wait()
        try:
            try:
                self._download(clip)
            finally:
                self._asked_at = time.monotonic()
            return self._decoded(clip, seconds)
        finally:
            for path in Path(self._folder.name).iterdir():
                path.unlink()

    def _wait(self) -> None:
        due = self._asked_at + self._settings["pause_seconds"] - time.monotonic()
        if due > 0:
            time.sleep(due)

    def _download(self, clip: Clip) -> None:
        """Have yt-dlp write the sound of the video, up to the end of the segment, to `_file`."""
        try:
            with _within(self._seconds):
                self._downloader.extract_info(self._address.format(clip.reference))
        except _Covered:
            pass
        except _Expired:
            # What was interrupted may be in any state.
            self._downloader = None
            raise Retryable("timed out", f"not complete after {self._seconds:g} s") from None
        except (Unusable, Retryable):
            raise
        except YoutubeDLError as error:
            if self._mute:
                raise Unusable("unavailable", "no audio stream", one_line(error)) from error
            raise classify(error, self._voice.warnings) from error
        except OSError as error:
            raise classify(error, self._voice.warnings) from error
        except Exception as error:
            logging.warning("clip %s: yt-dlp failed", clip.clip_id, exc_info=True)
            message = f"{type(error).__name__}: {error}"
            raise Retryable("yt-dlp failed", message) from error
        if self._refusal is not None:
            raise self._refusal
        # Returns normally also when it has decided not to download.
        if not self._file.exists():
            raise Retryable("nothing downloaded", "; ".join(self._voice.warnings) or "no file")

    def _decoded(self, clip: Clip, seconds: float) -> Decoded:
        """Decode the segment from what was downloaded; too little of it may be more next time."""
        try:
            decoded = decode(self._file, clip.start_seconds, seconds, self._ffmpeg_path)
        except Unusable as error:
            if error.status != "empty":
                raise
            raise Retryable("no sound in the download", self._named(error.message)) from error
        got = len(decoded.samples)
        due = seconds
        if self._duration is not None:
            due = min(due, self._duration - _DURATION_SECONDS - clip.start_seconds)
        if got < (due - SHORT_SECONDS) * SAMPLE_RATE and self._short.get(clip.clip_id) != got:
            self._short[clip.clip_id] = got
            raise Retryable("short download", f"{got / SAMPLE_RATE:.3f} s of {seconds:.3f} s")
        # As short a second time: that is all there is.
        return replace(decoded, message=self._named(decoded.message))

    def _named(self, message: str) -> str:
        """Return what a decoder said, without the name of a file that will be gone."""
        return message.replace(str(self._file), "the download")

    def _hear_unavailable(self, clip: Clip, error: Retryable) -> None:
        """Take a bare "Video unavailable" for final once another clip was answered in between."""
        before = self._unavailable.setdefault(clip.clip_id, self._answered)
        if self._answered > before:
            self._answered += 1
            raise Unusable("unavailable", error.reason, error.message) from error

    # yt-dlp calls these.

    def _choose(self, context: dict) -> Iterator[dict]:
        """Yield the best format of sound alone, else the smallest with sound, fetched natively."""
        formats = context["formats"]
        shown = [one for one in formats if one.get("vcodec") != "none"]
        heard = [one for one in formats if one.get("acodec") != "none"]
        self._mute = bool(shown) and not heard
        heard = [one for one in heard if one.get("protocol", "https") in _NATIVE]
        alone = [one for one in heard if one.get("vcodec") == "none"]
        # Worst to best is their order.
        if alone:
            yield alone[-1]
        elif heard:
            yield heard[0]

    def _admit(self, info: dict, *, incomplete: bool) -> str | None:
        """Refuse a video that is no recording, or ends before the segment begins."""
        self._duration = info.get("duration")
        if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming"):
            self._refusal = Unusable("unavailable", "live", "the video is live, or yet to come")
        elif self._duration and self._duration + _DURATION_SECONDS < self._start:
            self._refusal = Unusable(
                "unavailable",
                "ends before the segment",
                f"the video has {self._duration:g} s, the segment starts at {self._start:g} s",
            )
        return None if self._refusal is None else self._refusal.reason

    def _progress(self, state: dict) -> None:
        """Stop the download when it is too large, or once it covers the segment."""
        done = state.get("downloaded_bytes") or 0
        if done > self._most_bytes:
            raise Unusable("unavailable", "too large", f"more than {self._most_bytes} bytes")
        total = state.get("total_bytes") or state.get("total_bytes_estimate")
        if state["status"] != "downloading" or not total or not self._duration:
            return
        needed = (self._end * (1 + _MARGIN_SHARE) + _MARGIN_SECONDS) / self._duration
        if done >= needed * total:
            raise _Covered


class _Covered(DownloadCancelled):
    """The segment has been downloaded."""


class _Expired(BaseException):
    """The time for a clip is over; of a kind that nothing in between takes for its own."""


class _Voice:
    """Where yt-dlp's messages go: the log, and the warnings of the present clip to a list."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def debug(self, message: str) -> None:
        """Pass over what is said in passing."""

    def warning(self, message: str) -> None:
        self.warnings.append(one_line(message))
        logging.info("yt-dlp: %s", one_line(message))

    def error(self, message: str) -> None:
        logging.info("yt-dlp: %s", one_line(message))


def find_deno(configured: str | None) -> tuple[str, str]:
    """Return the path of deno, the JavaScript runtime, and its version.

    That is the configured one, else the one on PATH, else the one that comes with the
    requirements. Raises Systemic when there is none, it does not run, or is too old.
    """
    program = configured or shutil.which("deno")
    advice = "install deno 2.3 or newer, or set audio.youtube.deno to its path"
    try:
        program = program or os.fsdecode(deno.find_deno_bin())
        answer = subprocess.run(
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Systemic("runtime missing", f"{program or 'deno'}: {error}", advice) from error
    first = answer.stdout.decode("utf-8", "replace").partition("\n")[0]
    version = re.match(r"deno (\d+)\.(\d+)(\.\d+)*", first)
    if not version or (int(version[1]), int(version[2])) < _OLDEST_DENO:
        message = f"{program}: is not deno 2.3 or newer ({one_line(first, 80)})"
        raise Systemic("runtime missing", message, advice)
    return program, version[0].removeprefix("deno ")


def _read_cookies(path: str | None) -> StringIO | None:
    """Return the cookies as text: yt-dlp would write to their file, and several jobs share it."""
    if path is None:
        return None
    try:
        return StringIO(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Systemic(
            "cookies",
            f"{path} cannot be read ({error})",
            _COOKIES,
        ) from error


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise _Expired in the block when it takes longer; only the main thread can be called so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(*_: object) -> NoReturn:
        raise _Expired

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
