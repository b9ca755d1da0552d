"""HDF5 files changed at every byte: they are refused or read correctly, without a crash."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

KINDS = ("audio", "spectrograms", "responses")


@pytest.mark.parametrize("kind", KINDS)
def test_no_changed_byte_gives_a_wrong_number(tmp_path, kind):
    # In a process of its own, since a library that reads damaged data may crash it.
    ended = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "damage.every_byte", kind, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[1],
    )
    assert ended.returncode == 0, ended.stderr
    counts = json.loads(ended.stdout)
    assert counts["wrong"] == []
    # Most of what is stored matters, so most changes must have been refused.
    assert counts["refused"] > 1500
    assert counts["same"] < counts["refused"] / 5
