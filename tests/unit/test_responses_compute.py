import h5py
import numpy as np
import pytest
import torch

from music_detectors.common.errors import InputError
from music_detectors.common.files import sha256
from music_detectors.common.hdf5 import read_text
from music_detectors.common.tables import write_table
from music_detectors.models.device import kernels_of
from music_detectors.models.find import load_trained
from music_detectors.models.kim2024 import Kim2024
from music_detectors.models.kim2024.features import PooledFeatures
from music_detectors.models.modules.settings import MAPPED, ModuleSettings
from music_detectors.models.weights import initial_network, write_snapshots, write_tensors
from music_detectors.responses import compute as shard
from music_detectors.responses.compute import compute_responses, compute_snapshot_responses
from music_detectors.responses.files import read_layers, read_responses, snapshot_layers
from music_detectors.spectrograms.columns import INDEX
from support.networks_corpus import make_corpus


@pytest.fixture
def corpora(tmp_path):
    return {
        "train": make_corpus(tmp_path / "corpus"),
        "test": make_corpus(tmp_path / "corpus", n=7, split="test"),
    }


def weights_at(path, spoil=None):
    network = initial_network(Kim2024(), 3, seed=2)
    if spoil:
        spoil(network)
    write_tensors(path, network.state_dict(), {"model": "kim2024", "classes": 3})
    return network.eval()


def run(corpora, tmp_path, stimulus="original"):
    outputs = {split: tmp_path / "responses" / f"{split}.h5" for split in corpora}
    compute(corpora, [tmp_path / "weights.safetensors"], list(outputs.values()), stimulus)
    return outputs


def compute(corpora, weights, outputs, stimulus="original", stored_for=None):
    compute_responses(
        weights=weights,
        indices=[corpus.index for corpus in corpora.values()],
        stimuli=[stimulus] * len(corpora),
        splits=list(corpora),
        outputs=outputs,
        model="kim2024",
        device="cpu",
        threads=1,
        stored_for=stored_for,
    )


def test_responses_are_in_the_order_of_the_index(corpora, tmp_path, monkeypatch):
    monkeypatch.setattr(Kim2024, "clips_at_once", 3)
    network = weights_at(tmp_path / "weights.safetensors")
    for split, path in run(corpora, tmp_path).items():
        clip_ids, responses = read_responses(path)
        assert clip_ids == corpora[split].index_table["clip_id"].tolist()
        expected = PooledFeatures(network, torch.device("cpu"))(
            torch.from_numpy(corpora[split].log_mel)
        )
        for layer in Kim2024.layers:
            assert responses[layer].dtype == np.float32
            # The number of clips computed at once determines the order of sums in single precision.
            np.testing.assert_allclose(responses[layer], expected[layer], rtol=1e-4, atol=1e-4)
        with h5py.File(path) as file:
            assert read_text(file, "network_digest") == sha256(tmp_path / "weights.safetensors")
            assert read_text(file, "stimulus") == "original"
            assert read_text(file, "kernels") == kernels_of(torch.device("cpu"))


def test_only_what_analyses_of_a_layer_need_is_stored(corpora, tmp_path):
    weights_at(tmp_path / "weights.safetensors")
    every = {split: read_responses(path)[1] for split, path in run(corpora, tmp_path).items()}
    for layer, needed in (
        ("avgpool", ["avgpool", "fc2"]),
        ("fc1", ["fc1", "fc2"]),
        # Of a convolution, the pooled layer is lesioned.
        ("conv2", ["conv2", "avgpool", "fc2"]),
        # A layer of another model: this one reports its own.
        ("pixels", ["avgpool", "fc2"]),
    ):
        outputs = [tmp_path / layer / f"{split}.h5" for split in corpora]
        compute(corpora, [tmp_path / "weights.safetensors"], outputs, stored_for=layer)
        for split, path in zip(corpora, outputs, strict=True):
            _, responses = read_responses(path)
            assert list(responses) == needed
            for name, values in responses.items():
                np.testing.assert_array_equal(values, every[split][name])
            layers = read_layers(path)
            assert layers.chosen(layer) == layers.reported == needed[0]
            assert layers.outputs == "fc2"


