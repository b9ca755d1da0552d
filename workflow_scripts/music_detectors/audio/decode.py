"""Decode any recording to mono samples at the workflow's rate, and check the result.

soundfile decodes the files that libsndfile reads, ffmpeg (through ffmpeg-python) all others. For
both, NumPy averages the channels and soxr resamples, so levels and alignment do not depend on the
container.
"""

import errno
import gzip
import io
import math
import os
import re
import resource
import stat
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Literal

import ffmpeg
import numpy as np
import soundfile
import soxr

from music_detectors.audio.clips import SHORT_SECONDS
from music_detectors.audio.failures import Unusable
from music_detectors.audio.ffmpeg_path import find_ffmpeg
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.common.errors import InputError, one_line

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SOXR = f"soxr {soxr.__version__}"
_SOUNDFILE = f"soundfile {soundfile.__version__}/libsndfile {soundfile.__libsndfile_version__}"

_FFMPEG_TIMEOUT_SECONDS = 120.0
_FFMPEG_MEMORY_BYTES = 2**32
_MAX_DECOMPRESSED_BYTES = 2**28
_MAX_MESSAGE_BYTES = 2**16
_MAX_CHANNELS = 64
_MAX_VALUES = 2**28
"""The most samples, of all channels together, that are read for one clip."""
_BLOCK_VALUES = 2**20
_RATES = range(1_000, 768_001)
_MOST_AMPLITUDE = 2.0**31
"""That of 32-bit integers stored as floats; the squares of larger samples would overflow."""
_SYSTEM_ERRNOS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)

# Seeking goes to a packet, and many codecs need the packets before it (AAC otherwise loses 23 ms):
# ffmpeg starts this many seconds early and drops the surplus by its time stamps.
_SEEK_MARGIN = 1.0

# Audio containers. None of them refers to other files (playlists, concat scripts, image sequences),
# which a malicious file could use to read any file of the user.
CONTAINERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,loas,matroska,mov,mp3,mpc,mpc8,"
    "mpeg,mpegts,ogg,oma,rm,tak,tta,voc,w64,wav,wv,xwma"
)
"""The formats that ffmpeg may read."""


@dataclass(frozen=True)
class Member:
    """A file called `name` in a tar archive: `size` bytes from `offset` on."""

    archive: Path
    name: str
    offset: int
    size: int

    def __str__(self) -> str:
        """Return archive and name, for messages."""
        return f"{self.archive}:{self.name}"


@dataclass(frozen=True)
class Decoded:
    """Mono `samples` (n,) float32 at SAMPLE_RATE, full scale 1, and the decoder that made them.

    `message` holds the decoder's warnings.
    """

    samples: np.ndarray
    decoder: str
    decoder_version: str
    message: str = ""


@dataclass(frozen=True)
class Quality:
    """The result of checking samples: a status, its reason, and the level in dB re full scale."""

    status: str
    reason: str
    message: str
    rms_db: float


def decode(
    path: str | os.PathLike | Member,
    start_seconds: float,
    seconds: float,
    ffmpeg_path: str | None = None,
    enough_seconds: float = math.inf,
) -> Decoded:
    """Return at most `seconds` of the recording at `path`, from `start_seconds` on.

    The result is shorter where the recording ends earlier. Only the requested part is decoded.
    libsndfile guesses the length of some MP3 files: ffmpeg is asked for what may follow only if
    there is less than `enough_seconds`. Members of archives are read in place. Files whose name
    ends in .gz are decompressed in memory and must hold a format that libsndfile reads.
    `ffmpeg_path` is the configured ffmpeg, or None to search for one when a file needs it. Raises
    Unusable (missing, unavailable, empty, damaged), and InputError when ffmpeg is needed and cannot
    be run.
    """
    recording = path if isinstance(path, Member) else Path(path)
    if isinstance(recording, Member) and not recording.archive.is_file():
        raise InputError(f"{recording.archive}: the archive is gone; put it back, then run again")
    is_gzip = recording.name.lower().endswith(".gz")
    with _open_file(recording.archive if isinstance(recording, Member) else recording) as file:
        content: int | BinaryIO = file.fileno()
        if isinstance(recording, Member):
            content = io.BufferedReader(_Section(file, recording.offset, recording.size))
        if is_gzip:
            content = _decompressed(recording, file if isinstance(content, int) else content)
        try:
            decoded, complete = _by_soundfile(content, start_seconds, seconds)
            complete = complete or len(decoded.samples) + 0.5 >= enough_seconds * SAMPLE_RATE
        except soundfile.LibsndfileError as error:
            if is_gzip:
                raise Unusable(
                    "empty", "no sound decoded", f"{recording}: {error.error_string}"
                ) from None
            decoded, complete = _decoded_by_soundfile(np.zeros(0, np.float32)), False
    if not complete and not is_gzip:
        other = _by_ffmpeg_before_damage(
            recording, start_seconds, seconds, ffmpeg_path, decoded.message
        )
        longer = other if len(other.samples) > len(decoded.samples) else decoded
        complaints = filter(None, (decoded.message, other.message))
        decoded = replace(longer, message="; ".join(complaints))
    if not len(decoded.samples):
        why = decoded.message or f"no samples from {start_seconds:g} s on"
        raise Unusable("empty", "no sound decoded", f"{recording}: {why}")
    return decoded


