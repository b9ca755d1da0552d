"""The results of a shard's clips so far, kept apart from the outputs of its job.

While a shard is being fetched, its folder holds `open.jsonl`, one line per clip that has a result,
and `samples.i16`, their samples one after the other. A clip's samples are written before its line,
both have checksums, and nothing is overwritten: a job killed at any time loses only the current
clip. When a shard that asked the network is finished, `finished.jsonl` keeps the answers, and
`shard.h5` is a hard link to the shard, which takes no space, so that clips are not fetched again
when the shard is rebuilt.
"""

import errno
import fcntl
import json
import logging
import os
import shutil
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from music_detectors.audio.columns import USABLE
from music_detectors.audio.failures import FAILED_RETRYABLE, Systemic
from music_detectors.audio.storage import read_intact_clips
from music_detectors.common.damage import without_advice
from music_detectors.common.errors import InputError, one_line
from music_detectors.common.files import drop, replacing

_OPEN, _SAMPLES = "open.jsonl", "samples.i16"
_FINISHED, _SHARD = "finished.jsonl", "shard.h5"
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


class ClipResult(NamedTuple):
    """The result of asking for a clip.

    `key` identifies the requested sound (see `clip_key`), `remote` says whether the network
    answered, and `terms` what else the answer depends on (see `ClipSource`). A usable clip has
    `n_samples` samples, which start at byte `place` of `samples.i16` (-1: they are in the finished
    shard) and have the checksum `checksum`; `full_scale` is the amplitude that they are stored at.
    """

    clip_id: str
    key: str
    status: str
    reason: str
    message: str
    attempts: int
    source: str
    remote: bool
    terms: str
    n_samples: int
    rms_db: float
    decoder: str
    decoder_version: str
    place: int = -1
    checksum: int = 0
    full_scale: float = 1.0


class Journal:
    """The journal of one shard; one job at a time may hold it.

    `results` are the results under the current settings; `remembered` are answers of the network
    under earlier settings or from a finished shard; `suspects` are clips that may cause their own
    failures: those at which a job stopped, and those that failed in a retryable way before.
    `deaths` counts, for each clip, the jobs that ended without a word while they read it.
    """

    def __init__(self, folder: str | os.PathLike, settings: str) -> None:
        """Open or create the journal in `folder`.

        `settings` is a digest of all that the shard depends on: clips with a result under other
        settings are asked for again, unless the network answered. Raises Systemic when another job
        holds the journal, or the folder cannot be written.
        """
        self._folder = Path(folder)
        self.results: dict[str, ClipResult] = {}
        self.remembered: dict[str, ClipResult] = {}
        self.suspects: set[str] = set()
        self.deaths: Counter[str] = Counter()
        self._finished_samples: dict[str, np.ndarray] = {}
        with disk_trouble(self._folder):
            if self._folder.is_file():
                drop(self._folder, "it must be a folder")
            self._folder.mkdir(parents=True, exist_ok=True)
            for name in (_OPEN, _SAMPLES, _FINISHED, _SHARD):
                if (self._folder / name).is_dir():
                    drop(self._folder / name, "it must be a file, not a folder")
            self._lines = open(self._folder / _OPEN, "ab+", buffering=0)
        try:
            self._lock()
            with disk_trouble(self._folder):
                self._samples = open(self._folder / _SAMPLES, "ab+", buffering=0)
                if not self._lines.seek(0, os.SEEK_END):
                    self._samples.truncate(0)
            self._read_finished()
            self._read_open(settings)
            self._begin(settings)
        except BaseException:
            self._lines.close()
            raise

    def __enter__(self) -> "Journal":
        """Return the journal itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Release the journal."""
        self._lines.close()
        self._samples.close()

    def add(self, result: ClipResult, samples: np.ndarray | None) -> ClipResult:
        """Write a clip's result, with its `samples` (n,) int16 if it is usable.

        Returns the result with the position of its samples. Raises Systemic when it cannot be
        written; the clip then counts as not yet fetched.
        """
        if samples is not None:
            content = np.ascontiguousarray(samples, dtype="<i2").tobytes()
            with disk_trouble(self._folder):
                place = self._samples.seek(0, os.SEEK_END)
                _write(self._samples, content)
            result = result._replace(place=place, checksum=zlib.crc32(content))
        self._append(result._asdict())
        self.results[result.clip_id] = result
        return result

    def remember(self, result: ClipResult) -> ClipResult:
        """Take a remembered answer as the result; its samples stay where they are."""
        self.results[result.clip_id] = result
        return result

    @contextmanager
    def reading(self, clip_id: str) -> Iterator[None]:
        """Note that the block reads a clip, which may end this process: see `deaths`."""
        self._append({"begun": clip_id})
        try:
            yield
        finally:
            self._append({"ended": clip_id})

    def suspect(self, clip_ids: Iterable[str]) -> None:
        """Note that the job stops at these clips, so that the next run asks for them last."""
        names = sorted(clip_ids)
        self._append({"suspect": names})
        self.suspects.update(names)

    def samples(self, result: ClipResult) -> np.ndarray:
        """Return the samples (n,) int16 of a usable clip.

        Raises Systemic when they have changed since they were written.
        """
        content = self._content(result)
        if zlib.crc32(content) != result.checksum:
            raise Systemic(
                "damaged journal",
                f"{self._folder}: the samples of clip {result.clip_id} have changed on disk",
                "run again: the clip will be fetched again",
            )
        return np.frombuffer(content, "<i2")

    def finish(self, audio: str | os.PathLike) -> None:
        """Keep the answers of the network for a finished shard, whose outputs are written.

        `audio` is one of them. If this is interrupted, no answer is lost.
        """
        answers = [result for result in self.results.values() if result.remote]
        with disk_trouble(self._folder):
            if answers:
                _link(Path(audio), self._folder / _SHARD)
                with replacing(self._folder / _FINISHED) as path, open(path, "wb") as file:
                    for result in answers:
                        file.write(_line(result._replace(place=-1)._asdict()))
            else:
                (self._folder / _FINISHED).unlink(missing_ok=True)
                (self._folder / _SHARD).unlink(missing_ok=True)
            # Remove the samples last: clips with a line but no samples would be fetched again.
            (self._folder / _OPEN).unlink()
            (self._folder / _SAMPLES).unlink()
        if not answers:
            _remove_empty_folders(self._folder)

    def _content(self, result: ClipResult) -> bytes:
        if result.place < 0:
            return self._finished_samples[result.clip_id].astype("<i2").tobytes()
        return os.pread(self._samples.fileno(), 2 * result.n_samples, result.place)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Systemic(
                "shard in use",
                f"another job is fetching into {self._folder}",
                "wait until it ends, or stop it, then run again",
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            logging.warning("%s: no locks on this file system", self._folder)
        with disk_trouble(self._folder):
            # The job that held it may just have finished and removed the file.
            if os.fstat(self._lines.fileno()).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "has just been finished by another job")

    def _begin(self, settings: str) -> None:
        # Do not append to an incomplete last line.
        size = self._lines.seek(0, os.SEEK_END)
        if size and os.pread(self._lines.fileno(), 1, size - 1) != b"\n":
            with disk_trouble(self._folder):
                _write(self._lines, b"\n")
        self._append({"settings": settings})

    def _append(self, record: dict) -> None:
        with disk_trouble(self._folder):
            _write(self._lines, _line(record))

    def _read_open(self, settings: str) -> None:
        self._lines.seek(0)
        written_under: str | None = None
        begun: str | None = None
        for record in _records(self._lines.readall().split(b"\n")):
            # A new job begins with its settings.
            if record is not None and begun is not None and "settings" in record:
                self.deaths[begun] += 1
            begun = None if record is None else record.get("begun")
            if record is None:
                # The damaged line may have been a change of settings.
                written_under = None
            elif "settings" in record:
                written_under = record["settings"]
            elif "suspect" in record:
                self.suspects.update(record["suspect"])
            elif (result := _parse_result(record)) is not None and self._is_intact(result):
                if written_under == settings:
                    self.results[result.clip_id] = result
                else:
                    self._remember(result)
        if begun is not None:
            self.deaths[begun] += 1
        self.suspects.update(self.deaths)

    def _read_finished(self) -> None:
        try:
            lines = (self._folder / _FINISHED).read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        except OSError as error:
            logging.warning("%s: ignored: %s", self._folder, one_line(error))
            return
        try:
            self._finished_samples = read_intact_clips(self._folder / _SHARD)
        except InputError as error:
            logging.warning("earlier downloads are not used: %s", without_advice(error))
        for record in _records(lines):
            if record is None or (result := _parse_result(record)) is None:
                continue
            if self._is_intact(result):
                self._remember(result)

    def _remember(self, result: ClipResult) -> None:
        if result.status == FAILED_RETRYABLE:
            self.suspects.add(result.clip_id)
        elif result.remote:
            self.remembered[result.clip_id] = result

    def _is_intact(self, result: ClipResult) -> bool:
        """Return whether the samples of `result`, if it has any, are unchanged."""
        if result.status not in USABLE:
            return True
        if result.place < 0 and result.clip_id not in self._finished_samples:
            return False
        return zlib.crc32(self._content(result)) == result.checksum


