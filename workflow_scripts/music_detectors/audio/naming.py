"""What the files of AudioSet's clips are called, and whether one is a cut or a whole video."""

import filecmp
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from music_detectors.audio.clips import Clip
from music_detectors.audio.decode import Decoded, Member, decode
from music_detectors.audio.failures import Unusable
from music_detectors.audio.rate import SAMPLE_RATE

_EXTENSIONS = (
    ".wav.gz .wav .flac .ogg .oga .opus .mp3 .m4a .mp4 .aac .webm .weba .mkv .aif .aiff".split()
)

# What a cut may be longer than its segment, and a video end before its segment does.
_TOLERANCE_SECONDS = 0.5
_BLOCK_BYTES = 2**20

Place = Path | Member
"""Where a recording lies: a file, or a member of an archive."""


def stem(name: str) -> str | None:
    """Return a file's name without its extension, or None when it is not one of sound."""
    lower = name.lower()
    for extension in _EXTENSIONS:
        if lower.endswith(extension):
            return name[: -len(extension)]
    return None


def bare_names(clip: Clip) -> list[str]:
    """Return the stems of files that are the segment of `clip` or its whole video."""
    return [clip.reference, f"Y{clip.reference}"]


def cut_names(clip: Clip) -> list[str]:
    """Return the stems of files that are the segment of `clip`, already cut."""
    start = clip.start_seconds
    return [
        f"{name}_{place}"
        for name in bare_names(clip)
        for place in (f"{start:.3f}", f"{round(start * 1000)}")
    ]


def names_of(clips: Iterable[Clip]) -> set[str]:
    """Return every stem that a file of one of `clips` may have.

    Names are made from the clips and looked up. Taking file names apart would go wrong: ids hold
    `_` and may start with `-`.
    """
    return {name for clip in clips for name in (*cut_names(clip), *bare_names(clip))}


def decode_named(
    clip: Clip,
    found: Mapping[str, list[Place]],
    refused: Mapping[str, tuple[str, str]],
    where: str,
    clip_seconds: float,
    ffmpeg_path: str | None,
) -> Decoded:
    """Return the segment of `clip` from the recording that is named after it.

    `found` holds recordings by stem; `refused`, by stem as well, a reason and what was seen of
    those that may not be read. `where` was searched, for messages. Raises Unusable: missing,
    unavailable, ambiguous (several that differ; neither clearly a cut nor a whole video), empty.
    """
    cut, bare = cut_names(clip), bare_names(clip)
    places = sorted((place for name in cut + bare for place in found.get(name, [])), key=str)
    if not places:
        for name in cut + bare:
            if name in refused:
                raise Unusable("unavailable", *refused[name])
        raise Unusable("missing", f"not in the {where}", f"no file named after {clip.reference}")
    place, *others = places
    for other in others:
        if not _same(place, other):
            raise Unusable(
                "ambiguous", "several files that differ", f"{place} and {other}: keep one"
            )
    seconds = clip.asked_seconds(clip_seconds)
    is_cut = any(place in found.get(name, []) for name in cut)
    if is_cut or clip.start_seconds == 0:
        return decode(place, 0.0, seconds, ffmpeg_path)
    return _cut_or_whole(place, clip, clip_seconds, ffmpeg_path)


def _cut_or_whole(
    place: Place, clip: Clip, clip_seconds: float, ffmpeg_path: str | None
) -> Decoded:
    """Decode `clip` from a recording that may be the segment or the whole video."""
    end = clip.end_seconds or clip.start_seconds + clip_seconds
    length = end - clip.start_seconds
    longest_cut = length + _TOLERANCE_SECONDS
    head = decode(place, 0.0, longest_cut + _TOLERANCE_SECONDS, ffmpeg_path)
    try:
        body = decode(place, clip.start_seconds, length, ffmpeg_path)
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
            f"{place}: its duration {fits} the segment of {length:g} s cut out and a video that "
            f"reaches {end:g} s; name it {clip.reference}_{clip.start_seconds:.3f} if it is "
            "the cut",
        )
    taken = head if is_cut else body
    samples = taken.samples[: round(clip.asked_seconds(clip_seconds) * SAMPLE_RATE)]
    return Decoded(samples, taken.decoder, taken.decoder_version, taken.message)


def _same(first: Place, second: Place) -> bool:
    """Return whether two recordings have the same content."""
    if isinstance(first, Path) and isinstance(second, Path):
        return filecmp.cmp(first, second, shallow=False)
    size, read = _reader(first)
    other_size, read_other = _reader(second)
    return size == other_size and all(
        read(begin) == read_other(begin) for begin in range(0, size, _BLOCK_BYTES)
    )


def _reader(place: Place) -> tuple[int, Callable[[int], bytes]]:
    """Return the size of a recording, and a function that reads a block of it from a byte on."""
    path, offset = (place.archive, place.offset) if isinstance(place, Member) else (place, 0)
    size = place.size if isinstance(place, Member) else os.stat(place).st_size

    def read(begin: int) -> bytes:
        with open(path, "rb") as file:
            file.seek(offset + begin)
            return file.read(min(_BLOCK_BYTES, size - begin))

    return size, read
