"""From an audio shard to the spectrograms of stimuli."""

import logging
import math
import os
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from music_detectors.audio.clips import read_shard_clips
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import AudioShard, read_audio_shard
from music_detectors.common.damage import damaged, rebuild
from music_detectors.common.errors import InputError, one_line
from music_detectors.common.progress import progress
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES
from music_detectors.corpus.labels import label_matrix
from music_detectors.inputs.making.front_end import FrontEnd
from music_detectors.inputs.making.study import front_end_of
from music_detectors.spectrograms.shard import write_spectrogram_shard
from music_detectors.stimuli.making.columns import (
    NOT_MADE,
    OK,
    SHORT,
    SILENT,
    TOO_SHORT,
    status_columns,
)
from music_detectors.stimuli.making.names import Named, find
from music_detectors.stimuli.making.stimulus import Silent, TooShort


def compute_spectrogram_shards(
    audio: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    split: str,
    shard: str,
    stimuli: Sequence[str],
    outputs: Sequence[str | os.PathLike],
    status: Sequence[str | os.PathLike],
    *,
    seed: int,
    compared_seconds: float | None,
    padded: bool = False,
    level: str | os.PathLike | None = None,
    settings: Mapping | None = None,
) -> None:
    """Write the spectrograms of `stimuli` for the audio shard `audio`, and status tables.

    Each stimulus has one of `outputs` and one of `status`. `clips` and `classes` are the corpus
    tables, `seed` is the master seed. A stimulus is made of a clip's sound without its padding; the
    first `compared_seconds` of it are kept (as much as the audio shard holds when None), with zeros
    where it ends before. When `padded`, zeros follow up to the length of the clips. `level` is the
    table of the corpus's mean level, for a stimulus that needs it. `settings` are those of an
    input; without them, spectrograms are the study's log-Mel. A clip that is too short or silent
    for the stimulus has a status and no spectrogram, even when no spectrogram is left. Raises
    InputError when a clip is not of the shard, has a class that is not listed, or gives a
    spectrogram that is not finite.
    """
    front = front_end_of(settings)
    sound = _read_sound(audio)
    whole = length = sound.samples.shape[1]
    if compared_seconds is not None:
        length = round(compared_seconds * SAMPLE_RATE)
    labels = _labels_of(sound.clip_id, clips, classes, split, shard, audio)
    for stimulus, output, table in zip(stimuli, outputs, status, strict=True):
        named = find(stimulus)
        corpus_rms = None
        if named.stimulus.read_level is not None and level is not None:
            corpus_rms = named.stimulus.read_level(level)
        spectrograms, rows = _spectrograms_of(
            sound,
            named,
            f"{stimulus} {split}/{shard}",
            front,
            audio=audio,
            seed=seed,
            length=length,
            padded_length=whole if padded else length,
            corpus_rms=corpus_rms,
        )
        kept = ~rows["status"].isin(NOT_MADE).to_numpy()
        write_spectrogram_shard(
            output,
            log_mel=spectrograms,
            n_frames=front.frames_of(rows.loc[kept, "n_samples"].to_numpy()),
            labels=labels[kept],
            clip_id=rows.loc[kept, "clip_id"].tolist(),
            stimulus=stimulus,
            parameters=front.parameters,
        )
        write_table(table, rows, status_columns(named.stimulus.columns))
        counts = rows["status"].value_counts()
        logging.info(
            "%s, %s/%s: %s",
            stimulus,
            split,
            shard,
            ", ".join(f"{n} {name}" for name, n in counts.items()),
        )


def _spectrograms_of(
    sound: AudioShard,
    named: Named,
    title: str,
    front: FrontEnd,
    *,
    audio: str | os.PathLike,
    seed: int,
    length: int,
    padded_length: int,
    corpus_rms: float | None,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the spectrograms (clips, bands, frames) float16 of a stimulus, and its status table.

    They are of the first `length` samples, with zeros up to `padded_length`. Clips of which the
    stimulus cannot be made have a row of the table alone.
    """
    columns = status_columns(named.stimulus.columns)
    # What the columns of the stimulus hold for a clip of which it cannot be made.
    nothing = {
        name: 0 if kind is int else math.nan for name, kind in named.stimulus.columns.items()
    }
    shape = len(sound.clip_id), front.bands, front.frames_of(padded_length)
    spectrograms = np.empty(shape, dtype=np.float16)
    stored = 0
    rows: list[dict] = []
    for place, clip_id in progress(enumerate(sound.clip_id), len(sound.clip_id), title):
        samples = sound.samples_of(place)
        row = {"clip_id": clip_id, "message": "", "n_samples": 0, **nothing}
        rows.append(row)
        try:
            made = named.make(samples, seed, clip_id, corpus_rms)
        except (TooShort, Silent) as error:
            row["status"] = TOO_SHORT if isinstance(error, TooShort) else SILENT
            row["message"] = str(error)
            continue
        played = made.samples[:length]
        wave = np.zeros(padded_length, dtype=np.float32)
        wave[: len(played)] = played
        spectrograms[stored] = front.features(wave)
        if not np.isfinite(spectrograms[stored]).all():
            raise InputError(
                f"{audio}: clip {clip_id} gives a spectrogram that is not finite; {rebuild(audio)}"
            )
        stored += 1
        row["status"] = OK if len(played) == length else SHORT
        row |= {"n_samples": len(played), **made.about}
    table = pd.DataFrame(rows, columns=list(columns)).astype(
        {name: kind for name, kind in columns.items() if kind is int}
    )
    return spectrograms[:stored], table


def _read_sound(audio: str | os.PathLike) -> AudioShard:
    """Return the audio shard at `audio`; raises InputError unless it is at SAMPLE_RATE."""
    sound = read_audio_shard(audio)
    if sound.sample_rate != SAMPLE_RATE:
        raise damaged(audio, "audio shard", f"at {sound.sample_rate} Hz, not {SAMPLE_RATE}")
    return sound


def _labels_of(
    clip_ids: Sequence[str],
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    split: str,
    shard: str,
    audio: str | os.PathLike,
) -> np.ndarray:
    """Return the labels (n, classes) bool of `clip_ids`, columns in the order of classes.tsv.

    `audio` is the shard that has them. Raises InputError when a clip is not of the shard or has a
    class that is not listed.
    """
    labels = {clip.clip_id: clip.labels for clip in read_shard_clips(clips, split, shard)}
    for clip_id in clip_ids:
        if clip_id not in labels:
            raise InputError(
                f"{clips}: has no clip {one_line(clip_id)} in shard {split}/{shard}, but {audio} "
                f"holds it; {rebuild(audio)}"
            )
    mids = read_table(classes, CLASSES)["mid"].tolist()
    return label_matrix(clip_ids, [labels[clip_id] for clip_id in clip_ids], mids, clips)
