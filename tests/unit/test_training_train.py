import logging
import math
import signal
import subprocess
import sys
import types

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from notebook import with_weights_of
from torch.nn.functional import binary_cross_entropy_with_logits

from music_detectors.common.errors import InputError
from music_detectors.common.files import sha256
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table
from music_detectors.models.device import FLOAT32, kernels_of, precision_on
from music_detectors.models.find import load_trained
from music_detectors.models.kim2024 import Kim2024, architecture
from music_detectors.models.modules.settings import ModuleSettings
from music_detectors.models.weights import initial_network, read_network, read_snapshots
from music_detectors.training import checkpoint, steps
from music_detectors.training import optimizer as optimizer_module
from music_detectors.training import train as training
from music_detectors.training.columns import HISTORY, NETWORK_CLIPS
from music_detectors.training.optimizer import AdamW, one_cycle
from music_detectors.training.steps import gradients
from music_detectors.training.train import Outputs, batch_sizes, train_networks
from support.networks_corpus import MIDS, make_corpus, settings

# With more threads, such small computations are slower.
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


def outputs(folder):
    return {
        "weights": folder / "weights.safetensors",
        "snapshots": folder / "snapshots.safetensors",
        "history": folder / "history.tsv",
        "clips": folder / "clips.tsv",
        "checkpoint": folder / "checkpoint.safetensors",
    }


def run(corpus, folder, of=None, **changes):
    values = {"code": "1", "device": "cpu", "threads": 1, "memory_mb": 100} | changes
    train_networks(
        corpus.index,
        corpus.clips,
        corpus.classes,
        corpus.branches,
        settings=[of or settings()],
        outputs=[Outputs(**outputs(folder))],
        **values,
    )
    return outputs(folder)


def history(paths):
    return read_table(paths["history"], HISTORY)


@given(clips=st.integers(2, 500), batch_size=st.integers(2, 64))
def test_batches_hold_every_clip_and_never_one_alone(clips, batch_size):
    sizes = batch_sizes(clips, batch_size)
    assert sum(sizes) == clips
    assert min(sizes) >= 2
    assert all(size == batch_size for size in sizes[:-1])
    assert sizes[-1] <= batch_size + 1


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 30, 333])
def test_the_schedule_is_pytorchs(steps):
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=0.003)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.003, total_steps=steps, anneal_strategy="linear"
    )
    expected = []
    for step in range(steps):
        group = optimizer.param_groups[0]
        expected.append((group["lr"], group["betas"][0]))
        if step + 1 < steps:
            optimizer.step()
            schedule.step()
    assert one_cycle(0.003, steps) == expected


def a_batch(step, network):
    draw = torch.Generator().manual_seed(step)
    log_mel = (torch.randn(4, 64, 150, generator=draw) * 5 - 45).half()
    return log_mel, torch.rand(4, network.fc2.out_features, generator=draw) < 0.5


def test_the_optimizer_is_pytorchs_to_the_last_bit():
    ours, theirs = (initial_network(Kim2024(), 3, seed=1) for _ in range(2))
    optimizer = AdamW(ours.parameters(), weight_decay=0.02)
    reference = torch.optim.AdamW(theirs.parameters(), lr=1.0, weight_decay=0.02, fused=True)
    for step, (rate, momentum) in enumerate(one_cycle(0.01, 4)):
        dropout = torch.Generator().manual_seed(step)
        _, found = gradients(ours, *a_batch(step, ours), dropout, FLOAT32)
        optimizer.step(found, rate, momentum)
        dropout = torch.Generator().manual_seed(step)
        _, found = gradients(theirs, *a_batch(step, theirs), dropout, FLOAT32)
        reference.param_groups[0].update(lr=rate, betas=(momentum, 0.999))
        reference.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_parameter_without_a_gradient_stays():
    network = torch.nn.Linear(2, 2)
    before = network.bias.clone()
    AdamW(network.parameters(), weight_decay=0.1).step([torch.ones(2, 2), None], 0.1, 0.9)
    assert torch.equal(network.bias, before)


