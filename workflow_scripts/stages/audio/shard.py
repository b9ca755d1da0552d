"""One shard of clips: decoded, judged and stored, with a status for every clip."""

import gzip
import logging
import os
import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.audio.clips import Clip, read_shard_clips
from stages.audio.columns import STATUS, USABLE
from stages.audio.decode import Verdict, judge
from stages.audio.failures import Unusable
from stages.audio.sources import AudioSetFolder, ClipSource, EmbeddedSource, FileSource
from stages.audio.storage import SAMPLE_RATE, AudioShard, to_int16, write_audio_shard
from stages.common.errors import InputError, one_line
from stages.common.progress import progress
from stages.common.tables import write_table

# What libraries raise over the content of one file; all else is not about the clip.
_DECODER_ERRORS = (RuntimeError, ValueError, OSError, EOFError, zlib.error, gzip.BadGzipFile)


def fetch_shard(
    clips: str | os.PathLike,
    split: str,
    shard: str,
    audio: str | os.PathLike,
    status: str | os.PathLike,
    *,
    seed: int,
    clip_seconds: float,
    silence_db: float,
    folder: str | None,
    ffmpeg: str | None,
) -> None:
    """Get every clip of a shard and write its usable ones to `audio` and all verdicts to `status`.

    `clips` is clips.tsv; `silence_db` as in `judge`; `folder` holds AudioSet's files and `ffmpeg`
    is the program, each None where not configured. A clip is cut to `clip_seconds`, or padded with
    zeros, which its n_samples do not count. A clip that cannot be had gets a status and no row,
    even when no row is left. Raises InputError when the trouble is not one clip's.
    """
    wanted = read_shard_clips(clips, split, shard)
    sources = _sources(wanted, seed, clip_seconds, folder, ffmpeg)
    length = round(clip_seconds * SAMPLE_RATE)
    samples = np.zeros((len(wanted), length), dtype=np.int16)
    stored: list[str] = []
    n_samples: list[int] = []
    decoders: set[tuple[str, str]] = set()
    rows: list[tuple] = []
    for clip in progress(wanted, len(wanted), f"{split}/{shard}"):
        got = np.zeros(0, dtype=np.float32)
        complaint = ""
        try:
            decoded = sources[clip.source].read(clip)
        except Unusable as error:
            verdict = Verdict(error.status, error.reason, error.message, np.nan)
        except _DECODER_ERRORS as error:
            logging.warning("clip %s: the decoder failed", clip.clip_id, exc_info=True)
            message = f"{type(error).__name__}: {error}"
            verdict = Verdict("unavailable", "decoder failed", message, np.nan)
        else:
            got, complaint = decoded.samples[:length], decoded.message
            asked = None if clip.end_seconds is None else clip.asked_seconds(clip_seconds)
            verdict = judge(got, asked, silence_db)
        if verdict.status in USABLE:
            samples[len(stored), : len(got)] = to_int16(got)
            stored.append(clip.clip_id)
            n_samples.append(len(got))
            decoders.add((decoded.decoder, decoded.decoder_version))
        message = one_line("; ".join(text for text in (verdict.message, complaint) if text))
        rows.append(
            (
                clip.clip_id,
                verdict.status,
                verdict.reason,
                message,
                1,
                clip.source,
                len(got),
                verdict.rms_db,
            )
        )
    kept = AudioShard(
        samples=samples[: len(stored)],
        n_samples=np.array(n_samples, dtype=np.int32),
        clip_id=stored,
        sample_rate=SAMPLE_RATE,
        decoder="; ".join(name for name, _ in sorted(decoders)),
        decoder_version="; ".join(version for _, version in sorted(decoders)),
    )
    try:
        write_audio_shard(audio, kept)
        write_table(status, pd.DataFrame(rows, columns=list(STATUS)), STATUS)
    except OSError as error:
        raise InputError(
            f"{audio}: cannot be written ({one_line(error)}); make room or mend the disk, "
            "then run again"
        ) from error
    counts = Counter(row[1] for row in rows)
    logging.info(
        "%s/%s: %d of %d clips usable (%s)",
        split,
        shard,
        len(stored),
        len(wanted),
        ", ".join(f"{name} {count}" for name, count in counts.most_common()),
    )


def _sources(
    clips: Sequence[Clip], seed: int, clip_seconds: float, folder: str | None, ffmpeg: str | None
) -> dict[str, ClipSource]:
    """Return the sources that `clips` name."""
    sources: dict[str, ClipSource] = {}
    for name in sorted({clip.source for clip in clips}):
        if name == "embedded":
            sources[name] = EmbeddedSource(seed, clip_seconds)
        elif name == "file":
            sources[name] = FileSource(clip_seconds, ffmpeg)
        elif name == "audioset":
            if folder is None:
                raise InputError(
                    "audio.folder: not set, but the clips come from AudioSet; "
                    "give the folder of its files"
                )
            theirs = [clip for clip in clips if clip.source == name]
            sources[name] = AudioSetFolder(folder, theirs, clip_seconds, ffmpeg)
        else:
            raise InputError(f"clips.tsv: no source is called {one_line(name)}")
    return sources
