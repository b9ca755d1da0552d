"""Sources of sound: one class per source, all with the method `read`."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from music_detectors.audio.archives import ArchiveSource
from music_detectors.audio.clips import Clip
from music_detectors.audio.columns import LEFT_OUT, USABLE
from music_detectors.audio.decode import Decoded, decode
from music_detectors.audio.failures import Retryable, Unusable
from music_detectors.audio.journal import ClipResult
from music_detectors.audio.naming import Location, NamedRecordings, decode_named
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.recordings import walk
from music_detectors.common.errors import InputError, one_line
from music_detectors.corpus.sources.manifest import find_addresses
from music_detectors.synthesis.scene import synthesise


class ClipSource(Protocol):
    """A source of sound.

    A `remote` source asks the network, so its answers are remembered. `terms` is a text that
    identifies what its refusals depend on besides the clip: when it changes, refused clips are
    asked for again.
    """

    remote: bool
    terms: str

    def read(self, clip: Clip) -> Decoded:
        """Return the sound of `clip`: its segment, or the start of it.

        Raises Unusable when this clip is not available, Retryable when it may be available later,
        Systemic when no clip is available for now, and InputError when the user must fix something.
        """


class EmbeddedSource:
    """Clips of the embedded corpus, synthesised from their recipes."""

    remote = False
    terms = ""

    def __init__(self, seed: int, clip_seconds: float) -> None:
        """Set the configured seed and the length of a clip."""
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

    remote = False
    terms = ""

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


class Answer(NamedTuple):
    """The answer of a source: its sound (`decoded`), a `refusal`, or a `remembered` result."""

    name: str
    source: ClipSource
    decoded: Decoded | None = None
    refusal: Unusable | None = None
    remembered: ClipResult | None = None


class Sources:
    """The sources of a shard's clips, in the order in which they are asked."""

    def __init__(self, by_kind: Mapping[str, Sequence[tuple[str, ClipSource]]]) -> None:
        """Set the named sources for each value of the column `source` of clips.tsv."""
        self._by_kind = by_kind

    def ask(self, clip: Clip, remembered: ClipResult | None = None) -> Answer:
        """Return the answer of the first source that has `clip`.

        If a source does not have the clip (missing), or only a file without sound (empty) or with
        damage (damaged), the next one is asked; if none has it, the first answer that is not
        `missing` counts, else the last.
        A remote source whose answer is `remembered` is not asked again. Raises Retryable (with the
        name of the source), Systemic and InputError.
        """
        refusals: list[tuple[str, Answer]] = []
        for name, source in self._by_kind[clip.source]:
            if remembered is not None and _still_valid(remembered, name, source):
                status = remembered.status
                answer = Answer(name, source, remembered=remembered)
            else:
                try:
                    return Answer(name, source, decoded=source.read(clip))
                except Unusable as error:
                    status = error.status
                    answer = Answer(name, source, refusal=error)
                except Retryable as error:
                    error.source = name
                    raise
                except MemoryError as error:
                    raise _out_of_memory(name, error) from None
            if status not in _TRY_NEXT:
                return answer
            refusals.append((status, answer))
        not_missing = (answer for status, answer in refusals if status != "missing")
        return next(not_missing, refusals[-1][1])


def open_sources(
    clips: Sequence[Clip],
    *,
    audio: Mapping,
    archives: str | os.PathLike | None,
    seed: int | None,
    clip_seconds: float,
    manifest: Mapping | None = None,
) -> Sources:
    """Return the sources that `clips` need.

    `audio` is the section of the configuration, `archives` the index of its archives, and
    `manifest` the section of the manifest, if the clips are from one. Raises InputError when the
    configuration lacks something that a source needs.
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
            references = [clip.reference for clip in of_kind]
            addresses = find_addresses(manifest, references) if manifest is not None else {}
            by_kind[kind] = [(kind, _web_source(clip_seconds, ffmpeg, audio, addresses))]
        elif kind == "audioset":
            by_kind[kind] = [
                (name, _audioset_source(name, of_kind, audio, archives, clip_seconds))
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
        # yt-dlp takes a second to import.
        from music_detectors.audio.youtube import YouTubeSource

        return YouTubeSource(clip_seconds, audio["ffmpeg"], audio["youtube"], audio["download"])
    raise InputError(f"audio.sources: {one_line(name)} is not a source")


def _web_source(
    clip_seconds: float, ffmpeg: str | None, audio: Mapping, addresses: Mapping[str, str]
) -> ClipSource:
    # requests takes a moment to import.
    from music_detectors.audio.web import WebSource

    return WebSource(clip_seconds, ffmpeg, audio["download"], addresses)


def _out_of_memory(name: str, error: MemoryError) -> Retryable:
    """Return the failure of a clip for which there was not enough memory, perhaps for now."""
    message = str(error) or "give the job more memory, or leave the clip out"
    retryable = Retryable("not enough memory", message)
    retryable.source = name
    return retryable


_TRY_NEXT = ("missing", "empty", "damaged")


def _still_valid(remembered: ClipResult, name: str, source: ClipSource) -> bool:
    """Return whether `remembered` is an answer of this source that is still valid."""
    if not source.remote or remembered.source != name:
        return False
    return remembered.status in (*USABLE, *LEFT_OUT) or remembered.terms == source.terms


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
