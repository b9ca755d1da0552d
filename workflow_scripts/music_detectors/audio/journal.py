"""What became of each clip of a shard so far, kept outside the outputs of its job.

The folder of a shard holds, while it is being fetched, `open.jsonl`, a line a clip that has ended,
and `samples.i16`, their samples one after the other. A clip's samples are written before its line,
both carry checksums, and nothing is ever overwritten: a job killed at any moment loses the clip at
hand and no other. Of a finished shard that asked the network, `finished.jsonl` keeps the answers,
and `shard.h5` is the shard itself under a second name (a hard link, which takes no room), so that
what was fetched once is not fetched again when the shard is made anew.
"""

import errno
import fcntl
import json
import logging
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from music_detectors.audio.columns import USABLE
from music_detectors.audio.failures import FAILED_RETRYABLE, Systemic
from music_detectors.audio.storage import read_clips_left
from music_detectors.common.damage import told
from music_detectors.common.errors import InputError, one_line
from music_detectors.common.files import drop, replacing

_OPEN, _SAMPLES = "open.jsonl", "samples.i16"
_FINISHED, _SHARD = "finished.jsonl", "shard.h5"
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


class Ended(NamedTuple):
    """What became of a clip.

    `key` stands for what was asked for (see `clip_key`), `remote` tells whether the network
    answered, and `terms` what the answer may depend on beside the clip (see `ClipSource`). `place`
    and `checksum` are those of the samples, of which there are `n_samples` where the status is
    usable.
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


class Journal:
    """The journal of one shard, which one job at a time may hold.

    `ended` are the clips that the interrupted job has done with; `remembered` are answers of the
    network from before what else the shard depends on changed, or from a finished shard;
    `doubted` are clips whose failing may be their own: those at which a job stopped, and those
    that failed retryably before.
    """

    def __init__(self, folder: str | os.PathLike, settings: str) -> None:
        """Open the journal in `folder`, making it where there is none.

        `settings` stand for all that the shard depends on: clips that ended under others are
        asked for again, unless it was the network that answered. Raises Systemic when another job
        holds the journal, or the folder cannot be written to.
        """
        self._folder = Path(folder)
        self.ended: dict[str, Ended] = {}
        self.remembered: dict[str, Ended] = {}
        self.doubted: set[str] = set()
        self._kept: dict[str, np.ndarray] = {}
        with disk_trouble(self._folder):
            if self._folder.is_file():
                drop(self._folder, "it is to be a folder")
            self._folder.mkdir(parents=True, exist_ok=True)
            for name in (_OPEN, _SAMPLES, _FINISHED, _SHARD):
                if (self._folder / name).is_dir():
                    drop(self._folder / name, "a folder lies in the place of a file")
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
        """Let go of the journal."""
        self._lines.close()
        self._samples.close()

    def add(self, ended: Ended, samples: np.ndarray | None) -> Ended:
        """Note that a clip has ended, with its `samples` (n,) int16 where it is usable.

        Returns it with the place of its samples.

        Raises Systemic when the disk does not take it; the clip then counts as not ended.
        """
        if samples is not None:
            content = np.ascontiguousarray(samples, dtype="<i2").tobytes()
            with disk_trouble(self._folder):
                place = self._samples.seek(0, os.SEEK_END)
                _write(self._samples, content)
            ended = ended._replace(place=place, checksum=zlib.crc32(content))
        self._append(ended._asdict())
        self.ended[ended.clip_id] = ended
        return ended

    def remember(self, ended: Ended) -> Ended:
        """Note that a remembered answer still holds; its samples stay where they are."""
        self.ended[ended.clip_id] = ended
        return ended

    def doubt(self, clip_ids: Iterable[str]) -> None:
        """Note that the job stops at these clips, so that the next one tries the others first."""
        names = sorted(clip_ids)
        self._append({"doubted": names})
        self.doubted.update(names)

    def samples(self, ended: Ended) -> np.ndarray:
        """Return the samples (n,) int16 of a usable clip.

        Raises Systemic when they are no longer as they were written.
        """
        content = self._content(ended)
        if zlib.crc32(content) != ended.checksum:
            raise Systemic(
                "damaged journal",
                f"{self._folder}: the samples of clip {ended.clip_id} have changed meanwhile",
                "run again, and the clip is asked for again",
            )
        return np.frombuffer(content, "<i2")

    def finish(self, audio: str | os.PathLike) -> None:
        """Close the account of a shard whose outputs are in place, `audio` among them.

        Whatever interrupts this, the next job finds all answers in one of the two states.
        """
        answers = [ended for ended in self.ended.values() if ended.remote]
        with disk_trouble(self._folder):
            if answers:
                _link(Path(audio), self._folder / _SHARD)
                with replacing(self._folder / _FINISHED) as path, open(path, "wb") as file:
                    for ended in answers:
                        file.write(_line(ended._replace(place=-1)._asdict()))
            else:
                (self._folder / _FINISHED).unlink(missing_ok=True)
                (self._folder / _SHARD).unlink(missing_ok=True)
            # The samples go last: lines without samples would be asked for again.
            (self._folder / _OPEN).unlink()
            (self._folder / _SAMPLES).unlink()
        if not answers:
            _remove_empty(self._folder)

    def _content(self, ended: Ended) -> bytes:
        if ended.place < 0:
            return self._kept[ended.clip_id].astype("<i2").tobytes()
        return os.pread(self._samples.fileno(), 2 * ended.n_samples, ended.place)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Systemic(
                "shard in use",
                f"another job is fetching into {self._folder}",
                "wait until it has ended, or end it, then run again",
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            logging.warning("%s: no locks on this file system", self._folder)
        with disk_trouble(self._folder):
            # The job that held it may have finished, and removed the file, in this very moment.
            if os.fstat(self._lines.fileno()).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "has just been finished by another job")

    def _begin(self, settings: str) -> None:
        # A torn last line must not swallow the next one.
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
        under: str | None = None
        for record in _records(self._lines.readall().split(b"\n")):
            if record is None:
                # It may have said that other settings begin.
                under = None
            elif "settings" in record:
                under = record["settings"]
            elif "doubted" in record:
                self.doubted.update(record["doubted"])
            elif (ended := _ended(record)) is not None and self._is_whole(ended):
                if under == settings:
                    self.ended[ended.clip_id] = ended
                else:
                    self._keep(ended)

    def _read_finished(self) -> None:
        try:
            lines = (self._folder / _FINISHED).read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        except OSError as error:
            logging.warning("%s: passed over %s", self._folder, one_line(error))
            return
        try:
            self._kept = read_clips_left(self._folder / _SHARD)
        except InputError as error:
            logging.warning("what was fetched before is not used: %s", told(error))
        for record in _records(lines):
            if record is None or (ended := _ended(record)) is None:
                continue
            if self._is_whole(ended):
                self._keep(ended)

    def _keep(self, ended: Ended) -> None:
        if ended.status == FAILED_RETRYABLE:
            self.doubted.add(ended.clip_id)
        elif ended.remote:
            self.remembered[ended.clip_id] = ended

    def _is_whole(self, ended: Ended) -> bool:
        """Return whether the samples of `ended`, if it has any, are there as they were written."""
        if ended.status not in USABLE:
            return True
        if ended.place < 0 and ended.clip_id not in self._kept:
            return False
        return zlib.crc32(self._content(ended)) == ended.checksum


@contextmanager
def disk_trouble(path: str | os.PathLike) -> Iterator[None]:
    """Turn an OSError in the block into Systemic, which names `path`: no clip is at fault."""
    try:
        yield
    except OSError as error:
        raise Systemic(
            "cannot be written",
            f"{path}: {error.strerror or one_line(error)}",
            "make room or mend the disk, then run again",
        ) from error


def _line(record: dict) -> bytes:
    text = json.dumps(record, separators=(",", ":")).encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _records(lines: Iterable[bytes]) -> Iterator[dict | None]:
    """Yield what each of `lines` says, None where one is not whole."""
    for line in lines:
        checksum, _, text = line.partition(b" ")
        if text and checksum == b"%08x" % zlib.crc32(text):
            yield json.loads(text)
        elif line:
            yield None


def _ended(record: dict) -> Ended | None:
    """Return a record as `Ended`, or None where another version of the journal wrote it."""
    return Ended(**record) if record.keys() == set(Ended._fields) else None


def _write(file: object, content: bytes) -> None:
    """Write all of `content`: an unbuffered file may take less of it at a time."""
    view = memoryview(content)
    while len(view):
        view = view[file.write(view) :]


def _link(audio: Path, kept: Path) -> None:
    """Give the shard a second name, or make a copy of it where there are no hard links."""
    fresh = kept.with_name(f".{kept.name}")
    fresh.unlink(missing_ok=True)
    try:
        os.link(audio, fresh)
    except OSError:
        shutil.copyfile(audio, fresh)
    os.replace(fresh, kept)


def _remove_empty(folder: Path) -> None:
    """Remove the folder of a shard and those above it, as far as they are empty."""
    for path in (folder, folder.parent, folder.parent.parent):
        try:
            path.rmdir()
        except OSError:
            return
