"""The source-filter model of voices (Fant, 1960): glottal pulses through a vocal tract.

It makes speech, singing and the calls of mammals and birds, whose vocal folds and tracts differ in
size. Units are those of `signals`.
"""

import numpy as np
from numpy.random import Generator

from music_detectors.synthesis.signals import (
    Samples,
    cascade,
    curve,
    harmonics,
    high_pass,
    noise_band,
    phase,
    wander,
    wave,
    wavetable,
    white,
)

VOWELS = np.array(
    [
        (270, 2290, 3010),
        (390, 1990, 2550),
        (530, 1840, 2480),
        (660, 1720, 2410),
        (730, 1090, 2440),
        (570, 840, 2410),
        (440, 1020, 2240),
        (300, 870, 2240),
        (640, 1190, 2390),
        (490, 1350, 1690),
    ],
    dtype=float,
)
"""First three formants of ten American English vowels, means of men (Peterson & Barney, 1952)."""

_UPPER = (3500.0, 4500.0)
_BANDWIDTHS = (80.0, 100.0, 140.0, 220.0, 300.0)


def vowel(rng: Generator, scale: float) -> Samples:
    """Return the formants of a vowel drawn at random, times `scale` (1 for a man)."""
    return VOWELS[rng.integers(len(VOWELS))] * scale


def glottal(rng: Generator, f0: Samples, rate: int, tilt: float, jitter: float = 0.01) -> Samples:
    """Return pulses at the frequency `f0` (n,), the k-th harmonic of amplitude k ** -tilt.

    `jitter` is the deviation of the frequency from pulse to pulse, as a share of the frequency.
    """
    jittered = f0 * (1 + jitter * wander(rng, len(f0), 60, rate))
    k = harmonics(float(jittered.max()), rate)
    return wave(phase(jittered, rate) + rng.uniform(), wavetable(k**-tilt))


def breathy(rng: Generator, pulses: Samples, share: float, rate: int) -> Samples:
    """Replace `share` of the power of `pulses` with breath noise, strongest within the pulses."""
    noise = high_pass(white(rng, len(pulses)), 800, rate) * (0.3 + np.abs(pulses))
    power = np.sqrt(np.mean(pulses**2) / max(float(np.mean(noise**2)), 1e-12))
    return np.sqrt(1 - share) * pulses + np.sqrt(share) * power * noise


def tract(x: Samples, formants: Samples, scale: float, rate: int) -> Samples:
    """Filter `x` with a vocal tract of the given first formants.

    Two upper formants, multiplied by `scale`, represent the length of the tract.
    """
    frequencies = [*formants, *(scale * upper for upper in _UPPER)]
    return cascade(x, frequencies, _BANDWIDTHS[: len(frequencies)], rate)


def moving_tract(
    x: Samples, start: Samples, end: Samples, scale: float, rate: int, path: Samples | None = None
) -> Samples:
    """Filter `x` with a tract that moves from the formants `start` to `end`.

    `path` (n,) is the share of `end` at each sample; by default it rises from 0 to 1.
    """
    share = curve(len(x), (0, 1)) if path is None else path
    return (1 - share) * tract(x, start, scale, rate) + share * tract(x, end, scale, rate)


def roughness(rng: Generator, n: int, rate: int, fastest: float, depth: float) -> Samples:
    """Return (n,) an irregular amplitude about 1, as in a hoarse or harsh voice."""
    ripple = noise_band(rng, n, fastest / 4, fastest, rate)
    return 1 + depth * ripple / max(float(np.std(ripple)), 1e-12)
