"""Signal primitives and voices, compared with SciPy and with their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import butter, iirpeak, lfilter

from music_detectors.synthesis.signals import (
    add,
    band_pass,
    cascade,
    curve,
    decay,
    envelope,
    harmonics,
    high_pass,
    impulses,
    low_pass,
    modes,
    noise_band,
    onsets,
    phase,
    unit_rms,
    wander,
    wave,
    wavetable,
    white,
)
from music_detectors.synthesis.voice import VOWELS, breathy, glottal, moving_tract, tract

RATE = 22_050
NOISE = np.random.default_rng(0).standard_normal(4000)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.mark.parametrize(("filter_", "kind"), [(low_pass, "low"), (high_pass, "high")])
@pytest.mark.parametrize("cutoff", [60, 900, 6000])
def test_butterworth_filters_equal_scipys(filter_, kind, cutoff):
    expected = lfilter(*butter(2, cutoff, kind, fs=RATE), NOISE)
    # Poles near 1 lose digits: at 60 Hz the two designs agree to about 1e-12.
    np.testing.assert_allclose(filter_(NOISE, cutoff, RATE), expected, atol=1e-9)


@pytest.mark.parametrize(("frequency", "bandwidth"), [(200, 30), (1000, 400), (6000, 900)])
def test_band_pass_equals_scipys_peak_filter(frequency, bandwidth):
    expected = lfilter(*iirpeak(frequency, frequency / bandwidth, fs=RATE), NOISE)
    np.testing.assert_allclose(band_pass(NOISE, frequency, bandwidth, RATE), expected, atol=1e-9)


def test_frequencies_above_the_limit_are_limited():
    for filter_ in (low_pass, high_pass):
        assert np.isfinite(filter_(NOISE, 50_000, RATE)).all()
    assert np.isfinite(band_pass(NOISE, 50_000, 40_000, RATE)).all()
    assert not modes(100, [50_000], [0.1], [1], RATE).any()
    assert harmonics(15_000, RATE).tolist() == [1]


def test_harmonics_stay_below_the_limit():
    k = harmonics(440, RATE)
    assert k[-1] * 440 <= 0.45 * RATE < (k[-1] + 1) * 440
    assert len(harmonics(10, RATE, limit=7)) == 7


def test_a_klatt_resonator_passes_constants_and_peaks_at_its_frequency():
    impulse = np.zeros(8192)
    impulse[0] = 1
    response = np.abs(np.fft.rfft(cascade(impulse, [700, 30_000], [60, 60], RATE)))
    assert response[0] == pytest.approx(1, abs=1e-6)  # the tail cut off at 8192 samples
    assert np.argmax(response) * RATE / 8192 == pytest.approx(700, abs=5)


def test_modes_are_damped_sines():
    t = np.arange(600) / RATE
    expected = np.exp(-t / 0.01) * np.sin(2 * np.pi * 440 * t)
    expected += 0.3 * np.exp(-t / 0.002) * np.sin(2 * np.pi * 900 * t)
    found = modes(600, [440, 900], [0.01, 0.002], [1, 0.3], RATE)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_a_wave_is_the_sum_of_its_cosines():
    cycles = np.linspace(-2, 5, 1000)
    expected = np.cos(2 * np.pi * cycles) + 0.5 * np.cos(6 * np.pi * cycles)
    # The 4096 steps of the wavetable are not interpolated: slope 2 pi (1 + 1.5) over 4096.
    np.testing.assert_allclose(wave(cycles, wavetable((1, 0, 0.5))), expected, atol=4e-3)


def test_phase_integrates_frequency():
    assert phase(np.full(RATE, 440.0), RATE)[-1] == pytest.approx(440)


def test_curves_and_envelopes():
    np.testing.assert_allclose(curve(5, (0, 1, 0)), [0, 0.5, 1, 0.5, 0])
    np.testing.assert_allclose(decay(3, 1 / RATE, RATE), np.exp([0, -1, -2]))
    shape = envelope(100, 10, 20)
    assert shape[0] == 0 and shape[-1] == pytest.approx(0, abs=1e-12)
    assert (shape[10:80] == 1).all() and (np.diff(shape[:11]) > 0).all()
    assert envelope(1, 10, 10).tolist() == [1]


def test_noise_has_its_level_and_its_band(rng):
    x = white(rng, 50_000)
    assert x.mean() == pytest.approx(0, abs=0.02)  # 4 standard errors
    assert x.std() == pytest.approx(1, abs=0.02)
    power = np.abs(np.fft.rfft(noise_band(rng, RATE, 500, 2000, RATE))) ** 2
    assert power[600:1900].mean() > 50 * max(power[:50].mean(), power[9000:].mean())


def test_wander_has_its_scale_and_speed(rng):
    x = wander(rng, 100 * RATE, 100, RATE)
    # The mean square of 10,000 such lines has a standard error of 0.01.
    assert np.mean(x**2) == pytest.approx(2 / 3, abs=0.04)
    assert np.abs(np.diff(x)).max() < 10 * 100 / RATE


@given(st.integers(-30, 30), st.integers(0, 20), st.integers(1, 20))
def test_add_drops_samples_outside_the_output(at, n, length):
    x, out = np.arange(1.0, n + 1), np.zeros(length)
    add(out, x, at)
    for place in range(length):
        assert out[place] == (x[place - at] if 0 <= place - at < n else 0)


@given(st.floats(1, 10), st.floats(0.05, 5), st.floats(0, 0.5), st.integers(0, 9))
def test_onsets_begin_early_keep_their_intervals_and_end_in_time(seconds, interval, spread, seed):
    times = onsets(np.random.default_rng(seed), seconds, interval, spread)
    assert 0 <= times[0] <= seconds / 2 and times[-1] < seconds
    gaps = np.diff(times)
    # Sums of gaps are rounded.
    assert ((gaps > 0.3 * interval - 1e-9) & (gaps < 3 * interval + 1e-9)).all()


def test_impulses_have_their_rate(rng):
    x = impulses(rng, 100 * RATE, 50, RATE)
    assert np.count_nonzero(x) == pytest.approx(5000, abs=4 * np.sqrt(5000))


def test_unit_rms_scales_to_one_and_keeps_silence(rng):
    assert np.mean(unit_rms(7 * NOISE) ** 2) == pytest.approx(1)
    assert not unit_rms(np.zeros(5)).any()


def spectrum_peaks(x, f0, count):
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
    places = np.rint(np.arange(1, count + 1) * f0 * len(x) / RATE).astype(int)
    return np.array([power[p - 2 : p + 3].max() for p in places])


def test_harmonics_of_glottal_pulses_fall_with_the_tilt(rng):
    x = glottal(rng, np.full(2 * RATE, 150.0), RATE, tilt=1.0, jitter=0.0)
    decibels = 10 * np.log10(spectrum_peaks(x, 150, 16))
    # Half a bin from its peak, a Hann window is 1.4 dB lower.
    np.testing.assert_allclose(decibels - decibels[0], -20 * np.log10(np.arange(1, 17)), atol=1.5)


def test_breath_has_its_share_of_the_power(rng):
    pulses = glottal(rng, np.full(RATE, 150.0), RATE, tilt=1.0)
    x = breathy(rng, pulses, 0.3, RATE)
    assert np.mean(x**2) == pytest.approx(np.mean(pulses**2), rel=0.05)  # noise is no wave
    kept = np.dot(x, pulses) / np.dot(pulses, pulses)
    assert kept == pytest.approx(np.sqrt(0.7), abs=0.05)


@pytest.mark.parametrize("which", [0, 4, 7])
def test_the_tract_has_the_formants_of_the_vowel(which):
    impulse = np.zeros(RATE)
    impulse[0] = 1
    response = np.abs(np.fft.rfft(tract(impulse, VOWELS[which], 1.0, RATE)))
    peaks = np.flatnonzero((response[1:-1] > response[:-2]) & (response[1:-1] > response[2:])) + 1
    for formant in VOWELS[which]:
        # Neighbours pull a peak by part of its bandwidth, 80 to 140 Hz.
        assert np.abs(peaks - formant).min() < 60


def test_a_moving_tract_moves_from_one_vowel_to_the_other(rng):
    x = white(rng, 4000)
    moved = moving_tract(x, VOWELS[0], VOWELS[4], 1.0, RATE)
    assert moved[0] == tract(x, VOWELS[0], 1.0, RATE)[0]
    assert moved[-1] == pytest.approx(tract(x, VOWELS[4], 1.0, RATE)[-1])
