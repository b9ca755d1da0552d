"""Models are found by name without PyTorch, loaded, and refused in one line if unusable."""

import subprocess
import sys

import pytest

from music_detectors.common.errors import InputError
from music_detectors.configuration.code import module_digest
from music_detectors.models import find
from music_detectors.models.find import (
    check_conditions,
    check_reported,
    has_readout,
    load_fixed,
    load_model,
    load_trained,
    model_file,
    with_models,
)
from music_detectors.models.protocol import FixedModel, TrainedModel

TRAINED = {"withhold": [], "labels": "given", "epochs": 1}


class Bands(FixedModel):
    layers = ("bands",)
    reported = "bands"

    def responses(self, tensors, log_mel):
        return {"bands": log_mel.mean(2)}


class Net(TrainedModel):
    layers = ("a", "b")
    reported = "a"
    outputs = "b"

    def network(self, classes):
        raise NotImplementedError


def changed(kind, **attributes):
    return type(kind.__name__, (kind,), attributes)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (lambda: 3, "whose factory returns int"),
        (changed(Bands, layers=()), r"whose layers are \[\]"),
        (changed(Bands, layers=("bands", "bands")), "they must be different names"),
        (changed(Bands, layers=("a b",), reported="a b"), "they must be different names"),
        (changed(Bands, reported="other"), "whose reported layer is other"),
        (changed(Bands, outputs="bands"), "whose outputs are bands; they must be None"),
        (changed(Net, outputs="c"), r"whose outputs are c; they must be one of its layers \(a, b"),
        (changed(Net, reported="b", modules={"a": "", "b": ""}), "whose reported layer is b"),
        (changed(Net, modules={"a": "x"}), "whose modules lack layer b"),
        (lambda: 1 / 0, "cannot be loaded .ZeroDivisionError"),
    ],
)
def test_an_unusable_model_is_refused_in_one_line(monkeypatch, model, says):
    monkeypatch.setattr(sys.modules[__name__], "made", model, raising=False)
    with pytest.raises(InputError, match=says) as raised:
        load_model(f"{__name__}:made", "conditions.x.model")
    assert str(raised.value).startswith("conditions.x.model is ") and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gabriel", "neither kim2024, resnet, gabor, pca nor package.module:factory"),
        ("a.b", "neither kim2024, resnet, gabor, pca nor package.module:factory"),
        ("no.such:thing", "no file no/such.py is found on PYTHONPATH"),
    ],
)
def test_a_name_of_no_model(name, says):
    with pytest.raises(InputError, match=says):
        model_file(name)


def test_models_of_the_wrong_kind_are_refused():
    assert isinstance(load_fixed(f"{__name__}:Bands"), FixedModel)
    with pytest.raises(InputError, match="is a fixed model: leave out withhold, labels, epochs"):
        load_trained(f"{__name__}:Bands")
    with pytest.raises(InputError, match="is a trained model: it needs withhold, labels and ep"):
        load_fixed("kim2024")


@pytest.mark.parametrize(
    ("conditions", "layer", "says"),
    [
        (
            {"a": {"model": "kim2024"}},
            "fc1",
            r"conditions\.a\.model is kim2024, which is a tr",
        ),
        ({"a": TRAINED}, "fc2", "selectivity.layer is fc2, a layer that no model has"),
        ({"a": TRAINED}, "bands", r"no model has \(kim2024: conv1, conv2, conv3, avgpool, fc1\)"),
        ({"a": {"model": "no.such:thing"}}, "fc1", r"conditions\.a\.model is no\.such:thing, and"),
    ],
)
def test_conditions_are_checked_before_any_job(conditions, layer, says):
    with pytest.raises(InputError, match=says):
        check_conditions(with_models(conditions), layer)


def test_any_layer_may_be_that_of_responses_of_another_tool():
    conditions = {"a": TRAINED, "b": {"model": "responses", "files": "{stimulus}.npz"}}
    check_conditions(with_models(conditions), "anything")
    keys = {"conditions.a.model": "kim2024", "conditions.b.model": "responses"}
    check_reported("kim2024", "key", "anything", keys, trained=True)


def test_the_first_job_checks_the_layers_of_other_models():
    bands = f"{__name__}:Bands"
    keys = {"conditions.a.model": "kim2024", "conditions.b.model": bands}
    check_conditions(with_models({"a": TRAINED, "b": {"model": bands}}), "anything")
    for layer in ("avgpool", "bands"):
        check_reported("kim2024", "key", layer, keys, trained=True)
        check_reported(bands, "key", layer, keys, trained=False)
    with pytest.raises(InputError, match=r"a layer that no model has .*kim2024: .*Bands: bands\)"):
        check_reported(bands, "key", "conv7", keys, trained=False)


def test_the_configuration_is_checked_without_pytorch():
    code = (
        "import sys; from music_detectors.models.find import *;"
        "check_conditions(with_models({'a': {'epochs': 1}}), 'fc1');"
        "assert has_readout('kim2024') and has_layer('kim2024', 'fc1');"
        "sys.exit('torch' in sys.modules)"
    )
    environment = {"PYTHONPATH": ":".join(entry for entry in sys.path if entry)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
    assert not has_readout(f"{__name__}:Bands")


def test_the_digest_of_a_model_follows_its_own_folder_and_the_workflow(tmp_path):
    scripts = find.WORKFLOW / "workflow_scripts"

    def digest(name, near="x = 1", far="x = 1", folders=(scripts,)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "near.py").write_text(near)
        (folder / "far.py").write_text(far)
        imports = "import near\nimport numpy\nfrom music_detectors.common import seeds\n"
        (folder / "mine.py").write_text(imports)
        return module_digest(folder / "mine.py", folder, *folders)

    first = digest("first")
    assert digest("again") == first
    assert digest("far", far="x = 2") == first
    assert digest("near", near="x = 2") != first
    assert digest("alone", folders=()) != first
