"""Fetch what the network has of one shard of clips, and keep it as it came."""

import heapq
import logging
import os
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Protocol

from music_detectors.audio.clips import Clip, read_shard_clips
from music_detectors.audio.failures import (
    FAILED_RETRYABLE,
    Retryable,
    Systemic,
    Unusable,
    decoder_trouble,
)
from music_detectors.audio.fetched import FETCHED, Fetched, fetch_key
from music_detectors.audio.journal import Journal
from music_detectors.common.errors import one_line, say
from music_detectors.common.progress import counted, progress
from music_detectors.corpus.sources.manifest import find_addresses

# Loaded by this name, and so not part of the digest of this code.
_JUDGING = "music_detectors.audio.judging"
_PAUSE_FACTOR = 4
_MAX_WAIT_SECONDS = 300.0
"""The longest Retry-After, in seconds, that a job waits for while it holds a core."""


class NetworkSource(Protocol):
    """A source of recordings that asks the network.

    `terms` is a text that identifies what its refusals depend on besides the clip: when it changes,
    refused clips are asked for again.
    """

    terms: str

    def fetch(self, clip: Clip) -> AbstractContextManager[Path]:
        """Return the file that came for `clip`, which is removed after the block.

        Raises Unusable when this clip is not available, Retryable when it may be available later,
        Systemic when no clip is available for now, and InputError when the user must fix something.
        """


def fetch_recordings(
    clips: str | os.PathLike,
    split: str,
    shard: str,
    output: str | os.PathLike,
    *,
    journal: str | os.PathLike,
    settings: Mapping,
    archives: str | os.PathLike | None = None,
    manifest: Mapping | None = None,
) -> None:
    """Ask the network for the clips of a shard; write all answers to `output`, see `fetched`.

    `clips` is clips.tsv, `settings` the section `audio` of the configuration, `archives` the index
    of its archives, and `manifest` the section of the manifest that the clips are from, if any.
    Clips that a local source before the network has are not asked for. Each answer is written to
    the folder `journal` at once, and an interrupted job continues from there. Raises InputError
    when the user must fix something, and Systemic when no clip can be fetched for now.
    """
    wanted: dict[str, Clip] = {}
    for clip in read_shard_clips(clips, split, shard):
        if clip.source in _NETWORK:
            wanted.setdefault(fetch_key(clip), clip)
    name = f"{split}/{shard}"
    with Journal(journal) as current:
        network = _open_network([*wanted.values()], settings, manifest)
        answers = {
            key: answer
            for key, answer in current.answers.items()
            if key in wanted and _still_valid(answer, network[wanted[key].source])
        }
        pending = [clip for key, clip in wanted.items() if key not in answers]
        if answers:
            logging.info("%s: %d of %d are in the journal", name, len(answers), len(wanted))
        if pending:
            local = import_module(_JUDGING).local_sources(pending, settings, archives)
            fetcher = _Fetcher(network, local.has, current, settings["retries"])
            counts = Counter(answer.status for answer in answers.values())
            for answer in progress(
                fetcher.run(pending), len(pending), name, note=lambda: counted(counts)
            ):
                if answer is not None:
                    answers[answer.key] = answer
                    counts[answer.status] += 1
        current.finish(output, [key for key in wanted if key in answers])
    counts = Counter(answer.status for answer in answers.values())
    line = f"{name}: {counts[FETCHED]} of {len(wanted)} fetched ({counted(counts)})"
    logging.info(line)
    say(line)


class _Fetcher:
    """Asks for clips; those that fail in a retryable way are asked for again later."""

    def __init__(
        self,
        network: Mapping[str, tuple[str, NetworkSource]],
        is_local: Callable[[Clip], bool],
        journal: Journal,
        retries: Mapping,
    ) -> None:
        self._network = network
        self._is_local = is_local
        self._journal = journal
        self._attempts = retries["attempts"]
        self._pause = retries["pause_seconds"]
        self._max_in_a_row = retries["in_a_row"]
        # The first attempts that failed since the network last answered, by clip.
        self._failed_in_a_row: dict[str, Retryable] = {}
        self._not_earlier = 0.0

    def run(self, clips: Sequence[Clip]) -> Iterator[Fetched | None]:
        """Yield the answer for each clip, once it is in the journal; None for a local clip.

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
                answer = self._ask(clip, attempt)
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
                answer = self._give_up(clip, attempt, error)
            except Systemic as error:
                logging.error("clip %s: %s: %s", clip.clip_id, error.reason, error.message)
                self._journal.suspect([clip.clip_id])
                raise
            yield answer

    def _ask(self, clip: Clip, attempt: int) -> Fetched | None:
        _, source = self._network[clip.source]
        try:
            with self._journal.readings.reading(clip.clip_id), decoder_trouble(clip.clip_id):
                if attempt == 1 and self._is_local(clip):
                    return None
                with source.fetch(clip) as path:
                    self._failed_in_a_row.clear()
                    answer = self._answer(clip, attempt, FETCHED)
                    return self._journal.add(answer._replace(ending=path.suffix), path)
        except Unusable as error:
            self._failed_in_a_row.clear()
            return self._journal.add(
                self._answer(clip, attempt, error.status, error.reason, error.message)
            )
        except MemoryError as error:
            raise Retryable("not enough memory", str(error) or "give the job more") from None

    def _answer(
        self, clip: Clip, attempt: int, status: str, reason: str = "", message: str = ""
    ) -> Fetched:
        name, source = self._network[clip.source]
        return Fetched(
            key=fetch_key(clip),
            clip_id=clip.clip_id,
            source=name,
            status=status,
            reason=reason,
            message=one_line(message),
            attempts=attempt,
            terms=source.terms,
        )

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

    def _give_up(self, clip: Clip, attempt: int, error: Retryable) -> Fetched:
        last = error.at_last
        if isinstance(last, Systemic):
            self._journal.suspect([clip.clip_id])
            raise last
        status = FAILED_RETRYABLE if last is None else last.status
        said = error if last is None else last
        return self._journal.add(self._answer(clip, attempt, status, said.reason, said.message))

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


_NETWORK = {"url": "url", "audioset": "youtube"}
"""The source of the network that has the clips of each `source` in clips.tsv."""


def _open_network(
    clips: Sequence[Clip], settings: Mapping, manifest: Mapping | None
) -> dict[str, tuple[str, NetworkSource]]:
    """Return name and source for each value of the column `source` of `clips`."""
    # What asks the network takes a moment to import.
    opened: dict[str, tuple[str, NetworkSource]] = {}
    ffmpeg = settings["ffmpeg"]
    judge = partial(import_module(_JUDGING).sound_seconds, ffmpeg_path=ffmpeg)
    for kind in {clip.source for clip in clips}:
        source: NetworkSource
        if kind == "url":
            from music_detectors.audio.web import WebSource

            references = [clip.reference for clip in clips if clip.source == "url"]
            addresses = find_addresses(manifest, references) if manifest is not None else {}
            source = WebSource(judge, settings["download"], addresses)
        else:
            from music_detectors.audio.youtube import YouTubeSource

            source = YouTubeSource(judge, ffmpeg, settings["youtube"], settings["download"])
        opened[kind] = (_NETWORK[kind], source)
    return opened


def _still_valid(answer: Fetched, named: tuple[str, NetworkSource]) -> bool:
    """Return whether a refusal was under the present terms; a recording is always valid."""
    name, source = named
    return answer.source == name and (answer.status == FETCHED or answer.terms == source.terms)


def _sleep_until(when: float) -> None:
    wait = when - time.monotonic()
    if wait > 0:
        time.sleep(wait)
