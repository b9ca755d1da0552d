"""The changes of the spectrum where segments meet, against torchaudio's spectra."""

import numpy as np
import pytest
import torch
import torchaudio

from music_detectors.stimuli.quilting.window_spectra import changes_between
from music_detectors.stimuli.quilting.windows import WINDOW


def clip(n, seed=1):
    """Noise whose level changes from window to window."""
    draw = np.random.default_rng(seed)
    level = np.repeat(draw.uniform(0.001, 0.3, n // WINDOW + 1), WINDOW)[:n]
    return (level * draw.standard_normal(n)).astype(np.float32)


def by_torchaudio(samples):
    """Return the log-Mel spectra (windows, 64) of successive windows."""
    transform = torch.nn.Sequential(
        torchaudio.transforms.MelSpectrogram(
            22_050, n_fft=WINDOW, hop_length=WINDOW, f_max=8_000, n_mels=64, center=False
        ),
        torchaudio.transforms.AmplitudeToDB(),
    )
    return transform(torch.from_numpy(samples)).numpy().T


@pytest.mark.parametrize("per_segment", [2, 3, 4, 7])
@pytest.mark.parametrize("rest", [0, 1, 2 * WINDOW - 1])
def test_changes_are_squared_differences_from_end_to_onset(per_segment, rest):
    samples = clip(4 * per_segment * WINDOW + rest)
    spectra = by_torchaudio(samples).astype(float)
    segments = [spectra[k * per_segment : (k + 1) * per_segment] for k in range(4)]
    expected = [[((end[-2:] - onset[:2]) ** 2).sum() for onset in segments] for end in segments]
    found = changes_between(samples, 25 * per_segment)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=0.1)
