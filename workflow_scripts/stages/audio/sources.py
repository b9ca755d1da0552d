"""Where the sound of a clip comes from: one class a source, all with the same one method."""

import filecmp
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from stages.audio.clips import Clip
from stages.audio.decode import Decoded, decode
from stages.audio.failures import Unusable
from stages.audio.storage import SAMPLE_RATE
from stages.audio.synthesis.scene import synthesise
from stages.common.errors import InputError, one_line

_EXTENSIONS = (
    ".wav.gz .wav .flac .ogg .oga .opus .mp3 .m4a .mp4 .aac .webm .weba .mkv .aif .aiff".split()
)

# What a cut may be longer than its segment, and a video end before its segment does.
_TOLERANCE_SECONDS = 0.5


class ClipSource(Protocol):
    """Something that can be asked for the sound of a clip."""

    def read(self, clip: Clip) -> Decoded:
        """Return the sound of `clip`: its segment, or the start of it.

        Raises Unusable when this clip cannot be had, InputError when no clip can.
        """


class EmbeddedSource:
    """Clips of the embedded corpus, synthesised from their recipes."""

    def __init__(self, seed: int, clip_seconds: float) -> None:
        """Take the configured seed and the length of a clip."""
        self._seed = seed
        self._clip_seconds = clip_seconds

    def read(self, clip: Clip) -> Decoded:
        """Synthesise `clip` at full length."""
        samples = synthesise(
            clip.reference, clip.clip_id, self._seed, self._clip_seconds, SAMPLE_RATE
        )
        return Decoded(samples, "synthesis", f"NumPy {np.__version__}")


class FileSource:
    """Clips whose reference is the path of a recording."""

    def __init__(self, clip_seconds: float, ffmpeg_path: str | None) -> None:
        """Take the length of a clip and the configured ffmpeg."""
        self._clip_seconds = clip_seconds
        self._ffmpeg_path = ffmpeg_path

    def read(self, clip: Clip) -> Decoded:
        """Decode the segment of `clip`, or the start of its recording."""
        seconds = clip.asked_seconds(self._clip_seconds)
        return decode(clip.reference, clip.start_seconds, seconds, self._ffmpeg_path)


class AudioSetFolder:
    """Clips of AudioSet in a folder of files named after the YouTube id.

    A file may be called `<id>` or `Y<id>`, alone or with `_<start>` (in seconds with three
    decimals, or in milliseconds), and lie at any depth. With a start in its name it is the segment
    cut out; without, it is the segment or the whole video, as its duration tells.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        clips: Iterable[Clip],
        clip_seconds: float,
        ffmpeg_path: str | None,
    ) -> None:
        """Walk `folder` for the files of `clips`.

        Raises InputError when there is no such folder.
        """
        self._clip_seconds = clip_seconds
        self._ffmpeg_path = ffmpeg_path
        # Names are made from the clips and looked up. Taking file names apart would go wrong: ids
        # hold `_` and may start with `-`.
        names = {name for clip in clips for name in (*_cut_names(clip), *_bare_names(clip))}
        self._files, self._outside = _find(Path(folder), names)

    def read(self, clip: Clip) -> Decoded:
        """Decode the segment of `clip` from the file that is named after it."""
        cut, bare = _cut_names(clip), _bare_names(clip)
        paths = sorted(path for name in cut + bare for path in self._files.get(name, []))
        if not paths:
            for name in cut + bare:
                if name in self._outside:
                    link = self._outside[name]
                    raise Unusable("unavailable", "link out of the folder", str(link))
            raise Unusable("missing", "not in the folder", f"no file named after {clip.reference}")
        path, *others = paths
        for other in others:
            if not filecmp.cmp(path, other, shallow=False):
                raise Unusable(
                    "ambiguous", "several files that differ", f"{path} and {other}: keep one"
                )
        seconds = clip.asked_seconds(self._clip_seconds)
        if any(path in self._files.get(name, []) for name in cut):
            return decode(path, 0.0, seconds, self._ffmpeg_path)
        if clip.start_seconds == 0:
            return decode(path, 0.0, seconds, self._ffmpeg_path)
        return self._cut_or_whole(path, clip)

    def _cut_or_whole(self, path: Path, clip: Clip) -> Decoded:
        """Decode `clip` from a file that may be the segment or the whole video."""
        end = clip.end_seconds or clip.start_seconds + self._clip_seconds
        length = end - clip.start_seconds
        longest_cut = length + _TOLERANCE_SECONDS
        head = decode(path, 0.0, longest_cut + _TOLERANCE_SECONDS, self._ffmpeg_path)
        try:
            body = decode(path, clip.start_seconds, length, self._ffmpeg_path)
            body_seconds = len(body.samples) / SAMPLE_RATE
        except Unusable:
            body_seconds = 0.0
        is_cut = len(head.samples) / SAMPLE_RATE <= longest_cut
        is_whole = body_seconds >= length - _TOLERANCE_SECONDS
        if is_cut == is_whole:
            fits = "fits both" if is_cut else "fits neither"
            raise Unusable(
                "ambiguous",
                "cut or whole video",
                f"{path}: its duration {fits} the segment of {length:g} s cut out and a video that "
                f"reaches {end:g} s; name it {clip.reference}_{clip.start_seconds:.3f} if it is "
                "the cut",
            )
        taken = head if is_cut else body
        samples = taken.samples[: round(clip.asked_seconds(self._clip_seconds) * SAMPLE_RATE)]
        return Decoded(samples, taken.decoder, taken.decoder_version, taken.message)


def _bare_names(clip: Clip) -> list[str]:
    return [clip.reference, f"Y{clip.reference}"]


def _cut_names(clip: Clip) -> list[str]:
    start = clip.start_seconds
    return [
        f"{name}_{place}"
        for name in _bare_names(clip)
        for place in (f"{start:.3f}", f"{round(start * 1000)}")
    ]


def _find(folder: Path, names: set[str]) -> tuple[dict[str, list[Path]], dict[str, Path]]:
    """Return the audio files under `folder` by name without extension, of the names wanted.

    Second come the links of those names that lead out of the folder, which are not followed.
    """
    try:
        root = folder.resolve(strict=True)
        os.scandir(root).close()
    except OSError as error:
        raise InputError(
            f"audio.folder: {folder} is no folder that can be read ({error.strerror}); "
            "give the folder of AudioSet's files"
        ) from error
    files: dict[str, list[Path]] = {}
    outside: dict[str, Path] = {}
    for entry in _walk(root):
        name = _stem(entry.name)
        if name not in names:
            continue
        path = Path(entry.path)
        if entry.is_symlink() and not path.resolve().is_relative_to(root):
            outside[name] = path
        else:
            files.setdefault(name, []).append(path)
    return files, outside


def _walk(folder: Path) -> Iterator[os.DirEntry]:
    """Yield all entries under `folder` that are not folders; links to folders are not followed."""
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    else:
                        yield entry
        except OSError as error:
            logging.warning("audio.folder: passed over %s", one_line(error))


def _stem(name: str) -> str | None:
    """Return a file's name without its extension, or None when it is not one of sound."""
    lower = name.lower()
    for extension in _EXTENSIONS:
        if lower.endswith(extension):
            return name[: -len(extension)]
    return None
