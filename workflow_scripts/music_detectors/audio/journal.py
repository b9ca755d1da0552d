"""The answers of the network for a shard so far, kept apart from the output of its job.

While a shard is fetched, its folder holds `answers.jsonl`, a line for each answer, and
`recordings`, what came, one after the other. A recording is written before its line, both have
checksums, and nothing is overwritten: a job killed at any time loses only the current clip. When
the shard is finished, `fetched.tar` is a hard link to the output, which takes no space, so that
nothing is fetched again when the shard is.
"""

import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from music_detectors.audio.failures import FAILED_RETRYABLE, Systemic, disk_trouble
from music_detectors.audio.fetched import (
    Fetched,
    content_of,
    intact_answers,
    is_intact,
    parse_answer,
    write_fetched,
)
from music_detectors.audio.lines import Lines, Readings, write_all
from music_detectors.common.files import drop

_ANSWERS, _RECORDINGS = "answers.jsonl", "recordings"
_READING, _KEPT = "reading.jsonl", "fetched.tar"
_BLOCK_BYTES = 2**20


class Journal:
    """The journal of one shard; one job at a time may hold it.

    `answers` are those so far, by key; `suspects` are clips that may cause their own failures:
    those at which a job stopped or ended without a word, and those that failed in a retryable way
    before. `readings` notes which clip is being read.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        """Open or create the journal in `folder`.

        Raises Systemic when another job holds it, or the folder cannot be written.
        """
        self._folder = Path(folder)
        with disk_trouble(self._folder):
            if self._folder.is_file():
                drop(self._folder, "it must be a folder")
            for name in (_RECORDINGS, _KEPT):
                if (self._folder / name).is_dir():
                    drop(self._folder / name, "it must be a file, not a folder")
        self._lines = Lines(self._folder / _ANSWERS)
        try:
            with disk_trouble(self._folder):
                self._recordings = open(self._folder / _RECORDINGS, "ab", buffering=0)
            self.readings = Readings(self._folder / _READING)
            self.suspects = set(self.readings.deaths)
            self.answers: dict[str, Fetched] = {}
            self._in_file: dict[str, Path] = {}
            self._read()
        except BaseException:
            self._lines.close()
            raise

    def __enter__(self) -> "Journal":
        """Return the journal itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Release the journal."""
        self.readings.close()
        self._recordings.close()
        self._lines.close()

    def add(self, answer: Fetched, recording: Path | None = None) -> Fetched:
        """Write an answer and the file that came with it; return it with the recording's place.

        Raises Systemic when it cannot be written; the clip then counts as not yet asked for.
        """
        if recording is not None:
            checksum = size = 0
            with disk_trouble(self._folder), open(recording, "rb") as file:
                offset = self._recordings.seek(0, os.SEEK_END)
                while block := file.read(_BLOCK_BYTES):
                    write_all(self._recordings, block)
                    checksum, size = zlib.crc32(block, checksum), size + len(block)
            answer = answer._replace(size=size, checksum=checksum, offset=offset)
        self._lines.append(answer._asdict())
        self._note(answer, self._folder / _RECORDINGS)
        return answer

    def suspect(self, clip_ids: Iterable[str]) -> None:
        """Note that the job stops at these clips, so that the next run asks for them last."""
        self._lines.append({"suspect": sorted(clip_ids)})

    def finish(self, output: str | os.PathLike, keys: Iterable[str]) -> None:
        """Write the answers to `keys` to `output`, and keep them. If killed, none is lost.

        Raises Systemic when that is not possible.
        """
        answers = [self.answers[key] for key in keys if key in self.answers]
        kept = self._folder / _KEPT
        if answers and answers == self._kept and self._is_whole:
            # Nothing is new: the same file, as of now.
            with disk_trouble(output):
                _link(kept, Path(output))
                os.utime(output)
        else:
            with disk_trouble(output):
                write_fetched(output, answers, self._content)
            with disk_trouble(self._folder):
                _link(Path(output), kept)
        with disk_trouble(self._folder):
            # Answers with a line but no recording would be asked for again.
            for name in (_ANSWERS, _RECORDINGS, _READING):
                (self._folder / name).unlink(missing_ok=True)
            if not answers:
                forget_fetched(self._folder)

    def _content(self, answer: Fetched) -> Iterator[bytes]:
        path = self._in_file[answer.key]
        if not is_intact(answer, path):
            raise Systemic(
                "damaged journal",
                f"{self._folder}: the recording of clip {answer.clip_id} has changed on disk",
                "run again: the clip will be fetched again",
            )
        return content_of(answer, path)

    def _read(self) -> None:
        kept = self._folder / _KEPT
        self._kept, self._is_whole = intact_answers(kept)
        for answer in self._kept:
            if answer.status == FAILED_RETRYABLE:
                self.suspects.add(answer.clip_id)
            else:
                self._note(answer, kept)
        for record in self._lines.records:
            if record is None:
                continue
            found = parse_answer(record)
            if found is None:
                self.suspects.update(record.get("suspect", ()))
            elif is_intact(found, self._folder / _RECORDINGS):
                self._note(found, self._folder / _RECORDINGS)

    def _note(self, answer: Fetched, path: Path) -> None:
        self.answers[answer.key] = answer
        self._in_file[answer.key] = path


def forget_fetched(folder: str | os.PathLike) -> None:
    """Remove what a finished journal in `folder` keeps, and the folders that are then empty."""
    shard = Path(folder)
    (shard / _KEPT).unlink(missing_ok=True)
    for path in (shard, shard.parent, shard.parent.parent):
        try:
            path.rmdir()
        except OSError:
            return


def _link(file: Path, other: Path) -> None:
    """Make `other` a hard link to `file`, or a copy where the file system has no hard links."""
    other.parent.mkdir(parents=True, exist_ok=True)
    fresh = other.with_name(f".{other.name}")
    fresh.unlink(missing_ok=True)
    try:
        os.link(file, fresh)
    except OSError:
        shutil.copyfile(file, fresh)
    os.replace(fresh, other)
    # Where both were the same file, the name remains.
    fresh.unlink(missing_ok=True)
