"""wav2vec 2.0, HuBERT and WavLM against torchaudio's own pipelines, without a download."""

from types import SimpleNamespace
from urllib.error import URLError

import pytest
import torch
import torchaudio
from safetensors.torch import load_file
from toys.small_wav2vec2 import built

from music_detectors.common.errors import InputError
from music_detectors.models import wav2vec2 as module
from music_detectors.models.wav2vec2 import NORMALISED, PIPELINES, Waveforms, main, wav2vec2

torch.set_num_threads(1)


def small(group_norm=True, normalised=False):
    """torchaudio's model of two layers of 32 units, and what this module makes of it."""
    torch.manual_seed(0)
    model = built(group_norm).eval()
    return model, Waveforms(model, normalised).eval()


def noise(n, samples, seed=0):
    return torch.randn(n, samples, generator=torch.Generator().manual_seed(seed)) * 0.1


def structure(model):
    """Each module's name, kind, tensors' shapes, and settings other than dropout."""
    found = {}
    for name, part in model.named_modules():
        settings = {
            key: value
            for key, value in vars(part).items()
            if isinstance(value, bool | int | float | tuple)
            and not ({"dropout", "layer_drop", "p"} & {key})
        }
        shapes = {key: tuple(tensor.shape) for key, tensor in part.named_parameters()}
        found[name] = (type(part).__name__, settings, shapes)
    return found


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_an_architecture_is_that_of_its_pipelines_weights(pipeline):
    bundle, architecture = getattr(torchaudio.pipelines, pipeline), PIPELINES[pipeline]
    with torch.device("meta"):
        expected = torchaudio.pipelines._wav2vec2.utils._get_model(
            bundle._model_type, bundle._params
        )
        found = wav2vec2(architecture)
    assert bundle.sample_rate == 16_000
    assert NORMALISED[architecture] == bundle._normalize_waveform
    assert list(found.state_dict()) == list(expected.state_dict())
    for part in ("feature_extractor", "encoder"):
        assert structure(found.get_submodule(part)) == structure(expected.get_submodule(part))


def test_all_pipelines_trained_without_text_are_known():
    kinds = torchaudio.pipelines
    known = {
        name
        for name in dir(kinds)
        if isinstance(getattr(kinds, name), kinds.Wav2Vec2Bundle)
        and not isinstance(getattr(kinds, name), kinds.Wav2Vec2ASRBundle)
    }
    assert known == set(PIPELINES) and set(PIPELINES.values()) == set(NORMALISED)


@pytest.mark.parametrize("group_norm", [True, False])
def test_layers_are_those_of_extract_features(group_norm):
    model, network = small(group_norm)
    waveform = noise(2, 4_000)
    heard = []
    for layer in network.encoder.transformer.layers:
        layer.register_forward_hook(lambda _, __, output: heard.append(output[0]))
    with torch.inference_mode():
        expected, _ = model.extract_features(waveform)
        # Those were heard by the same modules.
        heard.clear()
        last = network(waveform)
        torch.testing.assert_close(last, model(waveform)[0], rtol=0, atol=0)
    assert len(heard) >= 2
    for found, one in zip(heard, expected, strict=False):
        torch.testing.assert_close(found, one, rtol=0, atol=0)
    assert last.shape == (2, 12, 32) and last.std() > 0.1


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("group_norm", [True, False])
def test_clips_of_a_batch_do_not_change_each_others_features(group_norm, normalised):
    _, network = small(group_norm, normalised)
    waveforms = noise(3, 4_000) * torch.tensor([[1.0], [0.01], [0.0]])
    with torch.inference_mode():
        alone = torch.cat([network(one[None]) for one in waveforms])
        together = network(waveforms)
    assert together.isfinite().all()
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_a_clip_is_normalised_as_by_the_pipelines():
    model, network = small(group_norm=False, normalised=True)
    pipeline = torchaudio.pipelines._wav2vec2.utils._extend_model(model, normalize_waveform=True)
    waveform = 3 * noise(1, 4_000) + 0.3
    with torch.inference_mode():
        torch.testing.assert_close(network(waveform), pipeline(waveform)[0])
        torch.testing.assert_close(network(3 * waveform), network(waveform), rtol=1e-3, atol=1e-3)


def test_the_shortest_sound_and_the_steps_of_longer_ones():
    _, network = small()
    least, step = network.least_frames, network.frames_a_step
    with torch.inference_mode():
        lengths = [network(noise(1, n)).shape[1] for n in (least, least + step - 1, least + step)]
        assert lengths == [1, 1, 2]
        with pytest.raises(RuntimeError):
            network(noise(1, least - 1))


def test_another_architecture_is_refused():
    with pytest.raises(InputError, match="architecture of wav2vec2 is bert; it must be one of wav"):
        wav2vec2("bert")


def test_a_download_becomes_a_file_of_weights(tmp_path, monkeypatch, capsys):
    model, network = small()
    asked = []

    def get_model(*, dl_kwargs):
        asked.append(dl_kwargs)
        return SimpleNamespace(model=model)

    monkeypatch.setattr(
        module.torchaudio.pipelines, "HUBERT_LARGE", SimpleNamespace(get_model=get_model)
    )
    path = tmp_path / "hubert.safetensors"
    assert main(["HUBERT_LARGE", str(path)]) == 0
    assert asked == [{"weights_only": True}]
    assert "architecture: hubert_large" in capsys.readouterr().out
    network.load_state_dict(load_file(path))


@pytest.mark.parametrize("pipeline", ["HUBERT_BASE", "HUBERT_TINY"])
def test_a_download_that_fails_is_one_line(pipeline, tmp_path, monkeypatch, capsys):
    def get_model(*, dl_kwargs):
        raise URLError("no network\nat all")

    monkeypatch.setattr(
        module.torchaudio.pipelines, "HUBERT_BASE", SimpleNamespace(get_model=get_model)
    )
    assert main([pipeline, str(tmp_path / "weights.safetensors")]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and pipeline in said
    assert not list(tmp_path.iterdir())