def test_an_index_that_goes_back_and_forth_between_shards(corpora, tmp_path):
    weights_at(tmp_path / "weights.safetensors")
    expected_ids, expected = read_responses(run(corpora, tmp_path)["train"], ["avgpool"])
    order = [12, 3, 4, 13, 0, 23]
    write_table(corpora["train"].index, corpora["train"].index_table.iloc[order], INDEX)
    clip_ids, responses = read_responses(run(corpora, tmp_path)["train"], ["avgpool"])
    assert clip_ids == [expected_ids[place] for place in order]
    np.testing.assert_allclose(responses["avgpool"], expected["avgpool"][order], atol=1e-4)


def test_the_same_network_gives_the_same_bytes(corpora, tmp_path):
    weights_at(tmp_path / "weights.safetensors")
    first = [path.read_bytes() for path in run(corpora, tmp_path).values()]
    assert first == [path.read_bytes() for path in run(corpora, tmp_path).values()]


def test_only_one_shard_is_held_at_a_time(corpora, tmp_path, monkeypatch):
    weights_at(tmp_path / "weights.safetensors")
    opened = []
    original = shard.open_spectrogram_shard

    def remember(path):
        opened.append(path.name)
        return original(path)

    monkeypatch.setattr(shard, "open_spectrogram_shard", remember)
    run(corpora, tmp_path)
    assert opened == ["00000.h5", "00001.h5", "00002.h5", "00000.h5"]


def test_a_response_that_is_not_finite(corpora, tmp_path):
    def spoil(network):
        with torch.no_grad():
            network.fc1.weight[0, 0] = float("inf")

    weights_at(tmp_path / "weights.safetensors", spoil)
    with pytest.raises(InputError, match=r"00000\.h5: .* clip train-000 is not finite in fc1"):
        run(corpora, tmp_path)
    assert not (tmp_path / "responses" / "train.h5").exists()


def test_a_shard_of_another_stimulus(corpora, tmp_path):
    weights_at(tmp_path / "weights.safetensors")
    with pytest.raises(
        InputError,
        match=r"00000\.h5: damaged spectrogram shard \(holds stimulus original, not quilt-50ms",
    ):
        run(corpora, tmp_path, stimulus="quilt-50ms")


def test_an_index_that_does_not_fit(corpora, tmp_path):
    weights_at(tmp_path / "weights.safetensors")
    corpora["test"].index_table.loc[2, "row"] = 0
    write_table(corpora["test"].index, corpora["test"].index_table, INDEX)
    with pytest.raises(
        InputError, match=r"00000\.h5: clip test-002 is not where .*index\.tsv says"
    ):
        run(corpora, tmp_path)


def test_an_empty_index(corpora, tmp_path):
    weights_at(tmp_path / "weights.safetensors")
    write_table(corpora["test"].index, corpora["test"].index_table[:0], INDEX)
    with pytest.raises(InputError, match=r"index\.tsv: lists no clip; no clip of split test"):
        run(corpora, tmp_path)


def test_damaged_weights(corpora, tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"weights\.safetensors: damaged weights"):
        run(corpora, tmp_path)


def test_several_networks_respond_like_each_alone(corpora, tmp_path):
    weights = [tmp_path / f"{name}.safetensors" for name in ("first", "second")]
    for path, seed in zip(weights, (2, 3), strict=True):
        network = initial_network(Kim2024(), 3, seed=seed)
        write_tensors(path, network.state_dict(), {"model": "kim2024", "classes": 3})
    outputs = [tmp_path / path.stem / f"{split}.h5" for split in corpora for path in weights]
    compute(corpora, weights, outputs)
    together = [path.read_bytes() for path in outputs]
    assert len(set(together)) == 4
    for path, contents in zip(weights, (together[::2], together[1::2]), strict=True):
        (tmp_path / "weights.safetensors").write_bytes(path.read_bytes())
        alone = run(corpora, tmp_path)
        assert [path.read_bytes() for path in alone.values()] == contents


