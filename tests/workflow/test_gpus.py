"""Jobs that request a GPU from Snakemake, on simulated GPUs: where and when each computes."""

import json
import subprocess
import sys
import uuid
from itertools import groupby
from operator import itemgetter

import pytest

from workflow.snake import ROOT

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
