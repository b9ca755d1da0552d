"""One shard of clips: fetched, decoded, judged and stored, with a status for every clip."""

import errno
import gzip
import hashlib
import heapq
import json
import logging
import os
import time
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from music_detectors.audio.clips import Clip, read_shard_clips
from music_detectors.audio.columns import STATUS, USABLE
from music_detectors.audio.decode import judge, judge_level
from music_detectors.audio.failures import FAILED_RETRYABLE, Retryable, Systemic
from music_detectors.audio.journal import Ended, Journal, disk_trouble
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.sources import Answer, Sources, open_sources
from music_detectors.audio.storage import AudioShard, to_int16, write_audio_shard
from music_detectors.common.errors import one_line, say
from music_detectors.common.progress import progress
from music_detectors.common.seeds import seed_of
from music_detectors.common.tables import write_table

# What libraries raise over the content of one file; all else is not about the clip.
_DECODER_ERRORS = (RuntimeError, ValueError, OSError, EOFError, zlib.error, gzip.BadGzipFile)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

_PAUSES_GROW = 4
_LONGEST_WAIT = 300.0
"""Seconds: who asks for a longer wait is not waited for by a job that holds a core."""


def fetch_shard(
    clips: str | os.PathLike,
    split: str,
    shard: str,
    audio: str | os.PathLike,
    status: str | os.PathLike,
    *,
    journal: str | os.PathLike,
    settings: Mapping,
    clip_seconds: float,
    archives: str | os.PathLike | None = None,
    seed: int | None = None,
    code: str = "",
) -> None:
    """Get every clip of a shard and write its usable ones to `audio` and all verdicts to `status`.

    `clips` is clips.tsv, `settings` the section `audio` of the configuration, `archives` the index
    of its archives, `seed` that of what is synthesised, and `code` the digest of this code. A clip
    is cut to `clip_seconds`, or padded with zeros, which its n_samples do not count. A clip that
    cannot be had gets a status and no row, even when no row is left. Each clip is noted in the
    folder `journal` as it ends, from where a job that was interrupted goes on. Raises InputError
    when the user has something to mend, and Systemic when no clip can be had for now.
    """
    wanted = read_shard_clips(clips, split, shard)
    what = f"{split}/{shard}"
    depends_on = _digest(code, seed, clip_seconds, settings["silence_db"], *_choices(settings))
    with Journal(journal, depends_on) as kept:
        keys = {clip.clip_id: clip_key(clip, clip_seconds) for clip in wanted}
        ended = {name: one for name, one in kept.ended.items() if keys.get(name) == one.key}
        pending = [clip for clip in wanted if clip.clip_id not in ended]
        if ended:
            logging.info("%s: %d of %d clips are in the journal", what, len(ended), len(wanted))
        if pending:
            sources = open_sources(
                pending, audio=settings, archives=archives, seed=seed, clip_seconds=clip_seconds
            )
            fetching = _Fetching(sources, kept, settings, clip_seconds)
            counts = Counter(one.status for one in ended.values())
            for one in progress(
                fetching.run(pending), len(pending), what, note=lambda: _told(counts)
            ):
                ended[one.clip_id] = one
                counts[one.status] += 1
        _write(wanted, ended, kept, round(clip_seconds * SAMPLE_RATE), audio, status)
        kept.finish(audio)
    counts = Counter(ended[clip.clip_id].status for clip in wanted)
    usable = sum(counts[name] for name in USABLE)
    line = f"{what}: {usable} of {len(wanted)} clips usable ({_told(counts)})"
    logging.info(line)
    say(line)


def clip_key(clip: Clip, clip_seconds: float) -> str:
    """Return what stands for the sound that is asked for, whatever the clip is called."""
    asked = (clip.source, clip.reference, clip.start_seconds, clip.end_seconds, clip_seconds)
    return _digest(SAMPLE_RATE, *asked)


