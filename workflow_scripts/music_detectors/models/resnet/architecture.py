"""A residual network of 18 layers (He et al. 2016) on the study's log-Mel.

He et al. (2016), https://doi.org/10.1109/CVPR.2016.90; as in the residual networks among auditory
models (Tuckute, Feather et al. 2023, https://doi.org/10.1371/journal.pbio.3002366), batch
normalisation comes first, of all values together. It has half of the channels of the original, so
that its last layer has 256 units, as many as the study's.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

WIDTHS = (32, 64, 128, 256)
_BLOCKS = 2
_DROPPED = 0.2


class Network(nn.Module):
    """A convolution with pooling, four stages of two blocks of two convolutions, a linear layer.

    Each stage but the first halves the numbers of frames and bands, as the convolution and the
    pooling before them do.
    """

    def __init__(self, classes: int) -> None:
        """Make a network with `classes` outputs; convolutions are initialised as by He et al."""
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.stem = nn.Sequential(
            nn.Conv2d(1, WIDTHS[0], 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(WIDTHS[0]),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        before = WIDTHS[0]
        for number, width in enumerate(WIDTHS, 1):
            blocks = [_Block(before, width, stride=1 if number == 1 else 2)]
            blocks += [_Block(width, width) for _ in range(1, _BLOCKS)]
            self.add_module(f"stage{number}", nn.Sequential(*blocks))
            before = width
        self.last = nn.Linear(before, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        # PyTorch's own types lack this argument.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, log_mel: Tensor, dropout: torch.Generator | None = None) -> Tensor:
        """Return the logits (n, classes) of `log_mel` (n, mels, frames), in dB.

        `dropout` is the generator that decides which fifth of the last stage's means is dropped;
        without it, all are kept.
        """
        x = self.norm(log_mel.unsqueeze(1)).to(memory_format=torch.channels_last)
        x = self.stem(x)
        for number in range(1, 1 + len(WIDTHS)):
            x = self.get_submodule(f"stage{number}")(x)
        x = x.mean((2, 3))
        if dropout is not None:
            kept = torch.rand(x.shape, generator=dropout, device=x.device) >= _DROPPED
            x = x * kept / (1 - _DROPPED)
        return self.last(x)


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = relu(self.norm1(self.conv1(x)), inplace=True)
        y = self.norm2(self.conv2(y))
        return relu(y.add_(self.shortcut(x)), inplace=True)
