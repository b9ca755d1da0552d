"""An ordinary PyTorch network, which knows nothing of the workflow: two convolutions in time."""

import torch
from torch import Tensor, nn


class PlainCnn(nn.Module):
    """Its layers are (n, units, frames); the first of them drops units in training."""

    least_frames = 29
    frames_a_step = 4

    def __init__(self, classes: int, width: int = 12, slope: float = 0.1) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            nn.Sequential(nn.Conv1d(64, width, 9, stride=4), nn.LeakyReLU(slope), nn.Dropout(0.2)),
            nn.Sequential(nn.Conv1d(width, width + 4, 5), nn.ReLU()),
        )
        self.head = nn.Linear(width + 4, classes)

    def forward(self, log_mel: Tensor) -> Tensor:
        return self.head(self.blocks((log_mel + 50) / 20).mean(2))

    def loss(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Like binary cross-entropy, with twice the weight for the labels that are there."""
        weight = torch.full((scores.shape[1],), 2.0, device=scores.device)
        return nn.functional.binary_cross_entropy_with_logits(scores, labels, pos_weight=weight)


class FiveClasses(PlainCnn):
    """The same with five outputs of its own."""

    def __init__(self) -> None:
        super().__init__(classes=5)
