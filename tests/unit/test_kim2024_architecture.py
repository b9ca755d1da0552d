import numpy as np
import pytest
import torch
from notebook import notebook_network, with_weights_of
from torch.nn.functional import binary_cross_entropy_with_logits

from music_detectors.common.errors import InputError
from music_detectors.models.kim2024 import Kim2024, architecture
from music_detectors.models.kim2024.architecture import Network
from music_detectors.models.weights import initial_network

# With more threads, such small computations are slower.
torch.set_num_threads(1)

KEPT, VALUES = 52429, 65536


def decibels(n, frames, seed=0):
    return torch.randn(n, 64, frames, generator=torch.Generator().manual_seed(seed)) * 15 - 45


def test_the_study_has_1_28_million_parameters():
    network = Network(527)
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_278_191
    assert [(name, tuple(p.shape)) for name, p in network.named_parameters() if p.dim() > 1] == [
        ("conv1.weight", (32, 1, 5, 5)),
        ("conv2.weight", (64, 32, 5, 5)),
        ("conv3.weight", (128, 64, 5, 5)),
        ("conv4.weight", (256, 128, 5, 5)),
        ("fc1.weight", (256, 256)),
        ("fc2.weight", (527, 256)),
    ]


def test_ten_seconds_give_one_logit_per_class():
    with torch.inference_mode():
        assert Network(5).eval()(decibels(1, 802)).shape == (1, 5)


@pytest.fixture(params=[True, False], ids=["own convolutions", "PyTorch's"])
def convolutions(request, monkeypatch):
    """Train as on a processor on which the network's own convolutions are faster, or are not."""
    monkeypatch.setattr(architecture.cpu, "trains_faster", lambda: request.param)


@pytest.mark.parametrize("training", [True, False])
def test_outputs_are_those_of_the_notebooks_order_of_layers(convolutions, training):
    network = initial_network(Kim2024(), 5, seed=3).train(training)
    sequence = with_weights_of(network)
    for module in sequence.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    log_mel = decibels(4, 150)
    # The same sums in another order: single precision, through batch statistics of some 1e3 values.
    torch.testing.assert_close(
        network(log_mel), sequence(log_mel.unsqueeze(1)), rtol=1e-4, atol=1e-5
    )


def test_gradients_are_those_of_the_notebooks_layers_in_double_precision(convolutions):
    network = initial_network(Kim2024(), 5, seed=3)
    reference = with_weights_of(network).double()
    for module in reference.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    log_mel, labels = decibels(4, 150), torch.eye(5)[:4]
    binary_cross_entropy_with_logits(network(log_mel), labels).backward()
    binary_cross_entropy_with_logits(
        reference(log_mel.double().unsqueeze(1)), labels.double()
    ).backward()
    for parameter, reference_parameter in zip(
        network.parameters(), reference.parameters(), strict=True
    ):
        # In single precision a unit within 1e-6 of zero, or two within 1e-6 of each other, may
        # take the other branch of ReLU or pooling; one such moves a gradient by a hundredth.
        assert (
            parameter.grad - reference_parameter.grad
        ).norm() < 0.05 * reference_parameter.grad.norm()


def dropped(x, seed=5):
    return architecture._activation(x, torch.Generator().manual_seed(seed))


def test_dropout_drops_a_fifth_and_keeps_the_mean():
    x = torch.rand(50, 8, 20, 40).contiguous(memory_format=torch.channels_last) + 1
    y = dropped(x)
    n = x.numel()
    share = (y != 0).double().mean().item()
    # Five standard errors of a share and of a mean (standard deviation below 1) of n draws.
    assert abs(share - 0.8) < 5 * np.sqrt(0.16 / n)
    assert abs((y.double().mean() - x.double().mean()).item()) < 5 / np.sqrt(n)
    kept = y != 0
    torch.testing.assert_close(y[kept], x[kept] * (VALUES / KEPT))


def test_dropout_draws_each_element_on_its_own():
    kept = dropped(torch.ones(64, 1000)) != 0
    # Neighbours, and elements a quarter-word pattern apart, agree as often as by chance.
    for lag in (1, 2, 3, 4):
        agree = (kept[:, lag:] == kept[:, :-lag]).double().mean().item()
        assert abs(agree - 0.68) < 5 * np.sqrt(0.68 * 0.32 / 64_000)


def test_dropout_follows_from_its_generator_alone():
    x = torch.randn(3, 4, 5, 6)
    assert torch.equal(dropped(x), dropped(x))
    assert not torch.equal(dropped(x), dropped(x, seed=6))
    # The mask belongs to the elements, not to their order in memory.
    assert torch.equal(dropped(x), dropped(x.contiguous(memory_format=torch.channels_last)))


def test_gradient_of_relu_and_dropout():
    x = torch.randn(3, 4, 5, 6, requires_grad=True)
    y = dropped(x)
    assert (y >= 0).all()
    y.backward(torch.full_like(y, 2.0))
    torch.testing.assert_close(x.grad, torch.where(y > 0, 2 * VALUES / KEPT, 0.0))