def check_samples(
    samples: np.ndarray,
    segment_seconds: float | None,
    silence_db: float | None,
    min_seconds: float = 0.0,
) -> Quality:
    """Check mono `samples` (n,) at SAMPLE_RATE.

    A clip of less than `min_seconds` is `too_short`. One whose root mean square level is below
    `silence_db`, in dB re full scale 1 (a full-scale sine has -3), is `silent`; with None, none is.
    `segment_seconds` is the length of the segment, or None; a clip that is shorter is `short`.
    """
    if not len(samples):
        return Quality("empty", "no sound decoded", "no samples", math.nan)
    finite = np.isfinite(samples)
    if not finite.all():
        message = f"from {np.argmin(finite) / SAMPLE_RATE:.3f} s on"
        return Quality("nonfinite", "samples not finite", message, math.nan)
    if (peak := float(np.abs(samples).max())) > _MOST_AMPLITUDE:
        return Quality("nonfinite", "samples too large", f"{peak:.3g} times full scale", math.nan)
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    rms_db = 10 * math.log10(power) if power else -math.inf
    return check_level(len(samples), rms_db, segment_seconds, silence_db, min_seconds)


def check_level(
    n_samples: int,
    rms_db: float,
    segment_seconds: float | None,
    silence_db: float | None,
    min_seconds: float = 0.0,
) -> Quality:
    """Check `n_samples` finite samples of the level `rms_db`; see `check_samples`."""
    got = n_samples / SAMPLE_RATE
    if got < min_seconds:
        message = f"{got:.3g} s, less than {min_seconds:g} s"
        return Quality("too_short", "shorter than audio.min_seconds", message, rms_db)
    if silence_db is not None and rms_db < silence_db:
        message = f"{rms_db:.1f} dB, below {silence_db:g} dB"
        return Quality("silent", "level below audio.silence_db", message, rms_db)
    if segment_seconds is not None and got < segment_seconds - SHORT_SECONDS:
        message = f"{got:.3f} s of {segment_seconds:.3f} s"
        return Quality("short", "shorter than its segment", message, rms_db)
    return Quality("ok", "", "", rms_db)


