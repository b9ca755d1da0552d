"""The parts of every sound: noise, periodic waves, resonators, envelopes, events.

Samples are float64 arrays (n,), frequencies and bandwidths are in Hz, times in seconds unless
stated otherwise; `rate` is the number of samples per second. Scales are arbitrary: the scene sets
levels.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import lfilter, sosfilt

Samples = NDArray[np.float64]

Source = Callable[[Generator, float, int], Samples]
"""A sound: a function of random generator, seconds and sample rate to round(seconds * rate)
samples."""

MAX_FREQUENCY_SHARE = 0.45
"""The highest frequency of any oscillator or filter, as a share of the sample rate."""

_WAVETABLE_SIZE = 4096


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """Return a draw whose logarithm is uniform between those of `low` and `high`."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def n_samples(seconds: float, rate: int) -> int:
    """Return the number of samples in `seconds`, at least one."""
    return max(round(seconds * rate), 1)


def sample_times(n: int, rate: int) -> Samples:
    """Return the times (n,) of `n` samples, in seconds."""
    return np.arange(n) / rate


def white(rng: Generator, n: int) -> Samples:
    """Return (n,) white noise of mean 0 and standard deviation 1.

    It is uniform: three times as fast to draw as Gaussian noise, and it sounds the same.
    """
    return rng.uniform(-np.sqrt(3), np.sqrt(3), n)


def curve(n: int, points: Sequence[float] | Samples) -> Samples:
    """Return (n,) the piecewise linear curve through equally spaced `points`."""
    return np.interp(np.linspace(0, len(points) - 1, n), np.arange(len(points)), points)


def wander(rng: Generator, n: int, per_second: float, rate: int) -> Samples:
    """Return (n,) straight lines between independent normal values, `per_second` of them a second.

    The mean is 0, the mean square 2/3.
    """
    count = int(n / rate * per_second) + 2
    places = np.arange(n) * (per_second / rate)
    return np.interp(places, np.arange(count), rng.standard_normal(count))


def envelope(n: int, attack: int, release: int) -> Samples:
    """Return (n,) an envelope that rises over `attack` samples and falls over `release`.

    Both ramps are raised cosines, each at most `n // 2` long.
    """
    attack, release = min(attack, n // 2), min(release, n // 2)
    shape = np.ones(n)
    if attack:
        shape[:attack] = 0.5 - 0.5 * np.cos(np.pi * np.arange(attack) / attack)
    if release:
        shape[n - release :] = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, release + 1) / release)
    return shape


def decay(n: int, seconds: float, rate: int) -> Samples:
    """Return (n,) exp(-t / seconds)."""
    return np.exp(np.arange(n) * (-1 / (seconds * rate)))


def phase(frequency: Samples, rate: int) -> Samples:
    """Return (n,) the phase, in cycles, of an oscillation with the given frequency (n,)."""
    return np.cumsum(frequency) / rate