def of_snapshots(corpora, tmp_path, epochs, layer="avgpool"):
    """Play to a network after `epochs`; return the networks and what was written for each split."""
    networks = {epoch: initial_network(Kim2024(), 3, seed=epoch).eval() for epoch in epochs}
    states = {epoch: network.state_dict() for epoch, network in networks.items()}
    path = tmp_path / "snapshots.safetensors"
    write_snapshots(path, states, {"model": "kim2024", "classes": 3})
    outputs = {split: tmp_path / "responses" / f"{split}.h5" for split in corpora}
    compute_snapshot_responses(
        path,
        indices=[corpus.index for corpus in corpora.values()],
        splits=list(corpora),
        outputs=list(outputs.values()),
        model="kim2024",
        layer=layer,
        device="cpu",
        threads=1,
    )
    return networks, outputs


@pytest.mark.parametrize(("layer", "kept"), [("conv3", "conv3"), ("elsewhere", "avgpool")])
def test_the_responses_of_snapshots_are_those_of_the_network_at_each_epoch(
    corpora, tmp_path, layer, kept
):
    networks, outputs = of_snapshots(corpora, tmp_path, [0, 3, 10], layer)
    for split, path in outputs.items():
        names = snapshot_layers(path)
        assert list(names) == [0, 3, 10] and names[3] == (f"epoch-3/{kept}", "epoch-3/fc2")
        clip_ids, responses = read_responses(path)
        assert clip_ids == corpora[split].index_table["clip_id"].tolist()
        assert list(responses) == [name for pair in names.values() for name in pair]
        log_mel = torch.from_numpy(corpora[split].log_mel)
        for epoch, network in networks.items():
            expected = PooledFeatures(network, torch.device("cpu"))(log_mel)
            for name, of_network in zip(names[epoch], (kept, "fc2"), strict=True):
                np.testing.assert_allclose(
                    responses[name], expected[of_network], rtol=1e-4, atol=1e-4
                )


def test_a_file_without_snapshots_is_refused(corpora, tmp_path):
    with pytest.raises(InputError, match=r"holds no snapshot; list epochs in conditions\.<name>"):
        of_snapshots(corpora, tmp_path, [])


def test_other_responses_are_not_taken_for_those_of_snapshots(corpora, tmp_path):
    weights_at(tmp_path / "weights.safetensors")
    with pytest.raises(
        InputError, match=r"test\.h5: damaged responses \(not those of a network af"
    ):
        snapshot_layers(run(corpora, tmp_path)["test"])


def test_units_whose_number_follows_the_length_of_the_sound_are_refused(
    corpora, tmp_path, monkeypatch
):
    name = ModuleSettings(
        "others", "toys.plain_cnn:FiveClasses", ("blocks.*",), pooling="none", scores=MAPPED
    ).written()
    weights = tmp_path / "weights.safetensors"
    network = initial_network(load_trained(name), 3, seed=1)
    write_tensors(weights, network.state_dict(), {"model": name, "classes": 3})
    few = [(np.arange(3), np.arange(100)), (np.arange(3, 7), None)]
    monkeypatch.setattr(shard, "heard_together", lambda *_: few)
    with pytest.raises(InputError, match=r"units in layer blocks\.0 .* pool the positions"):
        compute_responses(
            weights=[weights],
            indices=[corpora["test"].index],
            stimuli=["original"],
            splits=["test"],
            outputs=[tmp_path / "test.h5"],
            model=name,
            device="cpu",
            threads=1,
        )
    assert not (tmp_path / "test.h5").exists()
