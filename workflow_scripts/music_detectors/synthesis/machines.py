"""Sounds of objects: motors, vehicles, alarms, tools, doors, glass.

The models follow Farnell, "Designing Sound" (2010), parts II "Idiophonics" and V "Machines".
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
    harmonics,
    high_pass,
    log_uniform,
    modes,
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


def engine(rng: Generator, seconds: float, rate: int) -> Samples:
    """Cylinders that fire in turn, unevenly, through an exhaust; idling, revving or steady."""
    n = n_samples(seconds, rate)
    firing = log_uniform(rng, 25, 90)
    revs = np.exp(rng.uniform(0, 0.35) * curve(n, rng.uniform(-1, 1, int(rng.integers(2, 6)))))
    revs *= 1 + 0.01 * wander(rng, n, 12, rate)
    cycles = phase(firing / 4 * revs, rate)
    k = harmonics(firing / 4 * float(revs.max()), rate, 400)
    uneven = np.exp(0.5 * rng.standard_normal(len(k))) * np.where(k % 4, rng.uniform(0.1, 0.5), 1)
    pulses = wave(cycles, wavetable(uneven * k ** -rng.uniform(0.5, 1)))
    pipe = log_uniform(rng, 90, 350)
    out = unit_rms(band_pass(pulses, pipe, pipe, rate))
    out += rng.uniform(0.3, 0.8) * unit_rms(band_pass(pulses, 4 * pipe, 3 * pipe, rate))
    clatter = noise_band(rng, n, 500, rng.uniform(2000, 6000), rate)
    beat = 1 + 0.8 * wave(4 * cycles, wavetable((1,)))
    return out + rng.uniform(0.1, 0.5) * unit_rms(clatter * beat)


def helicopter(rng: Generator, seconds: float, rate: int) -> Samples:
    """Blade slap, 9 to 15 per second, with a turbine's whine and rushing air."""
    n = n_samples(seconds, rate)
    slap = rng.uniform(9, 15) * (1 + rng.uniform(-0.06, 0.06) * curve(n, (-1, 1)))
    cycles = phase(slap, rate)
    sharp = rng.uniform(3, 12)
    beat = np.exp(sharp * (wave(cycles, wavetable((1,))) - 1))
    k = np.arange(1, 30)
    thump = wave(cycles, wavetable(np.exp(-k / rng.uniform(4, 10))))
    wash = noise_band(rng, n, 80, log_uniform(rng, 500, 2500), rate)
    out = unit_rms(thump) + rng.uniform(0.8, 1.6) * unit_rms(wash * (0.05 + beat))
    whine = log_uniform(rng, 400, 3000)
    turbine = phase(whine * (1 + 0.003 * wander(rng, n, 3, rate)), rate)
    overtones = 0.4 ** (harmonics(1.02 * whine, rate, 3) - 1.0)
    out += rng.uniform(0, 0.2) * unit_rms(wave(turbine, wavetable(overtones)))
    return out * np.exp(rng.uniform(0, 0.7) * curve(n, rng.uniform(-1, 1, 3)))


def train(rng: Generator, seconds: float, rate: int) -> Samples:
    """Pairs of wheels over rail joints, a rumble, and in half of the trains a horn's chord."""
    n = n_samples(seconds, rate)
    out = rng.uniform(0.3, 0.9) * unit_rms(
        noise_band(rng, n, 40, log_uniform(rng, 200, 1200), rate)
    )
    gap = rng.uniform(0.12, 0.25)
    ring = log_uniform(rng, 350, 1800)
    m = n_samples(0.2, rate)
    for start in onsets(rng, seconds, rng.uniform(0.5, 1.1), 0.03):
        for late in (0, gap):
            clack = band_pass(white(rng, m), ring, 0.5 * ring, rate)
            clack = unit_rms(clack) * decay(m, rng.uniform(0.02, 0.04), rate)
            add(out, rng.uniform(0.9, 2.2) * clack, round((start + late) * rate))
    if rng.uniform() < 0.5:
        add(out, rng.uniform(0.6, 1.5) * _horn(rng, n, rate), 0)
    return out


