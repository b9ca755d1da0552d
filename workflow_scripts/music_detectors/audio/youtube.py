"""Clips from YouTube through yt-dlp: download just enough to cover the segment, then cut it."""

import hashlib
import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import NoReturn

import deno
import yt_dlp
import yt_dlp_ejs
from yt_dlp.utils import DownloadCancelled, YoutubeDLError
from yt_dlp.version import __version__ as YT_DLP

from music_detectors.audio.clips import SHORT_SECONDS, Clip
from music_detectors.audio.failures import Retryable, Systemic, Unusable, disk_trouble
from music_detectors.audio.ffmpeg_path import find_ffmpeg
from music_detectors.audio.youtube_failures import DISK, VIDEO_UNAVAILABLE, classify
from music_detectors.common.errors import one_line, warn
from music_detectors.common.files import temporary_place

_WATCH = "https://www.youtube.com/watch?v={}"
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_NATIVE = ("http", "https", "http_dash_segments", "m3u8_native")
_OLDEST_DENO = (2, 3)

# How far beyond the end of the segment to download: bytes are not spread evenly over time.
_MARGIN_SECONDS = 10.0
_MARGIN_SHARE = 0.15
# YouTube gives durations in whole seconds.
_DURATION_TOLERANCE_SECONDS = 1.0

_IDLE_SECONDS = 30.0
_RETRIES = 2
_RETRY_SECONDS = 2.0
_MAX_RETRY_SECONDS = 30.0

# Pauses between videos that stay below what YouTube was observed to allow: 300 videos an hour to a
# guest, 2,000 to an account.
_GUEST_PAUSE_SECONDS = 12.0
_ACCOUNT_PAUSE_SECONDS = 2.0

_COOKIES = "set audio.youtube.cookies to a cookie file in Netscape format, or to null"