class _Fetching:
    """Asks for clips until each has ended: those that fail retryably again later."""

    def __init__(
        self, sources: Sources, journal: Journal, settings: Mapping, clip_seconds: float
    ) -> None:
        self._sources = sources
        self._journal = journal
        self._silence_db = settings["silence_db"]
        self._attempts = settings["retries"]["attempts"]
        self._pause = settings["retries"]["pause_seconds"]
        self._in_a_row = settings["retries"]["in_a_row"]
        self._clip_seconds = clip_seconds
        # First attempts that failed, by clip, since a source last answered.
        self._row: dict[str, Retryable] = {}
        self._not_before = 0.0

    def run(self, clips: Sequence[Clip]) -> Iterator[Ended]:
        """Yield what becomes of each clip, once it is in the journal.

        Raises Systemic, after noting which clips it came over: they are asked for last next time,
        so that a clip whose own fault it is does not hold up the others.
        """
        doubted = self._journal.doubted
        fresh = deque(sorted(clips, key=lambda clip: clip.clip_id in doubted))
        waiting: list[tuple[float, str, int, Clip]] = []
        while fresh or waiting:
            due = bool(waiting) and waiting[0][0] <= time.monotonic()
            # While nothing gets through, a clip's further attempts would be wasted.
            if fresh and (self._row or not due):
                clip, attempt = fresh.popleft(), 1
            else:
                when, _, attempt, clip = heapq.heappop(waiting)
                self._not_before = max(self._not_before, when)
            _sleep_until(self._not_before)
            try:
                ended = self._attempt(clip, attempt)
            except Retryable as error:
                logging.info(
                    "clip %s, attempt %d: %s: %s",
                    clip.clip_id,
                    attempt,
                    error.reason,
                    error.message,
                )
                if attempt == 1 and clip.clip_id not in doubted:
                    self._row[clip.clip_id] = error
                    self._stop_if_nothing_gets_through()
                if self._wait(error, attempt):
                    when = time.monotonic() + self._back_off(clip, attempt)
                    heapq.heappush(waiting, (when, clip.clip_id, attempt + 1, clip))
                    continue
                ended = self._give_up(clip, attempt, error)
            except Systemic as error:
                logging.error("clip %s: %s: %s", clip.clip_id, error.reason, error.message)
                self._journal.doubt([clip.clip_id])
                raise
            yield ended

    def _attempt(self, clip: Clip, attempt: int) -> Ended:
        remembered = self._journal.remembered.get(clip.clip_id)
        if remembered is not None and remembered.key != clip_key(clip, self._clip_seconds):
            remembered = None
        try:
            answer = self._sources.ask(clip, remembered)
        except _DECODER_ERRORS as error:
            if getattr(error, "errno", None) in _DISK_FULL:
                with disk_trouble(getattr(error, "filename", None) or "the disk"):
                    raise
            logging.warning("clip %s: the decoder failed", clip.clip_id, exc_info=True)
            message = f"{type(error).__name__}: {error}"
            refusal = ("unavailable", "decoder failed", message)
            return self._refused(clip, attempt, *refusal, source=clip.source)
        if answer.before is not None:
            return self._remembered(clip, answer.before)
        if answer.source.remote:
            self._row.clear()
        if answer.refusal is not None:
            error = answer.refusal
            return self._refused(
                clip,
                attempt,
                error.status,
                error.reason,
                error.message,
                source=answer.name,
                remote=answer.source.remote,
                terms=answer.source.terms,
            )
        return self._got(clip, attempt, answer)

    def _got(self, clip: Clip, attempt: int, answer: Answer) -> Ended:
        decoded = answer.decoded
        samples = decoded.samples[: round(self._clip_seconds * SAMPLE_RATE)]
        verdict = judge(samples, self._asked(clip), self._silence_db)
        texts = (verdict.message, decoded.message)
        ended = Ended(
            clip_id=clip.clip_id,
            key=clip_key(clip, self._clip_seconds),
            status=verdict.status,
            reason=verdict.reason,
            message=one_line("; ".join(text for text in texts if text)),
            attempts=attempt,
            source=answer.name,
            remote=answer.source.remote,
            terms=answer.source.terms,
            n_samples=len(samples),
            rms_db=verdict.rms_db,
            decoder=decoded.decoder,
            decoder_version=decoded.decoder_version,
        )
        return self._journal.add(ended, to_int16(samples) if verdict.status in USABLE else None)

    def _refused(
        self,
        clip: Clip,
        attempt: int,
        status: str,
        reason: str,
        message: str,
        *,
        source: str,
        remote: bool = False,
        terms: str = "",
    ) -> Ended:
        ended = Ended(
            clip_id=clip.clip_id,
            key=clip_key(clip, self._clip_seconds),
            status=status,
            reason=reason,
            message=one_line(message),
            attempts=attempt,
            source=source,
            remote=remote,
            terms=terms,
            n_samples=0,
            rms_db=np.nan,
            decoder="",
            decoder_version="",
        )
        return self._journal.add(ended, None)

    def _remembered(self, clip: Clip, before: Ended) -> Ended:
        """Return an earlier answer, judged by the present threshold of silence."""
        if before.status in USABLE:
            verdict = judge_level(
                before.n_samples, before.rms_db, self._asked(clip), self._silence_db
            )
            if verdict.status != before.status:
                before = before._replace(
                    status=verdict.status, reason=verdict.reason, message=verdict.message
                )
        return self._journal.remember(before)

    def _asked(self, clip: Clip) -> float | None:
        return None if clip.end_seconds is None else clip.asked_seconds(self._clip_seconds)

    def _back_off(self, clip: Clip, attempt: int) -> float:
        """Return the seconds until the next attempt: some more or less, so that jobs spread."""
        spread = 0.75 + 0.5 * (seed_of(attempt, clip.clip_id) % 1000) / 1000
        return self._pause * _PAUSES_GROW ** (attempt - 1) * spread

    def _wait(self, error: Retryable, attempt: int) -> bool:
        """Return whether there is another attempt to wait for; heed how long others ask us to."""
        asked = error.retry_after or 0.0
        if attempt >= self._attempts or asked > _LONGEST_WAIT:
            return False
        self._not_before = max(self._not_before, time.monotonic() + asked)
        return True

    def _give_up(self, clip: Clip, attempt: int, error: Retryable) -> Ended:
        last = error.at_last
        if isinstance(last, Systemic):
            self._journal.doubt([clip.clip_id])
            raise last
        verdict = (
            (FAILED_RETRYABLE, error.reason, error.message)
            if last is None
            else (last.status, last.reason, last.message)
        )
        return self._refused(clip, attempt, *verdict, source=error.source, remote=True)

    def _stop_if_nothing_gets_through(self) -> None:
        if len(self._row) < self._in_a_row:
            return
        last = list(self._row.values())[-1]
        self._journal.doubt(self._row)
        raise Systemic(
            "nothing gets through",
            f"{len(self._row)} clips in a row failed, the last with {last.reason} ({last.message})",
            "see whether the network and the other side are up, then run again; these clips will "
            "be asked for last",
        )


