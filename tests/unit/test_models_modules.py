"""PyTorch modules of others: their layers, where the units are, class scores, weights."""

import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from toys.plain_cnn import PlainCnn
from toys.small_transformer import SmallTransformer

from music_detectors.common.errors import InputError
from music_detectors.models import hooks
from music_detectors.models.find import load_model, load_trained, model_file
from music_detectors.models.hooks import ForwardReadout, HookedEvaluation
from music_detectors.models.modules.matching import matched, unit_axis
from music_detectors.models.modules.model import ModuleModel
from music_detectors.models.modules.pretrained import load_pretrained
from music_detectors.models.modules.settings import (
    FITTED,
    MAPPED,
    OWN,
    ModuleSettings,
    settings_of,
    written_settings,
)
from music_detectors.models.protocol import Pooled
from music_detectors.models.weights import initial_network


def settings(layers=("layers.*",), factory="toys.small_transformer:SmallTransformer", **rest):
    return ModuleSettings("others", factory, tuple(layers), **rest)


def loaded(*layers, **rest):
    return load_trained(settings(layers or ("layers.*",), **rest).written())


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(2)


def log_mel(clips=3, frames=80):
    return torch.randn(clips, 64, frames, generator=torch.Generator().manual_seed(5)) * 10 - 40


def test_settings_are_read_as_written():
    how = {"model": "a.b:c", "layers": ["x.*"], "arguments": {"width": 3}, "pooling": "max"}
    given = settings_of("mine", how, waveform=True)
    assert (given.scores, given.waveform, given.pooling) == (FITTED, True, "max")
    assert written_settings(given.written()) == given
    assert settings_of("mine", how | {"epochs": 2}, waveform=False).scores == OWN
    assert settings_of("mine", how | {"outputs": "t.csv"}, waveform=False).scores == MAPPED
    assert written_settings("kim2024") is None
    # The same settings give the same text: it is compared.
    assert json.loads(given.written())["layers"] == ["x.*"]


def test_layers_are_the_modules_that_match():
    model = loaded("patches", "layers.*.mlp", "layers.*")
    assert model.layers == (
        "patches",
        "layers.0.mlp",
        "layers.1.mlp",
        "layers.0",
        "layers.1",
        "outputs",
    )
    assert model.reported == "layers.1" and model.outputs == "outputs"
    assert (model.least_frames, model.frames_a_step) == (8, 8)
    assert model_file(settings().written()).name == "small_transformer.py"


def test_a_star_does_not_match_a_dot():
    network = nn.Sequential(nn.Sequential(nn.ReLU(), nn.ReLU()), nn.ReLU())
    assert matched(network, ["*"], "key") == ["0", "1"]
    assert matched(network, ["0.[01]", "*"], "key") == ["0.0", "0.1", "0", "1"]


def test_a_name_that_begins_with_a_number_gets_a_word():
    made = ModuleModel(settings(["0"], scores=OWN), lambda classes: nn.Sequential(nn.ReLU()))
    assert made.layers == ("module-0", "outputs")


@pytest.mark.parametrize(
    ("module", "axis"),
    [
        (nn.Conv1d(2, 3, 1), 1),
        (nn.Sequential(nn.Conv1d(2, 3, 1), nn.ReLU()), 1),
        (nn.Sequential(nn.Conv1d(2, 3, 1), nn.LayerNorm(3), nn.GELU()), -1),
        (nn.TransformerEncoderLayer(8, 2, batch_first=True), -1),
        (nn.Linear(2, 3), -1),
        (nn.Identity(), -1),
    ],
)
def test_where_the_units_are(module, axis):
    assert unit_axis(module) == axis


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("mean", lambda tokens: tokens.mean(1)),
        ("max", lambda tokens: tokens.amax(1)),
        ("cls", lambda tokens: tokens[:, 0]),
        ("none", lambda tokens: tokens.transpose(1, 2).flatten(1)),
    ],
)
def test_responses_of_tokens(pooling, expected):
    model = loaded("patches", "layers.*", pooling=pooling, scores=FITTED)
    network = initial_network(model, 2, seed=4).eval()
    evaluation = HookedEvaluation(
        network.module, {"last": "layers.1"}, {"last": model.pooled["layers.1"]}
    )
    tokens = network.module(log_mel())["last_hidden_state"].detach()
    torch.testing.assert_close(evaluation(log_mel())["last"], expected(tokens))


def test_cls_of_what_has_no_tokens_is_refused():
    evaluation = HookedEvaluation(
        nn.Sequential(nn.Unflatten(1, (1, 64)), nn.Conv2d(1, 2, 3)),
        {"maps": "1"},
        {"maps": Pooled("cls")},
    )
    with pytest.raises(InputError, match="pooling: cls"):
        evaluation(log_mel())


