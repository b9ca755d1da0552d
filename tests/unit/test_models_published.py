"""Published files of weights of the ready networks, as they are laid out, are read."""

import zipfile

import numpy as np
import pytest
import torch
from toys.small_wav2vec2 import built, small_wav2vec2

from music_detectors.common.errors import InputError
from music_detectors.models.find import load_trained, model_text
from music_detectors.models.modules.pretrained import load_pretrained
from music_detectors.models.modules.settings import FITTED, OWN, ModuleSettings
from music_detectors.models.weights import initial_network
from music_detectors.training.steps import gradients

torch.set_num_threads(1)


def with_names_of_numpy_1(path):
    """Rewrite a file of torch.save as NumPy 1 would have written it."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content.replace(b"cnumpy._core.", b"cnumpy.core."))


@pytest.mark.parametrize("numpy_1", [False, True])
def test_a_checkpoint_with_arrays_beside_its_tensors_is_read(tmp_path, numpy_1):
    """`Cnn14_16k_mAP=0.438.pth` holds the state of the sampler of its training, with arrays."""
    path = tmp_path / "checkpoint.pth"
    sampler = {"indexes": np.arange(3), "rate": np.float64(0.5), "mids": np.array(["/m/1"])}
    saved = torch.nn.Linear(2, 3)
    torch.save({"iteration": 1, "model": saved.state_dict(), "sampler": sampler}, path)
    if numpy_1:
        with_names_of_numpy_1(path)
        assert b"cnumpy.core." in path.read_bytes()
    network = torch.nn.Linear(2, 3)
    load_pretrained(network, path, "key")
    assert torch.equal(network.weight, saved.weight)


class Runs:
    def __reduce__(self):
        return print, ("this must not be run",)


@pytest.mark.parametrize("within", [Runs(), np.array([Runs()], dtype=object)])
def test_code_beside_arrays_is_still_refused(tmp_path, within, capsys):
    path = tmp_path / "checkpoint.pth"
    torch.save({"model": torch.nn.Linear(2, 3).state_dict(), "sampler": within}, path)
    with pytest.raises(InputError, match="holds more than tensors, which could run code"):
        load_pretrained(torch.nn.Linear(2, 3), path, "key")
    assert "must not be run" not in capsys.readouterr().out


def test_weights_of_torchaudios_recognisers_with_their_older_names_are_read(tmp_path, caplog):
    """Before PyTorch 2.0 weight normalisation had other names; recognisers name letters too."""
    model = built(letters=29).eval()
    norm = "encoder.transformer.pos_conv_embed.conv"
    older = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): tensor
        for name, tensor in model.state_dict().items()
    }
    assert {f"{norm}.weight_g", f"{norm}.weight_v", "aux.weight"} <= set(older)
    path = tmp_path / "wav2vec2.pth"
    torch.save(older, path)
    network = small_wav2vec2().eval()
    load_pretrained(network, path, "key")
    assert "the network has no place for aux.weight, aux.bias of" in caplog.text
    waveform = torch.randn(2, 4_000)
    with torch.inference_mode():
        features, _ = model.feature_extractor(waveform, None)
        torch.testing.assert_close(network(waveform), model.encoder(features), rtol=0, atol=0)


def test_a_waveform_at_another_rate_is_refused():
    how = {
        "model": "music_detectors.models.cnn14:cnn14",
        "layers": ["embedding"],
        "arguments": {"sample_rate": 16_000},
    }
    for rate in (16_000, None):
        load_trained(model_text("panns", how, waveform=True, sample_rate=rate))
    with pytest.raises(
        InputError,
        match=r"conditions\.panns\.input is a waveform at 32000 Hz, and the network hears 16000 Hz",
    ):
        load_trained(model_text("panns", how, waveform=True, sample_rate=32_000))


def loaded(factory, *layers, scores=FITTED, **arguments):
    settings = ModuleSettings(
        "others", factory, layers, arguments=arguments, waveform=True, scores=scores
    )
    return load_trained(settings.written())


def test_layers_of_cnn14_have_their_units():
    """Blocks return four axes, with the units on the second."""
    model = loaded("music_detectors.models.cnn14:cnn14", "conv_block*", "embedding", scores=OWN)
    assert model.least_frames == 31 * 320 and model.frames_a_step == 32 * 320
    network = initial_network(model, 3, seed=1).eval()
    waveform = torch.randn(1, 1, 16_000)
    heard = []
    network.module.conv_block3.register_forward_hook(lambda _, __, output: heard.append(output))
    found = model.evaluation(network, torch.device("cpu"))(waveform)
    widths = [64, 128, 256, 512, 1024, 2048, 2048, 3]
    assert [len(values[0]) for values in found.values()] == widths
    torch.testing.assert_close(found["conv_block3"], heard[0].mean((2, 3)))


def test_cnn14_can_be_trained():
    model = loaded(
        "music_detectors.models.cnn14:cnn14", "embedding", scores=OWN, sample_rate=16_000
    )
    network = initial_network(model, 3, seed=1).train()
    draw = torch.Generator().manual_seed(1)
    waveform = torch.randn(2, 1, 16_000, generator=draw)
    loss, found = gradients(network, waveform, torch.eye(3)[:2], draw, "float32")
    named = dict(zip([name for name, _ in network.named_parameters()], found, strict=True))
    assert loss.isfinite() and named["module.conv_block1.conv1.weight"].abs().max() > 0
    # The spectrum and its bands stay as they are.
    fixed = [name for name, gradient in named.items() if gradient is None]
    assert len(fixed) == 3 and all("extractor" in name for name in fixed)


def test_layers_of_wav2vec2_have_their_units():
    """Convolutions return units before time, the transformer's layers after it."""
    patterns = ("feature_extractor.conv_layers.*", "encoder.transformer.layers.*")
    model = loaded("toys.small_wav2vec2:small_wav2vec2", *patterns)
    assert (model.least_frames, model.frames_a_step) == (400, 320)
    network = initial_network(model, 3, seed=1).eval()
    waveform = torch.randn(2, 1, 4_000)
    with torch.inference_mode():
        network.readout(network.last_layer(waveform))
        found = model.evaluation(network, torch.device("cpu"))(waveform)
        convolved, _ = network.module.feature_extractor(waveform[:, 0], None)
        last = network.module(waveform[:, 0])
    assert [values.shape[1] for values in found.values()] == [16] * 7 + [32, 32, 3]
    torch.testing.assert_close(found["feature_extractor.conv_layers.6"], convolved.mean(1))
    torch.testing.assert_close(found["encoder.transformer.layers.1"], last.mean(1))
