"""Cochleagrams: of tones, of a modulated tone, against envelopes at the full rate."""

import numpy as np
import pytest
from scipy.signal import hilbert, resample_poly

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.common.errors import InputError
from music_detectors.inputs.cochleagram import Cochleagram

FRONT = Cochleagram()
TIME = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
# Far from the ends of a sound.
INNER = slice(100, 300)


def tone(hz, amplitude=1.0):
    return (amplitude * np.sin(2 * np.pi * hz * TIME)).astype(np.float32)


@pytest.mark.parametrize("band", [0, 1, 12, 25, 40, 49])
def test_a_tone_is_in_its_band(band):
    found = FRONT.features(tone(FRONT.corners()[1 + band], 0.1))[:, INNER]
    assert found.shape[0] == 50 and (found.argmax(axis=0) == band).all()
    # Compressed, and not changed otherwise.
    np.testing.assert_allclose(found[band], 0.1**0.3, rtol=1e-3)
    far = np.abs(np.arange(50) - band) > 1
    assert found[far].max() < 0.03


def test_between_two_bands_their_powers_add_to_that_of_the_tone():
    erb = np.log1p(FRONT.corners()[20:22] / (24.7 * 9.265)).mean()
    found = FRONT.features(tone(24.7 * 9.265 * np.expm1(erb)))[:, INNER] ** (1 / 0.3)
    np.testing.assert_allclose((found**2).sum(axis=0), 1, rtol=2e-3)
    np.testing.assert_allclose(found[19], found[20], rtol=1e-3)


def test_a_slow_modulation_is_in_the_envelope():
    hz, modulation = FRONT.corners()[31], 1 + 0.5 * np.cos(2 * np.pi * 8 * TIME)
    found = FRONT.features((0.2 * modulation).astype(np.float32) * tone(hz))[30] ** (1 / 0.3)
    expected = 0.2 * (1 + 0.5 * np.cos(2 * np.pi * 8 * np.arange(400) / 200))
    np.testing.assert_allclose(found[INNER], expected[INNER], atol=0.01)


@pytest.mark.parametrize(
    "front",
    [
        FRONT,
        Cochleagram(bands=20, f_min=0, f_max=11_025, frame_rate=400, compression=1),
        Cochleagram(bands=203, f_min=20, frame_rate=100),
    ],
)
def test_it_is_that_of_envelopes_at_the_full_rate(front):
    samples = np.random.default_rng(5).normal(0, 0.1, 30_000).astype(np.float32)
    # Zeros on both sides, so that nothing reaches the other end.
    padded = np.pad(samples.astype(float), (0, 34_000))
    hertz = np.fft.rfftfreq(len(padded), 1 / SAMPLE_RATE)
    erbs, corners = (np.log1p(f / (24.7 * 9.265)) for f in (hertz, front.corners()))
    expected = []
    for low, high in zip(corners, corners[2:], strict=False):
        at = (erbs - (low + high) / 2) / (high - low)
        gains = np.where(np.abs(at) < 0.5, np.cos(at * np.pi), 0)
        band = np.fft.irfft(np.fft.rfft(padded) * gains, len(padded))
        envelope = resample_poly(np.abs(hilbert(band)), front.frame_rate, SAMPLE_RATE)
        expected.append(np.maximum(envelope, 0) ** front.compression)
    found = front.features(samples)
    frames = front.frames_of(len(samples))
    assert found.dtype == np.float32 and found.shape == (front.bands, frames)
    error = found - np.array(expected)[:, :frames]
    # The sound ends at once, which no envelope can follow.
    assert np.sqrt((error[:, 5:-5] ** 2).mean()) < 2e-3 * found.mean()


def test_frames_are_counted_as_they_are_made():
    lengths = np.array([1, 110, 111, 22_050, 22_051, 61_740])
    made = [FRONT.features(np.zeros(n, dtype=np.float32)).shape[1] for n in lengths]
    assert FRONT.frames_of(lengths).tolist() == made
    assert FRONT.frames_of(10 * SAMPLE_RATE) == 2_000


def test_silence_is_zero_and_the_end_does_not_reach_the_beginning():
    samples = np.zeros(SAMPLE_RATE, dtype=np.float32)
    assert not FRONT.features(samples).any()
    samples[-50:] = 1
    found = FRONT.features(samples) ** (1 / 0.3)
    assert found[:, :20].max() < 1e-3 * found.max()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"f_max": 11_026}, "f_max is 11026, above 11025 Hz, half the rate of stored sound"),
        ({"f_min": 10_000}, "f_min is 10000, not below f_max (10000)"),
        (
            {"bands": 500, "f_min": 20, "f_max": 100},
            "bands is 500, of which the lowest is 0.277 Hz",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(settings, says):
    with pytest.raises(InputError) as error:
        Cochleagram(**settings).check(2.8)
    assert says in str(error.value)
