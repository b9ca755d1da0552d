"""From the sounds of a probe set to spectrograms of one level and length."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from music_detectors.audio.level import read_level
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import read_audio_shard
from music_detectors.common.damage import damaged
from music_detectors.common.tables import write_table
from music_detectors.inputs.making.study import front_end_of
from music_detectors.spectrograms.columns import INDEX
from music_detectors.spectrograms.shard import write_spectrogram_shard


def compute_probe_spectrograms(
    sounds: str | os.PathLike,
    level: str | os.PathLike,
    shard: str | os.PathLike,
    index: str | os.PathLike,
    *,
    stimulus: str,
    settings: Mapping | None = None,
) -> None:
    """Write the spectrograms of the audio shard `sounds` to `shard`, and their `index`.

    The root mean square of every sound, without padding, is set to that in the table `level`, and
    zeros fill it up to the length of a clip (Kim, Kim & Jeong, Nature Communications 15:148, 2024).
    Samples stay floats, so none is clipped. `stimulus` is the name of the probe set as a stimulus.
    `settings` are those of an input; without them, spectrograms are the study's log-Mel.
    Raises InputError when a file cannot be read.
    """
    read = read_audio_shard(sounds)
    if read.sample_rate != SAMPLE_RATE:
        raise damaged(sounds, "audio shard", f"at {read.sample_rate} Hz, not {SAMPLE_RATE}")
    rms, front = read_level(level), front_end_of(settings)
    n, length = read.samples.shape
    spectrograms = np.empty((n, front.bands, front.frames_of(length)), dtype=np.float16)
    for place in range(n):
        played = at_level(read.samples_of(place), rms)
        wave = np.zeros(length, dtype=np.float32)
        wave[: len(played)] = played
        spectrograms[place] = front.features(wave)
    n_frames = front.frames_of(read.n_samples)
    write_spectrogram_shard(
        shard,
        log_mel=spectrograms,
        n_frames=n_frames,
        # Probe sounds have no labels of the corpus.
        labels=np.zeros((n, 0), dtype=bool),
        clip_id=read.clip_id,
        stimulus=stimulus,
        parameters=front.parameters,
    )
    listing = pd.DataFrame(
        {
            "clip_id": read.clip_id,
            "shard": Path(shard).stem,
            "row": np.arange(n),
            "n_frames": np.asarray(n_frames, dtype=np.int64),
        }
    )
    write_table(index, listing, INDEX)


def at_level(samples: np.ndarray, rms: float) -> np.ndarray:
    """Return `samples` (n,) float32, not all zero, scaled to the root mean square `rms`."""
    own = np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
    return (samples * (rms / own)).astype(np.float32)
