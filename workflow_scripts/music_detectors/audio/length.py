"""How long a recording is, from its header where that says so."""

import gzip
import io
import os
import re
import subprocess
import zlib

import soundfile

from music_detectors.audio.decode import CONTAINERS
from music_detectors.audio.failures import Unusable
from music_detectors.audio.ffmpeg_path import find_ffmpeg

_DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d\.\d+)")
_TIMEOUT_SECONDS = 60
# The length is in the header, so the rest of a larger file does not matter.
_MAX_DECOMPRESSED_BYTES = 2**28


def recorded_seconds(path: str) -> float:
    """Return the length of the recording at `path` in seconds, at least a millisecond.

    soundfile reads it, or else ffmpeg. Raises Unusable when neither finds sound of a known length,
    and InputError when ffmpeg is needed and cannot be run.
    """
    if not os.path.isfile(path):
        raise Unusable("unavailable", "not a file", path)
    try:
        if path.lower().endswith(".gz"):
            with gzip.open(path) as packed:
                content = io.BytesIO(packed.read(_MAX_DECOMPRESSED_BYTES))
            seconds = soundfile.info(content).duration
        else:
            # Without a name: libsndfile takes any file that is called .au for sound.
            with (
                open(path, "rb") as file,
                soundfile.SoundFile(file.fileno(), closefd=False) as sound,
            ):
                seconds = sound.frames / sound.samplerate
    except soundfile.LibsndfileError:
        seconds = _by_ffmpeg(path)
    except (OSError, EOFError, zlib.error) as error:
        raise Unusable("unavailable", "cannot be read", f"{path}: {error}") from None
    if not 0.001 <= seconds < 1e9:
        raise Unusable("empty", "no sound in it", path)
    return seconds


def _by_ffmpeg(path: str) -> float:
    program, _ = find_ffmpeg(None)
    command = [program, "-nostdin", "-hide_banner", "-protocol_whitelist", "file,pipe"]
    # With `file:` and an absolute path, any name is a file: never an option or another protocol.
    command += ["-format_whitelist", CONTAINERS, "-i", f"file:{os.path.abspath(path)}"]
    try:
        # Without an output, ffmpeg fails after it has said what is in the file.
        ended = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise Unusable("unavailable", "reading took too long", path) from None
    said = ended.stderr.decode("utf-8", "replace")
    found = _DURATION.search(said)
    if found is None or " Audio: " not in said:
        raise Unusable("empty", "no sound in it", path)
    hours, minutes, seconds = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