def test_steps_are_those_of_plain_pytorch(monkeypatch):
    monkeypatch.setattr(
        architecture, "_kept", lambda shape, dropout: torch.ones(shape, dtype=torch.bool)
    )
    monkeypatch.setattr(architecture, "_SCALE", 1.0)
    network = initial_network(Kim2024(), 3, seed=1)
    reference = with_weights_of(network).double()
    for module in reference.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    start = [parameter.detach().clone() for parameter in network.parameters()]
    # A large epsilon, so that rounding does not move weights whose gradient is almost 0.
    monkeypatch.setattr(optimizer_module, "_EPSILON", 1e-3)
    optimizer = AdamW(network.parameters(), weight_decay=0.01)
    reference_optimizer = torch.optim.AdamW(reference.parameters(), lr=0.001, eps=1e-3, fused=False)
    for step in range(2):
        log_mel, labels = a_batch(step, network)
        loss, found = gradients(network, log_mel, labels, torch.Generator(), FLOAT32)
        optimizer.step(found, 0.001, 0.9)
        reference_optimizer.zero_grad()
        expected = binary_cross_entropy_with_logits(
            reference(log_mel.double().unsqueeze(1)), labels.double()
        )
        expected.backward()
        reference_optimizer.step()
        # Single against double precision; units very near 0 may take the other branch of ReLU.
        assert loss.item() == pytest.approx(expected.item(), rel=1e-3)
    for mine, other, before in zip(
        network.parameters(), reference.parameters(), start, strict=True
    ):
        assert (mine - other).norm() < 0.05 * (other - before).norm()


def test_outputs_of_training(corpus, tmp_path):
    paths = run(corpus, tmp_path)
    table = history(paths)
    assert table["epoch"].tolist() == [1, 2, 3]
    assert np.isfinite(table).all().all()
    # 18 clips in batches of 8, 8 and 2; 9 steps: up for 30 % of them (to step 1.7), then down.
    expected = np.interp(np.arange(9), [0, 1.7, 8], [0.003 / 25, 0.003, 0.003 / 25e4])
    np.testing.assert_allclose(table["learning_rate"], expected[2::3], rtol=1e-9)
    clips = read_table(paths["clips"], NETWORK_CLIPS)
    assert clips["clip_id"].tolist() == corpus.index_table["clip_id"].tolist()
    assert clips["part"].value_counts().to_dict() == {"training": 18, "validation": 6}
    assert clips["labels"].tolist() == corpus.clip_table["labels"].tolist()
    network, about = read_network(paths["weights"], Kim2024(), "kim2024")
    assert network.fc2.out_features == len(MIDS)
    best = table["validation_map"].argmax()
    assert about["epoch"] == table["epoch"][best]
    assert {key: about[key] for key in ("condition", "seed", "replicate", "classes")} == {
        "condition": "full",
        "seed": 1,
        "replicate": 1,
        "classes": 3,
    }
    assert (about["training_clips"], about["validation_clips"]) == (18, 6)
    assert about["torch"] == torch.__version__
    assert about["computed_by"] == Kim2024().computed_by(torch.device("cpu"))
    assert about["precision"] == "float32"
    assert about["kernels"] == kernels_of(torch.device("cpu"))
    assert not paths["checkpoint"].exists()


