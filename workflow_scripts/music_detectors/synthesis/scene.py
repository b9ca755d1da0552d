"""A clip: sources at their distances in one room, over a background, at a level.

All clips, of music and of other sounds, get their room, microphone, background and level here from
the same distributions, so none of these tells music from the rest. `SIGNAL_TO_BACKGROUND_DB`
decides how hard the corpus is.
"""

from typing import TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from music_detectors.common.seeds import generator
from music_detectors.corpus.embedded import sources
from music_detectors.synthesis import animals, elements, machines, music, people
from music_detectors.synthesis.signals import (
    Samples,
    Source,
    log_uniform,
    n_samples,
    sample_times,
    unit_rms,
    wave,
    wavetable,
    white,
)

SIGNAL_TO_BACKGROUND_DB = (20.0, 45.0)
"""Range of the level of a clip's sources, at their loudest, relative to its background."""

BALANCE_DB = (-6.0, 6.0)
"""Range of the level of a second source relative to the first."""

LEVEL_DB = (-34.0, -26.0)
"""Range of the root mean square of a clip, relative to full scale."""

CREST_DB = 24.0
"""The highest ratio of a clip's peak to its root mean square; no clip reaches full scale."""

REVERBERATION_DB = (-30.0, -8.0)
"""Range of the energy of a room's reverberation relative to the direct sound."""

CUTOFF_HZ = (4000.0, 16000.0)
"""Range of the frequency above which a source's distance attenuates it."""

MICROPHONE_DB = 1.5
"""Standard deviation, over frequency, of the gain of a clip's microphone."""

SOURCES: dict[str, Source] = {
    "Speech": people.speech,
    "Laughter": people.laughter,
    "Baby cry, infant cry": people.baby_cry,
    "Singing": music.singing,
    "Cough": people.cough,
    "Walk, footsteps": people.footsteps,
    "Clapping": people.clapping,
    "Crowd": people.crowd,
    "Bark": animals.bark,
    "Meow": animals.meow,
    "Moo": animals.moo,
    "Chirp, tweet": animals.chirp,
    "Caw": animals.caw,
    "Cricket": animals.cricket,
    "Pop music": music.pop_music,
    "Rock music": music.rock_music,
    "Folk music": music.folk_music,
    "Jazz": music.jazz,
    "Classical music": music.classical_music,
    "Electronic music": music.electronic_music,
    "Blues": music.blues,
    "New-age music": music.new_age_music,
    "Vocal music": music.vocal_music,
    "Traditional music": music.traditional_music,
    "Wind": elements.wind,
    "Thunder": elements.thunder,
    "Rain": elements.rain,
    "Stream": elements.stream,
    "Waves, surf": elements.waves,
    "Fire": elements.fire,
    "Train": machines.train,
    "Helicopter": machines.helicopter,
    "Engine": machines.engine,
    "Knock": machines.knock,
    "Typing": machines.typing,
    "Alarm clock": machines.alarm_clock,
    "Siren": machines.siren,
    "Tick-tock": machines.clock,
    "Sawing": machines.sawing,
    "Drill": machines.drill,
    "Shatter": machines.shatter,
}
"""The sound model of each class, by class name."""

_Decibels = TypeVar("_Decibels", float, Samples)

_FRAME_SECONDS = 0.02
_LOUD_SHARE = 0.1

_BANDS = np.geomspace(30, 100_000, 200)


