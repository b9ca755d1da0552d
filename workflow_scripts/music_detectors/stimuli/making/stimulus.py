"""What the file of a stimulus says: its name, and how its sound is made from that of a clip."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from music_detectors.common.errors import InputError


class TooShort(InputError):
    """A clip is too short for the stimulus; the message says by how much."""


class Silent(InputError):
    """A clip has no sound that the stimulus could be made of."""


@dataclass(frozen=True)
class Sound:
    """The sound of one clip: `samples` (n,) float32, and the values of the stimulus' columns."""

    samples: np.ndarray
    about: Mapping[str, int | float] = field(default_factory=dict)


def _as_long_as_the_clip(clip_samples: int, **parameters: int) -> int:
    return clip_samples


@dataclass(frozen=True)
class Stimulus:
    """One stimulus, or a family of them that differ in whole numbers in their names.

    The file of a stimulus sets `STIMULUS` to one of these. The Snakefile reads it too, so the file
    imports large libraries (scipy, numba, pandas, torch) only inside the function that makes sound.
    """

    pattern: str
    """The name, with parameters in braces: `quilt-{ms}ms` is the name `quilt-50ms` with ms = 50."""

    make: Callable[..., Sound]
    """make(samples, draw, **parameters) returns the sound of a clip.

    `samples` (n,) float32 of full scale 1 at 22,050 Hz are the clip without padding. `draw` is a
    generator seeded by the master seed, the stimulus and the clip. Nothing clips or rounds what it
    returns, which may exceed full scale. Raises TooShort and Silent.
    """

    length: Callable[..., int] = _as_long_as_the_clip
    """length(clip_samples, **parameters) returns how many samples a whole clip gives.

    It is called before anything runs. Raises InputError, with what would be right, for parameters
    that do not work with clips of `clip_samples` samples.
    """

    columns: Mapping[str, type] = field(default_factory=dict)
    """Columns of its own in the status table, `int` or `float`; `Sound.about` has their values."""

    cut: bool = True
    """Whether only `stimuli.compared_seconds` of it are played, as of all that quilts are compared
    with; otherwise it is the whole clip."""

    read_level: Callable[[str | os.PathLike], float] | None = None
    """read_level(path) returns the mean RMS amplitude of the corpus from its table, `level.tsv`.

    A stimulus that has this is made with it: `make` then also takes `corpus_rms`. Others do without
    the table, and do not depend on it.
    """
