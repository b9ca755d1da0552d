"""wav2vec 2.0 of torchaudio with two small layers, on a waveform at 16 kHz."""

import torchaudio

from music_detectors.models.wav2vec2 import Waveforms

CONVOLUTIONS = [(16, 10, 5), *[(16, 3, 2)] * 4, *[(16, 2, 2)] * 2]
"""Units, width and stride, which are torchaudio's but for the units: 16 in place of 512."""


def small_wav2vec2(group_norm: bool = True, normalised: bool = False) -> Waveforms:
    """Return it with random weights, as the base architecture is built or as the large ones are."""
    return Waveforms(built(group_norm), normalised)


def built(group_norm: bool = True, letters: int | None = None) -> torchaudio.models.Wav2Vec2Model:
    """Return torchaudio's own model, with an output for each of `letters` if they are given."""
    return torchaudio.models.wav2vec2_model(
        extractor_mode="group_norm" if group_norm else "layer_norm",
        extractor_conv_layer_config=CONVOLUTIONS,
        extractor_conv_bias=not group_norm,
        encoder_embed_dim=32,
        encoder_projection_dropout=0.1,
        encoder_pos_conv_kernel=16,
        encoder_pos_conv_groups=4,
        encoder_num_layers=2,
        encoder_num_heads=4,
        encoder_attention_dropout=0.1,
        encoder_ff_interm_features=64,
        encoder_ff_interm_dropout=0.1,
        encoder_dropout=0.1,
        encoder_layer_norm_first=not group_norm,
        encoder_layer_drop=0.1,
        aux_num_out=letters,
    )
