"""From an audio shard and its spectrograms to a table of covariates."""

import logging
import os

import pandas as pd

from music_detectors.acoustics.columns import ACOUSTICS
from music_detectors.acoustics.modulation import modulation_covariates
from music_detectors.acoustics.sound import sound_covariates
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import read_audio_shard
from music_detectors.common.damage import damaged
from music_detectors.common.progress import progress
from music_detectors.common.tables import write_table
from music_detectors.spectrograms.shard import open_spectrogram_shard

# Spectrograms read at once.
_BLOCK = 64


def compute_acoustics_shard(
    audio: str | os.PathLike, spectrograms: str | os.PathLike, table: str | os.PathLike
) -> None:
    """Write the covariates of the clips of the audio shard `audio` to `table`.

    `spectrograms` is the shard of their log-Mels. Raises InputError when a file cannot be read or
    the two shards do not hold the same clips.
    """
    sound = read_audio_shard(audio)
    if sound.sample_rate != SAMPLE_RATE:
        raise damaged(audio, "audio shard", f"at {sound.sample_rate} Hz, not {SAMPLE_RATE}")
    pictures = open_spectrogram_shard(spectrograms)
    if pictures.clip_id != sound.clip_id:
        raise damaged(spectrograms, "spectrogram shard", f"does not hold the clips of {audio}")
    frame_rate = pictures.parameters["sample_rate"] / pictures.parameters["hop_length"]
    rows = []
    n = len(sound.clip_id)
    for row in progress(range(n), n, "acoustic covariates"):
        if row % _BLOCK == 0:
            block = pictures.read(range(row, min(row + _BLOCK, n)))
        samples = sound.samples_of(row)
        log_mel = block[row % _BLOCK][:, : pictures.n_frames[row]]
        rows.append(
            {
                "clip_id": sound.clip_id[row],
                "duration_seconds": float(sound.n_samples[row] / SAMPLE_RATE),
                **sound_covariates(samples),
                **modulation_covariates(log_mel, frame_rate),
            }
        )
    covariates = pd.DataFrame(rows, columns=list(ACOUSTICS))
    write_table(table, covariates, ACOUSTICS)
    without = int(covariates.isna().any(axis=1).sum())
    logging.info("%d clips, %d of them without sound", n, without)
