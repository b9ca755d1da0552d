"""From an audio shard to a spectrogram shard."""

import logging
import os
from collections.abc import Sequence

import numpy as np

from music_detectors.audio.clips import read_shard_clips
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import AudioShard, read_audio_shard
from music_detectors.common.damage import damaged, rebuild
from music_detectors.common.errors import InputError, one_line
from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLASSES
from music_detectors.corpus.labels import label_matrix
from music_detectors.spectrograms.log_mel import N_MELS, PARAMETERS, frames_of, log_mel
from music_detectors.spectrograms.shard import write_spectrogram_shard

# Clips at once between float32 and the stored float16.
_BLOCK = 16


def compute_spectrogram_shard(
    audio: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    split: str,
    shard: str,
    stimulus: str,
    output: str | os.PathLike,
) -> None:
    """Write the log-Mel spectrograms and labels of the clips in the audio shard `audio`.

    `clips` and `classes` are the corpus tables, `stimulus` the name of what is played. Raises
    InputError when a clip is not of the shard, bears a class that is not listed, or gives a
    spectrogram that is not finite.
    """
    sound = read_sound(audio)
    n, length = sound.samples.shape
    spectrograms = np.empty((n, N_MELS, frames_of(length)), dtype=np.float16)
    for first in range(0, n, _BLOCK):
        block = log_mel(sound.samples[first : first + _BLOCK])
        check_finite(block, sound.clip_id[first:], audio)
        spectrograms[first : first + _BLOCK] = block
    write_spectrogram_shard(
        output,
        log_mel=spectrograms,
        n_frames=frames_of(sound.n_samples),
        labels=labels_of(sound.clip_id, clips, classes, split, shard, audio),
        clip_id=sound.clip_id,
        stimulus=stimulus,
        parameters=PARAMETERS,
    )
    logging.info("%s/%s: %d spectrograms of %s", split, shard, n, stimulus)


def read_sound(audio: str | os.PathLike) -> AudioShard:
    """Return the audio shard at `audio`; raises InputError unless it is at SAMPLE_RATE."""
    sound = read_audio_shard(audio)
    if sound.sample_rate != SAMPLE_RATE:
        raise damaged(audio, "audio shard", f"at {sound.sample_rate} Hz, not {SAMPLE_RATE}")
    return sound


def check_finite(
    spectrograms: np.ndarray, clip_ids: Sequence[str], audio: str | os.PathLike
) -> None:
    """Raise InputError that names the first of `clip_ids` whose spectrogram is not finite."""
    for clip_id, values in zip(clip_ids, spectrograms, strict=False):
        if not np.isfinite(values).all():
            raise InputError(
                f"{audio}: clip {clip_id} gives a spectrogram that is not finite; {rebuild(audio)}"
            )


def labels_of(
    clip_ids: Sequence[str],
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    split: str,
    shard: str,
    audio: str | os.PathLike,
) -> np.ndarray:
    """Return the labels (n, classes) bool of `clip_ids`, columns in the order of classes.tsv.

    `audio` is the shard that has them. Raises InputError when a clip is not of the shard or bears
    a class that is not listed.
    """
    borne = {clip.clip_id: clip.labels for clip in read_shard_clips(clips, split, shard)}
    for clip_id in clip_ids:
        if clip_id not in borne:
            raise InputError(
                f"{clips}: has no clip {one_line(clip_id)} in shard {split}/{shard}, but {audio} "
                f"holds it; {rebuild(audio)}"
            )
    mids = read_table(classes, CLASSES)["mid"].tolist()
    return label_matrix(clip_ids, [borne[clip_id] for clip_id in clip_ids], mids, clips)
