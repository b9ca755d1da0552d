"""Jobs that request a GPU from Snakemake, on simulated GPUs: which, where and when."""

import json
import os
import re
import subprocess
import sys
import uuid
from itertools import groupby
from operator import itemgetter

import pytest

from workflow.snake import ROOT, planned, preset, snakemake, written

JOBS = 6
SNAKEFILE = """
rule all:
    input: expand("{k}.json", k=range(JOBS))

rule compute:
    output: "{k}.json"
    resources: gpu=1
    params: gpus=GPUS, at_once=AT_ONCE
    script: "compute.py"
"""
SCRIPT = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, PROJECT)
from music_detectors.models.gpus import claim_gpu

claim = claim_gpu(snakemake.params.gpus)
began = time.monotonic()
Path(f"{snakemake.wildcards.k}.began").touch()
# The first jobs wait for each other, however slowly they start, so that they do run side by side.
while len(list(Path().glob("*.began"))) < snakemake.params.at_once:
    assert time.monotonic() < began + 60
    time.sleep(0.02)
time.sleep(0.4)
place = {"gpu": claim.gpu, "slot": claim.slot, "began": began, "ended": time.monotonic()}
Path(snakemake.output[0]).write_text(json.dumps(place))
"""


def most_at_once(jobs):
    """The largest number of `jobs` that held their place at the same time."""
    changes = [(job["began"], 1) for job in jobs] + [(job["ended"], -1) for job in jobs]
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


@pytest.mark.skipif(sys.platform != "linux", reason="GPUs are claimed on Linux only")
@pytest.mark.parametrize(
    ("gpus", "at_once", "on_each"), [(2, 2, 1), (1, 3, 3)], ids=["two GPUs", "one GPU for three"]
)
def test_as_many_jobs_as_configured_run_at_a_time_and_spread_over_gpus(
    tmp_path, gpus, at_once, on_each
):
    ids = [f"GPU-{uuid.uuid4()}" for _ in range(gpus)]
    (tmp_path / "compute.py").write_text(f"PROJECT = {str(ROOT / 'workflow_scripts')!r}{SCRIPT}")
    (tmp_path / "Snakefile").write_text(
        f"JOBS, GPUS, AT_ONCE = {JOBS}, {ids!r}, {at_once}\n{SNAKEFILE}"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", str(JOBS), "--resources", f"gpu={at_once}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert ended.returncode == 0, ended.stderr
    jobs = [json.loads((tmp_path / f"{k}.json").read_text()) for k in range(JOBS)]
    assert most_at_once(jobs) == at_once
    by_gpu = groupby(sorted(jobs, key=itemgetter("gpu")), key=itemgetter("gpu"))
    assert {gpu: most_at_once(list(on)) for gpu, on in by_gpu} == dict.fromkeys(
        range(gpus), on_each
    )
    assert {job["slot"] for job in jobs} == set(range(on_each))


@pytest.fixture
def with_a_gpu(tmp_path, monkeypatch):
    """Let the workflow believe that there is a GPU; jobs find none and compute on the CPU."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def test_on_a_gpu_a_job_is_for_all_networks_of_a_condition(with_a_gpu, tmp_path):
    trained, fixed, seeds = 5, 2, 2
    jobs = planned(tmp_path, *preset("smoke"))
    assert jobs["train_network"] == trained
    for rule in ("compute_responses", "compute_stimulus_responses"):
        assert (jobs[rule], jobs[f"{rule}_of_fixed"]) == (trained, fixed)
    one_each = written(tmp_path / "one_each.yaml", {"networks": {"per_gpu": 1}})
    jobs = planned(tmp_path, *preset("smoke"), one_each)
    assert jobs["train_network"] == trained * seeds
    assert jobs["compute_responses"] == trained * seeds + fixed


def test_other_resources_on_the_command_line_leave_one_job_at_a_time_on_a_gpu(with_a_gpu, tmp_path):
    asked = ("--resources", "youtube=1", *preset("smoke"), "--", "results/smoke/corpus/clips.tsv")
    assert snakemake(tmp_path, *asked).returncode == 0
    (log,) = (tmp_path / ".snakemake" / "log").glob("*.log")
    assert re.search(r"Provided resources: .*\bgpu\W.*1", log.read_text())