def test_units_of_maps_are_on_the_second_axis_unless_the_axis_is_given():
    network = nn.Sequential(nn.Unflatten(1, (1, 64)), nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).eval()
    maps = network(log_mel())
    for axis, expected in ((None, maps.mean((2, 3))), (-1, maps.mean((1, 2)))):
        model = ModuleModel(settings(["2"], scores=OWN, unit_axis=axis), lambda classes: network)
        evaluation = HookedEvaluation(network, {"maps": "2"}, {"maps": model.pooled["module-2"]})
        torch.testing.assert_close(evaluation(log_mel())["maps"], expected.detach())
    lesioned = ForwardReadout(
        nn.Sequential(network, nn.Flatten(2), Mean()).eval(),
        "0",
        lambda: iter([log_mel()]),
        maps.mean((2, 3)).detach().numpy(),
        pooled=Pooled(of_three=-1),
    )
    (without,) = lesioned.lesioned([(np.array([1]), None)])
    assert not without[:, 1].any() and without[:, 0].any()


def test_the_axis_of_units_can_be_given():
    assert loaded("layers.*", unit_axis=1).pooled["layers.0"] == Pooled("mean", 1)


def with_readout(model, classes=4):
    network = initial_network(model, classes, seed=4).eval()
    network.last_layer(log_mel())
    units = network.last_layer(log_mel()).shape[1]
    draw = torch.Generator().manual_seed(2)
    network.readout.load_state_dict(
        {
            "weight": torch.randn(classes, units, generator=draw),
            "bias": torch.randn(classes, generator=draw),
        }
    )
    return network


@pytest.mark.parametrize("layer", ["patches", "layers.0", "layers.1"])
@pytest.mark.parametrize("clips_at_once", [1, 3])
@pytest.mark.parametrize("together", [1, 4, 64])
def test_lesions_together_equal_lesions_one_by_one_by_hand(
    layer, clips_at_once, together, monkeypatch
):
    monkeypatch.setattr(hooks, "_TOGETHER", (together, together))
    model = loaded("patches", "layers.*")
    network = with_readout(model)
    with torch.inference_mode():
        stored = network(log_mel()).numpy()
    readout = ForwardReadout(
        network,
        f"module.{layer}",
        lambda: [log_mel()],
        stored,
        pooled=model.pooled[layer],
        clips_at_once=clips_at_once,
    )
    assert readout.units == 16
    values = np.arange(16, dtype=np.float32)
    lesions = [(np.array(units), to) for units in ([0], [3, 5, 9], [15]) for to in (None, values)]
    found = list(readout.lesioned(lesions))
    assert len(found) == 6
    for (units, to), outputs in zip(lesions, found, strict=True):
        np.testing.assert_allclose(outputs, by_hand(network, layer, units, to), atol=2e-5)
        assert np.abs(outputs - stored).max() > 1e-3


def by_hand(network, layer, units, to):
    """The scores with units of a layer of the transformer set to values, computed step by step."""
    module = network.module

    def silenced(x, name, axis):
        if name == layer:
            x = x.movedim(axis, -1).clone()
            x[..., units] = 0.0 if to is None else torch.as_tensor(to[units])
            x = x.movedim(-1, axis)
        return x

    with torch.inference_mode():
        patches = silenced(module.patches(log_mel() / module.scale), "patches", 1)
        tokens = torch.cat([module.token.expand(3, -1, -1), patches.transpose(1, 2)], dim=1)
        for number, block in enumerate(module.layers):
            tokens = silenced(block(tokens)[0], f"layers.{number}", -1)
        return network.readout(tokens.mean(1)).numpy()


