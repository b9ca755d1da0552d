"""The study's network, training step and sound quilts, implemented as in its notebook.

Written from the description in Kim, Kim & Jeong (2024): torchaudio computes log-Mel spectrograms
for every batch, tensors have PyTorch's default memory format, ReLU comes before max pooling,
nn.Dropout, batch normalisation as a layer, AdamW without fusion. Sound quilts are made segment by
segment in NumPy.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.models.kim2024.architecture import Network
from music_detectors.spectrograms.log_mel import F_MAX, F_MIN, N_FFT, N_MELS

READ_AT = {"conv1": 3, "conv2": 8, "conv3": 12, "avgpool": 19, "fc1": 21, "fc2": 23}
"""The position in the sequence at which each layer's output is read."""


def notebook_network(classes: int) -> nn.Sequential:
    """Return the study's network, for log-Mel spectrograms (n, 1, 64, frames)."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, stride=(2, 4), bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2, stride=2),
        nn.Dropout(0.2),
        nn.Conv2d(32, 64, 5, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2, stride=1),
        nn.Conv2d(64, 128, 5, bias=False),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.MaxPool2d(2, stride=1),
        nn.Dropout(0.2),
        nn.Conv2d(128, 256, 5, bias=False),
        nn.BatchNorm2d(256),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(256, 256),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(256, classes),
    )


def with_weights_of(network: Network) -> nn.Sequential:
    """Return the notebook's network with the weights of `network`, in the same mode."""
    sequence = notebook_network(network.fc2.out_features)
    # Both have the same tensors in the same order.
    names, values = sequence.state_dict(), network.state_dict().values()
    sequence.load_state_dict(dict(zip(names, values, strict=True)))
    return sequence.train(network.training)


def notebook_log_mel() -> nn.Sequential:
    """Return the transform of waveforms (n, samples) to log-Mel spectrograms (n, 64, frames)."""
    return nn.Sequential(
        MelSpectrogram(SAMPLE_RATE, n_fft=N_FFT, f_min=F_MIN, f_max=F_MAX, n_mels=N_MELS),
        AmplitudeToDB(),
    )


def notebook_step(network: nn.Sequential) -> Callable[[Tensor, Tensor], None]:
    """Return a training step on waveforms (n, samples) and labels (n, classes)."""
    log_mel = notebook_log_mel()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.001, fused=False)
    loss_of = nn.BCEWithLogitsLoss()

    def step(waveforms: Tensor, labels: Tensor) -> None:
        optimizer.zero_grad()
        loss_of(network(log_mel(waveforms).unsqueeze(1)), labels).backward()
        optimizer.step()

    return step


def notebook_windows(waveforms: np.ndarray) -> np.ndarray:
    """Return log-Mel spectra (n, 64, windows) of 25 ms windows of `waveforms` (n, samples)."""
    transform = nn.Sequential(
        MelSpectrogram(
            SAMPLE_RATE, n_fft=N_FFT, hop_length=N_FFT, f_min=F_MIN, f_max=F_MAX, n_mels=N_MELS
        ),
        AmplitudeToDB(),
    )
    with torch.inference_mode():
        return transform(torch.from_numpy(waveforms)).numpy()


def notebook_quilt(
    samples: np.ndarray, windows: np.ndarray, per_segment: int, draw: np.random.Generator
) -> np.ndarray:
    """Return a quilt of `samples` (n,) in segments of `per_segment` windows, as in the notebook.

    `windows` are log-Mel spectra (bands, windows) of 25 ms windows. Each next segment is the one
    whose change of spectrum at its border is most similar. The last segment is not used, and the
    clip is treated as circular.
    """
    ramp = N_FFT
    length = per_segment * ramp
    n_segments = len(samples) // length
    changes = []
    for segment in range(n_segments - 1):
        this = windows[:, segment * per_segment : (segment + 1) * per_segment]
        following = windows[:, (segment + 1) * per_segment : (segment + 2) * per_segment]
        difference = this[:, -2:] - following[:, :2]
        changes.append(np.sum(difference * difference))
    changes = np.array(changes)
    order = [int(draw.integers(n_segments - 1))]
    for _ in range(n_segments - 2):
        change = changes[order[-1]]
        changes[order[-1]] = np.nan
        order.append(int(np.nanargmin(np.abs(changes - change))))
    return _joined(samples, order, length, ramp)


def _joined(samples: np.ndarray, order: list[int], length: int, ramp: int) -> np.ndarray:
    half = ramp // 2
    rest = ramp - half
    rise = 0.5 * (1 - np.cos(np.pi * np.arange(ramp) / ramp))
    window = np.concatenate([rise, np.ones(length - ramp), 1 - rise])
    quilt = np.zeros(length * len(order) + rest)
    for place, segment in enumerate(order):
        around = np.arange(-half, length + rest)
        shift = 0
        if place == 0:
            around = around[half:]
        else:
            end = quilt[place * length - half : place * length + rest] * rise
            near = np.arange(-half - half, rest + half)
            candidates = samples[(segment * length + near) % len(samples)]
            correlation = np.convolve(candidates, np.flipud(end))[ramp - 1 : ramp + 2 * half]
            shift = int(np.argmax(correlation)) - half
        read = samples[(segment * length + shift + around) % len(samples)]
        quilt[place * length + around] += read * window[half + around]
    return quilt[: length * len(order)]
