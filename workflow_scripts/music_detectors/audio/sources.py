"""Where the sound of a clip comes from: one class a source, all with the same one method."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from music_detectors.audio.archives import ArchiveSource
from music_detectors.audio.clips import Clip
from music_detectors.audio.columns import USABLE
from music_detectors.audio.decode import Decoded, decode
from music_detectors.audio.failures import Retryable, Unusable
from music_detectors.audio.journal import Ended
from music_detectors.audio.naming import Place, decode_named, names_of, stem
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.common.errors import InputError, one_line
from music_detectors.synthesis.scene import synthesise


class ClipSource(Protocol):
    """Something that can be asked for the sound of a clip.

    A `remote` source asks the network: its answers are remembered, unless its `terms`, a text that
    stands for what they depend on beside the clip, have changed since a clip was refused.
    """

    remote: bool
    terms: str

    def read(self, clip: Clip) -> Decoded:
        """Return the sound of `clip`: its segment, or the start of it.

        Raises Unusable when this clip cannot be had, Retryable when it may be had later, Systemic
        when no clip can for now, and InputError when none can until the user mends something.
        """


class EmbeddedSource:
    """Clips of the embedded corpus, synthesised from their recipes."""

    remote = False
    terms = ""

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

    remote = False
    terms = ""

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

    remote = False
    terms = ""

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
        self._files, self._outside = _find(Path(folder), names_of(clips))

    def read(self, clip: Clip) -> Decoded:
        """Decode the segment of `clip` from the file that is named after it."""
        return decode_named(
            clip, self._files, self._outside, "folder", self._clip_seconds, self._ffmpeg_path
        )


class Answer(NamedTuple):
    """What a source says to a clip: the source and its name, and sound, a refusal, or `before`.

    `before` is what the source answered earlier, which it was not asked again.
    """

    name: str
    source: ClipSource
    decoded: Decoded | None = None
    refusal: Unusable | None = None
    before: Ended | None = None


class Sources:
    """The sources of a shard's clips, in the order in which each clip is looked for in them."""

    def __init__(self, by_kind: Mapping[str, Sequence[tuple[str, ClipSource]]]) -> None:
        """Take the named sources for each `source` of clips.tsv."""
        self._by_kind = by_kind

    def ask(self, clip: Clip, remembered: Ended | None = None) -> Answer:
        """Return the answer of the first source that has `clip`.

        One that does not have it (missing), or nothing that can be decoded (empty), passes it on
        to the next; when none has it, the first that had something answers, else the last. A
        remote source whose answer is `remembered` is not asked again. Raises Retryable, which
        then bears the name of the source, Systemic and InputError.
        """
        refusals: list[Answer] = []
        for name, source in self._by_kind[clip.source]:
            if _holds(remembered, name, source):
                answer = Answer(name, source, before=remembered)
                if remembered.status not in _PASSED_ON:
                    return answer
            else:
                try:
                    return Answer(name, source, decoded=source.read(clip))
                except Unusable as error:
                    answer = Answer(name, source, refusal=error)
                    if error.status not in _PASSED_ON:
                        return answer
                except Retryable as error:
                    error.source = name
                    raise
            refusals.append(answer)
        had_something = (answer for answer in refusals if _status(answer) != "missing")
        return next(had_something, refusals[-1])


def open_sources(
    clips: Sequence[Clip],
    *,
    audio: Mapping,
    archives: str | os.PathLike | None,
    seed: int | None,
    clip_seconds: float,
) -> Sources:
    """Return the sources that `clips` need.

    `audio` is the section of the configuration and `archives` the index of its archives. Raises
    InputError when the configuration lacks what a source needs, or cannot be read.
    """
    ffmpeg = audio["ffmpeg"]
    by_kind: dict[str, list[tuple[str, ClipSource]]] = {}
    for kind in sorted({clip.source for clip in clips}):
        own = [clip for clip in clips if clip.source == kind]
        if kind == "embedded":
            by_kind[kind] = [(kind, EmbeddedSource(seed, clip_seconds))]
        elif kind == "file":
            by_kind[kind] = [(kind, FileSource(clip_seconds, ffmpeg))]
        elif kind == "url":
            by_kind[kind] = [(kind, _web_source(clip_seconds, ffmpeg, audio))]
        elif kind == "audioset":
            by_kind[kind] = [
                (name, _audioset_source(name, own, audio, archives, clip_seconds))
                for name in audio["sources"]
            ]
        else:
            raise InputError(f"clips.tsv: no source is called {one_line(kind)}")
    return Sources(by_kind)


def _audioset_source(
    name: str,
    clips: Sequence[Clip],
    audio: Mapping,
    archives: str | os.PathLike | None,
    clip_seconds: float,
) -> ClipSource:
    if name == "folder":
        if audio["folder"] is None:
            raise InputError("audio.folder: not set, but audio.sources names folder; give its path")
        return AudioSetFolder(audio["folder"], clips, clip_seconds, audio["ffmpeg"])
    if name == "archives":
        if archives is None:
            raise InputError("audio.archives: none, but audio.sources names archives; list them")
        return ArchiveSource(archives, clips, clip_seconds, audio["ffmpeg"])
    if name == "youtube":
        # yt-dlp takes a second to import.
        from music_detectors.audio.youtube import YouTubeSource

        return YouTubeSource(clip_seconds, audio["ffmpeg"], audio["youtube"], audio["download"])
    raise InputError(f"audio.sources: {one_line(name)} is no source")


def _web_source(clip_seconds: float, ffmpeg: str | None, audio: Mapping) -> ClipSource:
    # requests takes a moment to import.
    from music_detectors.audio.web import WebSource

    return WebSource(clip_seconds, ffmpeg, audio["download"])


_PASSED_ON = ("missing", "empty")


def _status(answer: Answer) -> str:
    return answer.before.status if answer.refusal is None else answer.refusal.status


def _holds(remembered: Ended | None, name: str, source: ClipSource) -> bool:
    """Return whether `remembered` is an answer of this source that still counts."""
    if remembered is None or not source.remote or remembered.source != name:
        return False
    return remembered.status in USABLE or remembered.terms == source.terms


def _find(
    folder: Path, names: set[str]
) -> tuple[dict[str, list[Place]], dict[str, tuple[str, str]]]:
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
    files: dict[str, list[Place]] = {}
    outside: dict[str, tuple[str, str]] = {}
    for entry in _walk(root):
        name = stem(entry.name)
        if name not in names:
            continue
        path = Path(entry.path)
        if entry.is_symlink() and not path.resolve().is_relative_to(root):
            outside[name] = ("link out of the folder", str(path))
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