def _write(
    wanted: Sequence[Clip],
    ended: Mapping[str, Ended],
    journal: Journal,
    length: int,
    audio: str | os.PathLike,
    status: str | os.PathLike,
) -> None:
    """Write the outputs: samples (n, `length`) of what is usable, and a row for every clip."""
    answers = [ended[clip.clip_id] for clip in wanted]
    usable = [one for one in answers if one.status in USABLE]
    samples = np.zeros((len(usable), length), dtype=np.int16)
    for row, one in zip(samples, usable, strict=True):
        row[: one.n_samples] = journal.samples(one)
    decoders = sorted({(one.decoder, one.decoder_version) for one in usable})
    kept = AudioShard(
        samples=samples,
        n_samples=np.array([one.n_samples for one in usable], dtype=np.int32),
        clip_id=[one.clip_id for one in usable],
        sample_rate=SAMPLE_RATE,
        decoder="; ".join(name for name, _ in decoders),
        decoder_version="; ".join(version for _, version in decoders),
    )
    rows = [tuple(getattr(one, name) for name in STATUS) for one in answers]
    with disk_trouble(audio):
        write_audio_shard(audio, kept)
        write_table(status, pd.DataFrame(rows, columns=list(STATUS)), STATUS)


def _choices(settings: Mapping) -> list:
    """Return what in the section `audio` decides which sound is had, and not merely how."""
    return [settings[name] for name in ("sources", "folder", "archives", "ffmpeg")]


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _told(counts: Mapping[str, int]) -> str:
    by_number = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count}" for name, count in by_number)


def _sleep_until(when: float) -> None:
    wait = when - time.monotonic()
    if wait > 0:
        time.sleep(wait)
