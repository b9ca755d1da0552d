"""Arrays of sound: checked, resampled, made into quilts and spectrograms, described."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import soxr

from music_detectors.acoustics.columns import COVARIATES
from music_detectors.acoustics.modulation import modulation_covariates
from music_detectors.acoustics.sound import sound_covariates as covariates_of
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import to_float
from music_detectors.common.errors import InputError
from music_detectors.common.seeds import generator
from music_detectors.spectrograms.log_mel import HOP_LENGTH, log_mel
from music_detectors.stimuli.quilt import quilted

# Far above what sound of full scale 1 reaches, far below the steps of 16 bits.
_LARGEST = 32.0


def sound_quilts(
    sounds: np.ndarray, rate: int, segment_ms: Sequence[int], seed: int = 0
) -> dict[int, np.ndarray]:
    """Return quilts of `sounds` (n, samples) for each length of segments, in milliseconds.

    `sounds` are mono, at `rate` in Hz, floats of full scale 1 or int16. The quilts are (n, fewer
    samples) float32 at the same rate: whole segments. `segment_ms` are multiples of 25, at least
    50. Quilts are made at 22,050 Hz, the first segment drawn by `seed`, the length and the number
    of the sound. docs/quilts.md describes the method. Raises InputError for sounds that are not
    such an array or too short for two segments.
    """
    found = resampled(checked(sounds, rate), rate, SAMPLE_RATE)
    quilts = {}
    for length in segment_ms:
        made = [
            quilted(sound, length, generator(seed, "quilts", length, number)).samples
            for number, sound in enumerate(found)
        ]
        quilts[length] = resampled(np.stack(made), SAMPLE_RATE, rate)
    return quilts


def sound_covariates(sounds: np.ndarray, rate: int) -> pd.DataFrame:
    """Return the acoustic covariates of `sounds` (n, samples), a row for each.

    `sounds` are as in `sound_quilts`; docs/acoustics.md defines the columns. Raises InputError for
    sounds that are not such an array.
    """
    found = resampled(checked(sounds, rate), rate, SAMPLE_RATE)
    rows = []
    for sound in found:
        of_sound = log_mel(sound[None])[0]
        rows.append(
            {
                "duration_seconds": len(sound) / SAMPLE_RATE,
                **covariates_of(sound),
                **modulation_covariates(of_sound, SAMPLE_RATE / HOP_LENGTH),
            }
        )
    return pd.DataFrame(rows, columns=list(COVARIATES))


def spectrograms(sounds: np.ndarray, rate: int) -> np.ndarray:
    """Return the study's log-Mel spectrograms (n, 64, frames) float32 in dB of `sounds`."""
    return log_mel(resampled(checked(sounds, rate), rate, SAMPLE_RATE))


def checked(sounds: np.ndarray, rate: int) -> np.ndarray:
    """Return `sounds` as (n, samples) float32 of full scale 1; raises InputError if they are not.

    They may be int16, or floats of any width; `rate` is that of their samples, in Hz.
    """
    if not isinstance(rate, int | float | np.number) or not np.isfinite(rate) or rate <= 0:
        raise InputError(f"the rate is {rate!r}; give the samples per second, such as 22050")
    try:
        found = np.asarray(sounds)
    except ValueError as error:
        raise InputError(
            "the sounds differ in length; cut or pad them, so that they are one array (n, samples)"
        ) from error
    if found.ndim != 2 or not found.size:
        raise InputError(
            f"the sounds are {found.shape}, and must be one array (n, samples) of mono sound; a "
            "single sound is sound[None]"
        )
    if found.dtype == np.int16:
        return to_float(found)
    if found.dtype.kind != "f":
        raise InputError(f"the sounds are {found.dtype}; give floats of full scale 1, or int16")
    wrong = ~np.isfinite(found).all(axis=1)
    if wrong.any():
        raise InputError(f"sound {int(np.argmax(wrong))} (from 0) is NaN or infinite somewhere")
    largest = float(np.abs(found).max())
    if largest > _LARGEST:
        raise InputError(
            f"the sounds reach {largest:g}, and full scale is 1; divide those of 16 bits by 32768"
        )
    return found.astype(np.float32, copy=False)


def resampled(sounds: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Return `sounds` (n, samples) float32 at `rate` as they are at the rate `wanted`, in Hz."""
    if rate == wanted:
        return sounds
    return np.stack([soxr.resample(sound, rate, wanted, quality="HQ") for sound in sounds])
