"""`level-{db}db`: the clips at one level, the corpus's mean RMS amplitude lowered by `db` decibels.

So selectivity can be measured without differences in loudness, and with the target quieter than
other sounds (Kim, Kim & Jeong, Nature Communications 15:148, 2024).
"""

import os

import numpy as np

from music_detectors.stimuli.making.stimulus import Silent, Sound, Stimulus


def _make(samples: np.ndarray, draw: np.random.Generator, corpus_rms: float, db: int) -> Sound:
    rms = np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
    if not rms:
        raise Silent("the clip has an RMS of 0, so no gain gives it a level")
    gain = corpus_rms * 10 ** (-db / 20) / rms
    return Sound(samples * np.float32(gain), {"gain_db": 20 * np.log10(gain)})


def _read_level(path: str | os.PathLike) -> float:
    # The Snakefile reads this file, and pandas takes a second to import.
    from music_detectors.audio.level import read_level

    return read_level(path)


STIMULUS = Stimulus(
    "level-{db}db", _make, columns={"gain_db": float}, cut=False, read_level=_read_level
)
