"""`original`: the clips, whole. Models train on it, and it is what most analyses use."""

import numpy as np

from music_detectors.stimuli.making.stimulus import Sound, Stimulus


def _make(samples: np.ndarray, draw: np.random.Generator) -> Sound:
    return Sound(samples)


STIMULUS = Stimulus("original", _make, cut=False)