class YouTubeSource:
    """Clips whose reference is the id of a video on YouTube.

    One YoutubeDL serves all clips of a job. It is created for the first clip, after checking its
    requirements.
    """

    def __init__(
        self,
        judge: Callable[[Clip, Path, str], float],
        ffmpeg_path: str | None,
        youtube: Mapping,
        download: Mapping,
        *,
        address: str = _WATCH,
        extractors: Sequence[str] = ("youtube",),
        retry_seconds: float = _RETRY_SECONDS,
    ) -> None:
        """Set the configured ffmpeg, `audio.youtube` and `audio.download`.

        `judge` returns how many seconds of a clip a file has, which messages call by the third
        argument (see `judging`). `address` is the pattern of a video's address, and only yt-dlp's
        `extractors` may handle it. Within one attempt at a clip, yt-dlp retries after
        `retry_seconds`, then after pauses that double.
        """
        self._judge_sound = judge
        self._ffmpeg_path = ffmpeg_path
        self._settings = youtube
        self._seconds = download["timeout_seconds"]
        self._max_bytes = int(download["max_mb"] * 10**6)
        self._address = address
        self._extractors = extractors
        self._retry_seconds = retry_seconds
        # YouTube serves some videos only to sessions with cookies, or to some of its clients. The
        # arguments may hold tokens, which have no business among the answers.
        arguments = "\n".join(youtube["extractor_args"])
        digest = hashlib.sha256(arguments.encode()).hexdigest()[:16] if arguments else ""
        self.terms = " ".join(filter(None, (youtube["cookies"], digest)))
        self._downloader: yt_dlp.YoutubeDL | None = None
        self._folder: tempfile.TemporaryDirectory | None = None
        self._last_request = -float("inf")
        self._pause = youtube["pause_seconds"]
        if self._pause is None:
            guest = youtube["cookies"] is None
            self._pause = _GUEST_PAUSE_SECONDS if guest else _ACCOUNT_PAUSE_SECONDS
        self._logger = _YtDlpLogger()
        # The number of clips with a final answer so far, and that number at the time when a clip
        # was first called unavailable without a reason.
        self._n_answered = 0
        self._unavailable_since: dict[str, int] = {}
        self._short_downloads: dict[str, float] = {}
        # The current video.
        self._end = 0.0
        self._start = 0.0
        self._duration: float | None = None
        self._refusal: Unusable | None = None
        self._no_audio = False

    @contextmanager
    def fetch(self, clip: Clip) -> Iterator[Path]:
        """Download the sound of `clip`, up to its end; yield the file, which is then removed.

        Its segment is decoded once, to know whether to ask again. Raises as `NetworkSource` says,
        and InputError when ffmpeg cannot be run.
        """
        if self._downloader is None:
            self._make_downloader()
        try:
            self._ask(clip)
            yield self._file
        finally:
            for path in self._folder_path.iterdir():
                path.unlink()

    def _ask(self, clip: Clip) -> None:
        """Download and judge, and count the clips that had a final answer."""
        try:
            self._fetch(clip)
        except Unusable:
            self._n_answered += 1
            raise
        except Retryable as error:
            if error.reason == VIDEO_UNAVAILABLE:
                self._settle_unavailable(clip, error)
            raise
        except OSError as error:
            raise self._classified(error) from error
        self._n_answered += 1

    def close(self) -> None:
        """Remove the downloads; the source can still be used."""
        if self._downloader is not None:
            self._downloader.close()
            self._downloader = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _make_downloader(self) -> None:
        """Check the requirements, then create the downloader."""
        cookies = _read_cookies(self._settings["cookies"])
        ffmpeg, _ = find_ffmpeg(self._ffmpeg_path)
        runtime, version = find_deno(self._settings["deno"])
        logging.info(
            "yt-dlp %s with yt-dlp-ejs %s and deno %s", YT_DLP, yt_dlp_ejs.version, version
        )
        if self._folder is None:
            place = temporary_place()
            with disk_trouble(place):
                self._folder = tempfile.TemporaryDirectory(
                    prefix="youtube-", dir=place, ignore_cleanup_errors=True
                )
        downloader = yt_dlp.YoutubeDL(self._params(cookies, ffmpeg, runtime))
        path, said = self._settings["cookies"], StringIO()
        try:
            # Read the cookies now, not during the first clip. yt-dlp prints whole lines that are no
            # cookies, with what is secret in them.
            with redirect_stderr(said):
                _ = downloader.cookiejar
        except YoutubeDLError as error:
            raise Systemic("cookies", f"{path} is not a cookie file", _COOKIES) from error
        if skipped := said.getvalue().count("skipping cookie file entry"):
            warn(f"{path}: {skipped} lines are no cookies in Netscape format, and are skipped")
        self._downloader = downloader

    def _params(self, cookies: StringIO | None, ffmpeg: str, runtime: str) -> dict:
        agent = self._settings["user_agent"]

        def wait(n: int) -> float:
            return min(_MAX_RETRY_SECONDS, self._retry_seconds * 2**n)

        return {
            "format": self._choose_format,
            "allowed_extractors": list(self._extractors),
            "extractor_args": _extractor_args(self._settings["extractor_args"]),
            "noplaylist": True,
            "match_filter": self._reject,
            "progress_hooks": [self._check_progress],
            # A fixed name: no text from the site becomes part of a path.
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
            "socket_timeout": min(_IDLE_SECONDS, self._seconds),
            "retries": _RETRIES,
            "fragment_retries": _RETRIES,
            "extractor_retries": _RETRIES,
            "file_access_retries": 1,
            "skip_unavailable_fragments": False,
            "retry_sleep_functions": dict.fromkeys(("http", "fragment", "extractor"), wait),
            "logger": self._logger,
            "quiet": True,
            "noprogress": True,
            "color": {"stdout": "no_color", "stderr": "no_color"},
        }

    @property
    def _folder_path(self) -> Path:
        assert self._folder is not None
        return Path(self._folder.name)

    @property
    def _file(self) -> Path:
        return self._folder_path / "sound"

    def _fetch(self, clip: Clip) -> None:
        if self._address is _WATCH and not _VIDEO_ID.fullmatch(clip.reference):
            raise Unusable("unavailable", "no such video", f"{clip.reference} is not a YouTube id")
        assert clip.end_seconds is not None
        self._start, self._end = clip.start_seconds, clip.end_seconds
        self._duration, self._refusal, self._no_audio = None, None, False
        self._logger.warnings.clear()
        self._wait()
        try:
            self._download(clip)
        finally:
            self._last_request = time.monotonic()
        self._judge(clip, clip.end_seconds - clip.start_seconds)

    def _classified(self, error: Exception) -> Unusable | Retryable | Systemic:
        """Return what an error of yt-dlp means; one about the disk names the folder."""
        found = classify(error, self._logger.warnings)
        if isinstance(found, Systemic) and found.reason == DISK:
            message = f"{self._folder_path}: {found.message}"
            return Systemic(found.reason, message, found.advice)
        return found

    def _wait(self) -> None:
        due = self._last_request + self._pause - time.monotonic()
        if due > 0:
            time.sleep(due)

    def _download(self, clip: Clip) -> None:
        """Download the sound of the video, up to the end of the segment, to `_file`."""
        assert self._downloader is not None
        try:
            with _time_limit(self._seconds):
                self._downloader.extract_info(self._address.format(clip.reference))
        except _SegmentCovered:
            pass
        except _TimeUp:
            # The interrupted downloader may be in any state.
            self._downloader = None
            raise Retryable("timed out", f"not complete after {self._seconds:g} s") from None
        except (Unusable, Retryable):
            raise
        except YoutubeDLError as error:
            if self._no_audio:
                raise Unusable("unavailable", "no audio stream", one_line(error)) from error
            raise self._classified(error) from error
        except OSError as error:
            raise self._classified(error) from error
        except Exception as error:
            logging.warning("clip %s: yt-dlp failed", clip.clip_id, exc_info=True)
            message = f"{type(error).__name__}: {error}"
            raise Retryable("yt-dlp failed", message) from error
        if self._refusal is not None:
            raise self._refusal
        # yt-dlp also returns normally when it decides not to download.
        if not self._file.exists():
            raise Retryable("nothing downloaded", "; ".join(self._logger.warnings) or "no file")

    def _judge(self, clip: Clip, seconds: float) -> None:
        """Raise Retryable where the download has no sound of the segment, or, once, too little."""
        got = self._judge_sound(clip, self._file, "the download")
        due = seconds
        if self._duration is not None:
            due = min(due, self._duration - _DURATION_TOLERANCE_SECONDS - clip.start_seconds)
        # The same length twice: the video has no more.
        if got < due - SHORT_SECONDS and self._short_downloads.get(clip.clip_id) != got:
            self._short_downloads[clip.clip_id] = got
            raise Retryable("short download", f"{got:.3f} s of {seconds:.3f} s")

    def _settle_unavailable(self, clip: Clip, error: Retryable) -> None:
        """Raise Unusable for "Video unavailable" once another clip was answered in between."""
        n_answered = self._unavailable_since.setdefault(clip.clip_id, self._n_answered)
        if self._n_answered > n_answered:
            self._n_answered += 1
            raise Unusable("unavailable", error.reason, error.message) from error

    # yt-dlp calls the following methods.

    def _choose_format(self, context: dict) -> Iterator[dict]:
        """Yield the best audio-only native format, else the worst native one with audio."""
        formats = context["formats"]
        with_video = [one for one in formats if one.get("vcodec") != "none"]
        with_audio = [one for one in formats if one.get("acodec") != "none"]
        self._no_audio = bool(with_video) and not with_audio
        native = [one for one in with_audio if one.get("protocol", "https") in _NATIVE]
        audio_only = [one for one in native if one.get("vcodec") == "none"]
        # yt-dlp sorts formats from worst to best.
        if audio_only:
            yield audio_only[-1]
        elif native:
            yield native[0]

    def _reject(self, info: dict, *, incomplete: bool) -> str | None:
        """Refuse a live or upcoming video, and one that ends before the segment begins."""
        self._duration = info.get("duration")
        if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming"):
            self._refusal = Unusable("unavailable", "live", "the video is live or upcoming")
        elif self._duration and self._duration + _DURATION_TOLERANCE_SECONDS < self._start:
            self._refusal = Unusable(
                "unavailable",
                "ends before the segment",
                f"the video is {self._duration:g} s long, the segment starts at {self._start:g} s",
            )
        return None if self._refusal is None else self._refusal.reason

    def _check_progress(self, state: dict) -> None:
        """Stop the download when it is too large or covers the segment."""
        done = state.get("downloaded_bytes") or 0
        if done > self._max_bytes:
            raise Unusable("unavailable", "too large", f"more than {self._max_bytes} bytes")
        total = state.get("total_bytes") or state.get("total_bytes_estimate")
        if state["status"] != "downloading" or not total or not self._duration:
            return
        needed = (self._end * (1 + _MARGIN_SHARE) + _MARGIN_SECONDS) / self._duration
        if done >= needed * total:
            raise _SegmentCovered