@pytest.fixture
def with_bfloat16(monkeypatch):
    """Let the processor say that it has units for bfloat16; without, the same takes longer."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})


def test_training_in_bfloat16_is_recorded_and_much_the_same(corpus, tmp_path, with_bfloat16):
    paths = run(corpus, tmp_path / "half", precision="bfloat16")
    again = run(corpus, tmp_path / "again", precision="bfloat16")
    assert sha256(paths["weights"]) == sha256(again["weights"])
    network, about = read_network(paths["weights"], Kim2024(), "kim2024")
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    assert about["precision"] == "bfloat16"
    assert about["computed_by"] == "convolutions by PyTorch"
    whole = run(corpus, tmp_path / "whole", precision="auto")
    assert read_network(whole["weights"], Kim2024(), "kim2024")[1]["precision"] == "float32"
    loss, expected = history(paths)["loss"], history(whole)["loss"]
    # Three steps of an epoch are nearly the same; training amplifies the rounding.
    assert loss[0] == pytest.approx(expected[0], rel=0.02)
    np.testing.assert_allclose(loss, expected, rtol=0.2)
    assert not np.allclose(loss, expected, rtol=1e-5)


def test_a_processor_without_units_for_bfloat16_is_refused(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    with pytest.raises(InputError, match="precision is bfloat16, for which this processor has no"):
        run(corpus, tmp_path, precision="bfloat16")
    for precision in ("auto", "float32"):
        assert precision_on(torch.device("cpu"), precision) == "float32"


def test_the_same_training_job_gives_the_same_files(corpus, tmp_path):
    first, again = run(corpus, tmp_path / "1"), run(corpus, tmp_path / "2")
    streamed = run(corpus, tmp_path / "3", memory_mb=0)
    for other in (again, streamed):
        assert sha256(other["weights"]) == sha256(first["weights"])
        assert sha256(other["clips"]) == sha256(first["clips"])
        assert history(other).equals(history(first))
    for changed in (
        settings(replicate=2),
        settings(seed=2),
        settings(name="other"),
        settings(learning_rate=0.001),
        settings(weight_decay=0.5),
        settings(batch_size=6),
        settings(labels="permuted"),
    ):
        assert sha256(run(corpus, tmp_path / "4", of=changed)["weights"]) != sha256(
            first["weights"]
        )


@pytest.mark.parametrize(("keep", "epoch"), [("best", 2), ("last", 3)])
def test_the_first_best_epoch_or_the_last_epoch_is_kept(corpus, tmp_path, monkeypatch, keep, epoch):
    scores, states = iter([0.2, 0.7, 0.7]), []

    def validation_map(network, material, epoch):
        states.append({name: value.clone() for name, value in network.state_dict().items()})
        return next(scores)

    monkeypatch.setattr(training, "_validation_map", validation_map)
    network, about = read_network(
        run(corpus, tmp_path, of=settings(keep=keep))["weights"], Kim2024(), "kim2024"
    )
    assert about["epoch"] == epoch
    for name, value in network.state_dict().items():
        assert torch.equal(value, states[epoch - 1][name])


def test_the_score_is_over_all_validation_clips_and_the_classes_that_occur(
    corpus, tmp_path, monkeypatch
):
    asked = []

    def precision(scores, labels):
        asked.append((scores, labels))
        return np.array([0.25, np.nan, 0.75])

    monkeypatch.setattr(training, "average_precision", precision)
    monkeypatch.setitem(training._VALIDATION_BATCH, "cpu", 4)
    paths = run(corpus, tmp_path, of=settings(epochs=1))
    assert history(paths)["validation_map"].tolist() == [0.5]
    ((scores, labels),) = asked
    clips = read_table(paths["clips"], NETWORK_CLIPS)
    validating = np.flatnonzero(clips["part"] == "validation")
    assert [MIDS[row.argmax()] for row in labels] == clips["labels"][validating].tolist()
    network, _ = read_network(paths["weights"], Kim2024(), "kim2024")
    with torch.inference_mode():
        expected = network(torch.from_numpy(corpus.log_mel[validating]))
    # The batch determines the order of sums in single precision.
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


def test_an_untrained_network_has_the_initial_weights_of_the_others(corpus, tmp_path, monkeypatch):
    paths = run(corpus, tmp_path / "1", of=settings(name="untrained", epochs=0))
    table = history(paths)
    assert table[["epoch", "learning_rate"]].values.tolist() == [[0, 0]]
    assert table["loss"].isna().all()
    assert 0 < table["validation_map"][0] <= 1
    untrained, about = read_network(paths["weights"], Kim2024(), "kim2024")
    assert about["epoch"] == 0
    starts = []
    initial = training.initial_network

    def remember(model, classes, seed):
        network = initial(model, classes, seed)
        starts.append({name: value.clone() for name, value in network.state_dict().items()})
        return network

    monkeypatch.setattr(training, "initial_network", remember)
    trained = run(corpus, tmp_path / "2", of=settings(name="natural", epochs=1))
    for name, value in untrained.state_dict().items():
        assert torch.equal(value, starts[0][name])
    assert sha256(trained["clips"]) == sha256(paths["clips"])


def states(paths):
    networks, about = read_snapshots(paths["snapshots"], Kim2024(), "kim2024")
    return {epoch: network.state_dict() for epoch, network in networks.items()}, about


def same_state(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_snapshots_are_the_states_after_the_epochs_asked_for(corpus, tmp_path, monkeypatch):
    seen = []
    score = training._validation_map

    def validation_map(network, material, epoch):
        seen.append({name: value.clone() for name, value in network.state_dict().items()})
        return score(network, material, epoch)

    monkeypatch.setattr(training, "_validation_map", validation_map)
    paths = run(corpus, tmp_path / "1", of=settings(snapshots=[0, 1, 3], keep="last"))
    found, about = states(paths)
    assert list(found) == about["epochs"] == [0, 1, 3]
    assert same_state(found[1], seen[0]) and same_state(found[3], seen[2])
    kept, kept_about = read_network(paths["weights"], Kim2024(), "kim2024")
    assert same_state(found[3], kept.state_dict())
    untrained = run(corpus, tmp_path / "2", of=settings(name="u", epochs=0, snapshots=[0]))
    assert same_state(found[0], states(untrained)[0][0])
    assert about.keys() - kept_about.keys() == {"epochs"}
    assert kept_about.keys() - about.keys() == {"epoch"}
    # They change nothing else, and without any the file holds no state.
    without = run(corpus, tmp_path / "3", of=settings(keep="last"))
    assert without["weights"].read_bytes() == paths["weights"].read_bytes()
    assert states(without)[0] == {}


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_killed_training_job_reaches_the_same_snapshots(
    corpus, tmp_path, monkeypatch, kill_after, epoch
):
    of = settings(snapshots=[0, 1, 2, 3])
    whole = run(corpus, tmp_path / "whole", of=of)
    kill_after(epoch)
    with pytest.raises(Killed):
        run(corpus, tmp_path / "killed", of=of)
    monkeypatch.undo()
    resumed = run(corpus, tmp_path / "killed", of=of)
    assert resumed["snapshots"].read_bytes() == whole["snapshots"].read_bytes()


class Killed(Exception):
    pass


@pytest.fixture
def kill_after(monkeypatch):
    """Make training end right after the checkpoint of an epoch, as if killed."""
    save = checkpoint.save_checkpoint

    def kill(epoch):
        def save_and_die(path, digest, state):
            save(path, digest, state)
            if len(state.history) == epoch:
                raise Killed

        monkeypatch.setattr(training, "save_checkpoint", save_and_die)
        monkeypatch.setattr(training, "_SECONDS_BETWEEN_CHECKPOINTS", 0)

    yield kill


@pytest.mark.parametrize(
    ("batch_size", "epoch", "keep"),
    [(8, 1, "best"), (8, 2, "best"), (32, 2, "best"), (8, 1, "last"), (8, 2, "last")],
)
def test_a_killed_training_job_reaches_the_same_weights(
    corpus, tmp_path, monkeypatch, kill_after, caplog, batch_size, epoch, keep
):
    caplog.set_level(logging.INFO)
    of = settings(batch_size=batch_size, keep=keep)
    whole = run(corpus, tmp_path / "whole", of=of)
    kill_after(epoch)
    with pytest.raises(Killed):
        run(corpus, tmp_path / "killed", of=of)
    assert not outputs(tmp_path / "killed")["weights"].exists()
    monkeypatch.undo()
    caplog.clear()
    resumed = run(corpus, tmp_path / "killed", of=of)
    assert f"continuing after epoch {epoch}" in caplog.text
    assert "epoch 1 of 3" not in caplog.text
    assert sha256(resumed["weights"]) == sha256(whole["weights"])
    assert history(resumed).equals(history(whole))
    assert not resumed["checkpoint"].exists()


PLAIN_CNN = ModuleSettings(
    "natural", "toys.plain_cnn:PlainCnn", ("blocks.*",), {"slope": 0.2}, scores="own"
).written()


def test_a_killed_training_of_a_module_with_dropout_reaches_the_same_weights(
    corpus, tmp_path, monkeypatch, kill_after
):
    of = settings(model=PLAIN_CNN)
    whole = run(corpus, tmp_path / "whole", of=of)
    kill_after(2)
    with pytest.raises(Killed):
        run(corpus, tmp_path / "killed", of=of)
    monkeypatch.undo()
    # What others drew from PyTorch's generator meanwhile must not matter.
    torch.rand(7)
    resumed = run(corpus, tmp_path / "killed", of=of)
    assert sha256(resumed["weights"]) == sha256(whole["weights"])
    assert history(resumed).equals(history(whole))


def test_a_module_is_trained_with_its_own_loss():
    network = initial_network(load_trained(PLAIN_CNN), 3, seed=1).eval()
    draw = torch.Generator().manual_seed(2)
    log_mel = torch.randn(4, 64, 150, generator=draw)
    labels = torch.rand(4, 3, generator=draw) < 0.5
    loss, found = gradients(network, log_mel, labels, torch.Generator(), FLOAT32)
    scores = network.module(log_mel)
    weight = torch.full((3,), 2.0)
    expected = binary_cross_entropy_with_logits(scores, labels.float(), pos_weight=weight)
    torch.testing.assert_close(loss, expected.detach())
    expected_gradients = torch.autograd.grad(expected, list(network.parameters()))
    for one, other in zip(found, expected_gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_a_training_job_killed_by_the_system_reaches_the_same_weights(corpus, tmp_path):
    whole = run(corpus, tmp_path / "whole")
    script = f"""
