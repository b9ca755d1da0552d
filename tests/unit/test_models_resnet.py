"""The residual network against a second forward pass, its lesions, and its training."""

import numpy as np
import pytest
import torch
from torch.nn.functional import batch_norm, conv2d, linear, max_pool2d

from music_detectors.common.files import sha256
from music_detectors.common.tables import read_table
from music_detectors.models.find import has_readout, load_trained
from music_detectors.models.heard import heard_together
from music_detectors.models.hooks import ForwardReadout
from music_detectors.models.weights import initial_network, read_network
from music_detectors.training import checkpoint
from music_detectors.training import train as training
from music_detectors.training.columns import HISTORY
from music_detectors.training.train import Outputs, train_networks
from support.networks_corpus import make_corpus, settings

torch.set_num_threads(1)
WIDTHS = [32, 64, 128, 256]
MODEL = load_trained("resnet")


def decibels(n, frames, seed=0):
    return torch.randn(n, 64, frames, generator=torch.Generator().manual_seed(seed)) * 15 - 45


@pytest.fixture(scope="module")
def network():
    """A network in evaluation mode whose batch normalisation is not trivial."""
    made = initial_network(MODEL, 5, seed=1)
    draw = torch.Generator().manual_seed(2)
    for name, buffer in made.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(torch.randn(buffer.shape, generator=draw) * 0.1)
        elif name.endswith("running_var"):
            buffer.copy_(torch.rand(buffer.shape, generator=draw) + 0.5)
    made.norm.running_mean.sub_(45)
    made.norm.running_var.mul_(200)
    return made.eval()


def test_its_size():
    made = initial_network(MODEL, 527, seed=1)
    assert sum(parameter.numel() for parameter in made.parameters()) == 2_931_185
    # 18 layers: the stem's, sixteen in blocks, and the last; shortcuts do not count.
    kinds = (torch.nn.Conv2d, torch.nn.Linear)
    counted = [name for name, m in made.named_modules() if isinstance(m, kinds)]
    assert len([name for name in counted if "shortcut" not in name]) == 18


def by_hand(network, log_mel):
    """The means of every layer, from the tensors of `network`."""
    tensors = network.state_dict()

    def normalised(x, name):
        names = ("running_mean", "running_var", "weight", "bias")
        return batch_norm(x, *(tensors[f"{name}.{one}"] for one in names))

    x = normalised(log_mel[:, None], "norm")
    x = normalised(conv2d(x, tensors["stem.0.weight"], stride=2, padding=3), "stem.1").relu()
    x = max_pool2d(x, 3, stride=2, padding=1)
    found = {"stem": x.mean((2, 3))}
    for stage, width in enumerate(WIDTHS, 1):
        for block in (0, 1):
            name = f"stage{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = conv2d(x, tensors[f"{name}.conv1.weight"], stride=stride, padding=1)
            y = conv2d(normalised(y, f"{name}.norm1").relu(), tensors[f"{name}.conv2.weight"], padding=1)  # fmt: skip # noqa: E501
            if stride == 2:
                x = conv2d(x, tensors[f"{name}.shortcut.0.weight"], stride=2)
                x = normalised(x, f"{name}.shortcut.1")
            x = (normalised(y, f"{name}.norm2") + x).relu()
        assert x.shape[1] == width
        found[f"stage{stage}"] = x.mean((2, 3))
    return found | {"logits": linear(found["stage4"], tensors["last.weight"], tensors["last.bias"])}


@pytest.mark.parametrize("frames", [32, 100, 243])
def test_responses_are_those_of_a_second_forward_pass(network, frames):
    log_mel = decibels(3, frames)
    with torch.inference_mode():
        expected = by_hand(network, log_mel)
        found = MODEL.evaluation(network, torch.device("cpu"))(log_mel)
        torch.testing.assert_close(network(log_mel), found["logits"], rtol=0, atol=0)
    assert list(found) == list(MODEL.layers) == list(expected)
    for layer, responses in found.items():
        torch.testing.assert_close(responses, expected[layer], rtol=1e-3, atol=1e-5)
        assert expected[layer].std(0).max() > 1e-3


def test_short_sounds_are_heard_and_continued_by_their_mirror_image(network):
    groups = heard_together(MODEL, 200, [3, 31, 32, 39, 40, 200], "sound")
    assert [None if frames is None else len(frames) for _, frames in groups] == [
        None,
        32,
        32,
        32,
        40,
    ]
    positions = []
    handle = network.stage4.register_forward_hook(
        lambda _, __, output: positions.append(output.shape[2:])
    )
    with torch.inference_mode():
        for frames in (32, 33, 64):
            network(decibels(1, frames))
    handle.remove()
    assert positions == [(2, 1), (2, 2), (2, 2)]


