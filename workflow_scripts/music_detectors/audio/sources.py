"""Sources of sound: one class per source, all with the method `read`, which asks no network."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from music_detectors.audio.archives import ArchiveSource
from music_detectors.audio.clips import Clip
from music_detectors.audio.decode import Decoded, Member, decode
from music_detectors.audio.failures import FAILED_RETRYABLE, Unusable, decoder_trouble
from music_detectors.audio.fetched import FETCHED, KIND, fetch_key, is_intact, read_fetched
from music_detectors.audio.naming import Location, NamedRecordings, decode_named
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.recordings import walk
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError, one_line
from music_detectors.common.urls import shown_url


class ClipSource(Protocol):
    """A source of sound."""

    def read(self, clip: Clip) -> Decoded:
        """Return the sound of `clip`: its segment, or the start of it.

        Raises Unusable when it has none, and InputError when the user must fix something.
        """


class EmbeddedSource:
    """Clips of the embedded corpus, synthesised from their recipes."""

    def __init__(self, seed: int, clip_seconds: float) -> None:
        """Set the configured seed and the length of a clip."""
        self._seed = seed
        self._clip_seconds = clip_seconds

    def read(self, clip: Clip) -> Decoded:
        """Synthesise `clip` at full length."""
        # Late, since its filters take a second to import.
        from music_detectors.synthesis.scene import synthesise

        samples = synthesise(
            clip.reference, clip.clip_id, self._seed, self._clip_seconds, SAMPLE_RATE
        )
        return Decoded(samples, "synthesis", f"NumPy {np.__version__}")


class FileSource:
    """Clips whose reference is the path of a recording."""

    def __init__(self, clip_seconds: float, ffmpeg_path: str | None) -> None:
        """Set the length of a clip and the configured ffmpeg."""
        self._clip_seconds = clip_seconds
        self._ffmpeg_path = ffmpeg_path

    def read(self, clip: Clip) -> Decoded:
        """Decode the segment of `clip`, or the start of its recording."""
        seconds = clip.seconds_to_read(self._clip_seconds)
        return decode(clip.reference, clip.start_seconds, seconds, self._ffmpeg_path)


class AudioSetFolder:
    """Clips of AudioSet in a folder of files named after the YouTube id.

    A file may be in any subfolder; docs/fetching.md lists the names. With a start in its name it is
    the cut segment; without, its duration decides whether it is the segment or the whole video.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        clips: Iterable[Clip],
        clip_seconds: float,
        ffmpeg_path: str | None,
    ) -> None:
        """Search `folder` for the files of `clips`.

        Raises InputError when there is no such folder.
        """
        self._clip_seconds = clip_seconds
        self._ffmpeg_path = ffmpeg_path
        self._recordings: NamedRecordings[Location] = NamedRecordings(clips)
        _find(Path(folder), self._recordings)

    def read(self, clip: Clip) -> Decoded:
        """Decode the segment of `clip` from the file that is named after it."""
        named = self._recordings.of(clip)
        return decode_named(clip, named, "folder", self._clip_seconds, self._ffmpeg_path)


class FetchedSource:
    """Clips that the network was asked for, decoded from what came."""

    def __init__(
        self, path: str | os.PathLike, clip_seconds: float, ffmpeg_path: str | None
    ) -> None:
        """Read the answers at `path`; set the length of a clip and the configured ffmpeg.

        Raises InputError when they cannot be read.
        """
        self._path = Path(path)
        self._answers = read_fetched(path)
        self._clip_seconds = clip_seconds
        self._ffmpeg_path = ffmpeg_path

    def attempts(self, clip: Clip) -> int:
        """Return how often the network was asked for `clip` in the run that got the answer."""
        answer = self._answers.get(fetch_key(clip))
        return 0 if answer is None else answer.attempts

    def read(self, clip: Clip) -> Decoded:
        """Decode the segment of `clip`, or the start of it.

        Raises Unusable when it has none, and InputError when the archive is damaged.
        """
        answer = self._answers.get(fetch_key(clip))
        if answer is None:
            message = "a local source had the clip when the others were fetched, and has it no more"
            raise Unusable(FAILED_RETRYABLE, "not asked for yet", message)
        if answer.status != FETCHED:
            raise Unusable(answer.status, answer.reason, answer.message)
        if not is_intact(answer, self._path):
            raise damaged(self._path, KIND, f"the recording of clip {answer.clip_id} has changed")
        name = f"{answer.clip_id}{answer.ending}"
        member = Member(self._path, name, answer.offset, answer.size)
        shown = shown_url(clip.reference) if clip.source == "url" else "the download"
        seconds = clip.seconds_to_read(self._clip_seconds)
        try:
            decoded = decode(member, clip.start_seconds, seconds, self._ffmpeg_path)
        except Unusable as error:
            message = error.message.replace(str(member), shown)
            raise Unusable(error.status, error.reason, message) from error
        return replace(decoded, message=decoded.message.replace(str(member), shown))


