"""Where ffmpeg is."""

import shutil
import subprocess
from functools import cache

import imageio_ffmpeg

from music_detectors.common.errors import InputError, one_line


@cache
def find_ffmpeg(configured: str | None) -> tuple[str, str]:
    """Return the path of ffmpeg and its version: configured, else on PATH, else imageio-ffmpeg's.

    Raises InputError when there is none or it does not run.
    """
    if configured is not None:
        program = shutil.which(configured)
        advice = "set audio.ffmpeg to the path of ffmpeg, or to null to search for one"
        if program is None:
            raise InputError(
                f"audio.ffmpeg: {configured} is not a program that can be run; {advice}"
            )
    else:
        program = shutil.which("ffmpeg")
        advice = "install ffmpeg or set audio.ffmpeg to its path"
        try:
            program = program or imageio_ffmpeg.get_ffmpeg_exe()
        except RuntimeError as error:
            raise InputError(f"no ffmpeg found ({one_line(error)}); {advice}") from error
    try:
        process = subprocess.run(
            [program, "-version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{program}: does not run ({one_line(error)}); {advice}") from error
    first = process.stdout.decode("utf-8", "replace").partition("\n")[0]
    if not first.startswith("ffmpeg version"):
        raise InputError(f"{program}: is not ffmpeg ({one_line(first, 80)}); {advice}")
    return program, one_line(first.partition(" Copyright")[0])
