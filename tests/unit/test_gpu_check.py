import json
import subprocess
import sys

import pytest
import torch

from music_detectors.gpu_check import __main__ as gpu_check
from music_detectors.gpu_check.page import page
from workflow.snake import ROOT

FOUND = {
    "machine": {"gpu": "A GPU", "memory_mb": 80000},
    "checks": [
        {"name": "the same job again", "holds": True},
        {"name": "responses", "holds": True, "conv1": 3e-7, "fc2": 4e-7},
        {"name": "without a graph", "holds": False},
    ],
    "rates": {"flop_per_s": 1e15, "bytes_per_s": 3.01e12},
    "step": {
        "with a graph": 1000.4,
        "without": 4000.0,
        "slowest": [{"kernel": "a_kernel", "times": 2.0, "us": 77.7}],
        "Triton": {"with a graph": 900.4, "without": 3000.0, "slowest": []},
        "Triton's first": 12.34,
    },
    "jobs": [
        {
            "job": "train",
            "clips": 10_000,
            "epochs": 30,
            "networks": 4,
            "whole": 40.0,
            "imports": 3.0,
            "loading": 2.0,
        },
        {"job": "play", "clips": 10_000, "networks": 4, "whole": 8.0, "imports": 3.0},
    ],
}


def test_the_page_has_every_figure_and_what_fails():
    text = page(FOUND)
    assert "- gpu: A GPU" in text and "| without a graph | **fails** |" in text
    assert "| responses | holds (largest error 4.0e-07) |" in text
    assert "1000 TFLOP/s in bfloat16, 3.01 TB/s" in text
    # 32 clips of 1.438 GFLOP at 1 PFLOP/s, and 301 MB at 3.01 TB/s.
    assert "takes 1000 us with a graph and 4000 us without" in text
    assert "takes 46 us at best, its traffic of memory 100 us" in text
    assert "With Triton's blocks it takes 900 us with a graph and 3000 us without; the" in text
    assert "steps took 12.3 s" in text
    assert "| 77.7 | 2 | `a_kernel` |" in text
    # 300,000 clips of 0.9 x 1.438 + 0.1 x 0.4827 GFLOP take 0.403 s; 10 s a network.
    assert "| 30 epochs of 10,000 clips, networks: 4 | 40.0 | 10.0 | 24.8 | 3.0 | 2.0 |" in text
    assert "| responses to 10,000 clips, networks: 4 | 8.0 | 2.0 |  | 3.0 |  |" in text


def test_what_was_found_is_written_at_once_and_a_failure_is_remembered(tmp_path, capsys):
    report = gpu_check._Report(tmp_path / "report")
    report.check([("one", True, {}), ("two", False, {"error": 0.5})])
    assert report.failed == ["two"]
    assert capsys.readouterr().out.splitlines() == ["ok      one", "FAILED  two"]
    stored = json.loads((tmp_path / "report" / "gpu-check.json").read_text())
    assert stored["checks"][1] == {"name": "two", "holds": False, "error": 0.5}
    assert (
        "| two | **fails** (largest error 5.0e-01) |"
        in (tmp_path / "report" / "gpu-check.md").read_text()
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_it_says_so(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-m", "music_detectors.gpu_check", str(tmp_path / "report")],
        cwd=ROOT / "workflow_scripts",
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("error: networks.device is cuda but PyTorch")
