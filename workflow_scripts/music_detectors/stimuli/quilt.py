"""`quilt-{ms}ms`: sound quilts, clips chopped into segments and put into another order.

docs/quilts.md describes the method.
"""

from typing import NamedTuple

import numpy as np

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.common.errors import InputError
from music_detectors.stimuli.making.stimulus import Sound, Stimulus, TooShort
from music_detectors.stimuli.quilting.columns import QUILT_STATUS
from music_detectors.stimuli.quilting.windows import WINDOW_MS, segment_samples


class Quilt(NamedTuple):
    """A quilt: `samples` (n,) float32, the `gain` that kept its level, the `order` of segments."""

    samples: np.ndarray
    gain: float
    order: np.ndarray


def quilted(samples: np.ndarray, segment_ms: int, draw: np.random.Generator) -> Quilt:
    """Return a quilt of `samples` in segments of `segment_ms` milliseconds.

    `samples` (n,) are mono sound at 22,050 Hz, int16 or floats of full scale 1. `segment_ms` is a
    multiple of 25, at least 50. `draw` chooses the first segment. The quilt is as long as the whole
    segments in `samples`, and has their power; `order` (segments,) are numbers of segments from 0.
    Raises InputError for sound that is not mono, TooShort for less sound than two segments.
    """
    # Compiling and scipy take seconds, which only those who make sound should wait for.
    from music_detectors.audio.storage import to_float
    from music_detectors.stimuli.quilting.segments import joined, segment_order
    from music_detectors.stimuli.quilting.window_spectra import changes_between

    _check_segment(segment_ms)
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise InputError(f"quilts are made of mono sound, one array (n,), not {samples.shape}")
    needed = 2 * segment_samples(segment_ms)
    if len(samples) < needed:
        raise TooShort(f"{len(samples)} samples, and two segments take {needed}")
    samples = to_float(samples) if samples.dtype == np.int16 else samples.astype(np.float32)
    changes = changes_between(samples, segment_ms)
    order = segment_order(changes, int(draw.integers(len(changes))))
    return Quilt(*joined(samples, order, segment_ms), order)


def _make(samples: np.ndarray, draw: np.random.Generator, ms: int) -> Sound:
    quilt = quilted(samples, ms, draw)
    about = {
        "n_segments": len(quilt.order),
        "first_segment": int(quilt.order[0]),
        "gain_db": 20 * np.log10(quilt.gain),
    }
    return Sound(quilt.samples, about)


def _length(clip_samples: int, ms: int) -> int:
    _check_segment(ms)
    length = segment_samples(ms)
    if clip_samples < 2 * length:
        seconds = clip_samples / SAMPLE_RATE
        raise InputError(
            f"a clip of {seconds:g} s (corpus.clip_seconds) must hold two segments; leave out "
            f"what is over {seconds * 500:g} ms"
        )
    return clip_samples // length * length


def _check_segment(segment_ms: int) -> None:
    if segment_ms % WINDOW_MS or segment_ms < 2 * WINDOW_MS:
        raise InputError(
            f"segments of quilts are multiples of {WINDOW_MS} ms, at least {2 * WINDOW_MS} ms"
        )


STIMULUS = Stimulus("quilt-{ms}ms", _make, _length, QUILT_STATUS)