@contextmanager
def disk_trouble(path: str | os.PathLike) -> Iterator[None]:
    """Turn an OSError in the block into Systemic, which names `path`: it is no clip's fault."""
    try:
        yield
    except OSError as error:
        raise Systemic(
            "cannot be written",
            f"{path}: {error.strerror or one_line(error)}",
            "make room or repair the disk, then run again",
        ) from error


def _line(record: dict) -> bytes:
    text = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _records(lines: Iterable[bytes]) -> Iterator[dict | None]:
    """Yield the record in each of `lines`, None for a damaged line."""
    for line in lines:
        checksum, _, text = line.partition(b" ")
        if text and checksum == b"%08x" % zlib.crc32(text):
            yield json.loads(text)
        elif line:
            yield None


def _parse_result(record: dict) -> ClipResult | None:
    """Return a record as a result, or None if another version of the journal wrote it.

    What was downloaded before clips had a full scale is kept.
    """
    fields = {"full_scale": 1.0} | record
    return ClipResult(**fields) if fields.keys() == set(ClipResult._fields) else None


def _write(file: FileIO, content: bytes) -> None:
    """Write all of `content`: one write to an unbuffered file may take only a part."""
    view = memoryview(content)
    while len(view):
        view = view[file.write(view) :]


def _link(audio: Path, kept: Path) -> None:
    """Make a hard link to the shard, or a copy where the file system has no hard links."""
    fresh = kept.with_name(f".{kept.name}")
    fresh.unlink(missing_ok=True)
    try:
        os.link(audio, fresh)
    except OSError:
        shutil.copyfile(audio, fresh)
    os.replace(fresh, kept)


def _remove_empty_folders(folder: Path) -> None:
    """Remove the folder of a shard and the two above it while they are empty."""
    for path in (folder, folder.parent, folder.parent.parent):
        try:
            path.rmdir()
        except OSError:
            return
