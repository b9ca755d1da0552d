import numpy as np
import pytest
import torch
from notebook import READ_AT, with_weights_of

from music_detectors.models.kim2024 import Kim2024
from music_detectors.models.kim2024.architecture import Network
from music_detectors.models.kim2024.features import PooledFeatures
from music_detectors.models.weights import initial_network
from support.pretended_gpu import DEVICE, pretended_gpu

# With more threads, such small computations are slower.
torch.set_num_threads(1)

UNITS = {"conv1": 32, "conv2": 64, "conv3": 128, "avgpool": 256, "fc1": 256, "fc2": 7}
CPU = torch.device("cpu")


def decibels(n, frames=150, seed=0):
    return torch.randn(n, 64, frames, generator=torch.Generator().manual_seed(seed)) * 15 - 45


@pytest.fixture(scope="module")
def network():
    """A network whose batch statistics, scales and shifts differ from the initial ones."""
    network = initial_network(Kim2024(), 7, seed=3)
    draw = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for seed in range(5):
            network(decibels(4, seed=seed))
        for norm in (network.norm1, network.norm2, network.norm3, network.norm4):
            # Negative scales too, where pooling before batch normalisation would be wrong.
            norm.weight.copy_(torch.randn(norm.weight.shape, generator=draw))
            norm.bias.copy_(torch.randn(norm.bias.shape, generator=draw))
    return network.eval()


def hooked(network, log_mel):
    """Read the layers of the notebook's network, in double precision, by hooks."""
    sequence = with_weights_of(network).double()
    found = {}
    for layer, place in READ_AT.items():
        sequence[place].register_forward_hook(
            lambda _, __, output, layer=layer: found.__setitem__(
                layer, output.mean((2, 3)) if output.dim() == 4 else output
            )
        )
    with torch.inference_mode():
        sequence(log_mel.double().unsqueeze(1))
    return found


@pytest.mark.parametrize("frames", [121, 150, 283])
def test_features_are_those_read_by_hooks(network, frames):
    log_mel = decibels(5, frames)
    expected = hooked(network, log_mel)
    features = PooledFeatures(network, CPU)
    found = features(log_mel)
    assert tuple(found) == Kim2024.layers
    for layer, values in found.items():
        assert values.dtype == torch.float32
        assert values.shape == (5, UNITS[layer])
        # Single against double precision: 1e-6 of the layer's largest response, and ten times
        # that, as the first convolution's sums over decibels cancel.
        scale = expected[layer].abs().max()
        assert (values - expected[layer]).abs().max() < 1e-5 * scale


def test_logits_are_the_networks_own(network):
    log_mel = decibels(3)
    with torch.inference_mode():
        expected = network(log_mel)
    torch.testing.assert_close(
        PooledFeatures(network, CPU)(log_mel)["fc2"], expected, rtol=1e-4, atol=1e-4
    )


def test_a_clip_does_not_depend_on_those_beside_it(network):
    log_mel = decibels(6)
    features = PooledFeatures(network, CPU)
    together = features(log_mel)
    for layer in Kim2024.layers:
        alone = torch.cat([features(clip)[layer] for clip in log_mel.split(1)])
        np.testing.assert_allclose(alone, together[layer], rtol=1e-4, atol=1e-4)


def test_a_gpu_hears_a_whole_batch_at_a_time_in_the_first_layer_too(network):
    heard = []

    def counted(device):
        features = PooledFeatures(network, device)
        first = features._first
        features._first = lambda clips: heard.append(len(clips)) or first(clips)
        return features

    counted(CPU)(decibels(9))
    assert heard == [4, 4, 1]
    heard.clear()
    with pretended_gpu():
        counted(DEVICE)(decibels(9).to(DEVICE))
    assert heard == [9]


def test_the_network_stays_as_it_is():
    network = Network(3)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    PooledFeatures(network, CPU)(decibels(2))
    assert network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same_features(network):
    from music_detectors.models.device import prepare_device

    log_mel = decibels(5)
    on_gpu = PooledFeatures(network, prepare_device("cuda", 1))(log_mel.cuda())
    for layer, expected in PooledFeatures(network, CPU)(log_mel).items():
        # Single precision on both sides.
        assert (on_gpu[layer].cpu() - expected).abs().max() < 1e-4 * expected.abs().max()
