"""Settings for all tests, and the finished smoke run that many of them need."""

import fcntl
import gc
import os
import shutil

# Each worker of pytest -n, and what it starts, computes on one core. Libraries read these when they
# are imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# Triton's kernels run on the CPU, which it must know when it is imported.
os.environ["TRITON_INTERPRET"] = "1"

import pytest
from hypothesis import settings

from workflow.snake import preset, snakemake

# Property tests draw the same examples every time, however slow it is.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


def pytest_collection_finish(session):
    """Exclude what is imported by now from garbage collections, which some libraries run often."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """A folder with the finished smoke run; tests that change it take a copy."""
    base = tmp_path_factory.getbasetemp()
    # Parallel workers have their own folders within one; the first that needs the run makes it for
    # all.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, ended_well = shared / "smoke", shared / "smoke.ended-well"
    with open(shared / "smoke.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ended_well.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            ended = snakemake(folder, *preset("smoke"))
            assert ended.returncode == 0, ended.stdout + ended.stderr
            folder.with_suffix(".said").write_text(ended.stderr + ended.stdout)
            ended_well.touch()
    return folder
