"""Depths of modulation: planted ripples; they add up; length and level have no effect."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from music_detectors.acoustics.columns import ACOUSTICS
from music_detectors.acoustics.modulation import modulation_covariates

RATE = 22_050 / 275
NAMES = [name for name in ACOUSTICS if name.startswith("mod_")]


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def of(log_mel):
    return modulation_covariates(np.asarray(log_mel, dtype=np.float16), RATE)


def ripple(hertz, cycles, depth=6.0, frames=281):
    """A cosine over bands (mirrored at the ends, so `cycles` come in halves) and over time."""
    over_bands = np.cos(2 * np.pi * cycles * (np.arange(64) + 0.5) / 64)[:, None]
    return -40 + depth * over_bands * np.cos(2 * np.pi * hertz * np.arange(frames) / RATE + 0.4)


def noise(frames, seed=0):
    return np.random.default_rng(seed).normal(-40, 5, (64, frames))


def test_names_are_those_of_the_table():
    assert list(of(noise(200))) == NAMES


@pytest.mark.parametrize(
    ("hertz", "cycles", "name"),
    [
        (0.9, 1, "mod_slow_coarse_db"),
        (0.9, 4, "mod_slow_middle_db"),
        (0.9, 20, "mod_slow_fine_db"),
        (4, 0, "mod_medium_coarse_db"),
        (4, 5.5, "mod_medium_middle_db"),
        (4, 12, "mod_medium_fine_db"),
        (15, 1.5, "mod_fast_coarse_db"),
        (30, 7, "mod_fast_middle_db"),
        (22, 31, "mod_fast_fine_db"),
    ],
)
def test_a_ripple_is_found_where_it_is_and_nowhere_else(hertz, cycles, name):
    found = of(ripple(hertz, cycles))
    # A cosine of depth 6 over time has a root mean square of 6 / sqrt(2), and again over bands.
    expected = 6 / np.sqrt(2) / (np.sqrt(2) if cycles else 1)
    assert found[name] == pytest.approx(expected, rel=0.06)
    assert max(value for other, value in found.items() if other != name) < 0.1 * expected


def test_a_steady_shape_of_the_spectrum_is_slow():
    steady = np.repeat(
        -40 + 5 * np.cos(2 * np.pi * 10 * (np.arange(64) + 0.5) / 64)[:, None], 300, 1
    )
    found = of(steady)
    assert found["mod_slow_fine_db"] == pytest.approx(5 / np.sqrt(2), rel=1e-3)
    assert max(value for name, value in found.items() if name != "mod_slow_fine_db") < 0.01


def test_upward_and_downward_modulation_count_the_same():
    phase = 2 * np.pi * (6 * np.arange(64)[:, None] / 64 + 5 * np.arange(281) / RATE)
    up = -40 + 4 * np.cos(phase)
    found, mirrored = of(up), of(up[:, ::-1])
    assert found["mod_medium_middle_db"] == pytest.approx(4 / np.sqrt(2), rel=0.1)
    for name in NAMES:
        assert mirrored[name] == pytest.approx(found[name], rel=0.02, abs=0.03)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_the_squares_add_up_to_the_variance(seed):
    # One stretch, whose frames count by the square of the window.
    log_mel = noise(128, seed).astype(np.float16).astype(float)
    weights = np.sin(np.pi * (np.arange(128) + 0.5) / 128) ** 4
    weights /= 64 * weights.sum()
    variance = (weights * (log_mel - (weights * log_mel).sum()) ** 2).sum()
    assert sum(np.square(list(of(log_mel).values()))) == pytest.approx(variance, rel=1e-5)


def test_it_equals_the_transform_of_the_mirrored_log_mel():
    log_mel = noise(128, 5).astype(np.float16).astype(float)
    window = np.sin(np.pi * (np.arange(128) + 0.5) / 128) ** 2
    mean = (log_mel * window**2).sum() / (64 * (window**2).sum())
    mirrored = np.vstack([log_mel, log_mel[::-1]]) - mean
    power = np.abs(np.fft.fft2(mirrored * window)) ** 2 / (128 * 128 * 128 * np.mean(window**2))
    cycles = np.abs(np.fft.fftfreq(128, 1 / 64))
    rates = np.abs(np.fft.fftfreq(128, 1 / RATE))
    found = of(log_mel)
    for rate, low, high in (("slow", 0, 2), ("medium", 2, 8), ("fast", 8, 99)):
        for scale, least, most in (("coarse", 0, 2), ("middle", 2, 8), ("fine", 8, 99)):
            rows, columns = (least <= cycles) & (cycles < most), (low <= rates) & (rates < high)
            # A mirrored half step between bands turns phases, not powers.
            expected = np.sqrt(power[np.ix_(rows, columns)].sum() / 128)
            assert found[f"mod_{rate}_{scale}_db"] == pytest.approx(expected, rel=1e-4)


def test_level_has_no_effect_and_the_range_ends_80_db_below_the_loudest():
    log_mel = noise(300)
    # Whole steps that float16 keeps.
    plain, shifted = of(np.round(log_mel)), of(np.round(log_mel) - 30)
    for name in NAMES:
        assert shifted[name] == pytest.approx(plain[name], rel=1e-4)
    gap, deeper = np.full((64, 300), -10.0), np.full((64, 300), -10.0)
    gap[:, 100:200], deeper[:, 100:200] = -90, -120
    assert of(gap) == of(deeper)


@pytest.mark.parametrize("frames", [140, 281, 802])
def test_length_has_little_effect(frames):
    # Of a stationary noise the expected depths are the same; stretches of 140 frames are two.
    def mean(frames):
        every = [list(of(noise(frames, seed)).values()) for seed in range(20)]
        return np.mean(every, axis=0)

    np.testing.assert_allclose(mean(frames), mean(1600), rtol=0.04)


@pytest.mark.parametrize("frames", [1, 2, 40, 100, 127, 128, 129])
def test_clips_shorter_than_a_stretch_add_no_edge(frames):
    # A steady spectrum stays steady; elsewhere there is only rounding.
    steady = np.repeat(-40 + 5 * np.cos(np.arange(64))[:, None], frames, axis=1)
    found = of(steady)
    assert np.isfinite(list(found.values())).all()
    assert max(value for name, value in found.items() if "slow" not in name) < 1e-3
    assert of(np.full((64, frames), -100.0)) == dict.fromkeys(NAMES, 0)
    short = of(ripple(5, 4, frames=frames))
    assert frames < 40 or short["mod_medium_middle_db"] > 2