class Residual(nn.Module):
    """What comes before the layer is added after it, so the batch cannot grow on its way."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.last = nn.Linear(4, 2)

    def forward(self, log_mel, dropout=None):
        x = log_mel.mean(2)[:, :4]
        return self.last(x + self.first(x))


def test_a_network_that_cannot_go_on_with_several_lesions_takes_them_one_by_one(caplog):
    caplog.set_level("INFO")
    torch.manual_seed(3)
    network = Residual().eval()
    stored = network(log_mel()).detach().numpy()
    readout = ForwardReadout(network, "first", lambda: [log_mel()], stored)
    lesions = [(np.array([unit]), None) for unit in range(4)]
    found = list(readout.lesioned(lesions))
    assert "one by one" in caplog.text
    for (units, _), outputs in zip(lesions, found, strict=True):
        x = log_mel().mean(2)[:, :4]
        first = network.first(x)
        first[:, units] = 0
        np.testing.assert_allclose(outputs, network.last(x + first).detach(), atol=1e-6)


def test_class_scores_of_some_outputs():
    model = ModuleModel(settings(["head"], scores=MAPPED), lambda: PlainCnn(6))
    network = initial_network(model, 3, seed=1).eval()
    network.chosen.copy_(torch.tensor([5, 0, 2]))
    with torch.inference_mode():
        torch.testing.assert_close(network(log_mel()), network.module(log_mel())[:, [5, 0, 2]])
    network.chosen[0] = 6
    with pytest.raises(InputError, match=r"conditions\.others\.outputs: it has index 6"):
        network(log_mel())


def test_the_same_seed_gives_the_same_weights():
    model = loaded("blocks.*", factory="toys.plain_cnn:PlainCnn", scores=OWN)
    first, same, other = (initial_network(model, 3, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["module.head.weight"], other["module.head.weight"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"layers": ["nothing.*"]}, r"conditions\.others\.layers has nothing\.\*, which no module"),
        ({"arguments": {"wide": 3}}, r"conditions\.others\.model .* fails .*unexpected keyword"),
        ({"factory": "toys.small_transformer:torch"}, "is not callable"),
        ({"factory": "toys.plain_cnn:PlainCnn"}, "missing 1 required positional argument"),
        ({"factory": "toys.mel_means:MelMeans"}, r"returns MelMeans; .* torch\.nn\.Module"),
        ({"factory": "toys.small_transformer:Nothing"}, "cannot be loaded"),
    ],
)
def test_what_cannot_be_loaded_is_refused_in_one_line(given, says):
    with pytest.raises(InputError, match=says) as refused:
        load_model(settings(**given).written(), "configuration: conditions.others.model")
    assert "\n" not in str(refused.value)


def test_a_network_that_fails_on_its_input_is_refused():
    network = initial_network(loaded("layers.*"), 2, seed=1)
    with pytest.raises(InputError, match=r"conditions\.others\.model: its network fails .*shape"):
        network.last_layer(log_mel(frames=3))


def test_scores_of_another_number_of_classes_are_refused():
    model = ModuleModel(settings(["head"], scores=OWN), lambda classes: PlainCnn(classes + 1))
    with pytest.raises(InputError, match=r"returns \(3, 4\); it must return class scores"):
        initial_network(model, 3, seed=1)(log_mel())


# Weights of others.


def state(**changes):
    torch.manual_seed(7)
    return {**SmallTransformer().state_dict(), **changes}


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s, "epoch": 3}])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_weights_are_read_from_both_kinds_of_file(tmp_path, wrap, prefix):
    stored = {prefix + name: tensor for name, tensor in state().items()}
    torch.save(wrap(stored), tmp_path / "one.pt")
    save_file(stored, tmp_path / "two.safetensors")
    for path in ("one.pt", "two.safetensors"):
        network = SmallTransformer()
        load_pretrained(network, tmp_path / path, "key")
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, stored[prefix + name])


def test_tensors_without_a_place_are_left_out_with_a_warning(tmp_path, caplog):
    save_file(state(extra=torch.ones(2)), tmp_path / "w.safetensors")
    load_pretrained(SmallTransformer(), tmp_path / "w.safetensors", "key")
    assert "no place for extra" in caplog.text


def lacking(path):
    save_file({name: value for name, value in state().items() if name != "token"}, path)


def of_another_shape(path):
    save_file(state(token=torch.ones(1, 1, 8)), path)


def not_finite(path):
    save_file(state(token=torch.full((1, 1, 16), torch.nan)), path)


def cut_off(path):
    save_file(state(), path)
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lacking, "lacks token, of"),
        (of_another_shape, r"token is \(1, 1, 8\) in .*, and \(1, 1, 16\) in the network"),
        (not_finite, "token in .* is not finite"),
        (cut_off, "cannot be read"),
    ],
)
def test_wrong_weights_are_refused_in_one_line(tmp_path, write, says):
    path = tmp_path / "w.safetensors"
    write(path)
    with pytest.raises(InputError, match=f"conditions.x.weights.*{says}") as refused:
        load_pretrained(SmallTransformer(), path, "conditions.x.weights")
    assert "\n" not in str(refused.value)


class Harmful:
    def __reduce__(self):
        return (print, ("code of the file was run",))


def test_pickled_code_is_never_run(tmp_path, capsys):
    (tmp_path / "w.pt").write_bytes(pickle.dumps(Harmful()))
    torch.save({"model": Harmful()}, tmp_path / "whole.pt")
    for name in ("w.pt", "whole.pt"):
        with pytest.raises(InputError, match=r"holds more than tensors|cannot be read"):
            load_pretrained(SmallTransformer(), tmp_path / name, "key")
    assert "code of the file" not in capsys.readouterr().out
