"""`intact`: the clips as they are, cut like every played stimulus. Quilts are compared with it."""

import numpy as np

from music_detectors.stimuli.making.stimulus import Sound, Stimulus


def _make(samples: np.ndarray, draw: np.random.Generator) -> Sound:
    return Sound(samples)


STIMULUS = Stimulus("intact", _make)
