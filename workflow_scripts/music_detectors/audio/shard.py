"""Decode, check and store one shard of clips, with a status for every clip."""

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from music_detectors.audio.clips import Clip, read_shard_clips
from music_detectors.audio.columns import STATUS, USABLE
from music_detectors.audio.decode import Decoded, check_samples
from music_detectors.audio.failures import Unusable, disk_trouble
from music_detectors.audio.journal import forget_fetched
from music_detectors.audio.lines import Readings
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.recordings import Seen, see, write_note
from music_detectors.audio.sources import Answer, Sources, open_sources
from music_detectors.audio.storage import (
    AudioShard,
    full_scale_of,
    stacked_full_scales,
    to_int16,
    write_audio_shard,
)
from music_detectors.common.errors import one_line, say
from music_detectors.common.progress import counted, progress
from music_detectors.common.tables import write_table


class _Result(NamedTuple):
    """What became of a clip: the columns of STATUS, and the sound of a usable one, int16."""

    clip_id: str
    status: str
    reason: str
    message: str
    attempts: int
    source: str
    n_samples: int = 0
    rms_db: float = np.nan
    samples: np.ndarray | None = None
    full_scale: float = 1.0
    decoder: tuple[str, str] = ("", "")


def decode_shard(
    clips: str | os.PathLike,
    split: str,
    shard: str,
    audio: str | os.PathLike,
    status: str | os.PathLike,
    *,
    settings: Mapping,
    clip_seconds: float,
    fetched: str | os.PathLike | None = None,
    archives: str | os.PathLike | None = None,
    seed: int | None = None,
    state: str | None = None,
    dropped: str | os.PathLike | None = None,
) -> None:
    """Decode the clips of a shard; write the usable ones to `audio` and all statuses to `status`.

    `clips` is clips.tsv, `settings` the section `audio` of the configuration, `fetched` what the
    network answered, `archives` the index of its archives, and `seed` that of synthesised clips. A
    clip is cut to `clip_seconds` or padded with zeros, which its n_samples does not count. An
    unusable clip gets a status and no row; a shard may have no rows. A note beside `audio` says
    which local recordings it was made from, with the `state` that they were planned with; see
    `recordings`. The journal in the folder `dropped` then keeps nothing more. Raises InputError
    when the user must fix something, and Systemic when the disk is full.
    """
    wanted = read_shard_clips(clips, split, shard)
    name = f"{split}/{shard}"
    # Before they are read: what changes later is then read again by the next run.
    seen = _seen(wanted, settings)
    sources = open_sources(
        wanted,
        audio=settings,
        archives=archives,
        clip_seconds=clip_seconds,
        fetched=fetched,
        seed=seed,
    )
    length = round(clip_seconds * SAMPLE_RATE)
    counts: Counter[str] = Counter()
    results: dict[str, _Result] = {}
    with Readings(Path(audio).with_name(f".{Path(audio).name}.reading")) as readings:
        # A clip that ended a job is read last, so that it does not block the others.
        order = sorted(wanted, key=lambda clip: clip.clip_id in readings.deaths)
        for clip in progress(order, len(order), name, note=lambda: counted(counts)):
            result = _read(clip, sources, readings, settings, clip_seconds)
            results[clip.clip_id] = result
            counts[result.status] += 1
        _write([results[clip.clip_id] for clip in wanted], length, audio, status)
        with disk_trouble(audio):
            write_note(audio, seen, state)
        readings.forget()
    if dropped is not None:
        forget_fetched(dropped)
    usable = sum(counts[status] for status in USABLE)
    line = f"{name}: {usable} of {len(wanted)} clips usable ({counted(counts)})"
    logging.info(line)
    say(line)


def _read(
    clip: Clip, sources: Sources, readings: Readings, settings: Mapping, clip_seconds: float
) -> _Result:
    try:
        with _noted(clip, readings):
            answer = sources.ask(clip)
    except Unusable as error:
        answer = Answer(clip.source, 1, refusal=error)
    if answer.decoded is None:
        assert answer.refusal is not None
        refusal = answer.refusal
        about = (refusal.status, refusal.reason, one_line(refusal.message))
        return _Result(clip.clip_id, *about, answer.attempts, answer.name)
    return _checked(clip, answer, answer.decoded, settings, clip_seconds)


def _noted(clip: Clip, readings: Readings) -> AbstractContextManager[None]:
    # Synthesis reads nothing from elsewhere.
    return nullcontext() if clip.source == "embedded" else readings.reading(clip.clip_id)


def _checked(
    clip: Clip, answer: Answer, decoded: Decoded, settings: Mapping, clip_seconds: float
) -> _Result:
    samples = decoded.samples[: round(clip_seconds * SAMPLE_RATE)]
    segment = None if clip.end_seconds is None else clip.seconds_to_read(clip_seconds)
    quality = check_samples(samples, segment, settings["silence_db"], settings["min_seconds"])
    is_usable = quality.status in USABLE
    full_scale = full_scale_of(samples) if is_usable else 1.0
    return _Result(
        clip_id=clip.clip_id,
        status=quality.status,
        reason=quality.reason,
        message=one_line("; ".join(filter(None, (quality.message, decoded.message)))),
        attempts=answer.attempts,
        source=answer.name,
        n_samples=len(samples),
        rms_db=quality.rms_db,
        samples=to_int16(samples, full_scale) if is_usable else None,
        full_scale=full_scale,
        decoder=(decoded.decoder, decoded.decoder_version),
    )


def _write(
    results: Sequence[_Result],
    length: int,
    audio: str | os.PathLike,
    status: str | os.PathLike,
) -> None:
    """Write the samples (n, `length`) of the usable clips, and a status row for every clip."""
    usable = [result for result in results if result.samples is not None]
    samples = np.zeros((len(usable), length), dtype=np.int16)
    for row, result in zip(samples, usable, strict=True):
        assert result.samples is not None
        row[: result.n_samples] = result.samples
    decoders = sorted({result.decoder for result in usable})
    shard = AudioShard(
        samples=samples,
        n_samples=np.array([result.n_samples for result in usable], dtype=np.int32),
        clip_id=[result.clip_id for result in usable],
        sample_rate=SAMPLE_RATE,
        decoder="; ".join(name for name, _ in decoders),
        decoder_version="; ".join(version for _, version in decoders),
        full_scale=stacked_full_scales([result.full_scale for result in usable]),
    )
    rows = [tuple(getattr(result, name) for name in STATUS) for result in results]
    with disk_trouble(audio):
        write_audio_shard(audio, shard)
    with disk_trouble(status):
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
