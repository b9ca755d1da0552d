"""Finds the stimulus that a name means among the files in the folder `stimuli`."""

import importlib
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from music_detectors import stimuli
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.common.errors import InputError
from music_detectors.common.seeds import generator
from music_detectors.stimuli.making.stimulus import Sound, Stimulus

ORIGINAL = "original"
"""The stimulus that models train on."""


@dataclass(frozen=True)
class Named:
    """A stimulus by its full name: its file's name (`kind`) and the parameters in the name."""

    name: str
    kind: str
    stimulus: Stimulus
    parameters: Mapping[str, int]

    def make(
        self, samples: np.ndarray, seed: int, clip_id: str, corpus_rms: float | None = None
    ) -> Sound:
        """Return the sound of the clip `clip_id`; `seed` is the master seed.

        `corpus_rms` is the mean RMS amplitude of the corpus, for a stimulus that needs it. Raises
        TooShort and Silent.
        """
        draw = generator(seed, self.kind, self.name, clip_id)
        level = {"corpus_rms": corpus_rms} if self.stimulus.read_level else {}
        return self.stimulus.make(samples, draw, **level, **self.parameters)

    def length(self, clip_samples: int) -> int:
        """Return how many samples a clip of `clip_samples` gives; raises InputError."""
        return self.stimulus.length(clip_samples, **self.parameters)


def find(name: str) -> Named:
    """Return the stimulus called `name`.

    Raises InputError when no file, or more than one, has a pattern that fits.
    """
    found = []
    for kind, stimulus in _stimuli().items():
        fits = re.fullmatch(_expression(stimulus.pattern), name)
        if fits:
            parameters = {key: int(value) for key, value in fits.groupdict().items()}
            found.append(Named(name, kind, stimulus, parameters))
    if not found:
        patterns = ", ".join(stimulus.pattern for stimulus in _stimuli().values())
        raise InputError(f"{name} is no stimulus; there are {patterns}")
    if len(found) > 1:
        files = " and ".join(f"stimuli/{one.kind}.py" for one in found)
        raise InputError(f"{name} fits the patterns of {files}; change one of them")
    return found[0]


def check_played(section: Mapping, clip_seconds: float) -> None:
    """Check the section `stimuli` of a configuration whose clips have `clip_seconds` seconds.

    Raises InputError naming the key, and what would be right.
    """
    compared = section["compared_seconds"]
    if compared > clip_seconds:
        raise InputError(
            f"configuration: stimuli.compared_seconds is {compared}, longer than "
            f"corpus.clip_seconds ({clip_seconds}); choose at most four fifths of it"
        )
    lengths = {}
    for name in section["played"]:
        if name == ORIGINAL:
            raise InputError(
                f"configuration: stimuli.played has {ORIGINAL}, which models hear in any case; "
                "leave it out"
            )
        try:
            found = find(name)
            length = found.length(round(clip_seconds * SAMPLE_RATE))
        except InputError as error:
            raise InputError(f"configuration: stimuli.played has {name}: {error}") from None
        if found.stimulus.cut:
            lengths[name] = length
    if not lengths:
        return
    shortest = min(lengths, key=lambda name: lengths[name])
    if round(compared * SAMPLE_RATE) > lengths[shortest]:
        # Rounded down, so that the number can be used as it is.
        seconds = lengths[shortest] * 100 // SAMPLE_RATE / 100
        raise InputError(
            f"configuration: stimuli.compared_seconds is {compared}, but {shortest} "
            f"(stimuli.played) makes only {seconds:g} s of a clip"
        )


@cache
def _stimuli() -> dict[str, Stimulus]:
    """Return the stimulus of each file in the folder, by the file's name."""
    found = {}
    for module in pkgutil.iter_modules(stimuli.__path__):
        if module.ispkg:
            continue
        code = importlib.import_module(f"{stimuli.__name__}.{module.name}")
        stimulus = getattr(code, "STIMULUS", None)
        if not isinstance(stimulus, Stimulus):
            raise InputError(
                f"stimuli/{module.name}.py sets no STIMULUS; every file in that folder is a "
                "stimulus, so put modules that stimuli share in a folder inside it"
            )
        found[module.name] = stimulus
    return found


def _expression(pattern: str) -> str:
    """Return the regular expression of the names that fit `pattern`."""
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>0|[1-9][0-9]*)", re.escape(pattern))