import os, signal, sys
from pathlib import Path
sys.path[:0] = {[entry for entry in sys.path if entry]!r}
from support.networks_corpus import settings
from music_detectors.training import train as training
save = training.save_checkpoint
def save_and_die(path, digest, state):
    save(path, digest, state)
    if len(state.history) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
training.save_checkpoint = save_and_die
folder = Path({str(tmp_path / "killed")!r})
training._SECONDS_BETWEEN_CHECKPOINTS = 0
files = ("weights.safetensors", "snapshots.safetensors", "history.tsv", "clips.tsv")
outputs = training.Outputs(*(folder / name for name in (*files, "checkpoint.safetensors")))
training.train_networks(
    {str(corpus.index)!r}, {str(corpus.clips)!r}, {str(corpus.classes)!r},
    {str(corpus.branches)!r}, [settings()], [outputs], "1", "cpu", 1, 100,
)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["checkpoint.safetensors"]
    resumed = run(corpus, tmp_path / "killed")
    assert sha256(resumed["weights"]) == sha256(whole["weights"])


def test_checkpoints_are_at_least_twenty_seconds_apart(corpus, tmp_path, monkeypatch):
    now, saved = [0.0], []
    epoch, save = training._epoch, training.save_checkpoint

    def nine_seconds(*given):
        now[0] += 9
        return epoch(*given)

    # It also moves a little, since rates are divided by it.
    clock = types.SimpleNamespace(monotonic=lambda: now.__setitem__(0, now[0] + 1e-6) or now[0])
    monkeypatch.setattr(training, "time", clock)
    monkeypatch.setattr(training, "_epoch", nine_seconds)
    monkeypatch.setattr(
        training,
        "save_checkpoint",
        lambda path, digest, state: saved.append(len(state.history)) or save(path, digest, state),
    )
    run(corpus, tmp_path, of=settings(epochs=7))
    assert saved == [3, 6]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_job_on_a_cpu_imports_neither_the_compiler_nor_triton(corpus, tmp_path, precision):
    script = f"""
import sys
from pathlib import Path
sys.path[:0] = {[entry for entry in sys.path if entry]!r}
import torch
torch.cpu.get_capabilities = lambda: {{"avx512_bf16": True}}
from support.networks_corpus import settings
from music_detectors.training import train as training
files = ("weights.safetensors", "snapshots.safetensors", "history.tsv", "clips.tsv", "checkpoint")
training.train_networks(
    {str(corpus.index)!r}, {str(corpus.clips)!r}, {str(corpus.classes)!r},
    {str(corpus.branches)!r}, [settings(epochs=1)],
    [training.Outputs(*(Path({str(tmp_path)!r}) / name for name in files))],
    "1", "cpu", 1, 100, precision={precision!r}, blocks="triton",
)
print([name for name in sys.modules if name in ("torch._dynamo", "torch._inductor", "triton")])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_checkpoint_restores_the_optimizer_and_the_schedule(
    corpus, tmp_path, monkeypatch, kill_after
):
    """The optimizer's moments and its steps are restored exactly, in the weights' layout."""
    states = []
    remember = training.save_checkpoint
    kill_after(2)
    kill = training.save_checkpoint

    def save(path, digest, state):
        states.append(state)
        kill(path, digest, state)

    monkeypatch.setattr(training, "save_checkpoint", save)
    with pytest.raises(Killed):
        run(corpus, tmp_path)
    assert remember is not training.save_checkpoint
    monkeypatch.undo()
    resume = training.resume

    class Stop(Exception):
        pass

    def stop(path, digest, state):
        resume(path, digest, state)
        states.append(state)
        raise Stop

    monkeypatch.setattr(training, "resume", stop)
    with pytest.raises(Stop):
        run(corpus, tmp_path)
    before, after = states[-2:]
    assert after.history == before.history and len(after.history) == 2
    assert after.steps == before.steps == 2 * 3
    for what in ("parameters", "first", "second", "_steps"):
        for restored, saved in zip(
            getattr(after.optimizer, what), getattr(before.optimizer, what), strict=True
        ):
            assert torch.equal(restored, saved) and restored.stride() == saved.stride()
    assert (after.kept.epoch, after.kept.score) == (before.kept.epoch, before.kept.score)
    for name, value in before.kept.state.items():
        assert torch.equal(after.kept.state[name], value)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-10])


def flip(path):
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (truncate, "checkpoint.safetensors: damaged"),
        (flip, "its checksum does not match"),
        ({"of": settings(learning_rate=0.001)}, "belongs to other data or settings"),
        ({"of": settings(replicate=2)}, "belongs to other data or settings"),
        ({"of": settings(labels="permuted")}, "belongs to other data or settings"),
        ({"of": settings(snapshots=[1])}, "belongs to other data or settings"),
        ({"code": "2"}, "belongs to other data or settings"),
        ({"precision": "bfloat16"}, "belongs to other data or settings"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_ignored(
    corpus, tmp_path, monkeypatch, kill_after, caplog, with_bfloat16, spoil, message
):
    caplog.set_level(logging.INFO)
    kill_after(2)
    with pytest.raises(Killed):
        run(corpus, tmp_path)
    monkeypatch.setattr(training, "save_checkpoint", checkpoint.save_checkpoint)
    changes = {}
    if callable(spoil):
        spoil(outputs(tmp_path)["checkpoint"])
    else:
        changes = spoil
    resumed = run(corpus, tmp_path, **changes)
    assert "starting from the first epoch" in caplog.text and message in caplog.text
    fresh = run(corpus, tmp_path / "fresh", **changes)
    assert sha256(resumed["weights"]) == sha256(fresh["weights"])


def test_a_checkpoint_of_other_spectrograms_is_ignored(tmp_path, monkeypatch, kill_after, caplog):
    corpus = make_corpus(tmp_path / "corpus")
    kill_after(1)
    with pytest.raises(Killed):
        run(corpus, tmp_path)
    monkeypatch.undo()
    make_corpus(tmp_path / "corpus")
    run(corpus, tmp_path)
    assert "belongs to other data or settings" in caplog.text


def test_planted_classes_are_learnt_and_shuffled_ones_are_not(tmp_path):
    corpus = make_corpus(tmp_path, n=90)
    given_labels = history(run(corpus, tmp_path / "given", of=settings(epochs=6)))
    shuffled = history(run(corpus, tmp_path / "shuffled", of=settings(epochs=6, labels="redrawn")))
    assert given_labels["validation_map"].max() > 0.95
    # Chance is a third; over 22 clips and the best of 6 epochs it may look like half.
    assert shuffled["validation_map"].max() < 0.7
    assert given_labels["loss"].iloc[-1] < 0.5 * given_labels["loss"].iloc[0]


def test_a_condition_trains_on_its_clips_and_labels(corpus, tmp_path):
    of = settings(name="natural", withhold=["C"], labels="redrawn", epochs=1)
    clips = read_table(run(corpus, tmp_path, of=of)["clips"], NETWORK_CLIPS)
    admitted = corpus.clip_table["labels"] != "/m/c"
    assert clips["clip_id"].tolist() == corpus.clip_table["clip_id"][admitted].tolist()
    given_labels = corpus.clip_table["labels"][admitted].tolist()
    assert clips["labels"].tolist() != given_labels
    assert set(clips["labels"]) == set(MIDS)


def test_order_and_dropout_are_drawn_by_epoch(corpus, tmp_path, monkeypatch):
    orders, seeds = [], []
    step = steps.gradients

    def remember(network, log_mel, labels, dropout, precision):
        orders.append(log_mel)
        seeds.append(dropout.initial_seed())
        return step(network, log_mel, labels, dropout, precision)

    monkeypatch.setattr(steps, "gradients", remember)
    run(corpus, tmp_path)
    assert [len(batch) for batch in orders] == [8, 8, 2] * 3
    epochs = [torch.cat(orders[first : first + 3]) for first in (0, 3, 6)]
    assert len({epoch.numpy().tobytes() for epoch in epochs}) == 3
    sums = [np.sort(epoch.float().sum((1, 2)).numpy()) for epoch in epochs]
    np.testing.assert_array_equal(sums[0], sums[1])
    assert len(set(seeds)) == 3 and seeds[0] == seeds[2]
    names = ("order", "full", 1, 1)
    clips = read_table(outputs(tmp_path)["clips"], NETWORK_CLIPS)
    training_rows = np.flatnonzero(clips["part"] == "training")
    expected = generator(1, *names).permutation(training_rows)
    np.testing.assert_array_equal(epochs[0].numpy(), corpus.log_mel[expected])


def test_a_loss_that_is_not_finite_names_the_epoch_and_step(corpus, tmp_path, monkeypatch):
    step, done = steps.gradients, []

    def spoiled(network, log_mel, *rest):
        done.append(1)
        return step(network, log_mel * (math.nan if len(done) == 5 else 1), *rest)

    monkeypatch.setattr(steps, "gradients", spoiled)
    with pytest.raises(
        InputError, match=r"full, replicate 1: the loss is nan at epoch 2, step 2; lower networks\."
    ):
        run(corpus, tmp_path)
    assert len(done) == 5


def test_a_learning_rate_that_is_far_too_high(corpus, tmp_path):
    with pytest.raises(InputError, match=r"lower networks\.learning_rate"):
        run(corpus, tmp_path, of=settings(learning_rate=1e30))


def test_losses_on_a_gpu_are_checked_together():
    losses = torch.tensor([0.5, 0.4, math.inf, math.nan])
    with pytest.raises(InputError, match="loss is inf at epoch 7, step 3;"):
        training._check_finite(losses, settings(), 7, first_step=1)


def test_clips_too_short_for_the_network(tmp_path):
    corpus = make_corpus(tmp_path, frames=110)
    with pytest.raises(InputError, match="110 frames do not fit the network"):
        run(corpus, tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_gpu(corpus, tmp_path):
    with pytest.raises(InputError, match=r"networks\.device is cuda but .* auto or cpu"):
        run(corpus, tmp_path, device="cuda")
    run(corpus, tmp_path, of=settings(epochs=0), device="auto")


def test_one_log_line_per_epoch(corpus, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    run(corpus, tmp_path, of=settings(epochs=2))
    assert (
        "full, replicate 1: 18 clips to train on, 6 to validate, 3 classes, on cpu" in caplog.text
    )
    for epoch in (1, 2):
        assert f"epoch {epoch} of 2: loss 0." in caplog.text
    assert "0 s left" in caplog.text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_learns_the_planted_classes_too(tmp_path):
    corpus = make_corpus(tmp_path, n=90)
    of = settings(epochs=6)
    for memory, folder in ((100, "resident"), (0, "streamed")):
        table = history(run(corpus, tmp_path / folder, of=of, device="cuda", memory_mb=memory))
        assert table["validation_map"].max() > 0.95
    on_cpu = history(run(corpus, tmp_path / "cpu", of=of))
    # Masks come from another generator and products are in bfloat16: similar, not equal.
    np.testing.assert_allclose(table["loss"], on_cpu["loss"], atol=0.15)
