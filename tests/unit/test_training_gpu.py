"""Training on a GPU, pretended: whole jobs, what they wait for, and where spectrograms are."""

from unittest.mock import patch

import numpy as np
import pytest
import torch

from music_detectors.common.errors import InputError
from music_detectors.common.files import sha256
from music_detectors.gpu_check import checks
from music_detectors.gpu_check.corpus import generate
from music_detectors.gpu_check.jobs import FILES, play, train
from music_detectors.models import device
from music_detectors.models.device import advising_when_full, prepare_device
from music_detectors.models.kim2024 import gpu
from music_detectors.models.weights import read_tensors
from music_detectors.training import data, steps
from music_detectors.training import train as training
from support import pretended_gpu as pretended
from support.networks_corpus import make_corpus
from support.pretended_gpu import pretended_gpu

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    # 68 clips to train on: two batches of 32 and one of 4.
    return generate(tmp_path_factory.mktemp("generated"), 75, 5, frames=125)


@pytest.fixture(autouse=True)
def no_claim():
    yield
    device._claimed.cache_clear()


@pytest.fixture
def little_reserved(monkeypatch):
    monkeypatch.setattr(data, "_LIBRARIES_BYTES", 0)


def test_every_way_to_a_network_gives_the_same_bytes(corpus, tmp_path, little_reserved):
    with pretended_gpu(free=25 * 10**8):
        found = list(checks.equalities(corpus, tmp_path, small=True))
    assert len(found) > 6
    assert not [name for name, holds, _ in found if not holds]


def test_errors_against_a_cpu_are_those_of_bfloat16():
    with pretended_gpu():
        found = list(checks.accuracy())
    assert not [name for name, holds, _ in found if not holds]
    gradients = found[-1][2]
    # The last layer is in float32, but what it is given is not.
    assert 1e-4 < gradients["fc2.weight"] < 0.01 < gradients["conv2.weight"]


@pytest.mark.parametrize(
    ("frames", "precision"), [(130, "bfloat16"), (125, "bfloat16"), (125, "float32")]
)
def test_a_step_by_graph_is_the_step_without(frames, precision):
    """Bit by bit, over several epochs and batches of which the last is smaller."""
    draw = torch.Generator().manual_seed(1)
    log_mel = (torch.randn(21, 64, frames, generator=draw) * 15 - 45).half()
    labels = torch.rand(21, 3, generator=draw) < 0.3
    found = []
    for graph in (steps._Graph, lambda steps: None):
        with pretended_gpu(), patch.object(steps, "_Graph", graph):
            held = data._Resident.__new__(data._Resident)
            held._device, held._log_mel = pretended.DEVICE, log_mel.to(pretended.DEVICE)
            held.on_gpu = held._log_mel
            network = training.initial_network(checks.Kim2024(), 3, seed=2)
            network = network.to(pretended.DEVICE)
            every = steps.Steps(network, held, labels.to(pretended.DEVICE), [8, 8, 5], precision)
            optimizer = training.AdamW(network.parameters(), 0.01)
            for epoch in range(2):
                order = torch.from_numpy(np.random.default_rng(epoch).permutation(21))
                for gradients in every.epoch(order, seed=epoch):
                    optimizer.step(gradients, 0.001 * (epoch + 1), 0.9 - 0.01 * epoch)
            state = {name: value.cpu() for name, value in network.state_dict().items()}
            found.append((state, every.losses.cpu()))
    (one, losses), (other, others) = found
    assert torch.equal(losses, others) and losses.unique().numel() == 3
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_an_epoch_waits_only_for_its_losses_and_its_scores(corpus, tmp_path):
    waits = []
    for epochs in (2, 5):
        with pretended_gpu():
            train(corpus, tmp_path / str(epochs), epochs)
            waits.append(dict(pretended.WAITS))
    more = {name: waits[1][name] - count for name, count in waits[0].items()}
    assert more.pop("to the CPU") == 3 * 2
    assert not any(more.values()), more


def test_networks_are_those_of_jobs_of_their_own(corpus, tmp_path):
    with pretended_gpu():
        together = train(corpus, tmp_path / "together", 2, replicates=[1, 2, 3])
        alone = [train(corpus, tmp_path / "alone", 2, replicates=[k])[0] for k in (1, 2, 3)]
    for one, other in zip(together, alone, strict=True):
        assert (one / "weights.safetensors").read_bytes() == (
            other / "weights.safetensors"
        ).read_bytes()
        assert not (other / "checkpoint.safetensors").exists()


