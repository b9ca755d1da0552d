"""The log-Mel spectrogram against torchaudio and against its definition."""

import numpy as np
import pytest
import torch
import torchaudio

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import to_int16
from music_detectors.spectrograms.log_mel import PARAMETERS, frames_of, log_mel
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
    assert (log_mel(np.zeros((1, SAMPLE_RATE), np.int16)) == -100).all()


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
