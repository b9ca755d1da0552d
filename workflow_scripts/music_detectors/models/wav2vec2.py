"""wav2vec 2.0, HuBERT and WavLM of torchaudio, on waveforms at 16 kHz.

Baevski et al. (2020), https://arxiv.org/abs/2006.11477; Hsu et al. (2021),
https://doi.org/10.1109/TASLP.2021.3122291; Chen et al. (2022),
https://doi.org/10.1109/JSTSP.2022.3188113.

As a program, this module downloads the weights of one of torchaudio's pipelines:
`python -m music_detectors.models.wav2vec2 HUBERT_BASE hubert_base.safetensors`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.error import URLError

import torchaudio.models
import torchaudio.pipelines
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from music_detectors.common.errors import InputError, one_line
from music_detectors.common.files import replacing

NORMALISED = {
    "wav2vec2_base": False,
    "wav2vec2_large": False,
    "wav2vec2_large_lv60k": True,
    "wav2vec2_xlsr_300m": True,
    "wav2vec2_xlsr_1b": True,
    "wav2vec2_xlsr_2b": True,
    "hubert_base": False,
    "hubert_large": True,
    "hubert_xlarge": True,
    "wavlm_base": False,
    "wavlm_large": True,
}
"""torchaudio's architectures, and whether their published weights expect normalised waveforms."""

PIPELINES = {
    "WAV2VEC2_BASE": "wav2vec2_base",
    "WAV2VEC2_LARGE": "wav2vec2_large",
    "WAV2VEC2_LARGE_LV60K": "wav2vec2_large_lv60k",
    "WAV2VEC2_XLSR53": "wav2vec2_large_lv60k",
    "WAV2VEC2_XLSR_300M": "wav2vec2_xlsr_300m",
    "WAV2VEC2_XLSR_1B": "wav2vec2_xlsr_1b",
    "WAV2VEC2_XLSR_2B": "wav2vec2_xlsr_2b",
    "HUBERT_BASE": "hubert_base",
    "HUBERT_LARGE": "hubert_large",
    "HUBERT_XLARGE": "hubert_xlarge",
    "WAVLM_BASE": "wavlm_base",
    "WAVLM_BASE_PLUS": "wavlm_base",
    "WAVLM_LARGE": "wavlm_large",
}
"""torchaudio's pipelines that were trained without text, and their architectures."""

# The field of the convolutions, and their stride.
_LEAST_SAMPLES, _SAMPLES_A_STEP = 400, 320


def wav2vec2(architecture: str = "wav2vec2_base") -> "Waveforms":
    """Return the network of an `architecture` of torchaudio, with random weights.

    They are drawn by PyTorch's global generator.
    """
    if architecture not in NORMALISED:
        raise InputError(
            f"architecture of wav2vec2 is {architecture}; it must be one of {', '.join(NORMALISED)}"
        )
    built = getattr(torchaudio.models, architecture)()
    return Waveforms(built, normalised=NORMALISED[architecture])


class Waveforms(nn.Module):
    """A model of torchaudio that returns the features of its last layer.

    Its modules have the names that they have in the pipelines' weights:
    `feature_extractor.conv_layers.0` and so on return (n, units, time), and
    `encoder.transformer.layers.0` and so on (n, time, units).
    """

    sample_rate = 16_000
    least_frames = _LEAST_SAMPLES
    frames_a_step = _SAMPLES_A_STEP

    def __init__(self, built: torchaudio.models.Wav2Vec2Model, normalised: bool) -> None:
        """Take the parts of `built`; waveforms are `normalised` to mean 0 and variance 1 or not."""
        super().__init__()
        self.feature_extractor = built.feature_extractor
        self.encoder = built.encoder
        self._normalised = normalised

    def forward(self, waveform: Tensor) -> Tensor:
        """Return the features (n, time, units) of `waveform` (n, samples), of full scale 1.

        Each clip is normalised by itself, where torchaudio's pipelines normalise a batch as one.
        """
        if self._normalised:
            waveform = layer_norm(waveform, waveform.shape[-1:])
        features, _ = self.feature_extractor(waveform, None)
        return self.encoder(features)


def download(pipeline: str, path: Path) -> None:
    """Write the weights of torchaudio's `pipeline` to `path`, as safetensors.

    They come from torchaudio's server by https; it publishes no checksum of them. What comes is
    read without running code that it may hold. Raises InputError when the pipeline is not known or
    the weights cannot be fetched.
    """
    if pipeline not in PIPELINES:
        raise InputError(f"{pipeline} is none of the pipelines {', '.join(PIPELINES)}")
    try:
        built = getattr(torchaudio.pipelines, pipeline).get_model(dl_kwargs={"weights_only": True})
    except (URLError, OSError) as error:
        raise InputError(
            f"the weights of {pipeline} cannot be downloaded ({one_line(error, 160)}); fetch them "
            "on a computer with access to download.pytorch.org, and copy the file that this writes"
        ) from error
    # Pipelines that normalise waveforms wrap their model.
    weights = getattr(built, "model", built).state_dict()
    with replacing(path) as temporary:
        save_file(
            {name: tensor.contiguous() for name, tensor in weights.items()},
            temporary,
            {"pipeline": pipeline, "torchaudio": torchaudio.__version__},
        )


def main(arguments: Sequence[str]) -> int:
    """Download the weights that `arguments` ask for, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m music_detectors.models.wav2vec2",
        description="Download the weights of one of torchaudio's pipelines.",
    )
    parser.add_argument("pipeline", metavar="PIPELINE", help=", ".join(PIPELINES))
    parser.add_argument("path", metavar="PATH", type=Path, help="the .safetensors file to write")
    asked = parser.parse_args(arguments)
    try:
        download(asked.pipeline, asked.path)
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{asked.path}: {asked.pipeline}, for architecture: {PIPELINES[asked.pipeline]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
