"""From an audio shard to spectrograms of the stretch of its quilts that is compared."""

import logging
import os

import numpy as np
import pandas as pd

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import to_float
from music_detectors.common.progress import progress
from music_detectors.common.seeds import generator
from music_detectors.common.tables import write_table
from music_detectors.spectrograms.compute import check_finite, labels_of, read_sound
from music_detectors.spectrograms.log_mel import N_MELS, PARAMETERS, frames_of, log_mel
from music_detectors.spectrograms.shard import write_spectrogram_shard
from music_detectors.stimuli.columns import OK, QUILT_STATUS, SHORT, TOO_SHORT
from music_detectors.stimuli.names import segment_ms_of
from music_detectors.stimuli.quilt import joined, segment_order, segment_samples
from music_detectors.stimuli.window_spectra import changes_between


def compute_quilt_shard(
    audio: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    split: str,
    shard: str,
    stimulus: str,
    output: str | os.PathLike,
    status: str | os.PathLike,
    *,
    seed: int | None,
    compared_seconds: float,
) -> None:
    """Write log-Mel spectrograms of `stimulus` for the audio shard `audio`, and a status a clip.

    The stimulus is INTACT or a quilt, whose first segment is drawn by `seed`, the stimulus and the
    clip. What is quilted is the sound of a clip without its padding; of the result, the first
    `compared_seconds` are kept, with zeros where it ends before. A clip that does not hold two
    segments gets a status and no row, even when no row is left. Raises InputError when a clip is
    not of the shard, bears a class that is not listed, or gives a spectrogram that is not finite.
    """
    sound = read_sound(audio)
    length = round(compared_seconds * SAMPLE_RATE)
    spectrograms = np.empty((len(sound.clip_id), N_MELS, frames_of(length)), dtype=np.float16)
    stored: list[str] = []
    rows: list[dict] = []
    numbered = enumerate(sound.clip_id)
    for place, clip_id in progress(numbered, len(sound.clip_id), f"{stimulus} {split}/{shard}"):
        samples = to_float(sound.samples[place, : sound.n_samples[place]])
        played, about = _played(samples, stimulus, clip_id, seed)
        played = played[:length]
        if len(played):
            spectrum = log_mel(np.pad(played, (0, length - len(played)))[None])
            check_finite(spectrum, [clip_id], audio)
            spectrograms[len(stored)] = spectrum[0]
            stored.append(clip_id)
            about["status"] = OK if len(played) == length else SHORT
        rows.append({"clip_id": clip_id, "n_samples": len(played), **about})
    table = pd.DataFrame(rows, columns=list(QUILT_STATUS)).astype(
        {name: kind for name, kind in QUILT_STATUS.items() if kind is int}
    )
    n_samples = table["n_samples"].to_numpy()
    write_spectrogram_shard(
        output,
        log_mel=spectrograms[: len(stored)],
        n_frames=frames_of(n_samples[n_samples > 0]),
        labels=labels_of(stored, clips, classes, split, shard, audio),
        clip_id=stored,
        stimulus=stimulus,
        parameters=PARAMETERS,
    )
    write_table(status, table, QUILT_STATUS)
    counts = table["status"].value_counts()
    logging.info("%s/%s: %s", split, shard, ", ".join(f"{n} {name}" for name, n in counts.items()))


def quilt_of(
    samples: np.ndarray, segment_ms: int, draw: np.random.Generator
) -> tuple[np.ndarray, float, np.ndarray]:
    """Return a quilt of the clip `samples` (n,) float32, its gain and its order of segments.

    The clip must hold two segments; `draw` gives the first. See `quilt.joined` for the rest.
    """
    changes = changes_between(samples, segment_ms)
    order = segment_order(changes, int(draw.integers(len(changes))))
    return *joined(samples, order, segment_ms), order


def _played(
    samples: np.ndarray, stimulus: str, clip_id: str, seed: int | None
) -> tuple[np.ndarray, dict[str, str | int | float]]:
    """Return what is played of a clip, nothing when it is too short, and what its status says."""
    segment_ms = segment_ms_of(stimulus)
    if segment_ms is None:
        return samples, {"message": "", "n_segments": 1, "first_segment": 0, "gain_db": 0.0}
    needed = 2 * segment_samples(segment_ms)
    if len(samples) < needed:
        message = f"{len(samples)} samples, and two segments take {needed}"
        about = {"status": TOO_SHORT, "message": message, "n_segments": 0, "first_segment": 0}
        return samples[:0], about | {"gain_db": np.nan}
    made, gain, order = quilt_of(samples, segment_ms, generator(seed, "quilt", stimulus, clip_id))
    about = {"message": "", "n_segments": len(order), "first_segment": int(order[0])}
    return made, about | {"gain_db": 20 * np.log10(gain)}