def wavetable(amplitudes: Sequence[float] | NDArray[np.floating]) -> Samples:
    """Return one period of a sum of cosines with the given amplitudes of harmonics 1, 2 ..."""
    spectrum = np.zeros(_WAVETABLE_SIZE // 2 + 1)
    spectrum[1 : len(amplitudes) + 1] = amplitudes
    return np.fft.irfft(spectrum, _WAVETABLE_SIZE) * (_WAVETABLE_SIZE / 2)


def wave(cycles: Samples, period: Samples) -> Samples:
    """Return `period`, made by `wavetable`, read at the phases `cycles` (n,)."""
    return period[(cycles * _WAVETABLE_SIZE).astype(np.int64) & (_WAVETABLE_SIZE - 1)]


def harmonics(frequency: float, rate: int, limit: int = 120) -> NDArray[np.int64]:
    """Return the numbers 1, 2 ... of the harmonics of `frequency` below the highest frequency.

    There are at least 1 and at most `limit`.
    """
    return np.arange(1, max(min(int(MAX_FREQUENCY_SHARE * rate / frequency), limit), 1) + 1)


def low_pass(x: Samples, cutoff: float, rate: int) -> Samples:
    """Filter `x` with a second-order Butterworth low-pass."""
    k = np.tan(np.pi * min(cutoff, MAX_FREQUENCY_SHARE * rate) / rate)
    norm = 1 / (1 + np.sqrt(2) * k + k * k)
    feedback = [1, 2 * (k * k - 1) * norm, (1 - np.sqrt(2) * k + k * k) * norm]
    return lfilter(np.array([1, 2, 1]) * (k * k * norm), feedback, x)


def high_pass(x: Samples, cutoff: float, rate: int) -> Samples:
    """Filter `x` with a second-order Butterworth high-pass."""
    k = np.tan(np.pi * min(cutoff, MAX_FREQUENCY_SHARE * rate) / rate)
    norm = 1 / (1 + np.sqrt(2) * k + k * k)
    feedback = [1, 2 * (k * k - 1) * norm, (1 - np.sqrt(2) * k + k * k) * norm]
    return lfilter(np.array([1, -2, 1]) * norm, feedback, x)


def band_pass(x: Samples, frequency: float, bandwidth: float, rate: int) -> Samples:
    """Filter `x` with a second-order resonance whose gain is 1 at `frequency`."""
    centre = 2 * np.pi * min(frequency, MAX_FREQUENCY_SHARE * rate) / rate
    beta = np.tan(np.pi * min(bandwidth / rate, MAX_FREQUENCY_SHARE))
    gain = 1 / (1 + beta)
    return lfilter(
        np.array([1, 0, -1]) * (1 - gain), [1, -2 * gain * np.cos(centre), 2 * gain - 1], x
    )


def cascade(
    x: Samples, frequencies: Iterable[float], bandwidths: Iterable[float], rate: int
) -> Samples:
    """Filter `x` with resonators in series, each with gain 1 at 0 Hz (Klatt, 1980, eqs 1-2).

    Resonators above the highest frequency are left out.
    """
    pairs = np.array(
        [
            pair
            for pair in zip(frequencies, bandwidths, strict=True)
            if pair[0] < MAX_FREQUENCY_SHARE * rate
        ]
    )
    c = -np.exp(-2 * np.pi * pairs[:, 1] / rate)
    b = 2 * np.exp(-np.pi * pairs[:, 1] / rate) * np.cos(2 * np.pi * pairs[:, 0] / rate)
    sections = np.zeros((len(pairs), 6))
    sections[:, 0] = 1 - b - c
    sections[:, 3] = 1
    sections[:, 4] = -b
    sections[:, 5] = -c
    return sosfilt(sections, x)


def noise_band(rng: Generator, n: int, low: float, high: float, rate: int) -> Samples:
    """Return (n,) noise between `low` and `high`, with second-order slopes."""
    return high_pass(low_pass(white(rng, n), high, rate), low, rate)


def modes(
    n: int,
    frequencies: Sequence[float] | Samples,
    decays: Sequence[float] | Samples,
    gains: Sequence[float] | Samples,
    rate: int,
) -> Samples:
    """Return (n,) a sum of damped sines, the sound of a struck body.

    `decays` are the seconds in which each mode falls by a factor e.
    """
    impulse = np.zeros(n)
    impulse[0] = 1
    out = np.zeros(n)
    for frequency, decay_time, gain in zip(frequencies, decays, gains, strict=True):
        if frequency < MAX_FREQUENCY_SHARE * rate:
            r, angle = np.exp(-1 / (decay_time * rate)), 2 * np.pi * frequency / rate
            out += lfilter(
                [0, gain * r * np.sin(angle)], [1, -2 * r * np.cos(angle), r * r], impulse
            )
    return out


def add(out: Samples, x: Samples, at: int) -> None:
    """Add `x` to `out` in place, starting at sample `at`; the part outside `out` is dropped."""
    first, last = max(at, 0), min(at + len(x), len(out))
    if first < last:
        out[first:last] += x[first - at : last - at]


def onsets(rng: Generator, seconds: float, interval: float, spread: float) -> Samples:
    """Return the times of events about `interval` apart, the first in the first half of `seconds`.

    `spread` is the standard deviation of the intervals as a share of `interval`; every interval is
    between 0.3 and 3 times `interval`.
    """
    count = int(seconds / (0.3 * interval)) + 1
    gaps = interval * np.clip(1 + spread * rng.standard_normal(count), 0.3, 3)
    times = np.cumsum(gaps) - gaps[0] + rng.uniform(0, min(gaps[0], seconds / 2))
    return times[times < seconds]


def impulses(rng: Generator, n: int, per_second: float, rate: int, spread: float = 0.8) -> Samples:
    """Return (n,) single samples at random times, Poisson in number, log-normal in size.

    `spread` is the standard deviation of the logarithm of the sizes.
    """
    count = rng.poisson(n / rate * per_second) + 1
    sizes = np.exp(spread * rng.standard_normal(count)) * rng.choice((-1.0, 1.0), count)
    return np.bincount(rng.integers(0, n, count), sizes, minlength=n).astype(np.float64, copy=False)


def unit_rms(x: Samples) -> Samples:
    """Scale `x` to a root mean square of 1; silence stays silence."""
    power = np.sqrt(np.mean(x**2))
    return x / power if power > 0 else x
