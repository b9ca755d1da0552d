"""Sounds of people: voices, coughs, footsteps, clapping, crowds."""

import numpy as np
from numpy.random import Generator

from music_detectors.synthesis.signals import (
    Samples,
    add,
    band_pass,
    curve,
    decay,
    envelope,
    impulses,
    log_uniform,
    low_pass,
    modes,
    n_samples,
    noise_band,
    onsets,
    sample_times,
    unit_rms,
    wander,
    white,
)
from music_detectors.synthesis.voice import (
    breathy,
    glottal,
    moving_tract,
    roughness,
    tract,
    vowel,
)


def speech(rng: Generator, seconds: float, rate: int) -> Samples:
    """Phrases by one speaker: each syllable is a consonant and a vowel that glides to the next."""
    f0 = log_uniform(rng, 85, 290)
    scale = np.clip((f0 / 110) ** 0.22 * rng.uniform(0.93, 1.08), 0.85, 1.4)
    syllables_per_second = rng.uniform(3.2, 6.0)
    n = n_samples(seconds, rate)
    out = np.zeros(n)
    vowels, pitches = [], [(-1.0, 1.0)]
    at = -rng.uniform(0, 0.3)
    while at < seconds:
        formants = vowel(rng, scale)
        for fall in np.linspace(1.18, 0.85, int(rng.integers(3, 10))):
            length = rng.uniform(0.6, 1.5) / syllables_per_second
            at += _consonant(rng, out, at, scale, rate)
            next_formants = vowel(rng, scale)
            vowels.append((at, length, formants, next_formants))
            accent = rng.uniform(0.9, 1.2)
            pitches += [
                (at, fall),
                (at + length / 2, fall * accent),
                (at + length, fall * accent * rng.uniform(0.8, 1.0)),
            ]
            at += length * rng.uniform(0.85, 1.0)
            formants = next_formants
        at += rng.uniform(0.15, 0.6)
    times, heights = zip(*sorted(pitches), strict=True)
    melody = f0 * np.interp(sample_times(n, rate), times, heights)
    pulses = glottal(rng, melody, rate, rng.uniform(0.7, 1.3))
    folds = breathy(rng, pulses, rng.uniform(0.01, 0.12), rate)
    for start, length, formants, next_formants in vowels:
        first, last = (max(round(time * rate), 0) for time in (start, start + length))
        part = folds[first:last]
        if len(part) == 0:
            continue
        voiced = unit_rms(moving_tract(part, formants, next_formants, scale, rate))
        voiced *= envelope(len(part), n_samples(0.03, rate), n_samples(0.07, rate))
        add(out, rng.uniform(0.5, 1) * voiced, first)
    return out


