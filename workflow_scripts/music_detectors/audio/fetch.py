"""Fetch, decode, check and store one shard of clips, with a status for every clip."""

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
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pandas as pd

from music_detectors.audio.clips import Clip, read_shard_clips
from music_detectors.audio.columns import LEFT_OUT, STATUS, USABLE
from music_detectors.audio.decode import Decoded, Quality, check_level, check_samples
from music_detectors.audio.failures import FAILED_RETRYABLE, Retryable, Systemic
from music_detectors.audio.journal import ClipResult, Journal, disk_trouble
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.recordings import Seen, read_note, see, write_note
from music_detectors.audio.sources import Answer, Sources, open_sources
from music_detectors.audio.storage import (
    AudioShard,
    full_scale_of,
    stacked_full_scales,
    to_int16,
    write_audio_shard,
)
from music_detectors.common.errors import one_line, say
from music_detectors.common.progress import progress
from music_detectors.common.tables import write_table

# What libraries raise about the content of one file; other errors are not the clip's fault.
_DECODER_ERRORS = (RuntimeError, ValueError, OSError, EOFError, zlib.error, gzip.BadGzipFile)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

_MAX_DEATHS = 2
"""After this many jobs that ended while they read a clip, it is no longer read."""
_PAUSE_FACTOR = 4
_MAX_WAIT_SECONDS = 300.0
"""The longest Retry-After, in seconds, that a job waits for while it holds a core."""


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
    manifest: Mapping | None = None,
    seed: int | None = None,
    state: str | None = None,
    code: str = "",
) -> None:
    """Fetch the clips of a shard; write the usable ones to `audio` and all statuses to `status`.

    `clips` is clips.tsv, `settings` the section `audio` of the configuration, `archives` the index
    of its archives, `manifest` the section of the manifest they are from, if any, `seed` that of
    synthesised clips, and `code` the digest of this code. A clip is cut to `clip_seconds` or padded
    with zeros, which its n_samples does not count. An unusable clip gets a status and no row; a
    shard may have no rows. Each result is written to the folder `journal` at once, and an
    interrupted job continues from there. A note beside `audio` says which local recordings it was
    made from, with the `state` that they were planned with; see `recordings`. Raises InputError
    when the user must fix something, and Systemic when no clip can be fetched for now.
    """
    wanted = read_shard_clips(clips, split, shard)
    name = f"{split}/{shard}"
    # Before they are read: what changes later is then read again by the next run.
    seen = _seen(wanted, settings)
    depends_on = _digest(
        code,
        seed,
        clip_seconds,
        settings["silence_db"],
        settings["min_seconds"],
        *_sound_settings(settings),
        sorted(seen.files.items()),
        None if archives is None else read_note(archives),
    )
    with Journal(journal, depends_on) as current:
        keys = {clip.clip_id: clip_key(clip, clip_seconds) for clip in wanted}
        results = {
            clip_id: result
            for clip_id, result in current.results.items()
            if keys.get(clip_id) == result.key
        }
        pending = [clip for clip in wanted if clip.clip_id not in results]
        if results:
            logging.info("%s: %d of %d clips are in the journal", name, len(results), len(wanted))
        if pending:
            sources = open_sources(
                pending,
                audio=settings,
                archives=archives,
                seed=seed,
                clip_seconds=clip_seconds,
                manifest=manifest,
            )
            fetcher = _Fetcher(sources, current, settings, clip_seconds)
            counts = Counter(result.status for result in results.values())
            for result in progress(
                fetcher.run(pending), len(pending), name, note=lambda: _format_counts(counts)
            ):
                results[result.clip_id] = result
                counts[result.status] += 1
        _write(wanted, results, current, round(clip_seconds * SAMPLE_RATE), audio, status)
        with disk_trouble(audio):
            write_note(audio, seen, state)
        current.finish(audio)
    counts = Counter(results[clip.clip_id].status for clip in wanted)
    usable = sum(counts[status] for status in USABLE)
    line = f"{name}: {usable} of {len(wanted)} clips usable ({_format_counts(counts)})"
    logging.info(line)
    say(line)


def clip_key(clip: Clip, clip_seconds: float) -> str:
    """Return a key of the requested sound, which does not depend on the clip's id."""
    requested = (clip.source, clip.reference, clip.start_seconds, clip.end_seconds, clip_seconds)
    return _digest(SAMPLE_RATE, *requested)


