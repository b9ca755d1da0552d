"""The study's network and its way of training and reading it, as its notebook does them.

Written after the description in Kim, Kim & Jeong (2024): log-Mel spectrograms computed by
torchaudio for every batch, tensors as PyTorch lays them out by default, ReLU before max pooling,
nn.Dropout, batch normalisation as a layer, AdamW without fusion.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchaudio.transforms import AmplitudeToDB, MelSpectrogram

from stages.networks.architecture import Network
from stages.spectrograms.log_mel import F_MAX, F_MIN, N_FFT, N_MELS, SAMPLE_RATE

READ_AT = {"conv1": 3, "conv2": 8, "conv3": 12, "avgpool": 19, "fc1": 21, "fc2": 23}
"""Where in the sequence each layer's output is read."""


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
    # Both list the same tensors in the order of the layers.
    names, values = sequence.state_dict(), network.state_dict().values()
    sequence.load_state_dict(dict(zip(names, values, strict=True)))
    return sequence.train(network.training)


def notebook_log_mel() -> nn.Sequential:
    """Return what turns waveforms (n, samples) into log-Mel spectrograms (n, 64, frames)."""
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
