"""File names of AudioSet's clips, and whether a file is a cut segment or a whole video."""

import filecmp
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from music_detectors.audio.clips import Clip
from music_detectors.audio.decode import Decoded, Member, decode
from music_detectors.audio.failures import Unusable
from music_detectors.audio.rate import SAMPLE_RATE

# How much longer than its segment a cut may be, and how much a video may end before its segment.
_TOLERANCE_SECONDS = 0.5
_BLOCK_BYTES = 2**20

Location = Path | Member
"""A recording: a file, or a member of an archive."""


def bare_names(clip: Clip) -> list[str]:
    """Return the possible stems of a file that is the segment of `clip` or its whole video."""
    return [clip.reference, f"Y{clip.reference}"]


def cut_names(clip: Clip) -> list[str]:
    """Return the possible stems of a file that is the segment of `clip`, already cut."""
    start = clip.start_seconds
    return [
        f"{name}_{start_text}"
        for name in bare_names(clip)
        for start_text in (f"{start:.3f}", f"{round(start * 1000)}")
    ]


def file_stems(clips: Iterable[Clip]) -> set[str]:
    """Return every stem that a file of one of `clips` may have.

    File names are not parsed, because ids may contain `_` and start with `-`.
    """
    return {name for clip in clips for name in (*cut_names(clip), *bare_names(clip))}


def decode_named(
    clip: Clip,
    found: Mapping[str, list[Location]],
    refused: Mapping[str, tuple[str, str]],
    where: str,
    clip_seconds: float,
    ffmpeg_path: str | None,
) -> Decoded:
    """Return the segment of `clip` from the recording that is named after it.

    `found` are recordings by stem, `refused` the reason and message, by stem, of those that may
    not be read; `where` names the source in messages. Raises Unusable: missing, unavailable, empty,
    or ambiguous (several different files, or not clearly a cut segment or a whole video).
    """
    cut, bare = cut_names(clip), bare_names(clip)
    locations = sorted(
        (location for name in cut + bare for location in found.get(name, [])), key=str
    )
    if not locations:
        for name in cut + bare:
            if name in refused:
                raise Unusable("unavailable", *refused[name])
        raise Unusable("missing", f"not in the {where}", f"no file named after {clip.reference}")
    location, *others = locations
    for other in others:
        if not _same_content(location, other):
            raise Unusable(
                "ambiguous", "several different files", f"{location} and {other}: keep one"
            )
    seconds = clip.seconds_to_read(clip_seconds)
    is_cut = any(location in found.get(name, []) for name in cut)
    if is_cut or clip.start_seconds == 0:
        return decode(location, 0.0, seconds, ffmpeg_path)
    return _cut_or_whole(location, clip, clip_seconds, ffmpeg_path)


def _cut_or_whole(
    location: Location, clip: Clip, clip_seconds: float, ffmpeg_path: str | None
) -> Decoded:
    """Decode `clip` from a recording that is either the segment or the whole video."""
    end = clip.end_seconds or clip.start_seconds + clip_seconds
    length = end - clip.start_seconds
    longest_cut = length + _TOLERANCE_SECONDS
    head = decode(location, 0.0, longest_cut + _TOLERANCE_SECONDS, ffmpeg_path)
    try:
        body = decode(location, clip.start_seconds, length, ffmpeg_path)
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
            f"{location}: its duration {fits} a cut segment of {length:g} s and a video of "
            f"{end:g} s or more; name it {clip.reference}_{clip.start_seconds:.3f} "
            "if it is the cut segment",
        )
    chosen = head if is_cut else body
    samples = chosen.samples[: round(clip.seconds_to_read(clip_seconds) * SAMPLE_RATE)]
    return Decoded(samples, chosen.decoder, chosen.decoder_version, chosen.message)


def _same_content(first: Location, second: Location) -> bool:
    """Return whether two recordings have the same content."""
    if isinstance(first, Path) and isinstance(second, Path):
        return filecmp.cmp(first, second, shallow=False)
    size, read = _reader(first)
    other_size, read_other = _reader(second)
    return size == other_size and all(
        read(begin) == read_other(begin) for begin in range(0, size, _BLOCK_BYTES)
    )


def _reader(location: Location) -> tuple[int, Callable[[int], bytes]]:
    """Return the size of a recording, and a function that reads a block of it from an offset."""
    path, offset = (
        (location.archive, location.offset) if isinstance(location, Member) else (location, 0)
    )
    size = location.size if isinstance(location, Member) else os.stat(location).st_size

    def read(begin: int) -> bytes:
        with open(path, "rb") as file:
            file.seek(offset + begin)
            return file.read(min(_BLOCK_BYTES, size - begin))

    return size, read
