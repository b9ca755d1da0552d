"""Sounds of air, water, fire and thunder: noise and many small events.

The models follow Farnell, "Designing Sound" (2010), part IV "Nature".
"""

import numpy as np
from numpy.random import Generator

from music_detectors.synthesis.signals import (
    Samples,
    add,
    band_pass,
    curve,
    decay,
    envelope,
    high_pass,
    impulses,
    log_uniform,
    low_pass,
    n_samples,
    noise_band,
    onsets,
    phase,
    sample_times,
    unit_rms,
    wander,
    wave,
    wavetable,
    white,
)

_BUBBLES = 24


def wind(rng: Generator, seconds: float, rate: int) -> Samples:
    """Gusts: rumble, a broad rush and a howl whose pitch rises with the wind speed."""
    n = n_samples(seconds, rate)
    gust = _positive(wander(rng, n, rng.uniform(0.8, 2.5), rate), rng.uniform(0.3, 0.9))
    air = white(rng, n)
    out = 0.8 * unit_rms(low_pass(air, rng.uniform(120, 400), rate)) * gust
    out += rng.uniform(0.2, 0.7) * unit_rms(low_pass(air, rng.uniform(700, 2000), rate)) * gust**2
    edge = log_uniform(rng, 250, 900)
    for pitch in (edge, edge * rng.uniform(1.3, 1.8)):
        tone = wave(phase(pitch * np.sqrt(gust), rate), wavetable((1,)))
        breath = low_pass(white(rng, n), pitch * rng.uniform(0.02, 0.06), rate)
        out += rng.uniform(0.4, 1.2) * unit_rms(tone * breath * gust)
    return out


def _positive(x: Samples, depth: float) -> Samples:
    """Return a positive curve around 1 that follows `x`."""
    return np.exp(depth * x)


def rain(rng: Generator, seconds: float, rate: int) -> Samples:
    """The hiss of distant drops, and near ones that tap on leaves, roofs or puddles."""
    n = n_samples(seconds, rate)
    low = log_uniform(rng, 600, 3000)
    hiss = unit_rms(noise_band(rng, n, low, rng.uniform(6000, 10000), rate))
    hiss *= _positive(wander(rng, n, 2, rate), rng.uniform(0, 0.15))
    drops = impulses(rng, n, log_uniform(rng, 40, 600), rate)
    tap = log_uniform(rng, 900, 5000)
    taps = band_pass(drops, tap, rng.uniform(0.3, 1.2) * tap, rate)
    return hiss + rng.uniform(0.3, 1.6) * unit_rms(taps)


def stream(rng: Generator, seconds: float, rate: int) -> Samples:
    """Hundreds of bubbles, each a damped sine that rises in pitch (Minnaert, 1933)."""
    n = n_samples(seconds, rate)
    out = np.zeros(n)
    per_second = log_uniform(rng, 50, 220)
    lowest = log_uniform(rng, 250, 700)
    bubbles = [_bubble(rng, log_uniform(rng, lowest, 6 * lowest), rate) for _ in range(_BUBBLES)]
    count = rng.poisson(per_second * seconds) + 1
    places = rng.integers(-rate // 50, n, count)
    sizes = np.exp(0.7 * rng.standard_normal(count))
    for which, at, size in zip(rng.integers(0, _BUBBLES, count), places, sizes, strict=True):
        add(out, size * bubbles[which], at)
    rush = noise_band(rng, n, 300, rng.uniform(1500, 5000), rate)
    rush *= _positive(wander(rng, n, 4, rate), 0.2)
    return unit_rms(out) + rng.uniform(0.15, 0.7) * unit_rms(rush)


def _bubble(rng: Generator, frequency: float, rate: int) -> Samples:
    decay_time = rng.uniform(4, 14) / frequency
    n = n_samples(5 * decay_time, rate)
    rise = 1 + rng.uniform(0, 0.4) * curve(n, (0, 1))
    return np.sin(2 * np.pi * phase(frequency * rise, rate)) * decay(n, decay_time, rate)


def waves(rng: Generator, seconds: float, rate: int) -> Samples:
    """Surf: a low roar swells, breaks into a hiss and fades, again and again."""
    n = n_samples(seconds, rate)
    period = rng.uniform(2.0, 5.0)
    position = (sample_times(n, rate) / period + rng.uniform()) % 1
    peak = rng.uniform(0.35, 0.6)
    after_peak = (position - peak) % 1
    roar = np.maximum(np.where(position < peak, position / peak, 0), np.exp(-3 * after_peak))
    foam = np.maximum(
        np.where(position < peak, (position / peak) ** 4, 0), np.exp(-2.5 * after_peak)
    )
    floor = rng.uniform(0.02, 0.2)
    air = white(rng, n)
    out = unit_rms(low_pass(air, rng.uniform(250, 700), rate)) * (floor + roar)
    out += rng.uniform(0.5, 1.2) * unit_rms(noise_band(rng, n, 500, 3000, rate)) * (floor + foam)
    spray = unit_rms(high_pass(air, rng.uniform(2500, 4500), rate))
    return out + rng.uniform(0.1, 0.6) * spray * (floor + foam**2)


def thunder(rng: Generator, seconds: float, rate: int) -> Samples:
    """Claps that crack when near, then rumble: low noise that swells and fades irregularly."""
    n = n_samples(seconds, rate)
    out = np.zeros(n)
    near = rng.uniform()
    air = white(rng, n)
    rumble = unit_rms(low_pass(low_pass(air, rng.uniform(80, 250), rate), 500, rate))
    grumble = unit_rms(low_pass(air, rng.uniform(400, 1200), rate))
    for start in onsets(rng, seconds, rng.uniform(1.5, 4.0), 0.3):
        m = n - round(start * rate)
        rolling = _positive(wander(rng, m, rng.uniform(4, 10), rate), 0.9)
        fading = envelope(m, n_samples(0.15 * (1.3 - near), rate), 0)
        fading *= decay(m, rng.uniform(0.6, 1.8), rate)
        clap = rumble[-m:] * rolling * fading
        clap += 0.4 * near * grumble[-m:] * rolling**2 * fading**2
        for late in rng.exponential(0.06, int(rng.integers(2, 7))):
            k = n_samples(0.2, rate)
            crack = unit_rms(low_pass(white(rng, k), 5000, rate)) * decay(k, 0.03, rate)
            add(clap, 1.5 * near**2 * rng.uniform(0.3, 1) * crack, round(late * rate))
        add(out, rng.uniform(0.5, 1) * clap, n - m)
    return out


def fire(rng: Generator, seconds: float, rate: int) -> Samples:
    """Flickering flames, a faint hiss, and crackles of all sizes at random times."""
    n = n_samples(seconds, rate)
    lap = noise_band(rng, n, 30, rng.uniform(150, 500), rate)
    out = rng.uniform(0.2, 0.9) * unit_rms(lap * _positive(wander(rng, n, 9, rate), 0.5))
    hiss = high_pass(white(rng, n), rng.uniform(1500, 4000), rate)
    out += rng.uniform(0.05, 0.2) * unit_rms(hiss * _positive(wander(rng, n, 5, rate), 0.5))
    for _ in range(3):
        snaps = impulses(rng, n, log_uniform(rng, 4, 30), rate, spread=1.3)
        pitch = log_uniform(rng, 900, 6000)
        crackle = band_pass(snaps, pitch, rng.uniform(0.2, 1) * pitch, rate)
        out += rng.uniform(0.4, 1.2) * unit_rms(crackle)
    return out