def _horn(rng: Generator, n: int, rate: int) -> Samples:
    base = rng.uniform(230, 330)
    bells = base * np.array((1.0, 1.19, 1.33, 1.5, 1.78))[: int(rng.integers(2, 6))]
    out = np.zeros(n)
    m = min(n_samples(rng.uniform(0.6, 2.0), rate), n)
    for pitch in bells * rng.uniform(0.98, 1.02, len(bells)):
        k = harmonics(pitch, rate, 30)
        scoop = 1 - 0.04 * decay(m, 0.06, rate)
        shape = envelope(m, n_samples(0.05, rate), n_samples(0.12, rate))
        blast = wave(phase(pitch * scoop, rate), wavetable(k ** -rng.uniform(0.6, 1.1)))
        add(out, unit_rms(blast) / len(bells) * shape, 0)
    return np.roll(out, int(rng.integers(n)))


def siren(rng: Generator, seconds: float, rate: int) -> Samples:
    """A tone that wails, yelps or alternates between two pitches, from a passing vehicle."""
    n = n_samples(seconds, rate)
    kind = rng.integers(3)
    low = log_uniform(rng, 400, 750)
    if kind == 2:
        turns = rng.uniform(0.8, 2.2)
        high = low * rng.uniform(1.2, 1.5)
        square = np.sin(2 * np.pi * (turns * sample_times(n, rate) + rng.uniform())) > 0
        frequency = np.where(square, high, low)
    else:
        turns = rng.uniform(0.2, 0.5) if kind == 0 else rng.uniform(2.2, 5)
        position = (turns * sample_times(n, rate) + rng.uniform()) % 1
        rise = rng.uniform(0.3, 0.6)
        arch = np.where(position < rise, position / rise, (1 - position) / (1 - rise))
        frequency = low * rng.uniform(1.7, 2.6) ** arch
    doppler = 1 + rng.uniform(-0.05, 0.05) * curve(n, (-1, -0.8, 0, 0.8, 1))
    k = harmonics(3 * low, rate, 20)
    tone = wave(phase(frequency * doppler, rate), wavetable(k ** -rng.uniform(0.7, 1.8)))
    return tone * np.exp(rng.uniform(0, 0.8) * curve(n, rng.uniform(-1, 1, 3)))


