"""An ordinary PyTorch network: a transformer over pieces of a waveform or of a spectrogram."""

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """A block of a transformer that returns a tuple, as those of several libraries do."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        normed = self.norm(x)
        x = x + self.attention(normed, normed, normed, need_weights=False)[0]
        return x + self.mlp(x), None


class SmallTransformer(nn.Module):
    """Pieces of `piece` frames are tokens; before them stands one that is learnt."""

    def __init__(self, piece: int = 8, bands: int = 64, width: int = 16, depth: int = 2) -> None:
        super().__init__()
        self.least_frames = self.frames_a_step = piece
        self.patches = nn.Conv1d(bands, width, piece, stride=piece)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.layers = nn.ModuleList(Block(width) for _ in range(depth))
        self.scale = 50.0 if bands > 1 else 0.1

    def forward(self, sound: Tensor) -> dict[str, Tensor]:
        sound = sound.unsqueeze(1) if sound.dim() == 2 else sound
        tokens = self.patches(sound / self.scale).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(tokens), -1, -1), tokens], dim=1)
        for layer in self.layers:
            tokens = layer(tokens)[0]
        return {"last_hidden_state": tokens}