class _Fetcher:
    """Asks the sources for clips; clips that fail in a retryable way are asked for again later."""

    def __init__(
        self, sources: Sources, journal: Journal, settings: Mapping, clip_seconds: float
    ) -> None:
        self._sources = sources
        self._journal = journal
        self._limits = settings["silence_db"], settings["min_seconds"]
        self._attempts = settings["retries"]["attempts"]
        self._pause = settings["retries"]["pause_seconds"]
        self._max_in_a_row = settings["retries"]["in_a_row"]
        self._clip_seconds = clip_seconds
        # The first attempts that failed since a remote source last answered, by clip.
        self._failed_in_a_row: dict[str, Retryable] = {}
        self._not_earlier = 0.0

    def run(self, clips: Sequence[Clip]) -> Iterator[ClipResult]:
        """Yield the result of each clip, once it is in the journal.

        Raises Systemic. The clips at which it happened are then noted as suspects: the next run
        asks for them last, so that a clip that causes the failure does not block the others.
        """
        suspects = self._journal.suspects
        fresh = deque(sorted(clips, key=lambda clip: clip.clip_id in suspects))
        waiting: list[tuple[float, str, int, Clip]] = []
        while fresh or waiting:
            due = bool(waiting) and waiting[0][0] <= time.monotonic()
            # While every clip fails, further attempts at the same clip would be wasted.
            if fresh and (self._failed_in_a_row or not due):
                clip, attempt = fresh.popleft(), 1
            else:
                when, _, attempt, clip = heapq.heappop(waiting)
                self._not_earlier = max(self._not_earlier, when)
            _sleep_until(self._not_earlier)
            try:
                result = self._attempt(clip, attempt)
            except Retryable as error:
                logging.info(
                    "clip %s, attempt %d: %s: %s",
                    clip.clip_id,
                    attempt,
                    error.reason,
                    error.message,
                )
                if attempt == 1 and clip.clip_id not in suspects:
                    self._failed_in_a_row[clip.clip_id] = error
                    self._stop_if_all_fail()
                if self._may_retry(error, attempt):
                    when = time.monotonic() + self._back_off(clip, attempt)
                    heapq.heappush(waiting, (when, clip.clip_id, attempt + 1, clip))
                    continue
                result = self._give_up(clip, attempt, error)
            except Systemic as error:
                logging.error("clip %s: %s: %s", clip.clip_id, error.reason, error.message)
                self._journal.suspect([clip.clip_id])
                raise
            yield result

    def _attempt(self, clip: Clip, attempt: int) -> ClipResult:
        remembered = self._journal.remembered.get(clip.clip_id)
        if remembered is not None and not self._serves(clip, remembered):
            remembered = None
        if self._journal.deaths[clip.clip_id] >= _MAX_DEATHS:
            return self._failed(
                clip,
                attempt,
                "unavailable",
                "reading it ended the job",
                f"{_MAX_DEATHS} jobs ended without a word while they read this clip",
                source=clip.source,
            )
        try:
            with self._noted(clip):
                answer = self._sources.ask(clip, remembered)
        except _DECODER_ERRORS as error:
            if getattr(error, "errno", None) in _DISK_FULL:
                with disk_trouble(getattr(error, "filename", None) or "the disk"):
                    raise
            logging.warning("clip %s: the decoder failed", clip.clip_id, exc_info=True)
            message = f"{type(error).__name__}: {error}"
            return self._failed(
                clip, attempt, "unavailable", "decoder failed", message, source=clip.source
            )
        if answer.remembered is not None:
            return self._reuse(clip, answer.remembered)
        if answer.source.remote:
            self._failed_in_a_row.clear()
        if answer.refusal is not None:
            refusal = answer.refusal
            return self._failed(
                clip,
                attempt,
                refusal.status,
                refusal.reason,
                refusal.message,
                source=answer.name,
                remote=answer.source.remote,
                terms=answer.source.terms,
            )
        assert answer.decoded is not None
        return self._decoded(clip, attempt, answer, answer.decoded)

    def _noted(self, clip: Clip) -> AbstractContextManager[None]:
        # Synthesis reads nothing from elsewhere.
        return nullcontext() if clip.source == "embedded" else self._journal.reading(clip.clip_id)

    def _decoded(self, clip: Clip, attempt: int, answer: Answer, decoded: Decoded) -> ClipResult:
        samples = decoded.samples[: round(self._clip_seconds * SAMPLE_RATE)]
        quality = check_samples(samples, self._segment_seconds(clip), *self._limits)
        is_usable = quality.status in USABLE
        full_scale = full_scale_of(samples) if is_usable else 1.0
        texts = (quality.message, decoded.message)
        result = ClipResult(
            clip_id=clip.clip_id,
            key=clip_key(clip, self._clip_seconds),
            status=quality.status,
            reason=quality.reason,
            message=one_line("; ".join(text for text in texts if text)),
            attempts=attempt,
            source=answer.name,
            remote=answer.source.remote,
            terms=answer.source.terms,
            n_samples=len(samples),
            rms_db=quality.rms_db,
            decoder=decoded.decoder,
            decoder_version=decoded.decoder_version,
            full_scale=full_scale,
        )
        return self._journal.add(result, to_int16(samples, full_scale) if is_usable else None)

    def _failed(
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
    ) -> ClipResult:
        result = ClipResult(
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
        return self._journal.add(result, None)

    def _serves(self, clip: Clip, earlier: ClipResult) -> bool:
        """Return whether an earlier result is about this sound, and has its samples if needed."""
        if earlier.key != clip_key(clip, self._clip_seconds):
            return False
        # The samples of a clip that was left out are not kept.
        return earlier.status not in LEFT_OUT or self._level(clip, earlier).status not in USABLE

    def _reuse(self, clip: Clip, earlier: ClipResult) -> ClipResult:
        """Return an earlier result, checked against the current limits."""
        if earlier.status in (*USABLE, *LEFT_OUT):
            quality = self._level(clip, earlier)
            if quality.status != earlier.status:
                earlier = earlier._replace(
                    status=quality.status, reason=quality.reason, message=quality.message
                )
        return self._journal.remember(earlier)

    def _level(self, clip: Clip, earlier: ClipResult) -> Quality:
        return check_level(
            earlier.n_samples, earlier.rms_db, self._segment_seconds(clip), *self._limits
        )

    def _segment_seconds(self, clip: Clip) -> float | None:
        return None if clip.end_seconds is None else clip.seconds_to_read(self._clip_seconds)

    def _back_off(self, clip: Clip, attempt: int) -> float:
        """Return the seconds until the next attempt, with jitter, so that jobs spread out."""
        jitter = 0.75 + 0.5 * (zlib.crc32(f"{attempt} {clip.clip_id}".encode()) % 1000) / 1000
        return self._pause * _PAUSE_FACTOR ** (attempt - 1) * jitter

    def _may_retry(self, error: Retryable, attempt: int) -> bool:
        """Return whether to try again, no earlier than the source asked for."""
        wait = error.retry_after or 0.0
        if attempt >= self._attempts or wait > _MAX_WAIT_SECONDS:
            return False
        self._not_earlier = max(self._not_earlier, time.monotonic() + wait)
        return True

    def _give_up(self, clip: Clip, attempt: int, error: Retryable) -> ClipResult:
        last = error.at_last
        if isinstance(last, Systemic):
            self._journal.suspect([clip.clip_id])
            raise last
        status, reason, message = (
            (FAILED_RETRYABLE, error.reason, error.message)
            if last is None
            else (last.status, last.reason, last.message)
        )
        return self._failed(
            clip, attempt, status, reason, message, source=error.source, remote=True
        )

    def _stop_if_all_fail(self) -> None:
        if len(self._failed_in_a_row) < self._max_in_a_row:
            return
        last = list(self._failed_in_a_row.values())[-1]
        self._journal.suspect(self._failed_in_a_row)
        raise Systemic(
            "every clip fails",
            f"{len(self._failed_in_a_row)} clips in a row failed, the last with {last.reason} "
            f"({last.message})",
            "check that the network and the source work, then run again; these clips will be "
            "asked for last",
        )


def _write(
    wanted: Sequence[Clip],
    results: Mapping[str, ClipResult],
    journal: Journal,
    length: int,
    audio: str | os.PathLike,
    status: str | os.PathLike,
) -> None:
    """Write the samples (n, `length`) of the usable clips, and a status row for every clip."""
    ordered = [results[clip.clip_id] for clip in wanted]
    usable = [result for result in ordered if result.status in USABLE]
    samples = np.zeros((len(usable), length), dtype=np.int16)
    for row, result in zip(samples, usable, strict=True):
        row[: result.n_samples] = journal.samples(result)
    decoders = sorted({(result.decoder, result.decoder_version) for result in usable})
    shard = AudioShard(
        samples=samples,
        n_samples=np.array([result.n_samples for result in usable], dtype=np.int32),
        clip_id=[result.clip_id for result in usable],
        sample_rate=SAMPLE_RATE,
        decoder="; ".join(name for name, _ in decoders),
        decoder_version="; ".join(version for _, version in decoders),
        full_scale=stacked_full_scales([result.full_scale for result in usable]),
    )
    rows = [tuple(getattr(result, name) for name in STATUS) for result in ordered]
    with disk_trouble(audio):
        write_audio_shard(audio, shard)
        write_table(status, pd.DataFrame(rows, columns=list(STATUS)), STATUS)


def _seen(clips: Sequence[Clip], settings: Mapping) -> Seen:
    """Return the files of `clips`, and where others of them may be added."""
    ids = [clip.reference for clip in clips if clip.source == "audioset"]
    in_folder = bool(ids) and "folder" in settings["sources"]
    return see(
        [clip.reference for clip in clips if clip.source == "file"],
        settings["folder"] if in_folder else None,
        ids if in_folder else (),
    )


def _sound_settings(settings: Mapping) -> list:
    """Return the values of the section `audio` that decide which sound a clip gets."""
    return [settings[name] for name in ("sources", "folder", "archives", "ffmpeg")]


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _format_counts(counts: Mapping[str, int]) -> str:
    by_count = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count}" for name, count in by_count)


def _sleep_until(when: float) -> None:
    wait = when - time.monotonic()
    if wait > 0:
        time.sleep(wait)
