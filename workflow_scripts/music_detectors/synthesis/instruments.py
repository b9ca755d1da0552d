"""Musical instruments: each is drawn once per piece and then plays any note.

The functions here draw the timbre of an instrument and return it: a function of a frequency and of
how many samples the note is held, which returns the samples of the note. These may be more, because
a note can ring on. Units are those of `signals`.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from scipy.fft import irfft, next_fast_len

from music_detectors.synthesis.signals import (
    Samples,
    band_pass,
    curve,
    decay,
    envelope,
    harmonics,
    high_pass,
    log_uniform,
    low_pass,
    modes,
    n_samples,
    noise_band,
    phase,
    sample_times,
    unit_rms,
    wave,
    wavetable,
    white,
)
from music_detectors.synthesis.voice import tract, vowel

Instrument = Callable[[float, int], Samples]
"""From a frequency and a number of samples held to the samples of a note."""

_MEMBRANE = np.array((1.0, 1.59, 2.14, 2.30, 2.65, 2.92))
"""Modes of an ideal circular membrane, relative to the lowest (Fletcher & Rossing, 1998)."""


def plucked(rng: Generator, rate: int, brightness: float, sustain: float) -> Instrument:
    """A plucked string (Karplus & Strong, 1983) of `brightness` 0 to 1 and `sustain` seconds."""
    position = rng.uniform(0.1, 0.35)
    brightness = np.clip(brightness * rng.uniform(0.8, 1.2), 0.02, 1)
    seed = int(rng.integers(2**31))

    def note(frequency: float, held: int) -> Samples:
        n = held + n_samples(0.08, rate)
        x = _string(np.random.default_rng(seed), frequency, n, rate, brightness, sustain, position)
        return x * envelope(n, 0, n_samples(0.08, rate))

    return note


def _string(
    rng: Generator,
    frequency: float,
    n: int,
    rate: int,
    brightness: float,
    sustain: float,
    position: float,
) -> Samples:
    """Return `n` samples of a string plucked at `position`; it falls by e in `sustain` seconds.

    All periods are computed at once: each is the previous one through the averaging filter. A
    period is a whole number of samples near the true period; the result is resampled to the true
    one.
    """
    period = next_fast_len(int(np.ceil(rate / frequency)), real=True)
    stretch = period * frequency / rate
    k = np.arange(period // 2 + 1)
    pluck = np.exp(1j * rng.uniform(0, 2 * np.pi, len(k))) * np.sin(np.pi * k * position)
    pluck *= np.exp(-k * frequency * (1 - brightness) / (1500 + 4000 * brightness))
    pluck[0] = 0
    loss = np.log(np.maximum(np.cos(np.pi * k / period), 1e-3)) - 1 / (sustain * frequency)
    turns = np.arange(int(n * stretch / period) + 2)
    periods = irfft(pluck * np.exp(turns[:, None] * loss), period)
    return np.interp(np.arange(n) * stretch, np.arange(periods.size), periods.ravel())


def struck(rng: Generator, rate: int) -> Instrument:
    """A piano-like tone: bright when the hammer strikes, then dull and fading."""
    strike = rng.uniform(0.1, 0.2)
    ring = rng.uniform(0.5, 1.4)
    soft = rng.uniform(1.2, 2.2)

    def note(frequency: float, held: int) -> Samples:
        n = held + n_samples(0.1, rate)
        k = harmonics(frequency, rate, 40)
        comb = np.abs(np.sin(np.pi * k * strike)) + 0.05
        cycles = sample_times(n, rate) * frequency
        bright = decay(n, 0.12, rate)
        x = wave(cycles, wavetable(comb * k**-soft)) + 0.6 * bright * wave(
            cycles * 1.0006, wavetable(comb * k ** (0.5 - soft))
        )
        return x * decay(n, ring * (220 / frequency) ** 0.4, rate) * envelope(n, 20, n // 8)

    return note


def frequency_modulated(
    rng: Generator, rate: int, ratios: tuple[float, ...], index: float, ring: float
) -> Instrument:
    """A bell or electric piano by frequency modulation (Chowning, 1973)."""
    ratio = rng.choice(ratios) * rng.uniform(0.998, 1.002)
    index = index * rng.uniform(0.6, 1.4)
    ring = ring * rng.uniform(0.7, 1.4)

    def note(frequency: float, held: int) -> Samples:
        n = held + n_samples(0.15, rate)
        t = 2 * np.pi * frequency * sample_times(n, rate)
        depth = index * decay(n, 0.4 * ring, rate) if ratio * frequency < 0.4 * rate else 0
        x = np.sin(t + depth * np.sin(ratio * t))
        return x * decay(n, ring, rate) * envelope(n, n_samples(0.003, rate), n_samples(0.15, rate))

    return note


def sustained(rng: Generator, rate: int, amplitudes: Callable[[Samples], Samples]) -> Instrument:
    """A steady tone whose harmonics k have `amplitudes(k)`: organs, bowed strings, pads.

    Attack, release and vibrato are drawn at random.
    """
    attack, release = log_uniform(rng, 0.02, 0.2), rng.uniform(0.05, 0.25)
    depth, speed = rng.uniform(0, 0.006), rng.uniform(4.5, 6.5)

    def note(frequency: float, held: int) -> Samples:
        n = held + n_samples(release, rate)
        t = sample_times(n, rate)
        cycles = frequency * (t + depth / (2 * np.pi * speed) * np.sin(2 * np.pi * speed * t))
        period = wavetable(amplitudes(harmonics(frequency, rate, 60).astype(float)))
        return wave(cycles, period) * envelope(n, n_samples(attack, rate), n_samples(release, rate))

    return note


def organ(rng: Generator, rate: int) -> Instrument:
    """An organ: a few harmonics of random loudness, as set by drawbars."""
    bars = np.zeros(61)
    bars[[1, 2, 3, 4, 6, 8]] = rng.uniform(0.1, 1, 6)
    return sustained(rng, rate, lambda k: bars[k.astype(int)])


def bowed(rng: Generator, rate: int) -> Instrument:
    """Bowed strings: all harmonics, with the resonances of a wooden body."""
    slope = rng.uniform(0.9, 1.4)
    bumps = np.exp(0.5 * rng.standard_normal(61))
    return sustained(rng, rate, lambda k: bumps[k.astype(int)] * k**-slope)


def pad(rng: Generator, rate: int) -> Instrument:
    """A soft synthesiser pad."""
    slope = rng.uniform(1.3, 2.4)
    return sustained(rng, rate, lambda k: k**-slope)


def brass(rng: Generator, rate: int) -> Instrument:
    """A brass tone: the louder, the brighter, so each attack brightens (Risset, 1966)."""
    bright = rng.uniform(0.5, 1.0)
    attack = rng.uniform(0.03, 0.08)
    speed = rng.uniform(4.5, 6)

    def note(frequency: float, held: int) -> Samples:
        n = held + n_samples(0.06, rate)
        t = sample_times(n, rate)
        shape = envelope(n, n_samples(attack, rate), n_samples(0.08, rate)) * curve(
            n, (1, 0.8, 0.85, 0.7)
        )
        late = np.minimum(t / 0.5, 1) * 0.004 / (2 * np.pi * speed)
        cycles = frequency * (t + late * np.sin(2 * np.pi * speed * t))
        k = harmonics(frequency, rate, 40)
        dull, open_ = wavetable(k**-2.2), wavetable(k**-bright * np.exp(-k * frequency / 5000))
        return shape * wave(cycles, dull) + 0.7 * shape**3 * wave(cycles, open_)

    return note


def flute(rng: Generator, rate: int) -> Instrument:
    """A flute or whistle: few harmonics, vibrato and breath."""
    upper = rng.uniform(0.05, 0.5, 4)
    breath = rng.uniform(0.02, 0.12)
    depth, speed = rng.uniform(0.002, 0.008), rng.uniform(4.5, 6)
    seed = int(rng.integers(2**31))

    def note(frequency: float, held: int) -> Samples:
        n = held + n_samples(0.06, rate)
        t = sample_times(n, rate)
        cycles = frequency * (t + depth / (2 * np.pi * speed) * np.sin(2 * np.pi * speed * t))
        air = white(np.random.default_rng(seed), n)
        x = unit_rms(wave(cycles, wavetable((1, *upper))))
        x += breath * unit_rms(band_pass(air, 2 * frequency, 2 * frequency, rate))
        return x * envelope(n, n_samples(0.05, rate), n_samples(0.06, rate))

    return note


def synthesiser(rng: Generator, rate: int) -> Instrument:
    """A saw or square wave whose filter opens and closes with each note."""
    odd = rng.uniform() < 0.4
    close = rng.uniform(0.05, 0.4)
    rest = rng.uniform(0.2, 0.7)

    def note(frequency: float, held: int) -> Samples:
        n = held + n_samples(0.03, rate)
        k = harmonics(frequency, rate, 80)
        amplitudes = np.where(k % 2, 1.0, 0.0 if odd else 1.0) / k
        cycles = frequency * sample_times(n, rate)
        bright = decay(n, close, rate)
        x = wave(cycles, wavetable(amplitudes * np.exp(-k / 4)))
        x = (1 - bright) * rest * x + bright * wave(cycles, wavetable(amplitudes))
        return x * envelope(n, n_samples(0.004, rate), n_samples(0.03, rate))

    return note


def singer(rng: Generator, rate: int, scale: float, formants: Samples | None = None) -> Instrument:
    """A singer who holds each pitch, with delayed vibrato; on the given vowel or random ones.

    `scale` is the ratio of the formants to those of a man.
    """
    depth, speed = rng.uniform(0.004, 0.013), rng.uniform(4.8, 6.4)
    tilt = rng.uniform(0.8, 1.3)
    seed = int(rng.integers(2**31))

    def note(frequency: float, held: int) -> Samples:
        note_rng = np.random.default_rng((seed, round(frequency), held))
        n = held + n_samples(0.05, rate)
        t = sample_times(n, rate)
        scoop = -0.05 * decay(n, 0.04, rate)
        late = (
            np.minimum(t / 0.4, 1) * depth * np.sin(2 * np.pi * speed * t + note_rng.uniform(0, 6))
        )
        k = harmonics(frequency * 1.03, rate, 100)
        cycles = phase(frequency * (1 + scoop + late), rate)
        shape = vowel(note_rng, scale) if formants is None else formants
        x = unit_rms(tract(wave(cycles, wavetable(k**-tilt)), shape, scale, rate))
        return x * envelope(n, n_samples(0.04, rate), n_samples(0.07, rate))

    return note


def overdrive(gain: float, rate: int) -> Callable[[Samples], Samples]:
    """Return the effect, on a whole layer, of an overdriven amplifier and its cabinet."""
    return lambda x: high_pass(low_pass(np.tanh(gain * unit_rms(x)), 4200, rate), 80, rate)


def drum_kit(rng: Generator, rate: int, soft: bool = False) -> dict[str, Samples]:
    """Return one hit each of kick, snare, hat, open hat and ride; `soft` means brushes."""
    n = n_samples(0.35, rate)
    low, drop = rng.uniform(42, 65), rng.uniform(1.5, 4)
    sweep = low * (1 + drop * decay(n, rng.uniform(0.015, 0.04), rate))
    kick = np.sin(2 * np.pi * phase(sweep, rate)) * decay(n, rng.uniform(0.07, 0.16), rate)
    kick += 0.3 * low_pass(white(rng, n), 3000, rate) * decay(n, 0.004, rate)
    wires = noise_band(rng, n, rng.uniform(700, 1800), rng.uniform(6000, 10000), rate)
    wires *= decay(n, rng.uniform(0.12, 0.2) if soft else rng.uniform(0.04, 0.11), rate)
    shell = modes(n, rng.uniform(160, 240) * np.array((1, 1.6)), (0.05, 0.03), (1, 0.6), rate)
    snare = unit_rms(wires) + (0.1 if soft else rng.uniform(0.3, 1)) * unit_rms(shell)
    metal = high_pass(white(rng, n), rng.uniform(4500, 7000), rate)
    tones = modes(n, rng.uniform(2500, 7500, 8), np.full(8, 0.25), np.ones(8), rate)
    ride = unit_rms(metal) * decay(n, 0.1, rate) + unit_rms(tones) * decay(n, 0.2, rate)
    return {
        "kick": 1.6 * unit_rms(kick),
        "snare": (0.5 if soft else 1) * unit_rms(snare),
        "hat": 0.35 * unit_rms(metal) * decay(n, rng.uniform(0.012, 0.04), rate),
        "open": 0.35 * unit_rms(metal) * decay(n, rng.uniform(0.1, 0.25), rate),
        "ride": 0.25 * unit_rms(ride),
    }


def hand_drums(rng: Generator, rate: int) -> list[Samples]:
    """Return the strokes of a set of hand drums: four from low to high, shaker, wood block."""
    n = n_samples(0.5, rate)
    lowest = log_uniform(rng, 60, 130)
    strokes = []
    for step in (1.0, rng.uniform(1.4, 1.7), rng.uniform(1.9, 2.6), rng.uniform(2.8, 4.0)):
        ring = rng.uniform(0.05, 0.2) / np.sqrt(_MEMBRANE)
        gains = rng.uniform(0.2, 1, len(_MEMBRANE)) / _MEMBRANE
        skin = modes(n, lowest * step * _MEMBRANE, ring, gains, rate)
        hand = noise_band(rng, n, 400, rng.uniform(2000, 6000), rate) * decay(n, 0.008, rate)
        strokes.append(unit_rms(skin) + rng.uniform(0.1, 0.8) * unit_rms(hand))
    shaker = high_pass(white(rng, n), rng.uniform(3000, 6000), rate)
    shaker *= envelope(n, n_samples(0.02, rate), 0) * decay(n, 0.03, rate)
    wood = rng.uniform(700, 1600) * np.array((1, 2.4, 4.1))
    block = modes(n, wood, (0.03, 0.015, 0.01), (1, 0.5, 0.3), rate)
    return [*strokes, 0.4 * unit_rms(shaker), 0.6 * unit_rms(block)]
