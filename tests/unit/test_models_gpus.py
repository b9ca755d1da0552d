import signal
import subprocess
import sys
import uuid
from types import SimpleNamespace

import pytest
import torch

from music_detectors.common.errors import InputError
from music_detectors.models import device, gpus
from music_detectors.models.device import advising_when_full, prepare_device
from music_detectors.models.gpus import claim_gpu
from music_detectors.training import data
from support.networks_corpus import make_corpus
from workflow.snake import ROOT

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="GPUs are claimed on Linux only")


def pretended(n):
    """The ids of `n` GPUs that nobody else claims."""
    return [f"GPU-{uuid.uuid4()}" for _ in range(n)]


def claimed(uuids, n):
    """The GPU and slot of `n` claims made one after another, which the caller must release."""
    claims = [claim_gpu(uuids) for _ in range(n)]
    return claims, [(claim.gpu, claim.slot) for claim in claims]


def let_go(claims):
    for claim in claims:
        claim.held.close()


@on_linux
def test_jobs_spread_over_gpus_before_they_share_one():
    claims, places = claimed(pretended(3), 7)
    assert places == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 2)]
    let_go(claims)


@on_linux
def test_a_released_place_is_used_again():
    ids = pretended(2)
    claims, _ = claimed(ids, 4)
    claims[1].held.close()
    more, places = claimed(ids, 2)
    assert places == [(1, 0), (0, 2)]
    let_go(claims + more)


@on_linux
def test_with_at_most_n_jobs_no_gpu_has_more_than_its_share():
    ids = pretended(2)
    claims, _ = claimed(ids, 5)
    # Jobs end in any order; each time, a new one starts.
    for ending in (3, 0, 2, 2, 4, 1, 0, 3, 4, 4, 1, 0, 2):
        claims.pop(ending).held.close()
        claims.append(claim_gpu(ids))
        on = [claim.gpu for claim in claims]
        assert max(on.count(0), on.count(1)) <= 3
    let_go(claims)


@on_linux
def test_the_same_gpu_under_another_number_is_the_same_gpu():
    first, second = pretended(2)
    one, other = claim_gpu([first]), claim_gpu([second, first])
    third = claim_gpu([first, second])
    assert [(c.gpu, c.slot) for c in (one, other, third)] == [(0, 0), (0, 0), (0, 1)]
    let_go([one, other, third])


@on_linux
@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGTERM, None])
def test_a_job_frees_its_place_however_it_ends(ended_by):
    (gpu,) = pretended(1)
    holds = (
        "import sys; from music_detectors.models.gpus import claim_gpu; "
        f"claim = claim_gpu([{gpu!r}]); print(claim.slot, flush=True); sys.stdin.read()"
    )
    job = subprocess.Popen(
        [sys.executable, "-c", holds],
        cwd=ROOT / "workflow_scripts",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with job:
        assert job.stdout.readline() == "0\n"
        beside = claim_gpu([gpu])
        assert beside.slot == 1
        if ended_by is not None:
            job.send_signal(ended_by)
        job.stdin.close()
        job.wait(timeout=30)
    after = claim_gpu([gpu])
    assert after.slot == 0
    let_go([beside, after])


@on_linux
def test_programs_that_a_job_starts_do_not_keep_its_place():
    (gpu,) = pretended(1)
    claim = claim_gpu([gpu])
    with subprocess.Popen(["sleep", "60"], close_fds=False) as started:
        let_go([claim])
        again = claim_gpu([gpu])
        assert again.slot == 0
        let_go([again])
        started.kill()


def test_on_other_systems_than_linux_the_first_gpu_is_used(monkeypatch):
    monkeypatch.setattr(gpus.sys, "platform", "win32")
    assert [claim_gpu(pretended(2))[:2] for _ in range(2)] == [(0, 0), (0, 0)]


@pytest.fixture
def two_gpus(monkeypatch):
    """Make PyTorch look as with two GPUs; returns their ids and the calls that matter."""
    ids, calls = pretended(2), []
    properties = [SimpleNamespace(uuid=name, name="GPU", major=9, minor=0) for name in ids]
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_90"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties.__getitem__)
    monkeypatch.setattr(torch.cuda, "set_device", calls.append)
    device._claimed.cache_clear()
    yield ids, calls
    if device._claimed.cache_info().currsize:
        held = device._claimed().held
        device._claimed.cache_clear()
        held.close()


@on_linux
@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_a_process_computes_on_the_gpu_it_claimed_and_on_no_other(two_gpus, name):
    ids, calls = two_gpus
    before = claim_gpu(ids)
    assert prepare_device(name, 1) == torch.device("cuda", 1)
    # A second function of the same job gets the same one.
    assert prepare_device(name, 1) == torch.device("cuda", 1)
    assert calls == [1, 1]
    third = claim_gpu(ids)
    assert (third.gpu, third.slot) == (0, 1)
    let_go([before, third])


def test_on_the_cpu_nothing_is_claimed(two_gpus):
    assert prepare_device("cpu", 1) == torch.device("cpu")
    assert two_gpus[1] == [] and device._claimed.cache_info().currsize == 0


FULL = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    torch.AcceleratorError("CUDA error: out of memory\nCUDA kernel errors might", 2),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_a_full_gpu_gives_one_line_of_advice(error):
    @advising_when_full()
    def job():
        raise error

    with pytest.raises(InputError) as raised:
        job()
    said = str(raised.value)
    assert "--resources gpu=1" in said and "networks.batch_size" in said and "\n" not in said


def test_other_errors_are_not_changed():
    with pytest.raises(RuntimeError, match="mat1 and mat2"), advising_when_full():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


def test_spectrograms_that_no_longer_fit_on_the_gpu_are_held_in_memory(tmp_path, monkeypatch):
    corpus = make_corpus(tmp_path)
    # There was room until another job took it.
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10**12, 10**12))
    made = data._Resident

    def resident(parts, n, held, device):
        if held.type == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return made(parts, n, held, torch.device("cpu"))

    monkeypatch.setattr(data, "_Resident", resident)
    store, _ = data.open_spectrograms(
        corpus.index, corpus.index_table, 100, torch.device("cuda", 0)
    )
    assert (store.batch(torch.tensor([7])).numpy() == corpus.log_mel[[7]]).all()
