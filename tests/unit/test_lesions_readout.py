"""Outputs under a lesion, against a real network whose units are set to zero by a hook."""

import h5py
import numpy as np
import pytest
import torch
from notebook import READ_AT, with_weights_of
from safetensors.numpy import load_file, save_file

from music_detectors.common.errors import InputError
from music_detectors.lesions.readout import Forward, read_readout
from music_detectors.models.hooks import ForwardReadout
from music_detectors.models.kim2024 import Kim2024
from music_detectors.models.kim2024 import readout as module
from music_detectors.models.kim2024.features import PooledFeatures
from music_detectors.models.kim2024.readout import Readout
from music_detectors.models.weights import initial_network, write_tensors
from music_detectors.responses.files import create_responses
from support.response_files import LAYERS

# With more threads, such small computations are slower.
torch.set_num_threads(1)

CLIPS, CLASSES = 11, 7
ABOUT = {"model": "kim2024", "classes": CLASSES}
UNITS = {"conv1": 32, "conv2": 64, "conv3": 128, "avgpool": 256, "fc1": 256, "fc2": CLASSES}
COUNTS = [1, 8, 32, 128, 256]


def log_mel(n=CLIPS, seed=0):
    return torch.randn(n, 64, 130, generator=torch.Generator().manual_seed(seed)) * 15 - 45


def read(weights, responses, layer):
    """Return clip ids and the readout of kim2024, which needs no spectrograms."""
    nothing = Forward("no index", "cpu", 1, 1)
    return read_readout(Kim2024(), "kim2024", weights, responses, layer, nothing)


@pytest.fixture(scope="module")
def network():
    """A network whose batch statistics, scales and shifts differ from the initial ones."""
    network = initial_network(Kim2024(), CLASSES, seed=3)
    draw = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for seed in range(5):
            network(log_mel(4, seed + 1))
        for norm in (network.norm1, network.norm2, network.norm3, network.norm4):
            norm.weight.copy_(1 + 0.3 * torch.randn(norm.weight.shape, generator=draw))
            norm.bias.copy_(0.3 * torch.randn(norm.bias.shape, generator=draw))
    return network.eval()


@pytest.fixture
def files(tmp_path, network):
    """The network's weights and its responses, as the workflow stores them."""
    weights, responses = tmp_path / "weights.safetensors", tmp_path / "test.h5"
    write_tensors(weights, network.state_dict(), ABOUT)
    features = PooledFeatures(network, torch.device("cpu"))
    with create_responses(
        responses, [f"clip-{n}" for n in range(CLIPS)], UNITS, LAYERS, "0" * 64, "original"
    ) as file:
        for layer, values in features(log_mel()).items():
            file[layer][:] = values.numpy()
    return weights, responses


def run_again(network, layer, silenced, to=0):
    """Return the outputs of the notebook's network, in double precision, with units at `to`."""

    def silence(_, __, output):
        output = output.clone()
        output[:, silenced] = to
        return output

    sequence = with_weights_of(network).double()
    # The output of the pooling is read after it, that of fc1 after its ReLU.
    sequence[READ_AT[layer]].register_forward_hook(silence)
    with torch.inference_mode():
        return sequence(log_mel().double().unsqueeze(1)).numpy()


def order_of(seed=0):
    return np.random.default_rng(seed).permutation(256)


def first_of(order, values=None, counts=COUNTS):
    """Lesions of the first units of `order`."""
    return [(order[:count], values) for count in counts]


@pytest.mark.parametrize("layer", ["avgpool", "fc1"])
def test_a_lesion_equals_running_the_network_again(network, files, layer):
    clip_ids, readout = read(*files, layer)
    assert clip_ids == [f"clip-{n}" for n in range(CLIPS)] and readout.units == 256
    intact = run_again(network, layer, [])
    scale = np.abs(intact).max()
    assert np.abs(readout.outputs - intact).max() < 1e-5 * scale
    order = order_of()
    for count, outputs in zip(COUNTS, readout.lesioned(first_of(order)), strict=True):
        expected = run_again(network, layer, order[:count])
        assert np.abs(outputs - expected).max() < 1e-5 * scale
        # The effect of the lesion is far above rounding.
        assert np.abs(expected - intact).max() > 1e-3 * scale


@pytest.mark.parametrize(("layer", "module"), [("avgpool", "norm4"), ("fc1", "fc1")])
def test_a_lesion_by_hooks_equals_that_of_the_readout(network, files, layer, module):
    """What a ReLU follows is 0 after it exactly if it is 0 before it."""
    _, readout = read(*files, layer)
    hooked = ForwardReadout(network, module, lambda: [log_mel()], readout.outputs)
    found = [outputs.copy() for outputs in readout.lesioned(first_of(order_of()))]
    scale = np.abs(readout.outputs).max()
    by_hooks = hooked.lesioned(first_of(order_of()))
    for outputs, expected in zip(by_hooks, found, strict=True):
        assert np.abs(outputs - expected).max() < 1e-5 * scale