@contextmanager
def _open_file(path: Path) -> Iterator[BinaryIO]:
    """Yield `path` open for reading; never wait for a pipe or a device."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise Unusable("missing", "no such file", str(path)) from None
    except PermissionError:
        raise Unusable("unavailable", "permission denied", str(path)) from None
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in _SYSTEM_ERRNOS:
            raise InputError(f"no more files can be opened ({one_line(error)})") from error
        raise Unusable("unavailable", "cannot be opened", f"{path}: {error}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Unusable("unavailable", "not a file", str(path))
    with open(handle, "rb") as file:
        yield file


class _Section(io.RawIOBase):
    """The `size` bytes of a file from `offset` on, as a file."""

    def __init__(self, file: BinaryIO, offset: int, size: int) -> None:
        self._file = file
        self._offset = offset
        self._size = size
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(start + offset, 0)
        return self._place

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)[: max(self._size - self._place, 0)]
        n = os.preadv(self._file.fileno(), [view], self._offset + self._place)
        self._place += n
        return n


def _decompressed(path: Path | Member, file: BinaryIO) -> io.BytesIO:
    """Return the content of a gzip file, up to the damage if it is damaged."""
    content = io.BytesIO()
    try:
        with gzip.open(file) as stream:
            while block := stream.read1():
                content.write(block)
                if content.tell() > _MAX_DECOMPRESSED_BYTES:
                    raise Unusable(
                        "unavailable",
                        "too large",
                        f"{path}: more than {_MAX_DECOMPRESSED_BYTES >> 20} MiB when decompressed",
                    )
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        if not content.tell():
            raise Unusable("empty", "no sound decoded", f"{path}: {error}") from error
    content.seek(0)
    return content


class _Damaged(Exception):
    """What libsndfile does not say by itself."""


def _by_soundfile(
    content: int | BinaryIO, start_seconds: float, seconds: float
) -> tuple[Decoded, bool]:
    """Return what libsndfile decodes, and whether it is complete.

    Where it finds damage or cannot seek, that is nothing, and the message says why. Raises
    soundfile.LibsndfileError for files of other formats.
    """
    with soundfile.SoundFile(content, closefd=False) as file:
        rate = file.samplerate
        if rate not in _RATES or file.channels > _MAX_CHANNELS:
            raise _implausible(rate, file.channels)
        # For an MP3 file without a length header, libsndfile guesses the length from the first
        # frames and reads no further; a FLAC file written to a pipe has no length at all.
        end = file.frames if file.format != "MP3" else 0
        start, wanted = round(start_seconds * rate), round(seconds * rate)
        if 0 < end <= start:
            return _decoded_by_soundfile(np.zeros(0, np.float32)), True
        _check_amount(wanted, rate, file.channels)

        def read(n: int) -> np.ndarray:
            place = file.tell()
            block = file.read(n, dtype="float32", always_2d=True)
            # It leaves damaged pages of Ogg out and goes on, at first without a word.
            if len(block) < n and place + len(block) < end:
                raise _Damaged(f"sound is missing before {(place + len(block)) / rate:.3f} s")
            return block

        try:
            if start:
                file.seek(start)
            samples = _mean_of_channels(read, wanted, file.channels)
        except (soundfile.LibsndfileError, _Damaged) as error:
            complaint = f"libsndfile: {getattr(error, 'error_string', error)}"
            return _decoded_by_soundfile(np.zeros(0, np.float32), complaint), False
    complete = len(samples) == wanted or start + len(samples) == end > 0
    return _decoded_by_soundfile(_resampled(samples, rate)), complete


def _decoded_by_soundfile(samples: np.ndarray, message: str = "") -> Decoded:
    return Decoded(samples, "soundfile", f"{_SOUNDFILE} + {_SOXR}", message)


def _by_ffmpeg_before_damage(
    path: Path | Member,
    start_seconds: float,
    seconds: float,
    ffmpeg_path: str | None,
    complaint: str,
) -> Decoded:
    """Return what ffmpeg decodes, up to the first FLAC frame that is damaged or cut off.

    FLAC and Ogg have checksums, but ffmpeg by itself makes noise of damaged frames of FLAC and
    leaves damaged pages of Ogg out, so that what follows comes too early. Raises Unusable (damaged)
    where sound follows the damage; the message has libsndfile's `complaint`, if any.
    """
    decoded = _by_ffmpeg(path, start_seconds, seconds, ffmpeg_path)
    is_flac = "[flac]" in decoded.message
    if not is_flac and "CRC mismatch" not in decoded.message:
        return decoded
    if is_flac:
        before = _by_ffmpeg(path, start_seconds, seconds, ffmpeg_path, on_damage="stop")
        around = _by_ffmpeg(path, start_seconds, seconds, ffmpeg_path, on_damage="leave out")
        if len(around.samples) <= len(before.samples):
            return before
    complaints = "; ".join(filter(None, (complaint, decoded.message)))
    raise Unusable("damaged", "damaged frames", f"{path}: {complaints}")


def _by_ffmpeg(
    path: Path | Member,
    start_seconds: float,
    seconds: float,
    ffmpeg_path: str | None,
    on_damage: Literal["report", "leave out", "stop"] = "report",
) -> Decoded:
    """Return what ffmpeg decodes; `on_damage` is what it does with frames of a wrong checksum."""
    program, version = find_ffmpeg(ffmpeg_path)
    early = min(start_seconds, _SEEK_MARGIN)
    seek = {"ss": f"{start_seconds - early:.6f}"} if start_seconds > early else {}
    drop = {"ss": f"{early:.6f}"} if early else {}
    # With `file:` and an absolute path, any name is a file: never an option, another protocol or a
    # pattern. Of an archive, ffmpeg sees only the bytes of the one member.
    if isinstance(path, Member):
        end = path.offset + path.size
        address = f"subfile,,start,{path.offset},end,{end},,:file:{_absolute(path.archive)}"
    else:
        address = f"file:{_absolute(path)}"
    source = ffmpeg.input(
        address,
        protocol_whitelist="subfile,file,pipe" if isinstance(path, Member) else "file,pipe",
        format_whitelist=CONTAINERS,
        threads=1,
        vn=None,
        sn=None,
        dn=None,
        **{"err_detect:a": "crccheck" if on_damage == "report" else "crccheck+explode"},
        **seek,
    )
    # The AU header gives the rate and the channels, which would otherwise need ffprobe. Ask for a
    # little more, because time stamps are rounded.
    stream = source["a:0"].output(
        "pipe:1", format="au", acodec="pcm_f32be", t=f"{seconds + 0.01:.6f}", **drop
    )
    stop = ["-xerror"] if on_damage == "stop" else []
    stream = stream.global_args("-nostdin", "-hide_banner", "-loglevel", "error", *stop)
    try:
        process = subprocess.Popen(
            ffmpeg.compile(stream, cmd=program),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise InputError(f"{program}: does not run ({one_line(error)})") from error
    # Not on macOS.
    if hasattr(resource, "prlimit"):
        with suppress(ProcessLookupError):
            limit = (_FFMPEG_MEMORY_BYTES, _FFMPEG_MEMORY_BYTES)
            resource.prlimit(process.pid, resource.RLIMIT_AS, limit)
    assert process.stdout is not None and process.stderr is not None
    errors = _Beginning(process.stderr)
    late = threading.Event()

    def give_up() -> None:
        late.set()
        process.kill()

    alarm = threading.Timer(_FFMPEG_TIMEOUT_SECONDS, give_up)
    alarm.start()
    try:
        samples, rate = _from_au(process.stdout, seconds)
        process.wait()
    finally:
        # Do not leave ffmpeg running, whatever ends the job.
        alarm.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
        message = errors.read()
    if process.returncode < 0:
        if late.is_set():
            raise Unusable(
                "unavailable",
                "decoding took too long",
                f"{path}: ffmpeg had not finished after {_FFMPEG_TIMEOUT_SECONDS:g} s",
            )
        raise Unusable(
            "unavailable",
            "decoder failed",
            f"{path}: ffmpeg was ended by signal {-process.returncode}",
        )
    # Memory addresses would make the tables of two runs differ. Who passes the message on names the
    # recording, also where its path is that of a temporary file.
    message = re.sub(r" @ 0x[0-9a-f]+", "", message).replace(address, "the recording")
    samples = _resampled(samples, rate)
    return Decoded(samples, "ffmpeg", f"{version} + {_SOXR}", one_line(message))


class _Beginning(threading.Thread):
    """Reads a stream to its end and keeps its beginning."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._kept = b""
        self.start()

    def run(self) -> None:
        with self._stream as stream:
            while block := stream.read(_MAX_MESSAGE_BYTES):
                self._kept = (self._kept + block)[:_MAX_MESSAGE_BYTES]

    def read(self) -> str:
        """Return the beginning of the stream, which has ended."""
        self.join()
        return self._kept.decode("utf-8", "replace")


