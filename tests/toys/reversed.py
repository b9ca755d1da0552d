"""`reversed`: the clips played backwards."""

import numpy as np

from music_detectors.stimuli.making.stimulus import Sound, Stimulus


def _make(samples: np.ndarray, draw: np.random.Generator) -> Sound:
    return Sound(samples[::-1])


STIMULUS = Stimulus("reversed", _make)