def _consonant(rng: Generator, out: Samples, at: float, scale: float, rate: int) -> float:
    """Add a consonant to `out` and return by how many seconds it delays the vowel."""
    kind = rng.integers(4)
    if kind == 0:
        return 0.0
    if kind == 1:
        length = rng.uniform(0.05, 0.13)
        centre = rng.uniform(2000, 6500)
        low, high, gain, wait = 0.7 * centre, 1.5 * centre, rng.uniform(0.15, 0.5), 0.8 * length
    elif kind == 2:
        length = rng.uniform(0.012, 0.03)
        low, high, gain, wait = 400, rng.uniform(2000, 7000), rng.uniform(0.3, 0.9), 0.05
    else:
        length = rng.uniform(0.04, 0.09)
        low, high, gain, wait = 150, 350 * scale, rng.uniform(0.2, 0.5), 0.8 * length
    n = n_samples(length, rate)
    hiss = unit_rms(noise_band(rng, n, low, high, rate)) * envelope(n, n // 4, n // 2)
    add(out, gain * hiss, round((at + wait - length) * rate))
    return wait


def laughter(rng: Generator, seconds: float, rate: int) -> Samples:
    """Bouts of "ha": a breath, then a vowel; pitch and loudness fall during the bout."""
    f0 = log_uniform(rng, 140, 480)
    scale = np.clip((f0 / 130) ** 0.2, 0.95, 1.3)
    formants = vowel(rng, scale)
    per_second = rng.uniform(3.8, 6.5)
    out = np.zeros(n_samples(seconds, rate))
    at = rng.uniform(-0.4, 0.3)
    while at < seconds - 0.2:
        count = int(rng.integers(4, 10))
        rise = rng.uniform(1.05, 1.5)
        for share in np.linspace(0, 1, count):
            n = n_samples(rng.uniform(0.5, 0.7) / per_second, rate)
            contour = f0 * (rise + (0.75 - rise) * share) * curve(n, (0.95, 1.12, 0.85))
            folds = breathy(rng, glottal(rng, contour, rate, 0.9, 0.02), 0.15, rate)
            call = unit_rms(tract(folds, formants, scale, rate)) * envelope(n, n // 4, n // 2)
            breath = noise_band(rng, n, 700, 5000, rate) * envelope(n, n // 3, n // 2)
            gain = (1 - 0.6 * share) * rng.uniform(0.7, 1)
            start = round(at * rate)
            add(out, gain * call, start)
            add(out, gain * 0.35 * unit_rms(breath), start - n // 2)
            at += rng.uniform(0.92, 1.08) / per_second
        at += rng.uniform(0.3, 1.2)
    return out


def baby_cry(rng: Generator, seconds: float, rate: int) -> Samples:
    """Long cries at 300 to 650 Hz that rise and fall, each followed by a hoarse breath in."""
    f0 = log_uniform(rng, 300, 620)
    scale = rng.uniform(1.5, 1.9)
    formants = np.array([rng.uniform(700, 1000), rng.uniform(1300, 1800), 2600]) * scale / 1.5
    rough = rng.uniform(0, 0.5)
    out = np.zeros(n_samples(seconds, rate))
    at = rng.uniform(-0.6, 0.3)
    while at < seconds:
        n = n_samples(rng.uniform(0.5, 1.3), rate)
        peak = rng.uniform(1.1, 1.4)
        contour = f0 * curve(n, (0.8, peak, peak * rng.uniform(0.9, 1.05), 0.95 * peak, 0.75))
        folds = breathy(rng, glottal(rng, contour, rate, rng.uniform(0.5, 1), 0.02), 0.05, rate)
        cry = tract(folds, formants, scale, rate) * roughness(rng, n, rate, 90, rough)
        add(out, unit_rms(cry) * envelope(n, n // 6, n // 4), round(at * rate))
        at += n / rate + rng.uniform(0.02, 0.1)
        m = n_samples(rng.uniform(0.12, 0.3), rate)
        breath = unit_rms(noise_band(rng, m, 900, 4500, rate)) * envelope(m, m // 2, m // 4)
        add(out, 0.25 * breath, round(at * rate))
        at += m / rate + rng.uniform(0.02, 0.25)
    return out


def cough(rng: Generator, seconds: float, rate: int) -> Samples:
    """Fits of coughs: a burst as the glottis opens, rushing air, and often a voiced end."""
    scale = rng.uniform(0.9, 1.25)
    formants = vowel(rng, scale)
    f0 = log_uniform(rng, 110, 330)
    voiced_gain = rng.uniform(0, 0.9)
    out = np.zeros(n_samples(seconds, rate))
    for start in onsets(rng, seconds, rng.uniform(1.2, 2.0), 0.3):
        at = start
        for _ in range(int(rng.integers(2, 5))):
            n = n_samples(rng.uniform(0.18, 0.4), rate)
            burst = decay(n, rng.uniform(0.012, 0.03), rate)
            rush = decay(n, rng.uniform(0.06, 0.13), rate)
            air = low_pass(white(rng, n), rng.uniform(3000, 6500), rate)
            sound = unit_rms(tract(air, formants, scale, rate)) * (burst + 0.5 * rush)
            folds = glottal(rng, f0 * curve(n, (0.9, 1.15, 0.7)), rate, 1.0, 0.05)
            late = envelope(n, n // 2, n // 3)
            sound += voiced_gain * 0.35 * unit_rms(tract(folds, formants, scale, rate)) * late
            add(out, rng.uniform(0.6, 1) * sound, round(at * rate))
            at += n / rate * rng.uniform(0.9, 1.4)
    return out


def footsteps(rng: Generator, seconds: float, rate: int) -> Samples:
    """Walking: heel and toe of each step, a thud and the sound of the ground."""
    interval = 1 / rng.uniform(1.4, 2.5)
    out = np.zeros(n_samples(seconds, rate))
    thud, ground = log_uniform(rng, 55, 160), log_uniform(rng, 400, 3500)
    grit, hardness = rng.uniform(0, 1, 2)
    feet = [
        _footfall(rng, thud * side, ground * side, grit, hardness, rate)
        for side in rng.uniform(0.85, 1.15, 4)
    ]
    toe = rng.uniform(0.2, 0.6)
    for number, start in enumerate(onsets(rng, seconds, interval, 0.05)):
        heel = feet[number % 2 + 2 * rng.integers(2)]
        add(out, rng.uniform(0.7, 1) * heel, round(start * rate))
        late = start + rng.uniform(0.06, 0.12)
        add(out, toe * rng.uniform(0.7, 1) * feet[number % 2], round(late * rate))
    return out


def _footfall(
    rng: Generator, thud: float, ground: float, grit: float, hardness: float, rate: int
) -> Samples:
    n = n_samples(0.25, rate)
    body = modes(n, (thud, 2.3 * thud), (0.035, 0.02), (1, 0.5), rate)
    click = band_pass(white(rng, n), ground, 0.7 * ground, rate)
    click *= decay(n, 0.006 + 0.01 * hardness, rate)
    gravel = band_pass(impulses(rng, n, 600, rate), 1.6 * ground, 2 * ground, rate)
    gravel *= envelope(n, n // 6, n // 2)
    return unit_rms(body) + 1.5 * hardness * unit_rms(click) + 0.7 * grit * unit_rms(gravel)


def clapping(rng: Generator, seconds: float, rate: int) -> Samples:
    """One to five pairs of hands, each with its own resonance, together or not."""
    tempo = rng.uniform(1.8, 4.5)
    together = rng.uniform() < 0.4
    out = np.zeros(n_samples(seconds, rate))
    n = n_samples(0.08, rate)
    for _ in range(int(rng.integers(1, 6))):
        pair_tempo = tempo if together else tempo * rng.uniform(0.8, 1.25)
        centre = log_uniform(rng, 700, 2600)
        gain = rng.uniform(0.3, 1)
        late = rng.normal(0, 0.012) if together else rng.uniform(0, 1 / pair_tempo)
        length = rng.uniform(0.004, 0.012)
        for start in np.arange(rng.uniform(0, 0.05), seconds, 1 / pair_tempo):
            clap = band_pass(white(rng, n), centre * rng.uniform(0.9, 1.1), 900, rate)
            clap = clap * decay(n, length, rate) + 0.12 * clap * decay(n, 3 * length, rate)
            jitter = rng.normal(0, 0.012)
            add(out, gain * rng.uniform(0.6, 1) * clap, round((start + late + jitter) * rate))
    return out


def crowd(rng: Generator, seconds: float, rate: int) -> Samples:
    """Babble: one speech, repeated at other pitches and times."""
    n = n_samples(seconds, rate)
    out = np.zeros(n)
    voice = speech(rng, seconds, rate)
    for _ in range(5):
        places = np.arange(0, n - 1, rng.uniform(0.75, 1.35))
        other = np.resize(np.interp(places, np.arange(n), voice), n)
        for _ in range(int(rng.integers(2, 5))):
            out += rng.uniform(0.3, 1) * np.roll(other, int(rng.integers(n)))
    murmur = noise_band(rng, n, 200, rng.uniform(900, 2500), rate)
    murmur *= 1 + 0.3 * np.abs(wander(rng, n, 3, rate))
    return unit_rms(out) + rng.uniform(0.2, 0.8) * unit_rms(murmur)
