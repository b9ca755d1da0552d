"""The log-Mel spectrogram against torchaudio and against its definition."""

import numpy as np
import pytest
import torch
import torchaudio

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import to_int16
from music_detectors.spectrograms.log_mel import (
    N_FFT,
    PARAMETERS,
    STUDY,
    frames_of,
    log_mel,
    log_mel_spectra,
)
from support.recordings import noise, tone


def by_torchaudio(samples):
    """Return the study's transform of all clips at once, as its notebook writes it."""
    transform = torch.nn.Sequential(
        torchaudio.transforms.MelSpectrogram(
            sample_rate=22_050, n_fft=551, f_min=0, f_max=8_000, n_mels=64
        ),
        torchaudio.transforms.AmplitudeToDB(),
    )
    return transform(torch.from_numpy(samples)).numpy()


def clips(n, seconds=10.0):
    levels = np.geomspace(1e-3, 0.5, n)
    drawn = [noise(seconds, SAMPLE_RATE, level, seed) for seed, level in enumerate(levels)]
    return to_int16(np.array(drawn, np.float32))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_it_equals_torchaudio_in_float32(n):
    samples = clips(n)
    found = log_mel(samples)
    assert found.shape == (n, 64, 802) and found.dtype == np.float32
    expected = by_torchaudio(samples.astype(np.float32) / 32_768)
    # The same operations on fewer clips at once; products may be summed in another order.
    np.testing.assert_allclose(found, expected, atol=1e-3)
    # The error of float16: half a step between 64 and 128 dB in size is 2^-5 dB.
    assert np.abs(found.astype(np.float16) - expected).max() <= 2**-5 + 1e-3


def in_float64(samples):
    """Return the spectrograms of `samples` (n, length) by the formula, in double precision."""
    steps = np.arange(551)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * steps / 551)
    bands = torchaudio.functional.melscale_fbanks(276, 0.0, 8_000.0, 64, 22_050).numpy()
    padded = np.pad(samples, [(0, 0), (275, 275)], mode="reflect")
    starts = range(0, padded.shape[1] - 550, 275)
    frames = np.stack([padded[:, start : start + 551] for start in starts], axis=1)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    return 10 * np.log10(np.maximum(power @ bands.astype(float), 1e-10)).swapaxes(1, 2)


def test_it_is_within_a_thousandth_of_a_decibel_of_double_precision():
    samples = clips(3, 2.0).astype(np.float32) / 32_768
    # Errors are largest in bands with little power, 60 dB and more below the others; torchaudio's
    # reach 3e-4 dB there. A step of float16 is 0.06 dB.
    np.testing.assert_allclose(log_mel(samples), in_float64(samples.astype(float)), atol=1e-3)


def test_the_filters_are_torchaudios():
    theirs = torchaudio.functional.melscale_fbanks(276, 0.0, 8_000.0, 64, 22_050, mel_scale="htk")
    # torchaudio rounds corners of up to 8,000 Hz to float32, by 2^-12 Hz each; bands are 30 Hz
    # wide and more.
    np.testing.assert_allclose(STUDY.filter_bank(), theirs.numpy(), rtol=0, atol=4 * 2**-12 / 30)


def test_a_clip_does_not_depend_on_the_other_clips():
    samples = clips(3, 2.0)
    together = log_mel(samples)
    for row in range(3):
        np.testing.assert_allclose(log_mel(samples[row : row + 1])[0], together[row], atol=1e-3)


def test_integers_and_floats_are_the_same_sound():
    samples = clips(1, 1.0)
    as_floats = samples.astype(np.float64) / 32_768
    np.testing.assert_array_equal(log_mel(samples), log_mel(as_floats))


