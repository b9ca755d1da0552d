"""Triton's kernels in its interpreter, and whether they compile."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import max_pool2d

from music_detectors.common.errors import InputError
from music_detectors.gpu_check import checks
from music_detectors.models import kim2024
from music_detectors.models.device import training_in
from music_detectors.models.kim2024 import Kim2024, architecture
from music_detectors.models.weights import read_tensors
from music_detectors.training import train as training
from support.networks_corpus import make_corpus, settings
from support.pretended_gpu import pretended_gpu
from workflow.snake import ROOT

pytest.importorskip("triton", reason="Triton comes with PyTorch for GPUs")
from music_detectors.models.kim2024 import blocks

torch.set_num_threads(1)

CPU = torch.device("cpu")
KEPT = 52429
# Shapes of images, pooling and dropout of the four blocks, and odd sizes.
BLOCKS = [
    ((2, 32, 10, 22), (2, 2), KEPT),
    ((2, 32, 11, 23), (2, 2), KEPT),
    ((3, 64, 7, 19), (2, 1), None),
    ((2, 64, 6, 17), (2, 1), KEPT),
    ((3, 256, 1, 21), (1, 1), KEPT),
]


@pytest.fixture(autouse=True)
def few_programs(monkeypatch):
    """The interpreter runs one program after the other, whatever it holds."""
    monkeypatch.setattr(blocks, "_PROGRAMS", 4)
    monkeypatch.setattr(blocks, "_ELEMENTS", 8192)


def an_image(shape, dtype=torch.float32, seed=1):
    draw = torch.Generator().manual_seed(seed)
    # Far from 0, as convolutions of decibels are.
    x = torch.randn(shape, generator=draw) * 3 + 20
    return x.to(dtype).to(memory_format=torch.channels_last).requires_grad_()


def a_norm(channels):
    norm = nn.BatchNorm2d(channels)
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        # Some weights are negative, for which the largest value is the smallest afterwards.
        norm.weight.copy_(torch.rand(channels, generator=draw) - 0.3)
        norm.bias.copy_(torch.randn(channels, generator=draw) * 0.3)
    return norm


def dropout(kept, seed=-(2**62) + 17):
    return None if kept is None else blocks.Dropout(torch.tensor([seed, 0]), kept)


def run(x, norm, pooling, kept, seed=-(2**62) + 17):
    return blocks.block(x, norm, blocks.Pooling(*pooling), dropout(kept, seed))


def distance(one, other):
    return ((one.double() - other.double()).norm() / other.double().norm()).item()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("shape", "pooling", "kept"), BLOCKS)
def test_a_block_is_pytorchs_forwards_and_backwards(shape, pooling, kept, dtype):
    x, norm, reference = an_image(shape, dtype), a_norm(shape[1]), a_norm(shape[1]).double()
    y = run(x, norm, pooling, kept)
    assert y.dtype == dtype and y.is_contiguous(memory_format=torch.channels_last)
    exact = x.detach().double().requires_grad_()
    undropped = max_pool2d(reference(exact), *pooling).relu()
    # Which elements are dropped can be seen, since only they are 0 and should not be.
    kept_there = (y != 0) | (undropped == 0)
    expected = undropped * kept_there * (1 if kept is None else 65536 / kept)
    rounding = 1e-6 if dtype == torch.float32 else 5e-3
    assert distance(y, expected) < rounding
    of_y = torch.randn(y.shape, generator=torch.Generator().manual_seed(3)).to(dtype)
    found = torch.autograd.grad(y, (x, norm.weight, norm.bias), of_y)
    wanted = torch.autograd.grad(expected, (exact, reference.weight, reference.bias), of_y.double())
    assert [one.dtype for one in found] == [dtype, torch.float32, torch.float32]
    assert distance(found[0], wanted[0]) < rounding
    assert distance(found[1], wanted[1]) < 1e-6 and distance(found[2], wanted[2]) < 1e-6
    for name in ("running_mean", "running_var"):
        ours, theirs = getattr(norm, name).double(), getattr(reference, name)
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)
    assert norm.num_batches_tracked == 1
    if kept is None:
        assert kept_there.all()
    else:
        seen = kept_there[undropped > 1e-3].double()
        assert abs(seen.mean().item() - 0.8) < 5 * np.sqrt(0.16 / len(seen))


def test_statistics_of_values_that_hardly_differ():
    x, norm, reference = an_image((4, 16, 5, 9)), nn.BatchNorm2d(16), nn.BatchNorm2d(16).double()
    x = ((x - 20) * 1e-3 + 3000).detach()
    blocks.block(x, norm, blocks.Pooling(1, 1), None)
    reference(x.double())
    torch.testing.assert_close(norm.running_var.double(), reference.running_var, rtol=1e-5, atol=0)


def test_what_is_dropped_follows_from_the_seed_and_the_number_alone(monkeypatch):
    shape, pooling, kept = BLOCKS[3]
    x, norm = an_image(shape), a_norm(shape[1])

    def masked(x=x, seed=-(2**62) + 17, norm=norm):
        with torch.no_grad():
            norm.weight.zero_()
            norm.bias.fill_(1)
        return run(x, norm, pooling, kept, seed) != 0

    mask = masked()
    assert torch.equal(masked(), mask)
    assert not torch.equal(masked(seed=2**40), mask)
    # The upper half of a seed counts too.
    assert not torch.equal(masked(seed=1), masked(seed=1 + 2**32))
    assert torch.equal(masked(an_image((1, *shape[1:]))), mask[:1])
    monkeypatch.setattr(blocks, "_ELEMENTS", 2048)
    monkeypatch.setattr(blocks, "_PROGRAMS", 8)
    assert torch.equal(masked(), mask)
    # Neighbours agree as often as by chance, over channels and over places.
    rows = mask.permute(0, 2, 3, 1).flatten(0, 2)
    for one, other in ((rows[:, 1:], rows[:, :-1]), (rows[1:], rows[:-1])):
        agree = (one == other).double()
        assert abs(agree.mean().item() - 0.68) < 5 * np.sqrt(0.68 * 0.32 / agree.numel())


def test_what_is_not_a_number_stays_so():
    shape, pooling, kept = BLOCKS[2]
    x = an_image(shape).detach()
    x[0, 3, 2, 5] = torch.nan
    y = run(x, a_norm(shape[1]), pooling, kept)
    assert y[:, 3].isnan().all() and y[:, 4].isfinite().all()


def test_a_gradient_in_another_order_in_memory():
    shape, pooling, kept = BLOCKS[4]
    found = []
    for order in (torch.channels_last, torch.contiguous_format):
        x, norm = an_image(shape), a_norm(shape[1])
        y = run(x, norm, pooling, kept)
        of_y = torch.randn(y.shape, generator=torch.Generator().manual_seed(3))
        found.append(torch.autograd.grad(y, x, of_y.contiguous(memory_format=order))[0])
    assert torch.equal(*found)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_network_with_the_kernels_is_the_one_without(precision, monkeypatch):
    log_mel, labels = checks._batch(CPU, clips=2, frames=129)
    by, dtype = architecture.Network._by_pytorch, getattr(torch, precision)
    # Without autocast a CPU has a way of its own.
    monkeypatch.setattr(architecture.cpu, "trains_faster", lambda: True)
    monkeypatch.setattr(
        architecture.Network, "_trained_on_cpu", lambda self, *given: by(self, *given, dtype)
    )
    found = []
    for fused in (True, False):
        network = checks._network(fused=fused)
        with training_in(precision, CPU):
            found.append((*checks._step(network, log_mel, labels), network))
    (loss, gradients, network), (other, others, plain) = found
    assert loss.item() == pytest.approx(other.item(), rel=1e-5 if precision == "float32" else 5e-3)
    errors = checks._errors(gradients, others)
    assert max(errors.values()) < (0.02 if precision == "float32" else 0.3)
    for norm in ("norm1", "norm4"):
        one, another = getattr(network, norm), getattr(plain, norm)
        torch.testing.assert_close(one.running_mean, another.running_mean, rtol=0.02, atol=0.02)
    # Without training, there is no batch to take statistics of.
    with torch.no_grad(), training_in("bfloat16", CPU):
        monkeypatch.setattr(blocks, "block", None)
        network.eval()(log_mel)


def test_dropout_of_a_network_follows_from_its_generator():
    log_mel, _ = checks._batch(CPU, clips=2, frames=129)

    def logits(seed):
        with training_in("bfloat16", CPU):
            network = checks._network(fused=True).train()
            return network(log_mel, torch.Generator().manual_seed(seed))

    assert torch.equal(logits(1), logits(1))
    assert not torch.equal(logits(1), logits(2))


def test_the_check_of_a_gpu_on_the_interpreter(tmp_path, monkeypatch):
    few = checks._batch(CPU, clips=2, frames=129)
    monkeypatch.setattr(checks, "_batch", lambda _: few)
    found = list(checks.fused_blocks(None, tmp_path, device="cpu"))
    assert len(found) == 2 and all(holds for _, holds, _ in found)
    assert found[1][2]["fc2.weight"] > 0


def test_kernels_are_used_on_a_gpu_alone_and_recorded(tmp_path, monkeypatch):
    fused = []
    monkeypatch.setattr(Kim2024, "fuse", lambda _, network: fused.append(network))
    corpus = make_corpus(tmp_path)

    def computed_by(folder, device):
        names = ("weights", "snapshots", "history", "clips", "checkpoint")
        files = training.Outputs(*(tmp_path / folder / name for name in names))
        training.train_networks(
            *(corpus.index, corpus.clips, corpus.classes, corpus.branches),
            settings=[settings(epochs=1)],
            outputs=[files],
            code="1",
            device=device,
            threads=1,
            memory_mb=100,
            blocks="triton",
        )
        return read_tensors(files.weights)[1]["computed_by"]

    assert "Triton" not in computed_by("cpu", "cpu") and not fused
    with pretended_gpu():
        assert "blocks by Triton 3." in computed_by("gpu", "cuda")
    assert len(fused) == 1


def test_triton_that_is_missing_is_told_in_one_line(monkeypatch):
    def version(name):
        raise kim2024.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(kim2024.metadata, "version", version)
    with pytest.raises(InputError, match="blocks is triton, and Triton is not installed"):
        Kim2024().fused_by()


def test_a_job_on_a_cpu_does_not_import_triton():
    imported = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, music_detectors.training.train\n"
            "from music_detectors.models.kim2024 import architecture, features\n"
            "assert 'torch' in sys.modules and 'triton' not in sys.modules",
        ],
        cwd=ROOT / "workflow_scripts",
    )
    assert imported.returncode == 0


def test_kernels_compile_for_the_oldest_gpu_that_is_used(tmp_path):
    """Triton compiles without a GPU; its interpreter accepts more than the compiler."""
    compiled = subprocess.run(
        [sys.executable, Path(__file__).parents[1] / "support" / "compile_blocks.py"],
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT / "workflow_scripts"),
            "TRITON_INTERPRET": "0",
            "TRITON_CACHE_DIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
    )
    assert compiled.returncode == 0, compiled.stderr
    assert compiled.stdout.split() == ["24", "kernels"]
