"""Networks that are taken as they are, and their read-outs of classes."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.linear_model import Ridge as Reference
from toys.small_transformer import SmallTransformer

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table
from music_detectors.models.find import load_trained
from music_detectors.models.modules.ridge import Ridge
from music_detectors.models.modules.settings import FITTED, MAPPED, ModuleSettings
from music_detectors.models.weights import read_network
from music_detectors.training.adopt import adopt_network
from music_detectors.training.columns import NETWORK_CLIPS
from support.networks_corpus import MIDS, make_corpus

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"), n=90)


def model(scores=FITTED, factory="toys.small_transformer:SmallTransformer", layers=("layers.*",)):
    return ModuleSettings("others", factory, layers, scores=scores).written()


def adopted(corpus, folder, **changes):
    values = {
        "model": model(),
        "pretrained": None,
        "outputs": None,
        "validation_fraction": 0.2,
        "seed": 1,
        "replicate": 2,
        "device": "cpu",
        "threads": 1,
        "pooled": "clip",
    } | changes
    folder.mkdir(exist_ok=True)
    adopt_network(
        corpus.index,
        corpus.clips,
        corpus.classes,
        corpus.branches,
        folder / "weights.safetensors",
        folder / "clips.tsv",
        **values,
    )
    network, about = read_network(
        folder / "weights.safetensors", load_trained(values["model"]), values["model"]
    )
    return network, about, read_table(folder / "clips.tsv", NETWORK_CLIPS)


@pytest.mark.parametrize("penalty", [0, 3, 6])
def test_ridge_is_scikit_learns(penalty, monkeypatch):
    draw = np.random.default_rng(penalty)
    x = draw.normal(2, 1, (60, 7)) * [1, 2, 5, 0.1, 1, 3, 1]
    y = (x[:, :3] + draw.normal(0, 1, (60, 3)) > 3).astype(bool)
    x[:, 6] = 4
    given = 10.0 ** (penalty - 4)
    monkeypatch.setattr("music_detectors.models.modules.ridge._PENALTIES", np.array([given]))
    ridge = Ridge(7, 3)
    for rows in np.array_split(np.arange(60), 4):
        ridge.add(x[rows].astype(np.float32), y[rows])
    weights, bias, found = ridge.fitted()
    assert found == given and not weights[:, 6].any()
    scaled = (x[:, :6] - x[:, :6].mean(0)) / x[:, :6].std(0)
    expected = Reference(alpha=60 * given).fit(scaled, y)
    np.testing.assert_allclose(x @ weights.T + bias, expected.predict(scaled), atol=1e-5)


def test_the_penalty_is_that_of_least_generalised_cross_validation():
    """Of the leave-one-out kind: checked against the definition, penalty by penalty."""
    draw = np.random.default_rng(3)
    x = draw.normal(0, 1, (40, 30))
    y = (x[:, :2] + draw.normal(0, 2, (40, 2)) > 0.3).astype(bool)
    ridge = Ridge(30, 2)
    ridge.add(x, y)
    z = np.c_[(x - x.mean(0)) / x.std(0)]
    errors = {}
    for penalty in 10.0 ** np.arange(-6, 3):
        hat = z @ np.linalg.solve(z.T @ z + 40 * penalty * np.eye(30), z.T) + 1 / 40
        residual = y - hat @ y
        errors[penalty] = ((residual**2).sum(0) / (y.var(0) * 40)).sum() / (40 - np.trace(hat)) ** 2
    assert ridge.fitted()[2] == min(errors, key=errors.get)


def test_a_fitted_readout_names_the_classes_of_clips_it_was_not_fitted_on(corpus, tmp_path):
    network, about, clips = adopted(corpus, tmp_path)
    assert about["training_clips"] == 72 and about["validation_clips"] == 18
    assert about["readout_layer"] == "layers.1" and about["pretrained"] is None
    rows = corpus.clip_table["clip_id"].isin(clips.loc[clips["part"] == "validation", "clip_id"])
    with torch.inference_mode():
        scores = network(torch.from_numpy(corpus.log_mel[rows]).float()).numpy()
    expected = [MIDS.index(mid) for mid in corpus.clip_table.loc[rows, "labels"]]
    assert (scores.argmax(1) == expected).mean() > 0.6


def test_the_readout_is_that_of_the_training_clips_alone(corpus, tmp_path):
    network, _, clips = adopted(corpus, tmp_path)
    chosen = clips[clips["part"] == "training"]
    rows = corpus.clip_table.set_index("clip_id").index.get_indexer(chosen["clip_id"])
    with torch.inference_mode():
        x = network.last_layer(torch.from_numpy(corpus.log_mel[rows]).float()).numpy()
    ridge = Ridge(16, 3)
    ridge.add(x, np.array([[mid == label for mid in MIDS] for label in chosen["labels"]]))
    weights, bias, _ = ridge.fitted()
    np.testing.assert_allclose(network.readout.weight.detach(), weights, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(network.readout.bias.detach(), bias, rtol=1e-3, atol=1e-4)


def test_without_weights_a_network_is_that_of_its_seed(corpus, tmp_path):
    first, _, _ = adopted(corpus, tmp_path / "1")
    again, _, _ = adopted(corpus, tmp_path / "2")
    other, _, _ = adopted(corpus, tmp_path / "3", replicate=3)
    assert torch.equal(first.module.token, again.module.token)
    assert not torch.equal(first.module.token, other.module.token)
    one, two = (tmp_path / name / "weights.safetensors" for name in "12")
    assert one.read_bytes() == two.read_bytes()


def test_weights_of_a_file(corpus, tmp_path):
    save_file(SmallTransformer().state_dict(), tmp_path / "given.safetensors")
    network, about, _ = adopted(
        corpus, tmp_path / "1", pretrained=str(tmp_path / "given.safetensors")
    )
    assert torch.equal(network.module.token, load_file(tmp_path / "given.safetensors")["token"])
    assert len(about["pretrained"]) == 64


def table(path, *rows):
    pd.DataFrame(rows, columns=["index", "mid", "display_name"]).to_csv(path, index=False)
    return str(path)


MAPPED_MODEL = model(MAPPED, "toys.plain_cnn:FiveClasses", ("blocks.*",))


def test_outputs_are_mapped_by_mid_or_name(corpus, tmp_path):
    path = table(tmp_path / "t.csv", (4, "/m/c", "x"), (0, "/m/z", "A"), (2, "/m/b", "B"))
    network, about, clips = adopted(corpus, tmp_path / "1", model=MAPPED_MODEL, outputs=path)
    assert network.chosen.tolist() == [0, 2, 4]
    assert set(clips["part"]) == {"validation"} and about["training_clips"] == 0
    batch = torch.from_numpy(corpus.log_mel[:4]).float()
    with torch.inference_mode():
        assert torch.equal(network(batch), network.module(batch)[:, [0, 2, 4]])


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([(0, "/m/a", "A"), (1, "/m/b", "B")], "has no output for 1 of 3 classes, such as C"),
        ([("zero", "/m/a", "A")], "cannot be read as a table"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(corpus, tmp_path, rows, says):
    path = table(tmp_path / "t.csv", *rows)
    with pytest.raises(InputError, match=rf"conditions\.others\.outputs: .*{says}"):
        adopted(corpus, tmp_path / "1", model=MAPPED_MODEL, outputs=path)


def test_responses_that_are_not_finite_name_clip_and_key(corpus, tmp_path):
    weights = SmallTransformer().state_dict()
    weights["layers.1.mlp.2.bias"][:] = 3e38
    weights["layers.0.mlp.2.bias"][:] = 3e38
    save_file(weights, tmp_path / "given.safetensors")
    with pytest.raises(InputError, match=r"conditions\.others\.model: .* clip train-0\d\d is not"):
        adopted(corpus, tmp_path / "1", pretrained=str(tmp_path / "given.safetensors"))