def synthesise(
    reference: str, clip_id: str, seed: int, seconds: float, sample_rate: int
) -> NDArray[np.float32]:
    """Return the samples (round(seconds * sample_rate),) of an embedded clip, within -1 to 1.

    `reference` is a recipe of `music_detectors.corpus.embedded`; `seed` and `clip_id` determine
    every random draw. Use at least 1 s and 16,000 Hz. Raises InputError when the recipe names an
    unknown sound.
    """
    names = sources(reference)
    rng = generator(seed, "embedded", clip_id)
    n = n_samples(seconds, sample_rate)
    tail = _reverberation(rng, sample_rate)
    size = next_fast_len(n + len(tail), real=True)
    bins = size // 2 + 1
    room = rfft(tail.astype(np.float32), size) if len(tail) else None
    microphone = _microphone(rng)
    spectrum = np.zeros(bins, np.complex64)
    for number, name in enumerate(names):
        dry = SOURCES[name](rng, seconds, sample_rate)
        dry = dry / _loudness(dry, sample_rate)
        balance = 0.0 if number == 0 else rng.uniform(*BALANCE_DB)
        direct = rfft(dry.astype(np.float32), size)
        direct *= _over_bins(_gain(balance) * _distance(rng) * microphone, bins, sample_rate)
        spectrum += direct
        if room is not None:
            spectrum += direct * room * np.float32(_gain(rng.uniform(*REVERBERATION_DB)))
    wet = irfft(spectrum, size)[:n]
    hiss = (rng.random(2 * bins, dtype=np.float32) - np.float32(0.5)).view(np.complex64)
    hiss *= _over_bins(_background(rng) * microphone, bins, sample_rate)
    noise = irfft(hiss, size)[:n]
    noise += _hum(rng, _rms(noise), n, sample_rate)
    ratio = _gain(rng.uniform(*SIGNAL_TO_BACKGROUND_DB))
    mix = ratio * wet / _loudness(wet, sample_rate) + noise / _loudness(noise, sample_rate)
    mix = _limit_peaks(mix)
    level = _gain(rng.uniform(*LEVEL_DB))
    return (mix * (level / _rms(mix))).astype(np.float32)


def _gain(decibels: _Decibels) -> _Decibels:
    return 10 ** (decibels / 20)


def _rms(x: NDArray) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def _loudness(x: NDArray, rate: int) -> float:
    """Return the root mean square of the loudest tenth of the frames, which ignores pauses."""
    frame = n_samples(_FRAME_SECONDS, rate)
    power = np.square(x[: len(x) // frame * frame]).reshape(-1, frame).mean(axis=1)
    loudest = max(round(len(power) * _LOUD_SHARE), 1)
    return max(float(np.sqrt(np.sort(power)[-loudest:].mean())), 1e-9)


def _reverberation(rng: Generator, rate: int) -> Samples:
    """Return the late response of a room: decaying noise of energy 1; empty outdoors."""
    if rng.uniform() < 0.4:
        return np.zeros(0)
    seconds = log_uniform(rng, 0.1, 1.2)
    n = n_samples(0.6 * seconds, rate)
    tail = white(rng, n) * np.exp(np.arange(n) * (-6.9 / (seconds * rate)))
    return tail / np.sqrt(np.sum(tail**2))


def _over_bins(gains: Samples, bins: int, rate: int) -> NDArray[np.float32]:
    """Interpolate `gains`, given at the frequencies `_BANDS`, at the bins of a real transform."""
    frequencies = np.linspace(0, rate / 2, bins)
    return np.interp(frequencies, _BANDS, gains).astype(np.float32)


def _distance(rng: Generator) -> Samples:
    """Return the gain at `_BANDS` of a source at a random distance: the farther, the duller."""
    cutoff = log_uniform(rng, *CUTOFF_HZ)
    return 1 / np.sqrt(1 + (_BANDS / cutoff) ** 4)


def _microphone(rng: Generator) -> Samples:
    """Return a gain at `_BANDS` that varies by some decibels, as in rooms and microphones."""
    knots = np.log2((60, 150, 400, 1000, 2500, 6000, 12000))
    decibels = MICROPHONE_DB * rng.standard_normal(len(knots))
    return _gain(np.interp(np.log2(_BANDS), knots, decibels))


def _background(rng: Generator) -> Samples:
    """Return the amplitude at `_BANDS` of noise that falls by 0 to 9 dB per octave."""
    return _BANDS ** -rng.uniform(0, 1.5)


def _hum(rng: Generator, noise: float, n: int, rate: int) -> Samples | float:
    """Return mains hum for three in ten clips, about as strong as noise of RMS `noise`; else 0."""
    if rng.uniform() < 0.7:
        return 0.0
    cycles = rng.choice((50.0, 60.0)) * sample_times(n, rate) + rng.uniform()
    return noise * rng.uniform(0.3, 1.5) * unit_rms(wave(cycles, wavetable(rng.uniform(0, 1, 8))))


def _limit_peaks(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compress the peaks of `x` until they exceed its root mean square by CREST_DB at most.

    Ends because the background leaves no long silence in `x`.
    """
    max_ratio = _gain(CREST_DB)
    ceiling = max_ratio * _rms(x)
    while np.abs(x).max() > max_ratio * _rms(x):
        x = np.tanh(x / ceiling) * ceiling
        ceiling *= 0.8
    return x