def test_a_job_trains_again_only_what_is_missing_or_changed(corpus, tmp_path, caplog):
    caplog.set_level("INFO")
    with pretended_gpu():
        made = train(corpus, tmp_path, 1, replicates=[1, 2, 3])
        whole = {place / name: sha256(place / name) for place in made for name in FILES[:2]}
        (made[0] / "history.tsv").unlink()
        content = bytearray((made[2] / "weights.safetensors").read_bytes())
        content[-1] ^= 1
        (made[2] / "weights.safetensors").write_bytes(content)
        times = (made[1] / "weights.safetensors").stat().st_mtime_ns
        caplog.clear()
        train(corpus, tmp_path, 1, replicates=[1, 2, 3])
        assert [f"replicate {k}: finished before" in caplog.text for k in (1, 2, 3)] == [
            False,
            True,
            False,
        ]
        assert (made[1] / "weights.safetensors").stat().st_mtime_ns == times
        assert {path: sha256(path) for path in whole} == whole
        # Other settings train all of them again.
        caplog.clear()
        train(corpus, tmp_path, 2, replicates=[1, 2, 3])
    assert "finished before" not in caplog.text


@pytest.mark.parametrize("place", ["cpu", "cuda"])
def test_a_job_that_fails_keeps_what_its_other_networks_have_become(
    corpus, tmp_path, monkeypatch, caplog, place
):
    caplog.set_level("INFO")
    monkeypatch.setattr(training, "_side_by_side", one_after_the_other)
    with pretended_gpu():
        whole = train(corpus, tmp_path / "whole", 2, replicates=[1, 2], device=place)
        with monkeypatch.context() as patch_:
            patch_.setattr(training, "batch_sizes", failing_at(2))
            with pytest.raises(RuntimeError):
                train(corpus, tmp_path / "failed", 2, replicates=[1, 2], device=place)
        first = tmp_path / "failed" / "seed-1"
        for name in FILES:
            (first / name).unlink()
        caplog.clear()
        again = train(corpus, tmp_path / "failed", 2, replicates=[1, 2], device=place)
    assert "continuing after epoch 2" in caplog.text
    assert "replicate 1, epoch" not in caplog.text and "replicate 2, epoch" in caplog.text
    for one, other in zip(whole, again, strict=True):
        for name in FILES[:2]:
            assert (one / name).read_bytes() == (other / name).read_bytes()
        # The note of what is finished holds no state.
        assert (other / "checkpoint.safetensors").stat().st_size < 2000


def one_after_the_other(train_one, networks, together, device):
    for number in range(networks):
        train_one(number, lambda: None)


def failing_at(network):
    asked = []

    def batch_sizes(clips, batch_size):
        asked.append(1)
        # An epoch asks too: a network of two epochs asks three times.
        if len(asked) > 3 * (network - 1):
            raise RuntimeError
        return sizes(clips, batch_size)

    sizes = training.batch_sizes
    return batch_sizes


def test_a_network_that_fails_ends_the_job_and_names_itself(corpus, tmp_path, monkeypatch):
    check = training._check_finite

    def spoiled(losses, settings, epoch, first_step):
        if settings.replicate == 2:
            losses = losses * torch.nan
        check(losses, settings, epoch, first_step)

    monkeypatch.setattr(training, "_check_finite", spoiled)
    with pretended_gpu(), pytest.raises(InputError, match="natural, replicate 2: the loss is nan"):
        train(corpus, tmp_path, 50, replicates=[1, 2])
    assert not (tmp_path / "seed-1" / "weights.safetensors").exists()


def test_the_kind_of_gpu_is_recorded_and_another_starts_anew(corpus, tmp_path, monkeypatch, caplog):
    with pretended_gpu(), checks._killed_after(1), pytest.raises(checks._Killed):
        train(corpus, tmp_path, 2)
    monkeypatch.setattr(pretended, "NAME", "Another GPU")
    with pretended_gpu():
        train(corpus, tmp_path, 2)
    assert "belongs to other data or settings" in caplog.text
    _, about = read_tensors(tmp_path / "seed-1" / "weights.safetensors")
    assert about["computed_by"] == "convolutions by PyTorch, cuda Another GPU"


@pytest.mark.parametrize(
    ("free", "memory_mb", "held"),
    [(10**9, 100, "gpu"), (7 * 10**8, 100, "host"), (7 * 10**8, 0, "shards")],
)
def test_where_spectrograms_are_held(tmp_path, little_reserved, free, memory_mb, held):
    corpus = make_corpus(tmp_path)
    plan = [torch.tensor([3, 0, 21]), torch.tensor([10])]
    with pretended_gpu(free=free):
        store, _ = data.open_spectrograms(
            corpus.index, corpus.index_table, memory_mb, pretended.DEVICE
        )
        kind = data._Streamed if held == "shards" else data._Resident
        assert isinstance(store, kind) and (store.on_gpu is not None) == (held == "gpu")
        pretended.WAITS.clear()
        for clips, batch in zip(plan, store.batches(plan), strict=True):
            assert batch.is_cuda
            np.testing.assert_array_equal(batch.held.numpy(), corpus.log_mel[clips.numpy()])
        assert not pretended.WAITS


