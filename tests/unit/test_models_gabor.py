"""The Gabor filter bank against direct two-dimensional convolutions."""

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d, fftconvolve

from music_detectors.common.errors import InputError
from music_detectors.models.gabor import Gabor, filtering
from music_detectors.models.gabor.bank import frequencies, modulations
from music_detectors.models.gabor.filtering import rectified_sums_by_torch

HIGHEST = np.pi / 4
# The longest filter in bands and in frames.
LONGEST = 69, 80


def envelope_and_place(frequency, longest):
    size = 3.5 * np.pi / abs(frequency) if frequency else longest
    place = np.arange(1 - np.ceil(size / 2), np.ceil(size / 2))
    return np.cos(np.pi * place / size) ** 2, place


def direct_filter(band, frame):
    """The filter (bands, frames), complex: Schädler's Eq. 1, without the level, of gain 1."""
    of_bands, places = envelope_and_place(band, LONGEST[0])
    of_frames, times = envelope_and_place(frame, LONGEST[1])
    envelope = np.outer(of_bands, of_frames)
    carrier = np.exp(1j * (band * places[:, None] + frame * times))
    kernel = envelope * carrier
    if band or frame:
        kernel = kernel - envelope * kernel.sum() / envelope.sum()
    return kernel / abs(np.sum(kernel * carrier.conj()))


def rectified(log_mel, band, frame, convolve=fftconvolve):
    """The rectified output (bands, frames) of one filter by a direct convolution."""
    kernel = direct_filter(band, frame).real
    around = [(size // 2, size // 2) for size in kernel.shape]
    return np.maximum(convolve(np.pad(log_mel, around, mode="edge"), kernel, mode="valid"), 0)


def sound(frames=161, seed=0, n=1):
    """Spectrograms in dB with structure in time and frequency."""
    draw = np.random.default_rng(seed)
    noise = draw.normal(0, 6, (n, 64, frames))
    band, frame = np.arange(64)[:, None], np.arange(frames)
    swept = 8 * np.cos(0.31 * band + 0.22 * frame) + 5 * np.cos(0.6 * frame) - 0.3 * band
    return (noise + swept - 30).astype(np.float32)


def responses(log_mel):
    return Gabor().responses({}, torch.from_numpy(log_mel))["filters"].numpy()


def sampled(output, frame):
    """The frames that are averaged, seven to the length of a filter, evenly about the middle."""
    every = max(1, int((3.5 * np.pi / frame if frame else 80) / 7))
    return output[:, (output.shape[1] - 1) % every // 2 :: every]


def test_the_bank_is_that_of_the_study():
    found = modulations()
    bands, frames = np.unique(found[:, 0]), np.unique(found[:, 1])
    # 15 times 18 frequencies, less 7 that differ only in a sign without meaning.
    assert (len(bands), len(frames), len(found)) == (15, 18, 15 * 18 - 7)
    assert bands.max() == frames.max() == pytest.approx(HIGHEST)
    np.testing.assert_allclose(bands, -bands[::-1])
    assert not ((found[:, 0] < 0) & (found[:, 1] == 0)).any()
    # Schädler's Eq. 2: the ratio of neighbours follows from distance and half-waves.
    for axis, distance in enumerate((0.1, 0.045)):
        c = 8 * distance / 3.5
        own = frequencies(axis)
        np.testing.assert_allclose(own[:-1] / own[1:], (1 + c / 2) / (1 - c / 2))


@pytest.mark.parametrize("frames", [161, 40])
def test_responses_equal_direct_convolutions(frames):
    log_mel = sound(frames)
    found = responses(log_mel)
    assert found.shape == (1, 263) and found.dtype == np.float32
    expected = [
        sampled(rectified(log_mel[0].astype(float), band, frame), frame).mean()
        for band, frame in modulations()
    ]
    # Single precision, of values up to 60 dB.
    np.testing.assert_allclose(found[0], expected, rtol=2e-5, atol=2e-5)


def test_a_direct_sum_gives_the_same():
    log_mel = sound(60)
    found = responses(log_mel)[0]
    for unit in (3, 100, 262):
        band, frame = modulations()[unit]
        output = rectified(log_mel[0].astype(float), band, frame, convolve2d)
        assert found[unit] == pytest.approx(sampled(output, frame).mean(), rel=2e-5, abs=2e-5)


def test_averaging_some_frames_changes_little():
    log_mel = sound(802)
    found = responses(log_mel)[0]
    expected = np.array(
        [rectified(log_mel[0].astype(float), band, frame).mean() for band, frame in modulations()]
    )
    off = np.abs(found - expected) / np.maximum(expected, 1e-3)
    assert np.mean(off) < 0.005 and off.max() < 0.04


def test_a_modulation_excites_its_own_unit_most():
    units = modulations()
    for unit in (20, 140, 200, 255):
        band, frame = units[unit]
        place, time = np.arange(64)[:, None], np.arange(400)
        ripple = 10 * np.cos(band * place + frame * time).astype(np.float32)
        assert responses(ripple[None])[0].argmax() == unit
        # Gain 1: the mean of a rectified cosine is 1 / pi of its amplitude. Near the edges of the
        # bands, where the spectrogram goes on as at the edge, it is smaller.
        assert 0.4 < responses(ripple[None])[0, unit] * np.pi / 10 < 1.02


def test_the_level_makes_no_difference_except_to_the_unit_without_modulation():
    log_mel = sound()
    louder = responses(log_mel + 20) - responses(log_mel)
    plain = int(np.flatnonzero((modulations() == 0).all(axis=1))[0])
    np.testing.assert_allclose(np.delete(louder[0], plain), 0, atol=1e-4)
    even = np.full((1, 64, 100), 12, np.float32)
    assert responses(even)[0, plain] == pytest.approx(12, rel=1e-5)
    np.testing.assert_allclose(np.delete(responses(even)[0], plain), 0, atol=1e-5)


def test_a_clip_has_the_same_responses_alone_and_among_others():
    log_mel = sound(n=3)
    np.testing.assert_array_equal(responses(log_mel)[1], responses(log_mel[1:2])[0])


def test_the_sums_for_a_gpu_equal_those_of_a_cpu():
    draw = np.random.default_rng(1)
    parts = [torch.from_numpy(draw.normal(0, 1, (5, 37)).astype(np.float32)) for _ in range(4)]
    np.testing.assert_allclose(
        filtering.rectified_sums(*parts), rectified_sums_by_torch(*parts), rtol=1e-5
    )


def test_an_odd_number_of_bands_is_refused():
    Gabor().check_size(64, 10)
    with pytest.raises(InputError, match="an even number of mel bands, not 63"):
        Gabor().check_size(63, 10)
