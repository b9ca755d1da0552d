"""Waveforms at another rate: against torchaudio, and of tones."""

import numpy as np
import pytest
import torch
from torchaudio.functional import resample

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.inputs.waveform import Waveform

RATES = [8_000, 16_000, 22_050, 32_000, 44_100, 48_000]
SECONDS = 1.0


def tone(hz, rate=SAMPLE_RATE):
    return np.sin(2 * np.pi * hz * np.arange(round(SECONDS * rate)) / rate).astype(np.float32)


def inner(samples):
    """What is not near the ends, beyond which there are zeros."""
    return samples[len(samples) // 5 : -len(samples) // 5]


@pytest.mark.parametrize("rate", RATES)
def test_it_is_that_of_torchaudio(rate):
    noise = np.random.default_rng(rate).normal(0, 0.2, 20_001).astype(np.float32)
    expected = resample(
        torch.from_numpy(noise).double(),
        SAMPLE_RATE,
        rate,
        lowpass_filter_width=64,
        rolloff=0.9475937167399596,
        resampling_method="sinc_interp_kaiser",
        beta=14.769656459379492,
    ).numpy()
    found = Waveform(rate).features(noise)
    assert found.dtype == np.float32 and found.shape == (1, len(expected))
    np.testing.assert_allclose(found[0], expected, atol=3e-6)


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_stays_the_same_tone(rate):
    found = Waveform(rate).features(tone(1_000))[0]
    error = inner(found) - inner(tone(1_000, rate))
    assert np.abs(error).max() < 1e-4


def test_what_the_rate_cannot_hold_is_gone():
    found = Waveform(16_000).features(tone(8_600))[0]
    assert np.abs(inner(found)).max() < 1e-4


@pytest.mark.parametrize("rate", RATES)
def test_frames_are_samples_at_the_rate(rate):
    front = Waveform(rate)
    lengths = np.array([1, 2, 3, 1_000, 22_050, 22_051, 61_740])
    counts = [len(front.features(np.zeros(n, dtype=np.float32))[0]) for n in lengths]
    assert front.frames_of(lengths).tolist() == counts
    assert [front.frames_of(int(n)) for n in lengths] == counts
    assert front.frames_of(10 * SAMPLE_RATE) == 10 * rate
    assert front.bands == 1


def test_what_a_shard_says_of_it():
    assert Waveform(16_000).parameters == {"front_end": "waveform", "sample_rate": 16_000}