def _absolute(path: Path) -> str:
    return os.path.join(os.getcwd(), path)


def _from_au(stream: IO[bytes], seconds: float) -> tuple[np.ndarray, int]:
    """Return at most `seconds` of mono samples (n,) and their rate.

    `stream` is an AU file of 32-bit floats. Its header is big-endian: magic number, offset of the
    samples, their size, encoding, rate, channels. The rest of the stream is read too.
    """
    header = stream.read(24)
    if len(header) < 24:
        return np.zeros(0, np.float32), SAMPLE_RATE
    _, offset, _, _, rate, channels = (int(word) for word in np.frombuffer(header, ">u4", 6))
    if rate not in _RATES or not 1 <= channels <= _MAX_CHANNELS:
        raise _implausible(rate, channels)
    wanted = round(seconds * rate)
    _check_amount(wanted, rate, channels)
    stream.read(max(offset - len(header), 0))
    frame = 4 * channels

    def read(n: int) -> np.ndarray:
        content = stream.read(n * frame)
        values = np.frombuffer(content, ">f4", len(content) // frame * channels)
        return values.astype(np.float32).reshape(-1, channels)

    samples = _mean_of_channels(read, wanted, channels)
    while stream.read(_BLOCK_VALUES):
        pass
    return samples, rate


def _mean_of_channels(read: Callable[[int], np.ndarray], wanted: int, channels: int) -> np.ndarray:
    """Return the mean of the channels of `wanted` samples (n,), fewer where they end earlier.

    `read` returns that many of the next samples (n, channels).
    """
    n_block = max(_BLOCK_VALUES // channels, 1)
    blocks = [np.zeros(0, np.float32)]
    missing = wanted
    while missing:
        block = read(min(n_block, missing))
        if not len(block):
            break
        with np.errstate(over="ignore", invalid="ignore"):
            blocks.append(block.mean(axis=1, dtype=np.float32))
        missing -= len(block)
    return np.concatenate(blocks)


def _resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return mono `samples` (n,) at SAMPLE_RATE."""
    if rate == SAMPLE_RATE or not len(samples):
        return samples
    return soxr.resample(samples, rate, SAMPLE_RATE, quality="HQ")


def _check_amount(samples: int, rate: int, channels: int) -> None:
    """Refuse a recording of which a clip would take too many values of its channels."""
    if samples * channels > _MAX_VALUES:
        raise _implausible(rate, channels)


def _implausible(rate: int, channels: int) -> Unusable:
    return Unusable(
        "unavailable", "implausible format", f"{rate} samples a second, {channels} channels"
    )
