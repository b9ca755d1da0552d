"""CNN14 of the PANNs, with the names and shapes of its published weights.

Kong et al. (2020), https://doi.org/10.1109/TASLP.2020.3030497; the architecture and the parameters
of its log-Mel follow the authors' code (https://github.com/qiuqiangkong/audioset_tagging_cnn). What
serves only training is left out: SpecAugment, mixup and dropout. None of it has weights.
"""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad, relu

from music_detectors.common.errors import InputError

CLASSES = 527
"""The classes of the published weights: those of AudioSet's class_labels_indices.csv, in order."""

_MELS = 64
_LOWEST = 50.0
# For each sample rate with published weights: window, hop (samples) and highest frequency (Hz).
_FRONT_ENDS = {16_000: (512, 160, 8_000.0), 32_000: (1024, 320, 14_000.0)}
# Five of the six blocks halve the number of frames.
_HALVINGS = 5
_LEAST_POWER = 1e-10
# Where the slaney mel scale turns from linear to logarithmic, in Hz and in mel.
_LINEAR_HZ, _LINEAR_MEL = 1000.0, 15.0
_LOG_STEP = np.log(6.4) / 27


def cnn14(sample_rate: int = 32_000, classes: int = CLASSES) -> "Cnn14":
    """Return CNN14 for waveforms at `sample_rate`, 16000 or 32000 Hz, with random weights.

    They are drawn by PyTorch's global generator. The published weights are, for 32 kHz,
    `Cnn14_mAP=0.431.pth` and, for 16 kHz, `Cnn14_16k_mAP=0.438.pth`.
    """
    if sample_rate not in _FRONT_ENDS:
        raise InputError(f"sample_rate of cnn14 is {sample_rate}; it must be 16000 or 32000")
    return Cnn14(sample_rate, classes)


class Cnn14(nn.Module):
    """Six blocks of two convolutions on a log-Mel, and two fully connected layers.

    `conv_block1` to `conv_block6` return (n, channels, frames, mels); `embedding` is the rectified
    output (n, 2048) of `fc1`, which the authors call the embedding; `fc_audioset` returns the
    outputs.
    """

    def __init__(self, sample_rate: int, classes: int) -> None:
        """Take one of the two sample rates with published weights, in Hz."""
        super().__init__()
        window, hop, highest = _FRONT_ENDS[sample_rate]
        self.sample_rate = sample_rate
        """That of the waveforms, in Hz."""
        self.least_frames = (2**_HALVINGS - 1) * hop
        """The fewest samples that leave one frame for the last block."""
        self.frames_a_step = 2**_HALVINGS * hop
        """Samples between its frames."""
        self.spectrogram_extractor = _Power(window, hop)
        self.logmel_extractor = _LogMel(sample_rate, window, highest)
        self.bn0 = nn.BatchNorm2d(_MELS)
        widths = [1, 64, 128, 256, 512, 1024, 2048]
        for number, (inputs, outputs) in enumerate(pairwise(widths), 1):
            self.add_module(f"conv_block{number}", _Block(inputs, outputs, pooled=number < 6))
        self.fc1 = nn.Linear(2048, 2048)
        self.embedding = nn.ReLU()
        self.fc_audioset = nn.Linear(2048, classes)
        for layer in (self.fc1, self.fc_audioset):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, waveform: Tensor) -> Tensor:
        """Return the logits (n, classes) of `waveform` (n, samples), of full scale 1.

        The authors' outputs are the sigmoid of these.
        """
        x = self.logmel_extractor(self.spectrogram_extractor(waveform))
        x = self.bn0(x.transpose(1, 3)).transpose(1, 3)
        for number in range(1, 7):
            x = self.get_submodule(f"conv_block{number}")(x)
        x = x.mean(3)
        x = x.amax(2) + x.mean(2)
        return self.fc_audioset(self.embedding(self.fc1(x)))


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, pooled: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.bn2 = nn.BatchNorm2d(outputs)
        self._pooled = pooled
        for layer in (self.conv1, self.conv2):
            nn.init.xavier_uniform_(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.bn1(self.conv1(x)))
        x = relu(self.bn2(self.conv2(x)))
        return avg_pool2d(x, 2) if self._pooled else x


class _Power(nn.Module):
    """The power spectrum, by convolutions whose weights are sines and cosines."""

    def __init__(self, window: int, hop: int) -> None:
        super().__init__()
        self.stft = nn.Module()
        self._reach = window // 2
        times = np.arange(window)
        # Products modulo the period keep the angles exact.
        angles = np.outer(np.arange(window // 2 + 1), times) % window * (2 * np.pi / window)
        taper = 0.5 - 0.5 * np.cos(2 * np.pi * times / window)
        for name, values in (("conv_real", np.cos(angles)), ("conv_imag", -np.sin(angles))):
            layer = nn.Conv1d(1, len(angles), window, stride=hop, bias=False)
            layer.weight = _constant((values * taper)[:, None])
            self.stft.add_module(name, layer)

    def forward(self, waveform: Tensor) -> Tensor:
        """Return the power (n, 1, frames, frequencies) of `waveform` (n, samples)."""
        x = pad(waveform.unsqueeze(1), (self._reach, self._reach), mode="reflect")
        real = self.stft.get_submodule("conv_real")(x)
        imaginary = self.stft.get_submodule("conv_imag")(x)
        return (real.square() + imaginary.square()).transpose(1, 2).unsqueeze(1)


class _LogMel(nn.Module):
    def __init__(self, sample_rate: int, window: int, highest: float) -> None:
        super().__init__()
        self.melW = _constant(_mel_filters(sample_rate, window, highest))

    def forward(self, power: Tensor) -> Tensor:
        """Return the log-Mel (..., 64), in dB, of `power` (..., frequencies)."""
        return 10 * (power @ self.melW).clamp(min=_LEAST_POWER).log10()


def _constant(values: np.ndarray) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(values).float(), requires_grad=False)


def _mel_filters(sample_rate: int, window: int, highest: float) -> np.ndarray:
    """Return librosa's Mel filters (frequencies, 64): the slaney scale, each of area 1."""
    frequencies = np.linspace(0, sample_rate / 2, window // 2 + 1)
    ends = _mel(np.array([_LOWEST, highest]))
    corners = _hz(np.linspace(ends[0], ends[1], _MELS + 2))
    widths = np.diff(corners)
    distances = corners - frequencies[:, None]
    rising = -distances[:, :-2] / widths[:-1]
    falling = distances[:, 2:] / widths[1:]
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (corners[2:] - corners[:-2])


def _mel(hz: np.ndarray) -> np.ndarray:
    above = _LINEAR_MEL + np.log(np.maximum(hz, _LINEAR_HZ) / _LINEAR_HZ) / _LOG_STEP
    return np.where(hz < _LINEAR_HZ, hz * _LINEAR_MEL / _LINEAR_HZ, above)


def _hz(mel: np.ndarray) -> np.ndarray:
    above = _LINEAR_HZ * np.exp((np.maximum(mel, _LINEAR_MEL) - _LINEAR_MEL) * _LOG_STEP)
    return np.where(mel < _LINEAR_MEL, mel * _LINEAR_HZ / _LINEAR_MEL, above)
