"""A trained model in one file: a network of three convolutions."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from music_detectors.models.protocol import TrainedModel


class Network(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 8, 5, stride=4), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(8, 12, 3, stride=2), nn.ReLU())
        self.third = nn.Sequential(nn.Conv2d(12, 16, 3), nn.ReLU())
        self.last = nn.Linear(16, classes)

    def forward(self, log_mel: Tensor, dropout: torch.Generator | None = None) -> Tensor:
        x = (log_mel.unsqueeze(1) + 50) / 20
        return self.last(self.third(self.second(self.first(x))).mean((2, 3)))


class SmallCnn(TrainedModel):
    """Each layer is a module of the network; responses and lesions need nothing more."""

    layers = ("first", "second", "third", "logits")
    reported = "third"
    outputs = "logits"
    least_frames = 29
    frames_a_step = 8
    modules: ClassVar = {"first": "first", "second": "second", "third": "third", "logits": "last"}

    def network(self, classes: int) -> nn.Module:
        return Network(classes)