def test_networks_that_fit_a_small_gpu_train_at_a_time(corpus, tmp_path, monkeypatch):
    at_once = []

    def remember(train_one, networks, together, device):
        at_once.append((networks, together))

    monkeypatch.setattr(training, "_side_by_side", remember)
    # Nothing is trained, so there are no files to take note of.
    monkeypatch.setattr(training, "save_finished", lambda *about: None)
    for free in (80, 2.5, 0.1):
        with pretended_gpu(free=int(free * 1e9)):
            train(corpus, tmp_path, 1, replicates=[1, 2, 3])
    assert at_once == [(3, 3), (3, 2), (3, 1)]


def test_responses_of_networks_on_a_gpu(corpus, tmp_path):
    with pretended_gpu():
        networks = train(corpus, tmp_path, 1, replicates=[1, 2])
        play(corpus, networks, tmp_path / "together")
        for network in networks:
            play(corpus, [network], tmp_path / "alone")
    for network in networks:
        one, other = (tmp_path / name / f"{network.name}.h5" for name in ("together", "alone"))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("mels", [5, 9])
def test_convolutions_on_a_gpu_are_pytorchs(mels):
    draw = torch.Generator().manual_seed(mels)
    last = torch.channels_last

    def made(*shape):
        values = torch.randn(*shape, generator=draw, dtype=torch.float64)
        return values.to(memory_format=last).requires_grad_()

    for x, weight, ours, theirs in (
        (
            made(2, 6, mels, 20),
            made(7, 6, 5, 5),
            gpu.convolution,
            torch.nn.functional.conv2d,
        ),
        (
            torch.randn(2, 16, 40, generator=draw, dtype=torch.float64),
            made(3, 1, 5, 5),
            lambda x, weight: gpu.first_convolution(x, weight, (2, 4)),
            lambda x, weight: torch.conv2d(x[:, None], weight, stride=(2, 4)),
        ),
    ):
        found = []
        for convolve in (ours, theirs):
            y = convolve(x, weight)
            assert y.is_contiguous(memory_format=last)
            needed = [one for one in (x, weight) if one.requires_grad]
            found.append([y, *torch.autograd.grad(y.square().sum(), needed)])
        for one, other in zip(*found, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("capability", "architectures", "says"),
    [
        ((7, 0), ("sm_70",), "Pretended GPU, has no bfloat16 units: it is of compute capability 7"),
        ((9, 0), ("sm_80", "sm_86"), r"no kernels for the GPU here, Pretended GPU \(sm_90; it has"),
        ((8, 0), ("sm_86", "sm_90"), "no kernels for the GPU here"),
    ],
)
def test_a_gpu_that_cannot_be_used(monkeypatch, capfd, capability, architectures, says):
    for name in device._GIVEN_BY_SLURM:
        monkeypatch.delenv(name, raising=False)
    with pretended_gpu(capability=capability, architectures=architectures):
        with pytest.raises(InputError, match=f"networks.device is cuda but .*{says}"):
            prepare_device("cuda", 1)
        assert prepare_device("auto", 1) == torch.device("cpu")
        assert "computing on the CPU" in capfd.readouterr().err
        monkeypatch.setenv("SLURM_JOB_GPUS", "0")
        with pytest.raises(InputError, match=f"SLURM gave this job a GPU, but .*{says}"):
            prepare_device("auto", 1)


@pytest.mark.parametrize("architectures", [("sm_86",), ("sm_80",), ("compute_80",), ("sm_89a",)])
def test_code_for_a_gpu_runs_on_later_ones_of_its_generation(architectures):
    with pretended_gpu(capability=(8, 9), architectures=architectures):
        assert prepare_device("cuda", 1).type == "cuda"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_job_of_slurm_without_its_gpu_fails(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_GPUS", "0")
    with pytest.raises(InputError, match="SLURM gave this job a GPU, but PyTorch finds none; set"):
        prepare_device("auto", 1)
    assert prepare_device("cpu", 1) == torch.device("cpu")


def test_no_precision_of_tf32_and_it_can_be_asked_for():
    prepare_device("cpu", 1)
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_cudnn_without_memory_is_a_full_gpu():
    with pytest.raises(InputError, match=r"memory is full: .*networks\.per_gpu"):
        with advising_when_full():
            raise RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED")
