"""File names of AudioSet's clips, and whether a file is a cut segment or a whole video."""

import filecmp
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from music_detectors.audio.clips import Clip
from music_detectors.audio.decode import Decoded, Member, decode
from music_detectors.audio.extensions import stem
from music_detectors.audio.failures import Unusable
from music_detectors.audio.rate import SAMPLE_RATE

# How much longer than its segment a cut may be, and how much a video may end before its segment.
_TOLERANCE_SECONDS = 0.5
_BLOCK_BYTES = 2**20

Location = Path | Member
"""A recording: a file, or a member of an archive."""


# What follows the id in the name of a cut segment: its start, and perhaps its end.
_TIMES = re.compile(r"_([0-9]{1,12}(?:\.[0-9]{1,6})?)(?:[_-]([0-9]{1,12}(?:\.[0-9]{1,6})?))?")
_SAME_TIME_SECONDS = 0.0005


Place = TypeVar("Place")
"""Where a recording is: a Location, or what one can be made from."""


class Named(NamedTuple, Generic[Place]):
    """A file whose name has the id of a clip, then `rest`; `refusal` says why it is not read."""

    rest: str
    location: Place
    refusal: str


class NamedRecordings(Generic[Place]):
    """The recordings that are named after clips of AudioSet, by the id.

    A name begins with the id, perhaps after a Y, or ends with it in brackets, as yt-dlp names
    videos. An id may contain `_` and start with `-`, so it is looked up and not parsed.
    """

    def __init__(self, clips: Iterable[Clip]) -> None:
        """Prepare for recordings of `clips`."""
        self._named: dict[str, list[Named[Place]]] = {clip.reference: [] for clip in clips}
        self._lengths = sorted({len(reference) for reference in self._named})

    def add(self, name: str, location: Place, refusal: str = "") -> None:
        """Add the recording at `location` if its file's `name` is after a clip."""
        for reference, rest in self._ids_in(name):
            self._named[reference].append(Named(rest, location, refusal))

    def has(self, name: str) -> bool:
        """Return whether a file of this `name` is named after a clip."""
        return next(self._ids_in(name), None) is not None

    def of(self, clip: Clip) -> list[Named[Place]]:
        """Return the recordings named after the id of `clip`, in a fixed order."""
        return sorted(self._named[clip.reference], key=lambda named: str(named.location))

    def _ids_in(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield the ids that `name` has, and what follows each; an unknown ending follows too."""
        sound = stem(name)
        base = name if sound is None else sound
        for start in (0, 1) if base.startswith("Y") else (0,):
            for length in self._lengths:
                reference, rest = base[start : start + length], base[start + length :]
                if reference in self._named and not rest[:1].isalnum():
                    yield reference, rest
        if sound is not None and sound.endswith("]"):
            reference = sound[sound.rfind("[") + 1 : -1]
            if reference in self._named:
                yield reference, ""


def decode_named(
    clip: Clip,
    named: Sequence[Named[Location]],
    where: str,
    clip_seconds: float,
    ffmpeg_path: str | None,
) -> Decoded:
    """Return the segment of `clip` from the one of the recordings `named` after it that holds it.

    `where` names the source in messages. Raises Unusable: missing, unavailable, empty, damaged, or
    ambiguous (several different files, or not clearly a cut segment or a whole video).
    """
    understood = [one for one in named if not one.rest or _is_of(clip, one.rest)]
    readable = [one for one in understood if not one.refusal]
    if not readable:
        raise _not_found(clip, where, understood, named)
    chosen, *others = readable
    for other in others:
        if not _same_content(chosen.location, other.location):
            message = f"{chosen.location} and {other.location}: keep one"
            raise Unusable("ambiguous", "several different files", message)
    if clip.start_seconds == 0:
        return decode(chosen.location, 0.0, clip.seconds_to_read(clip_seconds), ffmpeg_path)
    if any(one.rest for one in readable):
        return _cut(chosen.location, clip, clip_seconds, ffmpeg_path)
    return _cut_or_whole(chosen.location, clip, clip_seconds, ffmpeg_path)


def _is_of(clip: Clip, rest: str) -> bool:
    """Return whether `rest` has the times of `clip`, in seconds or milliseconds."""
    if not (found := _TIMES.fullmatch(rest)):
        return False
    times = [float(text) for text in found.groups() if text is not None]
    own = [clip.start_seconds, clip.end_seconds]
    units = (1,) if "." in rest else (1, 1000)
    return any(
        all(
            of_clip is None or abs(time / unit - of_clip) < _SAME_TIME_SECONDS
            for time, of_clip in zip(times, own, strict=False)
        )
        for unit in units
    )


def _not_found(
    clip: Clip,
    where: str,
    understood: Sequence[Named[Location]],
    every: Sequence[Named[Location]],
) -> Unusable:
    if understood:
        first = understood[0]
        return Unusable("unavailable", first.refusal, str(first.location))
    if not every:
        return Unusable("missing", f"not in the {where}", f"no file named after {clip.reference}")
    more = f" (and {len(every) - 1} more)" if len(every) > 1 else ""
    return Unusable(
        "missing",
        "no name of this segment",
        f"{every[0].location}{more} is named after {clip.reference}, but not as its segment from "
        f"{clip.start_seconds:g} s or as the whole video; if it is one, rename it "
        f"{clip.reference}_{clip.start_seconds:.3f} or {clip.reference}",
    )


def _cut(location: Location, clip: Clip, clip_seconds: float, ffmpeg_path: str | None) -> Decoded:
    """Decode `clip` from a recording that is the segment by its name, and no longer than it."""
    end = clip.end_seconds or clip.start_seconds + clip_seconds
    length = end - clip.start_seconds
    longest = length + _TOLERANCE_SECONDS
    seconds = clip.seconds_to_read(clip_seconds)
    decoded = decode(location, 0.0, longest + _TOLERANCE_SECONDS, ffmpeg_path, seconds)
    if len(decoded.samples) / SAMPLE_RATE > longest:
        raise Unusable(
            "ambiguous",
            "cut or whole video",
            f"{location}: its name is that of a cut segment of {length:g} s, and it is longer; cut "
            f"it, or name it {clip.reference} if it is the whole video",
        )
    return replace(decoded, samples=decoded.samples[: round(seconds * SAMPLE_RATE)])


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
    return replace(chosen, samples=samples)


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