def test_clips_of_a_batch_do_not_change_each_others_outputs(network):
    log_mel = decibels(3, 100)
    with torch.inference_mode():
        alone = torch.cat([network(one[None]) for one in log_mel])
        torch.testing.assert_close(network(log_mel), alone, rtol=1e-4, atol=1e-5)


def test_initial_weights_follow_from_the_seed_and_have_he_and_others_spread():
    first, again, other = (initial_network(MODEL, 4, seed=seed) for seed in (1, 1, 2))
    assert all(map(torch.equal, first.state_dict().values(), again.state_dict().values()))
    weight = first.stage3[1].conv1.weight
    assert not torch.equal(weight, other.stage3[1].conv1.weight)
    # The variance is two over the outputs that a weight takes part in.
    assert weight.std().item() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)


def test_dropout_is_drawn_from_its_generator_and_keeps_the_mean(network):
    log_mel = decibels(2, 64)
    heard = []
    handle = network.last.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    with torch.no_grad():
        for dropout in (None, *(torch.Generator().manual_seed(seed) for seed in (1, 1, 2))):
            network(log_mel, dropout)
    handle.remove()
    whole, first, again, other = heard
    assert torch.equal(first, again) and not torch.equal(first, other)
    kept = first != 0
    torch.testing.assert_close(first[kept], whole[kept] / 0.8)
    responding = whole != 0
    assert kept[responding].float().mean().item() == pytest.approx(0.8, abs=0.05)


def test_lesions_from_stored_responses_are_those_of_the_network_run_again(network):
    log_mel = decibels(6, 100)
    with torch.inference_mode():
        found = MODEL.evaluation(network, torch.device("cpu"))(log_mel)
    responses = {layer: values.numpy() for layer, values in found.items()}
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    assert has_readout("resnet") and MODEL.lesioned_layer("stage2") == "stage4"
    readout = MODEL.readout(weights, responses, "stage4")
    again = ForwardReadout(network, "stage4", lambda: iter([log_mel]), responses["logits"])
    order = np.random.default_rng(0).permutation(256)
    means = responses["stage4"].mean(0)
    assert readout.units == again.units == 256
    lesions = [(order[:count], values) for count in (0, 8, 200) for values in (None, means)]
    for one, other in zip(readout.lesioned(lesions), again.lesioned(lesions), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        readout.outgoing, np.linalg.norm(weights["last.weight"], axis=0), rtol=1e-6
    )
    with pytest.raises(ValueError):
        MODEL.readout(weights | {"last.bias": weights["last.bias"] + 9}, responses, "stage4")


class Killed(Exception):
    pass


def trained(corpus, folder, **changes):
    """The files of a network after three epochs."""
    names = ("weights", "snapshots", "history", "clips", "checkpoint")
    files = Outputs(**{name: folder / name for name in names})
    train_networks(
        corpus.index,
        corpus.clips,
        corpus.classes,
        corpus.branches,
        settings=[settings(model="resnet", snapshots=[0, 3], **changes)],
        outputs=[files],
        code="1",
        device="cpu",
        threads=1,
        memory_mb=100,
    )
    return files


def test_a_killed_training_job_reaches_the_same_weights(tmp_path, monkeypatch):
    corpus = make_corpus(tmp_path / "corpus")
    whole = trained(corpus, tmp_path / "whole")
    save = checkpoint.save_checkpoint

    def save_and_die(path, digest, state):
        save(path, digest, state)
        if len(state.history) == 2:
            raise Killed

    monkeypatch.setattr(training, "save_checkpoint", save_and_die)
    monkeypatch.setattr(training, "_SECONDS_BETWEEN_CHECKPOINTS", 0)
    with pytest.raises(Killed):
        trained(corpus, tmp_path / "killed")
    monkeypatch.undo()
    resumed = trained(corpus, tmp_path / "killed")
    for one, other in zip(resumed.made, whole.made, strict=True):
        assert sha256(one) == sha256(other)
    network, about = read_network(whole.weights, MODEL, "resnet")
    assert about["model"] == "resnet" and not network.training
    other = trained(corpus, tmp_path / "other", replicate=2)
    assert sha256(other.weights) != sha256(whole.weights)


def test_planted_classes_are_learnt(tmp_path):
    corpus = make_corpus(tmp_path, n=90)
    files = trained(corpus, tmp_path / "network", epochs=6)
    history = read_table(files.history, HISTORY)
    assert history["validation_map"].max() > 0.95
    assert history["loss"].iloc[-1] < 0.5 * history["loss"].iloc[0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same_outputs(network):
    log_mel = decibels(4, 150)
    on_gpu = initial_network(MODEL, 5, seed=1).cuda().eval()
    on_gpu.load_state_dict(network.state_dict())
    with torch.inference_mode():
        found = on_gpu(log_mel.cuda()).cpu()
        # Single precision on both sides, sums in another order.
        torch.testing.assert_close(found, network(log_mel), rtol=1e-3, atol=1e-4)
