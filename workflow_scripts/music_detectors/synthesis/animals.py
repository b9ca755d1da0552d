"""Calls of animals: the voice model with other vocal folds and tracts, birds, crickets."""

import numpy as np
from numpy.random import Generator

from music_detectors.synthesis.signals import (
    MAX_FREQUENCY_SHARE,
    Samples,
    add,
    curve,
    envelope,
    harmonics,
    log_uniform,
    n_samples,
    onsets,
    phase,
    unit_rms,
    wave,
    wavetable,
)
from music_detectors.synthesis.voice import breathy, glottal, moving_tract, roughness, tract


def bark(rng: Generator, seconds: float, rate: int) -> Samples:
    """Barks of one dog, small or large, in bouts: short and hoarse, the pitch rises and falls."""
    f0 = log_uniform(rng, 160, 750)
    size = (f0 / 350) ** 0.35
    formants = np.array([650.0, 1350.0, 2600.0]) * size * rng.uniform(0.9, 1.1, 3)
    breath, rough = rng.uniform(0.2, 0.5), rng.uniform(0.1, 0.5)
    gap = rng.uniform(0.22, 0.7)
    out = np.zeros(n_samples(seconds, rate))
    at = rng.uniform(0, 0.3)
    while at < seconds:
        for _ in range(int(rng.integers(1, 6))):
            n = n_samples(rng.uniform(0.09, 0.2), rate)
            contour = f0 * rng.uniform(0.92, 1.08) * curve(n, (0.7, 1.2, 1.0, 0.6))
            folds = breathy(rng, glottal(rng, contour, rate, 0.7, 0.03), breath, rate)
            call = tract(folds, formants, size, rate) * roughness(rng, n, rate, 120, rough)
            add(out, unit_rms(call) * envelope(n, n // 8, n // 2), round(at * rate))
            at += n / rate + gap * rng.uniform(0.6, 1.4)
        at += rng.uniform(0.2, 1.0)
    return out


def meow(rng: Generator, seconds: float, rate: int) -> Samples:
    """Meows: the mouth opens and closes while the pitch rises and falls."""
    f0 = log_uniform(rng, 380, 850)
    scale = rng.uniform(1.3, 1.7)
    closed = np.array([350.0, 1900.0, 3000.0]) * scale / 1.3
    opened = np.array([900.0, 1500.0, 3000.0]) * scale / 1.3 * rng.uniform(0.9, 1.1)
    out = np.zeros(n_samples(seconds, rate))
    for start in onsets(rng, seconds, rng.uniform(0.9, 2.2), 0.3):
        n = n_samples(rng.uniform(0.4, 1.1), rate)
        contour = f0 * curve(n, (0.8, rng.uniform(1.1, 1.35), 1.1, rng.uniform(0.65, 0.95)))
        folds = breathy(rng, glottal(rng, contour, rate, 0.9), 0.06, rate)
        path = curve(n, (0, rng.uniform(0.6, 1), 1, rng.uniform(0.4, 0.8), 0))
        call = moving_tract(folds, closed, opened, scale, rate, path)
        add(out, unit_rms(call) * envelope(n, n // 5, n // 3), round(start * rate))
    return out


def moo(rng: Generator, seconds: float, rate: int) -> Samples:
    """Moos: one long call from a long tract, at first with a closed mouth, then an open one."""
    f0 = log_uniform(rng, 75, 210)
    scale = rng.uniform(0.5, 0.75)
    closed = np.array([250.0, 900.0, 2200.0]) * scale / 0.6
    opened = np.array([520.0, 1150.0, 2400.0]) * scale / 0.6
    out = np.zeros(n_samples(seconds, rate))
    at = rng.uniform(-0.3, 0.4)
    while at < seconds:
        n = n_samples(rng.uniform(0.9, 2.2), rate)
        contour = f0 * curve(n, (0.85, 1.0, rng.uniform(1.1, 1.5), 1.1, 0.8))
        folds = breathy(rng, glottal(rng, contour, rate, rng.uniform(0.6, 0.9), 0.015), 0.04, rate)
        path = curve(n, (0, rng.uniform(0.1, 0.5), 1, 0.9, 0.3))
        call = moving_tract(folds, closed, opened, scale, rate, path)
        call *= roughness(rng, n, rate, 60, rng.uniform(0, 0.35))
        add(out, unit_rms(call) * envelope(n, n // 5, n // 4), round(at * rate))
        at += n / rate + rng.uniform(0.3, 1.5)
    return out


def chirp(rng: Generator, seconds: float, rate: int) -> Samples:
    """Bird song: phrases of one or two whistled syllables, each a quick sweep."""
    centre = log_uniform(rng, 2300, 6000)
    out = np.zeros(n_samples(seconds, rate))
    syllables = [
        _syllable(rng, centre * rng.uniform(0.75, 1.3), rate) for _ in range(rng.integers(2, 5))
    ]
    at = rng.uniform(-0.2, 0.3)
    while at < seconds:
        chosen = rng.integers(0, len(syllables), rng.integers(1, 3))
        gap = rng.uniform(0.015, 0.12)
        for _ in range(int(rng.integers(2, 9))):
            for which in chosen:
                add(out, rng.uniform(0.6, 1) * syllables[which], round(at * rate))
                at += len(syllables[which]) / rate + gap
        at += rng.uniform(0.1, 0.9)
    return out


def _syllable(rng: Generator, centre: float, rate: int) -> Samples:
    n = n_samples(log_uniform(rng, 0.03, 0.18), rate)
    sweep = curve(n, np.exp(rng.uniform(-0.3, 0.3, int(rng.integers(2, 5)))))
    warble = rng.uniform(0, 0.06) * np.sin(2 * np.pi * rng.uniform(15, 60) * np.arange(n) / rate)
    pitch = np.minimum(centre * sweep * (1 + warble), MAX_FREQUENCY_SHARE * rate)
    overtone = rng.uniform(0, 0.08) ** (harmonics(pitch.max(), rate, 2) - 1.0)
    return wave(phase(pitch, rate), wavetable(overtone)) * envelope(n, n // 3, n // 3)


def caw(rng: Generator, seconds: float, rate: int) -> Samples:
    """Crows: two to five harsh calls at a time, each a quarter to half a second long."""
    f0 = log_uniform(rng, 330, 650)
    formants = np.array([1150.0, 1750.0, 3000.0]) * rng.uniform(0.85, 1.15)
    out = np.zeros(n_samples(seconds, rate))
    at = rng.uniform(-0.3, 0.4)
    while at < seconds:
        n = n_samples(rng.uniform(0.2, 0.45), rate)
        gap = rng.uniform(0.12, 0.4)
        for _ in range(int(rng.integers(2, 6))):
            contour = f0 * rng.uniform(0.95, 1.05) * curve(n, (0.85, 1.08, 1.0, 0.85))
            folds = breathy(rng, glottal(rng, contour, rate, 0.4, 0.06), 0.35, rate)
            call = tract(folds, formants, 1.2, rate) * roughness(rng, n, rate, 140, 0.6)
            add(out, unit_rms(call) * envelope(n, n // 8, n // 3), round(at * rate))
            at += n / rate + gap * rng.uniform(0.8, 1.2)
        at += rng.uniform(0.2, 1.2)
    return out


def cricket(rng: Generator, seconds: float, rate: int) -> Samples:
    """One to three crickets: a pure tone in short pulses, the pulses grouped into chirps."""
    out = np.zeros(n_samples(seconds, rate))
    for _ in range(int(rng.integers(1, 4))):
        carrier = log_uniform(rng, 2800, 6500)
        pulses_per_second = rng.uniform(22, 60)
        n = n_samples(0.7 / pulses_per_second, rate)
        cycles = phase(carrier * curve(n, (1.02, 0.98)), rate)
        overtone = 0.1 ** (harmonics(1.02 * carrier, rate, 2) - 1.0)
        pulse = wave(cycles, wavetable(overtone)) * envelope(n, n // 3, n // 2)
        count = int(rng.integers(2, 9))
        rest = rng.choice((0.0, rng.uniform(0.1, 0.5)))
        at = rng.uniform(-0.5, 0.2)
        gain = rng.uniform(0.3, 1)
        while at < seconds:
            for size in np.linspace(0.6, 1, count):
                add(out, gain * size * pulse, round(at * rate))
                at += 1 / pulses_per_second
            at += rest * rng.uniform(0.9, 1.1)
    return out