def test_the_blocks_that_the_study_drops_from(convolutions, monkeypatch):
    calls = []
    activation = architecture._activation
    monkeypatch.setattr(
        architecture,
        "_activation",
        lambda x, dropout: (
            calls.append((x.shape[1], dropout is not None)) or activation(x, dropout)
        ),
    )
    initial_network(Kim2024(), 3, 1)(decibels(2, 125), torch.Generator())
    assert calls == [(32, True), (64, False), (128, True), (256, True), (256, True)]


def test_initial_weights_follow_from_the_seed_and_leave_other_draws_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first = initial_network(Kim2024(), 4, seed=2**62)
    assert torch.equal(torch.rand(3), expected)
    again, other = initial_network(Kim2024(), 4, seed=2**62), initial_network(Kim2024(), 4, seed=9)
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    assert not torch.equal(first.conv1.weight, other.conv1.weight)


def test_initial_weights_have_the_spread_of_pytorchs_default():
    torch.manual_seed(1)
    notebook = notebook_network(5)
    for parameter, reference in zip(
        initial_network(Kim2024(), 5, seed=1).parameters(), notebook.parameters(), strict=True
    ):
        assert parameter.shape == reference.shape
        torch.testing.assert_close(
            parameter.abs().max(), reference.abs().max(), rtol=0.3, atol=0.02
        )


@pytest.mark.parametrize("training", [True, False])
def test_bfloat16_rounds_convolutions_alone(training, monkeypatch):
    networks = [initial_network(Kim2024(), 5, seed=3).train(training) for _ in range(2)]
    log_mel, labels = decibels(4, 150), torch.eye(5)[:4]
    types = {}

    def remember(name):
        return lambda _, given, output: types.__setitem__(name, (given[0].dtype, output.dtype))

    for name, module in networks[1].named_modules():
        module.register_forward_hook(remember(name))
    kinds = []
    convolution = architecture.gpu.convolution
    monkeypatch.setattr(
        architecture.gpu,
        "convolution",
        lambda x, weight: kinds.append(x.dtype) or convolution(x, weight),
    )
    expected = networks[0](log_mel)
    with torch.autocast("cpu", torch.bfloat16):
        logits = networks[1](log_mel)
    assert kinds == [torch.bfloat16] * 3
    assert types["fc1"] == types["fc2"] == (torch.float32, torch.float32)
    # A rounding of a 256th, three times.
    assert (logits - expected).norm() < 0.05 * expected.norm()
    assert not torch.equal(logits, expected)
    for norm in ("norm1", "norm2", "norm3", "norm4"):
        mine, other = (getattr(network, norm) for network in reversed(networks))
        assert mine.running_var.dtype == torch.float32
        torch.testing.assert_close(mine.running_var, other.running_var, rtol=0.03, atol=1e-3)
        assert mine.num_batches_tracked == other.num_batches_tracked
    if training:
        for one in (expected, logits):
            binary_cross_entropy_with_logits(one, labels).backward()
        for one, other in zip(*(network.parameters() for network in networks), strict=True):
            assert other.grad.dtype == torch.float32
            assert (one.grad - other.grad).norm() < 0.3 * one.grad.norm()


def test_the_shortest_clip():
    Kim2024().check_size(64, 121)
    with torch.inference_mode():
        network = Network(3).eval()
        assert network(decibels(2, 121)).shape == (2, 3)
        with pytest.raises(RuntimeError):
            network(decibels(2, 120))
    with pytest.raises(InputError, match=r"64 bands x 120 frames .* 121 frames .*clip_seconds"):
        Kim2024().check_size(64, 120)
    with pytest.raises(InputError, match="40 bands"):
        Kim2024().check_size(40, 802)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same_outputs_and_gradients():
    network = initial_network(Kim2024(), 5, seed=3)
    on_gpu = initial_network(Kim2024(), 5, seed=3).cuda()
    log_mel, labels = decibels(4, 150), torch.eye(5)[:4]
    logits = network(log_mel)
    logits_of_gpu = on_gpu(log_mel.cuda())
    # Single precision on both sides, sums in another order.
    torch.testing.assert_close(logits_of_gpu.cpu(), logits, rtol=1e-3, atol=1e-4)
    binary_cross_entropy_with_logits(logits, labels).backward()
    binary_cross_entropy_with_logits(logits_of_gpu, labels.cuda()).backward()
    for mine, other in zip(network.parameters(), on_gpu.parameters(), strict=True):
        # As against double precision: a few units may take the other branch.
        assert (mine.grad - other.grad.cpu()).norm() < 0.05 * mine.grad.norm()
    with torch.autocast("cuda", torch.bfloat16):
        rounded = on_gpu(log_mel.cuda())
    # bfloat16 has 8 bits: a few per cent of the spread of the logits after five layers.
    assert (rounded.float().cpu() - logits).abs().max() < 0.1 * logits.abs().max()


def test_a_network_says_which_convolutions_it_uses(convolutions):
    with torch.autocast("cpu", torch.bfloat16):
        assert Kim2024().computed_by(torch.device("cpu")) == "convolutions by PyTorch"
    described = Kim2024().computed_by(torch.device("cpu"))
    is_faster = architecture.cpu.trains_faster()
    assert described == (
        "convolutions by Toom and Cook" if is_faster else "convolutions by PyTorch"
    )
    assert Kim2024().computed_by(torch.device("cuda")) == "convolutions by PyTorch"
