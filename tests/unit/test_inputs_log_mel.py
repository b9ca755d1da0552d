"""Log-Mel spectrograms with other parameters: against torchaudio, and what is refused."""

import numpy as np
import pytest
import torch
from torchaudio.functional import melscale_fbanks
from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.common.errors import InputError
from music_detectors.inputs.log_mel import LogMelInput
from music_detectors.inputs.making.resample import resampled
from music_detectors.spectrograms.log_mel import log_mel

SETTINGS = [
    {},
    {"n_fft": 1024, "hop_length": 320, "n_mels": 40, "f_min": 50, "f_max": 11_025},
    {"sample_rate": 32_000, "n_fft": 1024, "hop_length": 320, "f_min": 50, "f_max": 14_000},
    {"sample_rate": 16_000, "n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 40},
    {"n_fft": 1024, "n_mels": 80, "mel_scale": "slaney", "norm": "slaney", "f_max": 11_000},
    {"sample_rate": 16_000, "n_fft": 600, "n_mels": 32, "mel_scale": "slaney", "f_max": 900},
    {"n_fft": 2048, "norm": "slaney", "f_min": 20},
]


def noise(seconds=0.7, seed=3):
    values = np.random.default_rng(seed).normal(0, 0.1, round(seconds * SAMPLE_RATE))
    return values.astype(np.float32)


def theirs(front, samples):
    transform = MelSpectrogram(
        front.sample_rate,
        n_fft=front.n_fft,
        win_length=front.win_length,
        hop_length=front.hop_length,
        n_mels=front.n_mels,
        f_min=front.f_min,
        f_max=front.f_max,
        mel_scale=front.mel_scale,
        norm=None if front.norm == "none" else front.norm,
    )
    return AmplitudeToDB("power", top_db=None)(transform(torch.from_numpy(samples))).numpy()


@pytest.mark.parametrize("settings", SETTINGS)
def test_it_is_that_of_torchaudio(settings):
    front, samples = LogMelInput(**settings), noise()
    front.check(0.7)
    found = front.features(samples)
    expected = theirs(front, resampled(samples, front.sample_rate))
    assert found.dtype == np.float32 and found.shape == expected.shape
    assert found.shape == (front.bands, front.frames_of(len(samples)))
    # In the narrowest bands, torchaudio's filters are rounded most; where there is nothing, above
    # half the rate of the corpus, both show how float32 rounds.
    there = expected > -80
    assert there.mean() > 0.8
    np.testing.assert_allclose(found[there], expected[there], atol=0.01)


@pytest.mark.parametrize("settings", SETTINGS)
def test_filters_are_those_of_torchaudio(settings):
    front = LogMelInput(**settings)
    expected = melscale_fbanks(
        front.n_fft // 2 + 1,
        front.f_min,
        front.f_max,
        front.n_mels,
        front.sample_rate,
        None if front.norm == "none" else front.norm,
        front.mel_scale,
    ).numpy()
    np.testing.assert_allclose(front.filter_bank(), expected, atol=1e-4 * expected.max())


def test_the_defaults_are_the_studys():
    samples = noise(3.5)
    np.testing.assert_array_equal(LogMelInput().features(samples), log_mel(samples[None])[0])


def test_many_windows_are_computed_part_by_part(monkeypatch):
    front, samples = LogMelInput(n_fft=1024), noise()
    at_once = front.features(samples)
    monkeypatch.setattr("music_detectors.spectrograms.log_mel._AT_ONCE", 5 * 1024)
    np.testing.assert_allclose(front.features(samples), at_once, atol=1e-4)


def test_the_window_is_as_long_as_the_transform_unless_it_is_given():
    assert LogMelInput().win_length == 551
    assert LogMelInput(n_fft=1024).win_length == 1024
    assert LogMelInput(n_fft=1024, win_length=400).parameters["win_length"] == 400


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sample_rate": 8_000}, "f_max is 8000, above 4000, half of sample_rate"),
        ({"f_min": 8_000}, "f_min is 8000, not below f_max (8000)"),
        ({"win_length": 600}, "win_length is 600, more than n_fft (551)"),
        ({"n_fft": 65_536}, "n_fft is 65536, more than twice the 1.2 s that are played at"),
        ({"n_mels": 256}, "of these bands have no frequency of the transform within them"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, says):
    with pytest.raises(InputError) as error:
        LogMelInput(**settings).check(1.2)
    assert says in str(error.value)