def test_a_tone_is_in_its_band_at_its_time_and_its_level():
    # One second of silence, one of a tone at 1,000 Hz, one of silence.
    quiet = np.zeros(SAMPLE_RATE)
    sound = np.concatenate([quiet, tone(1, 1_000, SAMPLE_RATE), quiet])
    found = log_mel(sound[None])[0]
    # HTK: 2595 log10(1 + f / 700); 64 triangles between the 66 points from 0 to 8,000 Hz.
    points = np.linspace(0, 2595 * np.log10(1 + 8_000 / 700), 66)
    hertz = 700 * (10 ** (points / 2595) - 1)
    centre = int(np.argmin(np.abs(hertz[1:-1] - 1_000)))
    loud = found[:, 100]
    assert abs(int(np.argmax(loud)) - centre) <= 1
    # A window's energy (Parseval: N times the sum of squares; half of it at positive frequencies)
    # spreads over bins in two triangles whose weights add up to 1.
    window = np.hanning(552)[:-1]
    power = 551 * np.sum((0.5 * window) ** 2) / 4
    assert 10 * np.log10(np.sum(10 ** (loud[centre - 2 : centre + 3] / 10))) == pytest.approx(
        10 * np.log10(power), abs=0.1
    )
    onset = np.flatnonzero(found[centre] > -20)
    # Windows reach half a window, 1.002 hops, to either side.
    assert abs(onset[0] - SAMPLE_RATE / 275) <= 1.5
    assert abs(onset[-1] - 2 * SAMPLE_RATE / 275) <= 1.5


def test_silence_is_at_the_floor():
    found = log_mel(np.zeros((1, SAMPLE_RATE), np.int16))
    # Some processors round log10 in float32 to a neighbour of -10; a step there is 10 * 2^-20 dB.
    np.testing.assert_allclose(found, -100, rtol=0, atol=20 * 2**-20)
    assert (found.astype(np.float16) == -100).all()


def test_frames_are_counted_as_torchaudio_makes_them():
    for n_samples in (300, 549, 550, 551, 22_050, 77_175, 220_500):
        assert log_mel(np.zeros((1, n_samples), np.int16)).shape[2] == frames_of(n_samples)
    assert frames_of(220_500) == 802
    np.testing.assert_array_equal(frames_of(np.array([1, 275, 276])), [1, 1, 2])


def test_no_clips_give_no_spectrograms():
    assert log_mel(np.zeros((0, 22_050), np.int16)).shape == (0, 64, 81)


def test_the_parameters_are_the_studys():
    assert PARAMETERS == {
        "sample_rate": 22_050,
        "n_fft": 551,
        "win_length": 551,
        "hop_length": 275,
        "n_mels": 64,
        "f_min": 0.0,
        "f_max": 8_000.0,
    }


def of_windows(samples):
    """Return torchaudio's log-Mel spectra (windows, 64) of successive windows."""
    transform = torch.nn.Sequential(
        torchaudio.transforms.MelSpectrogram(
            22_050, n_fft=N_FFT, hop_length=N_FFT, f_max=8_000, n_mels=64, center=False
        ),
        torchaudio.transforms.AmplitudeToDB(),
    )
    return transform(torch.from_numpy(samples)).numpy().T


def test_spectra_equal_torchaudio():
    samples = noise(12 * N_FFT / SAMPLE_RATE, SAMPLE_RATE, 0.1, 1).astype(np.float32)
    samples[3 * N_FFT : 4 * N_FFT] = 0
    found = log_mel_spectra(samples.reshape(3, 4, N_FFT))
    assert found.shape == (3, 4, 64) and found.dtype == np.float32
    np.testing.assert_allclose(found.reshape(12, 64), of_windows(samples), atol=1e-3)
    # The floor is 1e-10. Some processors round log10 in float32 to a neighbour of -10, and a step
    # there is 10 * 2^-20 dB.
    np.testing.assert_allclose(found[0, 3], -100, rtol=0, atol=20 * 2**-20)


def test_spectra_are_those_of_the_spectrogram():
    # The window around the middle of three windows is the third frame that is stored.
    samples = noise((2 * N_FFT + 1) / SAMPLE_RATE, SAMPLE_RATE, 0.1, 1).astype(np.float32)
    frame = log_mel(samples[None])[0, :, 2]
    window = samples[550 - 275 : 550 + 276]
    np.testing.assert_allclose(log_mel_spectra(window), frame, atol=1e-3)