def _extractor_args(texts: Sequence[str]) -> dict:
    """Return what yt-dlp makes of `texts`, values of its option --extractor-args."""
    if not texts:
        return {}
    options = [f"--extractor-args={text}" for text in texts]
    return yt_dlp.parse_options(options).ydl_opts["extractor_args"]


class _SegmentCovered(DownloadCancelled):
    """The download covers the segment."""


class _TimeUp(BaseException):
    """The time for a clip is over; a BaseException, which yt-dlp does not catch."""


class _YtDlpLogger:
    """Writes yt-dlp's messages to the log and keeps the warnings of the current clip."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def debug(self, message: str) -> None:
        """Ignore debug messages."""

    def warning(self, message: str) -> None:
        self.warnings.append(one_line(message))
        logging.info("yt-dlp: %s", one_line(message))

    def error(self, message: str) -> None:
        logging.info("yt-dlp: %s", one_line(message))


def find_deno(configured: str | None) -> tuple[str, str]:
    """Return the path of deno, the JavaScript runtime, and its version.

    The configured one comes first, then the one on PATH, then the one in the requirements. Raises
    Systemic when there is none, it does not run, or it is too old.
    """
    program = configured or shutil.which("deno")
    advice = "install deno 2.3 or newer, or set audio.youtube.deno to its path"
    try:
        program = program or os.fsdecode(deno.find_deno_bin())
        process = subprocess.run(
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Systemic("runtime missing", f"{program or 'deno'}: {error}", advice) from error
    first = process.stdout.decode("utf-8", "replace").partition("\n")[0]
    version = re.match(r"deno (\d+)\.(\d+)(\.\d+)*", first)
    if not version or (int(version[1]), int(version[2])) < _OLDEST_DENO:
        message = f"{program}: not deno 2.3 or newer ({one_line(first, 80)})"
        raise Systemic("runtime missing", message, advice)
    return program, version[0].removeprefix("deno ")


def _read_cookies(path: str | None) -> StringIO | None:
    """Return the cookies as text: yt-dlp would write to their file, which several jobs share."""
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
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise _TimeUp when the block takes longer; signals work only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(*_: object) -> NoReturn:
        raise _TimeUp

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
