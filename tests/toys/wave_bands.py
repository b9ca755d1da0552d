"""A fixed model that hears a waveform: the mean level of bands of its short spectra."""

from collections.abc import Mapping

import torch
from torch import Tensor

from music_detectors.common.errors import InputError
from music_detectors.models.protocol import FixedModel

WINDOW = 400


class WaveBands(FixedModel):
    """One layer, whose units are 20 bands of equal width."""

    layers = ("bands",)
    reported = "bands"
    least_frames = WINDOW
    frames_a_step = WINDOW

    def check_size(self, mels: int, frames: int) -> None:
        if mels != 1:
            raise InputError(f"wave_bands hears a waveform, not {mels} bands")

    def responses(self, tensors: Mapping[str, Tensor], log_mel: Tensor) -> Mapping[str, Tensor]:
        windows = log_mel[:, 0].unfold(1, WINDOW, WINDOW)
        power = torch.fft.rfft(windows).abs().square()[..., 1:]
        bands = power.reshape(*power.shape[:2], 20, -1).mean(3)
        return {"bands": (10 * torch.log10(bands + 1e-8)).mean(1)}