def alarm_clock(rng: Generator, seconds: float, rate: int) -> Samples:
    """Groups of electronic beeps, or a hammer that rattles between two bells."""
    out = np.zeros(n_samples(seconds, rate))
    if rng.uniform() < 0.65:
        pitch = log_uniform(rng, 700, 3500)
        n = n_samples(rng.uniform(0.04, 0.14), rate)
        k = harmonics(pitch, rate, 9)
        odd = np.where(k % 2, 1.0, rng.uniform(0, 0.5)) * k ** -rng.uniform(0.8, 2)
        cycles = phase(np.full(n, pitch), rate)
        beep = wave(cycles, wavetable(odd)) * envelope(n, n // 20, n // 20)
        count, gap = int(rng.integers(1, 6)), rng.uniform(0.5, 1.1) * n / rate
        rest = rng.uniform(0.15, 0.7)
        at = -rng.uniform(0, 0.5)
        while at < seconds:
            for _ in range(count):
                add(out, beep, round(at * rate))
                at += n / rate + gap
            at += rest
        return out
    base = log_uniform(rng, 1400, 3000)
    n = n_samples(0.35, rate)
    ratios = np.array((1.0, 1.52, 2.0, 2.44, 3.1))
    bells = [
        modes(n, base * tuned * ratios, 0.12 / ratios, ratios**-0.7, rate)
        for tuned in (1.0, rng.uniform(1.03, 1.2))
    ]
    start = rng.uniform(0, 0.3 * seconds)
    for number, at in enumerate(np.arange(start, seconds, 1 / rng.uniform(14, 28))):
        add(out, rng.uniform(0.6, 1) * bells[number % 2], round(at * rate))
    return out


def clock(rng: Generator, seconds: float, rate: int) -> Samples:
    """Tick and tock in turn, exactly regular, each a few clicks of the escapement in its case."""
    interval = 1 / rng.choice((2.0, 2.5, 4.0, 5.0)) * rng.uniform(0.95, 1.05)
    out = np.zeros(n_samples(seconds, rate))
    n = n_samples(0.12, rate)
    case = log_uniform(rng, 300, 1200)
    strikes = []
    for tone in log_uniform(rng, 1500, 5000) * np.array((1.0, rng.uniform(0.65, 0.95))):
        strike = np.zeros(n)
        for at in (0, *rng.uniform(0.003, 0.03, 2)):
            ring = modes(n, (tone, 1.7 * tone, case), (0.01, 0.006, 0.03), (1, 0.7, 0.5), rate)
            add(strike, rng.uniform(0.3, 1) * ring, round(at * rate))
        strikes.append(strike)
    start = rng.uniform(0, min(interval, seconds / 2))
    for number, at in enumerate(np.arange(start, seconds, interval)):
        delay = 0.04 * interval * (number % 2)
        add(out, rng.uniform(0.9, 1) * strikes[number % 2], round((at + delay) * rate))
    return out


def typing(rng: Generator, seconds: float, rate: int) -> Samples:
    """Uneven runs of keystrokes: each key goes down with a click and a thud, then comes up."""
    out = np.zeros(n_samples(seconds, rate))
    n = n_samples(0.06, rate)
    keys = [_key(rng, n, rate) for _ in range(8)]
    speed = rng.uniform(5, 11)
    at = rng.uniform(-0.2, 0.2)
    while at < seconds:
        for _ in range(int(rng.integers(3, 14))):
            key = keys[rng.integers(len(keys))]
            add(out, rng.uniform(0.5, 1) * key, round(at * rate))
            up = at + rng.uniform(0.06, 0.11)
            add(out, rng.uniform(0.15, 0.4) * key, round(up * rate))
            at += rng.gamma(4, 1 / (4 * speed))
        at += rng.uniform(0.1, 0.6)
    return out


def _key(rng: Generator, n: int, rate: int) -> Samples:
    tone = log_uniform(rng, 1500, 4500)
    click = band_pass(white(rng, n), tone, 0.8 * tone, rate) * decay(n, 0.004, rate)
    thud = modes(n, (rng.uniform(120, 320),), (0.012,), (1,), rate)
    return unit_rms(click) + rng.uniform(0.2, 0.9) * unit_rms(thud)


def sawing(rng: Generator, seconds: float, rate: int) -> Samples:
    """Strokes back and forth: teeth scrape faster in mid-stroke, harder on forward strokes."""
    n = n_samples(seconds, rate)
    strokes = phase(rng.uniform(0.9, 2.4) * (1 + 0.08 * wander(rng, n, 1.5, rate)), rate)
    strokes += rng.uniform()
    speed = np.abs(np.sin(2 * np.pi * strokes))
    forward = np.sin(2 * np.pi * strokes) > 0
    push = np.where(forward, 1, rng.uniform(0.25, 0.7)) * speed
    teeth = wave(phase(log_uniform(rng, 90, 320) * speed, rate), wavetable(1 / np.arange(1, 9)))
    blade = log_uniform(rng, 900, 3500)
    scrape = unit_rms(band_pass(white(rng, n) * (1.2 + teeth), blade, 1.5 * blade, rate))
    board = unit_rms(band_pass(teeth, rng.uniform(200, 600), 300, rate))
    high = unit_rms(high_pass(white(rng, n), 3000, rate))
    return push**2 * (scrape + rng.uniform(0.1, 0.5) * board + rng.uniform(0.05, 0.3) * high)


def drill(rng: Generator, seconds: float, rate: int) -> Samples:
    """A motor that speeds up, whines, slows under load and stops, with grinding noise."""
    n = n_samples(seconds, rate)
    base = log_uniform(rng, 110, 420)
    run = np.zeros(n)
    at = -rng.uniform(0, 1)
    while at < seconds:
        m = n_samples(rng.uniform(0.7, 2.5), rate)
        pull = envelope(m, n_samples(rng.uniform(0.05, 0.2), rate), n_samples(0.2, rate))
        add(run, pull, round(at * rate))
        at += m / rate + rng.uniform(0.1, 0.5)
    load = 1 - rng.uniform(0.02, 0.15) * np.abs(wander(rng, n, 1.5, rate))
    speed = base * np.maximum(run, 0.05) * load
    k = harmonics(base, rate, 60)
    hum = np.exp(0.7 * rng.standard_normal(len(k))) * k ** -rng.uniform(0.3, 0.9)
    cycles = phase(speed, rate)
    out = unit_rms(wave(cycles, wavetable(hum)))
    teeth = int(rng.integers(6, 14))
    overtone = 0.3 ** (harmonics(base * teeth, rate, 2) - 1.0)
    out += rng.uniform(0.2, 0.8) * unit_rms(wave(cycles * teeth, wavetable(overtone)))
    grind = noise_band(rng, n, 800, rng.uniform(3500, 8000), rate) * (
        2 - wave(cycles, wavetable((1,)))
    )
    return run**2 * (out + rng.uniform(0.2, 1.2) * unit_rms(grind))


def shatter(rng: Generator, seconds: float, rate: int) -> Samples:
    """Breaking glass: a crack, then falling splinters that ring at high, unrelated pitches."""
    out = np.zeros(n_samples(seconds, rate))
    n = n_samples(0.3, rate)
    lowest = log_uniform(rng, 1500, 3500)
    splinters = []
    for _ in range(14):
        pitches = log_uniform(rng, lowest, 3.5 * lowest) * np.array((1, 1.61, 2.3))
        decays = rng.uniform(0.03, 0.15) / np.array((1, 1.5, 2))
        splinters.append(modes(n, pitches, decays, (1, 0.6, 0.4), rate))
    for start in onsets(rng, seconds, rng.uniform(1.2, 2.4), 0.3):
        crash = high_pass(white(rng, n), rng.uniform(600, 2000), rate)
        crash *= decay(n, rng.uniform(0.015, 0.05), rate)
        add(out, rng.uniform(0.6, 2) * unit_rms(crash), round(start * rate))
        count = int(rng.integers(25, 80))
        times = rng.exponential(rng.uniform(0.08, 0.3), count)
        sizes = rng.uniform(0.1, 1, count) * np.exp(-1.5 * times)
        for which, late, size in zip(rng.integers(0, 14, count), times, sizes, strict=True):
            add(out, size * splinters[which], round((start + late) * rate))
    return out


def knock(rng: Generator, seconds: float, rate: int) -> Samples:
    """Knuckles on a door: two to six quick raps, then a pause."""
    out = np.zeros(n_samples(seconds, rate))
    n = n_samples(0.25, rate)
    panel = log_uniform(rng, 90, 320) * np.array((1, 1.6, 2.4, 3.7, 5.2))
    gains = np.array((1, 0.8, 0.6, 0.5, 0.4)) * rng.uniform(0.4, 1, 5)
    damping = rng.uniform(0.6, 1.6)
    pace = rng.uniform(2.8, 6.5)
    decays = damping * np.array((40, 28, 18, 12, 9)) / 1000
    body = unit_rms(modes(n, panel, decays, gains, rate))
    at = rng.uniform(0, 0.4)
    while at < seconds:
        for _ in range(int(rng.integers(2, 7))):
            click = noise_band(rng, n, 600, 3500, rate) * decay(n, 0.003, rate)
            rap = body + rng.uniform(0.1, 0.6) * unit_rms(click)
            add(out, rng.uniform(0.7, 1) * rap, round(at * rate))
            at += rng.uniform(0.92, 1.08) / pace
        at += rng.uniform(0.4, 1.3)
    return out
