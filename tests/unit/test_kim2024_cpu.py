import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from music_detectors.models.kim2024 import cpu

# With more threads, such small computations are slower.
torch.set_num_threads(1)

CL = torch.channels_last
# Sums of some hundred products of values around 1, in single precision: 1e-6 of their size each,
# and a few times that through the transformations.
CLOSE = {"rtol": 1e-4, "atol": 2e-5}


def images(*shape, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=draw).to(memory_format=CL)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 11),
    channels=st.integers(1, 4),
    outputs=st.integers(1, 5),
    frames=st.integers(5, 23),
    mels=st.integers(5, 9),
)
def test_convolution_is_pytorchs_with_its_gradients(n, channels, outputs, frames, mels):
    x = images(n, channels, frames, mels).requires_grad_()
    weight = (images(outputs, channels, 5, 5, seed=1) / 5).requires_grad_()
    exact_x = x.detach().double().requires_grad_()
    exact_weight = weight.detach().double().requires_grad_()
    expected = torch.conv2d(exact_x, exact_weight)
    y = cpu.convolution(x, weight)
    torch.testing.assert_close(y.double(), expected, **CLOSE)
    of_y = images(*y.shape, seed=2)
    y.backward(of_y)
    expected.backward(of_y.double())
    torch.testing.assert_close(x.grad.double(), exact_x.grad, **CLOSE)
    # Sums over all clips and places.
    scale = max(1, of_y[:, 0].numel() ** 0.5)
    torch.testing.assert_close(weight.grad.double() / scale, exact_weight.grad / scale, **CLOSE)


def test_errors_of_a_convolution_are_those_of_single_precision():
    x, weight = images(4, 64, 95, 10).relu(), images(128, 64, 5, 5, seed=1) / 40
    exact = torch.conv2d(x.double(), weight.double())
    direct = (torch.conv2d(x, weight) - exact).norm() / exact.norm()
    ours = (cpu.convolve(x, cpu.transformed(weight)) - exact).norm() / exact.norm()
    assert ours < 2e-6
    # The direct sum may have a lucky order, but it is not ten times better.
    assert ours < 10 * direct


def test_weights_may_be_views_of_another_layout():
    x, weight = images(2, 3, 9, 7), images(4, 3, 5, 5, seed=1)
    torch.testing.assert_close(
        cpu.convolution(x, weight.transpose(2, 3)),
        torch.conv2d(x.contiguous(), weight.transpose(2, 3).contiguous()),
        **CLOSE,
    )


def test_clips_do_not_depend_on_how_many_are_computed_at_once(monkeypatch):
    x, weight = images(7, 3, 14, 7), images(4, 3, 5, 5, seed=1).requires_grad_()
    results = []
    # Three tiles per clip: all clips, three, one.
    for tiles in (200, 10, 1):
        monkeypatch.setattr(cpu, "_TILES_AT_ONCE", tiles)
        weight.grad = None
        y = cpu.convolution(x, weight)
        y.square().sum().backward()
        results.append((y.detach(), weight.grad))
    for y, of_weight in results[1:]:
        torch.testing.assert_close(y, results[0][0], **CLOSE)
        torch.testing.assert_close(of_weight, results[0][1], rtol=1e-4, atol=1e-2)


def test_max_pool_is_pytorchs_with_its_gradient():
    x = images(3, 4, 7, 6).requires_grad_()
    before = images(3, 4, 7, 6, seed=1)
    expected_x = x.detach().clone().requires_grad_()
    y = cpu.max_pool(x, before)
    expected = torch.nn.functional.max_pool2d(expected_x, 2, 1)
    assert torch.equal(y, expected)
    of_y = images(*y.shape, seed=2)
    y.backward(of_y)
    expected.backward(of_y)
    torch.testing.assert_close(x.grad, expected_x.grad, rtol=1e-6, atol=1e-6)


def blocks(channels, seed=3):
    """The same convolution and batch normalisation twice: in single and in double precision."""
    torch.manual_seed(seed)
    convolution = torch.nn.Conv2d(1, channels, 5, stride=(4, 2), bias=False)
    norm = torch.nn.BatchNorm2d(channels)
    with torch.no_grad():
        # Negative and tiny scales too, where pooling before scaling would be wrong or undefined.
        norm.weight.copy_(torch.linspace(-1, 1, channels))
        norm.bias.normal_()
        norm.running_mean.normal_()
    exact = torch.nn.Sequential(
        torch.nn.Conv2d(1, channels, 5, stride=(4, 2), bias=False),
        torch.nn.BatchNorm2d(channels),
        torch.nn.MaxPool2d(2, 2),
    ).double()
    exact[0].load_state_dict(convolution.state_dict())
    exact[1].load_state_dict(norm.state_dict())
    return convolution, norm, exact


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 6), frames=st.integers(13, 40), mels=st.integers(9, 21))
def test_first_block_is_pytorchs_with_its_gradients(n, frames, mels):
    convolution, norm, exact = blocks(5)
    x = 15 * images(n, 1, frames, mels) - 45
    y = cpu.first_block(x, convolution.weight, convolution.stride, norm)
    expected = exact(x.double())
    torch.testing.assert_close(y.double(), expected, rtol=1e-4, atol=1e-4)
    of_y = images(*y.shape, seed=2)
    y.backward(of_y)
    expected.backward(of_y.double())
    for ours, theirs in (
        (convolution.weight.grad, exact[0].weight.grad),
        (norm.weight.grad, exact[1].weight.grad),
        (norm.bias.grad, exact[1].bias.grad),
    ):
        # Sums over decibels that largely cancel.
        assert (ours - theirs).norm() < 1e-3 * (1 + theirs.norm())
    for name, value in exact[1].state_dict().items():
        if "running" in name or "tracked" in name:
            torch.testing.assert_close(
                norm.state_dict()[name].double(), value.double(), rtol=1e-5, atol=1e-5
            )


def test_first_block_of_a_constant():
    convolution, norm, _ = blocks(4)
    x = torch.full((3, 1, 30, 12), -100.0)
    y = cpu.first_block(x, convolution.weight, convolution.stride, norm)
    assert torch.isfinite(y).all()
    # All outputs are the mean, so all normalised values are 0 and only the shift is left.
    torch.testing.assert_close(y, norm.bias[None, :, None, None].expand_as(y), rtol=0, atol=1e-5)
    y.sum().backward()
    for parameter in (convolution.weight, norm.weight, norm.bias):
        assert torch.isfinite(parameter.grad).all()


def test_the_same_input_gives_the_same_bits():
    x, weight = images(9, 8, 30, 9), images(16, 8, 5, 5, seed=1).requires_grad_()
    results = []
    for _ in range(3):
        weight.grad = None
        y = cpu.convolution(x, weight)
        y.square().sum().backward()
        results.append((y.detach(), weight.grad))
    for y, of_weight in results[1:]:
        assert torch.equal(y, results[0][0]) and torch.equal(of_weight, results[0][1])