@pytest.mark.parametrize("layer", ["avgpool", "fc1"])
def test_units_at_given_values_equal_running_the_network_again(network, files, layer):
    _, readout = read(*files, layer)
    values = np.random.default_rng(3).gamma(1, 1, 256).astype(np.float32)
    order = order_of()
    for count, outputs in zip(COUNTS, readout.lesioned(first_of(order, values)), strict=True):
        silenced = order[:count]
        to = torch.tensor(values[silenced], dtype=torch.float64)
        expected = run_again(network, layer, silenced, to)
        scale = np.abs(expected).max()
        assert np.abs(outputs - expected).max() < 1e-5 * scale
        at_zero = run_again(network, layer, silenced)
        assert np.abs(expected - at_zero).max() > 1e-3 * scale


@pytest.mark.parametrize("layer", ["avgpool", "fc1"])
def test_outgoing_weights_are_those_into_the_next_layer(network, files, layer):
    into = dict(network.named_parameters())["fc1.weight" if layer == "avgpool" else "fc2.weight"]
    expected = torch.linalg.vector_norm(into.detach(), dim=0).numpy()
    np.testing.assert_allclose(read(*files, layer)[1].outgoing, expected, rtol=1e-5)


@pytest.mark.parametrize("layer", ["avgpool", "fc1"])
def test_blocks_of_clips_and_other_lesions_change_nothing(files, layer, monkeypatch):
    _, readout = read(*files, layer)
    order = order_of(1)
    steps = [outputs.copy() for outputs in readout.lesioned(first_of(order))]
    for lesion, stepped in zip(first_of(order), steps, strict=True):
        (alone,) = [outputs.copy() for outputs in readout.lesioned([lesion])]
        np.testing.assert_array_equal(stepped, alone)
    monkeypatch.setattr(module, "_CLIPS_IN_A_BLOCK", 3)
    for whole, outputs in zip(steps, readout.lesioned(first_of(order)), strict=True):
        np.testing.assert_allclose(outputs, whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", ["avgpool", "fc1"])
def test_lesions_of_units_that_never_respond_change_nothing(layer):
    random = np.random.default_rng(2)
    answers = np.maximum(random.normal(0.3, 1, (CLIPS, 40)), 0).astype(np.float32)
    answers[:, :20] = 0
    shapes = {"fc1.weight": (40, 40), "fc1.bias": 40, "fc2.weight": (CLASSES, 40), "fc2.bias": 7}
    parameters = {
        name: random.normal(0, 1, shape).astype(np.float32)
        for name, shape in shapes.items()
        if layer == "avgpool" or name.startswith("fc2")
    }
    # As stored by another library, whose last bits differ.
    outputs = Readout(answers, np.empty((CLIPS, CLASSES), np.float32), parameters).computed()
    outputs *= np.float32(1 + 1e-6)
    readout = Readout(answers, outputs.copy(), parameters)
    steps = [step.copy() for step in readout.lesioned(first_of(np.arange(40), counts=[20, 40]))]
    assert (steps[0] == outputs).all()
    assert (readout.outputs == outputs).all()
    # Without any unit, all clips have the same outputs, up to rounding.
    assert np.ptp(steps[1], axis=0).max() < 1e-4 < np.ptp(outputs, axis=0).min()


def test_the_layer_that_is_lesioned():
    found = {
        layer: Kim2024().lesioned_layer(layer) for layer in ("conv1", "conv3", "avgpool", "fc1")
    }
    assert found == {"conv1": "avgpool", "conv3": "avgpool", "avgpool": "avgpool", "fc1": "fc1"}


@pytest.mark.parametrize("layer", ["avgpool", "fc1"])
def test_weights_of_another_network_are_refused(files, layer):
    weights, responses = files
    write_tensors(
        weights,
        initial_network(Kim2024(), CLASSES, seed=8).state_dict(),
        ABOUT,
    )
    with pytest.raises(InputError, match=r"test\.h5: damaged responses .not those of the network"):
        read(weights, responses, layer)
    write_tensors(
        weights,
        initial_network(Kim2024(), 5, seed=3).state_dict(),
        ABOUT | {"classes": 5},
    )
    with pytest.raises(InputError, match=r"test\.h5: damaged responses .not those of the network"):
        read(weights, responses, layer)


def test_responses_that_are_not_numbers_are_refused(files):
    with h5py.File(files[1], "r+") as file:
        file["avgpool"][2, 5] = np.nan
    with pytest.raises(InputError, match=r"test\.h5: damaged responses .not those of the network"):
        read(*files, "avgpool")


def test_unreadable_weights_are_named(files, tmp_path):
    weights, responses = files
    with pytest.raises(InputError, match=r"none\.safetensors: missing"):
        read(tmp_path / "none.safetensors", responses, "avgpool")
    tensors = load_file(weights)
    del tensors["fc1.bias"]
    save_file(tensors, tmp_path / "less.safetensors")
    with pytest.raises(InputError, match=r"less\.safetensors: damaged weights"):
        read(tmp_path / "less.safetensors", responses, "avgpool")
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(InputError, match=r"weights\.safetensors: damaged weights"):
        read(weights, responses, "avgpool")