class Answer(NamedTuple):
    """The answer of a source: its sound (`decoded`) or a `refusal`.

    `attempts` counts how often it was asked.
    """

    name: str
    attempts: int
    decoded: Decoded | None = None
    refusal: Unusable | None = None


class Sources:
    """The sources of a shard's clips, in the order in which they are asked."""

    def __init__(self, by_kind: Mapping[str, Sequence[tuple[str, ClipSource]]]) -> None:
        """Set the named sources for each value of the column `source` of clips.tsv."""
        self._by_kind = by_kind

    def ask(self, clip: Clip) -> Answer:
        """Return the answer of the first source that has `clip`.

        If a source does not have the clip (missing), or only a file without sound (empty) or with
        damage (damaged), the next one is asked; if none has it, the first answer that is not
        `missing` counts, else the last. Raises InputError.
        """
        refusals: list[Answer] = []
        for name, source in self._by_kind[clip.source]:
            attempts = source.attempts(clip) if isinstance(source, FetchedSource) else 1
            try:
                with decoder_trouble(clip.clip_id):
                    return Answer(name, attempts, decoded=source.read(clip))
            except Unusable as error:
                refusal = error
            except MemoryError as error:
                message = str(error) or "give the job more memory, or leave the clip out"
                refusal = Unusable(FAILED_RETRYABLE, "not enough memory", message)
            refusals.append(Answer(name, attempts, refusal=refusal))
            if refusal.status not in _TRY_NEXT:
                return refusals[-1]
        not_missing = (one for one in refusals if one.refusal and one.refusal.status != "missing")
        return next(not_missing, refusals[-1])

    def has(self, clip: Clip) -> bool:
        """Return whether one of the sources has `clip`, so that no further one is to be asked."""
        if not self._by_kind.get(clip.source):
            return False
        refusal = self.ask(clip).refusal
        return refusal is None or refusal.status not in _TRY_NEXT


def open_sources(
    clips: Sequence[Clip],
    *,
    audio: Mapping,
    archives: str | os.PathLike | None,
    clip_seconds: float,
    fetched: str | os.PathLike | None = None,
    seed: int | None = None,
) -> Sources:
    """Return the sources that `clips` need.

    `audio` is the section of the configuration, `archives` the index of its archives, `fetched`
    the archive of what the network answered, and `seed` that of synthesised clips. Raises
    InputError when the configuration lacks something that a source needs.
    """
    ffmpeg = audio["ffmpeg"]
    by_kind: dict[str, list[tuple[str, ClipSource]]] = {}
    for kind in sorted({clip.source for clip in clips}):
        of_kind = [clip for clip in clips if clip.source == kind]
        if kind == "embedded":
            assert seed is not None
            by_kind[kind] = [(kind, EmbeddedSource(seed, clip_seconds))]
        elif kind == "file":
            by_kind[kind] = [(kind, FileSource(clip_seconds, ffmpeg))]
        elif kind == "url":
            assert fetched is not None
            by_kind[kind] = [(kind, FetchedSource(fetched, clip_seconds, ffmpeg))]
        elif kind == "audioset":
            by_kind[kind] = [
                (name, _audioset_source(name, of_kind, audio, archives, fetched, clip_seconds))
                for name in audio["sources"]
            ]
        else:
            raise InputError(f"clips.tsv: unknown source {one_line(kind)}")
    return Sources(by_kind)


def _audioset_source(
    name: str,
    clips: Sequence[Clip],
    audio: Mapping,
    archives: str | os.PathLike | None,
    fetched: str | os.PathLike | None,
    clip_seconds: float,
) -> ClipSource:
    if name == "folder":
        if audio["folder"] is None:
            raise InputError(
                "audio.folder: not set, but audio.sources lists folder; set it to the path"
            )
        return AudioSetFolder(audio["folder"], clips, clip_seconds, audio["ffmpeg"])
    if name == "archives":
        if archives is None:
            raise InputError(
                "audio.archives: empty, but audio.sources lists archives; list their paths"
            )
        return ArchiveSource(archives, clips, clip_seconds, audio["ffmpeg"])
    if name == "youtube":
        assert fetched is not None
        return FetchedSource(fetched, clip_seconds, audio["ffmpeg"])
    raise InputError(f"audio.sources: {one_line(name)} is not a source")


_TRY_NEXT = ("missing", "empty", "damaged")


def _find(folder: Path, recordings: NamedRecordings[Location]) -> None:
    """Add the files under `folder` to `recordings`; links that lead out of it are not read."""
    try:
        root = folder.resolve(strict=True)
        os.scandir(root).close()
    except OSError as error:
        raise InputError(
            f"audio.folder: {folder} is not a readable folder ({error.strerror}); "
            "set it to the folder of AudioSet's files"
        ) from error
    for entry in walk(root, _warn_of_skipped):
        if recordings.has(entry.name):
            path = Path(entry.path)
            leads_out = entry.is_symlink() and not path.resolve().is_relative_to(root)
            recordings.add(entry.name, path, "link out of the folder" if leads_out else "")


def _warn_of_skipped(error: OSError) -> None:
    logging.warning("audio.folder: skipped: %s", one_line(error))
