"""Covariates of samples: known sounds, other ways to compute them, gain, padding, silence."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from music_detectors.acoustics.columns import ACOUSTICS
from music_detectors.acoustics.sound import sound_covariates
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import to_float, to_int16

SECONDS = 2
TIME = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
SHAPE = ("centroid_hz", "bandwidth_hz", "flatness", "harmonicity")


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def of(sound):
    return sound_covariates(np.asarray(sound, dtype=np.float32))


def noise(seed=0, seconds=SECONDS):
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * SAMPLE_RATE))


def tone(hertz, level=0.5):
    return level * np.sin(2 * np.pi * hertz * TIME)


def harmonics(hertz, n=10):
    return sum(tone(k * hertz, 0.2 / k) for k in range(1, n + 1))


def test_names_are_those_of_the_table():
    names = list(ACOUSTICS)
    start = names.index("level_db")
    assert set(of(noise())) == set(names[start : names.index("mod_slow_coarse_db")])


def test_level_is_the_root_mean_square():
    # A sine of amplitude 1/2 has a mean square of 1/8.
    assert of(tone(441))["level_db"] == pytest.approx(10 * np.log10(1 / 8), abs=1e-3)
    assert of(np.full(5000, 0.1))["level_db"] == pytest.approx(-20, abs=1e-5)


def test_level_variation_is_that_of_the_frames():
    assert of(tone(441))["level_sd_db"] < 0.01
    # Halves 20 dB apart: each 10 dB from their middle, except for the frame on the border.
    steps = tone(441) * np.where(TIME < SECONDS / 2, 1, 0.1)
    assert of(steps)["level_sd_db"] == pytest.approx(10, abs=0.2)


def test_silence_within_a_clip_counts_as_80_db_below_the_loudest():
    gap = noise() * (TIME < SECONDS / 2)
    assert of(gap)["level_sd_db"] == pytest.approx(40, abs=1)
    for name in SHAPE:
        assert of(gap)[name] == pytest.approx(of(noise()[: len(gap) // 2])[name], rel=0.02)


@pytest.mark.parametrize("hertz", [300, 1000, 4000])
def test_a_tone_has_its_frequency_no_width_and_one_period(hertz):
    found = of(tone(hertz))
    assert found["centroid_hz"] == pytest.approx(hertz, abs=2)
    # The main lobe of the window is two bins of 21.5 Hz wide on each side.
    assert found["bandwidth_hz"] < 20
    assert found["flatness"] < 1e-4
    assert found["harmonicity"] > 0.99


def test_white_noise_is_wide_flat_and_without_period():
    found = of(noise())
    assert found["centroid_hz"] == pytest.approx(4000, rel=0.02)
    assert found["bandwidth_hz"] == pytest.approx(8000 / 12**0.5, rel=0.02)
    # The power of a bin is exponential: exp(E log) is exp(-Euler's constant) of the mean.
    assert found["flatness"] == pytest.approx(np.exp(-np.euler_gamma), rel=0.02)
    assert found["harmonicity"] < 0.2


def test_the_spectrum_equals_a_periodogram():
    # Whole frames, so that SciPy's are the same.
    sound = signal.lfilter([1], [1, -1.6, 0.9], noise())[: 1024 + 50 * 768]
    found = of(sound)
    frequency, power = signal.welch(sound, SAMPLE_RATE, nperseg=1024, noverlap=256, nfft=1536)
    heard = (frequency > 0) & (frequency <= 8000)
    frequency, power = frequency[heard], power[heard] / power[heard].sum()
    centroid = frequency @ power
    assert found["centroid_hz"] == pytest.approx(centroid, rel=1e-5)
    width = np.sqrt(power @ (frequency - centroid) ** 2)
    assert found["bandwidth_hz"] == pytest.approx(width, rel=1e-5)


def test_harmonicity_is_the_periodic_share_of_the_power():
    # Boersma (1993): the peak is the power of what repeats over all power.
    voice, hiss = harmonics(155), noise(1)
    for share in (0.9, 0.5):
        scaled = hiss * np.sqrt((1 - share) / share * np.mean(voice**2) / np.mean(hiss**2))
        assert of(voice + scaled)["harmonicity"] == pytest.approx(share, abs=0.06)


@pytest.mark.parametrize("hertz", [65, 110, 233, 700, 980])
def test_periods_from_60_to_1000_hz_are_found(hertz):
    assert of(harmonics(hertz, n=8))["harmonicity"] > 0.95


def test_rumble_is_not_harmonic():
    # Its autocorrelation is high at short lags and has no peak there.
    rumble = signal.lfilter(*signal.butter(2, 60 / (SAMPLE_RATE / 2)), noise())
    assert of(rumble)["harmonicity"] < 0.3


def test_an_offset_changes_only_the_level():
    plain, lifted = of(noise()), of(noise() + 0.2)
    assert lifted["level_db"] > plain["level_db"] + 5
    for name in (*SHAPE, "level_sd_db"):
        assert lifted[name] == pytest.approx(plain[name], rel=1e-3)


@given(st.integers(0, 1000), st.floats(-40, 6))
@settings(max_examples=20)
def test_gain_changes_only_the_level(seed, gain_db):
    sound = harmonics(200) * 0.3 + noise(seed) * np.random.default_rng(seed).random(len(TIME))
    plain, louder = of(sound), of(sound * 10 ** (gain_db / 20))
    assert louder["level_db"] - plain["level_db"] == pytest.approx(gain_db, abs=1e-3)
    for name in (*SHAPE, "level_sd_db"):
        assert louder[name] == pytest.approx(plain[name], rel=1e-3, abs=1e-6)


def test_length_has_no_effect():
    sound = signal.lfilter([1], [1, -0.9], noise(3, seconds=8)) + np.tile(harmonics(180), 4)
    whole = of(sound)
    for seconds in (2, 4.5, 6):
        part = of(sound[: round(seconds * SAMPLE_RATE)])
        for name in ("level_db", *SHAPE):
            assert part[name] == pytest.approx(whole[name], rel=0.05)


@pytest.mark.parametrize("sound", [np.zeros(30_000), np.full(30_000, 0.25), np.zeros(1)])
def test_without_sound_there_is_no_spectrum(sound):
    found = of(sound)
    assert found["level_db"] == (-100 if not sound.any() else pytest.approx(-12.04, abs=0.01))
    assert found["level_sd_db"] == 0
    assert all(np.isnan(found[name]) for name in SHAPE)


@pytest.mark.parametrize("n", [2, 5, 500, 1023, 1024, 1025, 1793])
def test_a_clip_of_any_length_has_all_covariates(n):
    sound = to_float(to_int16(noise()[:n]))
    found = of(sound)
    assert np.isfinite(list(found.values())).all()
    assert 0 <= found["harmonicity"] <= 1 and 0 < found["flatness"] <= 1


def test_one_step_of_16_bits_is_sound():
    quiet = np.zeros(5000)
    quiet[::2] = 1 / 32768
    found = of(quiet + np.roll(quiet, 3) * (np.arange(5000) % 7 == 0))
    assert np.isfinite(list(found.values())).all()
    assert found["level_db"] == pytest.approx(-93, abs=1.5)


def test_every_sample_counts():
    # A click in the last samples, which whole frames from the start would miss.
    click = noise()[:5000] * 1e-4
    click[-3] = 0.9
    assert of(click)["level_sd_db"] > 10
