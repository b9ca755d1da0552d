"""What is said to who finds a folder locked, and to jobs about who started them."""

import fcntl
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from snakemake.exceptions import LockException

from music_detectors.common import invocations
from music_detectors.common.orphans import OWNER, owner

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder in which an invocation has begun: this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(OWNER, "")
    before = signal.getsignal(signal.SIGHUP)
    yield tmp_path
    signal.signal(signal.SIGHUP, before)
    logging.getLogger("snakemake.logging").removeFilter(invocations._plainly)
    for handle in invocations._held.values():
        os.close(handle)
    invocations._held.clear()


@pytest.fixture
def another(folder):
    """Another invocation in the folder, which lives."""
    program = (
        "import sys; from music_detectors.common import invocations\n"
        "invocations.begin(); invocations.sign(); print('begun', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(SCRIPTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"begun\n"
    yield process
    process.kill()
    process.communicate()


def test_a_folder_in_use_is_not_to_be_unlocked(another):
    invocations.begin()
    told = invocations.advice("UNLOCK")
    assert "another run is at work" in told and f"process {another.pid} on" in told
    assert "UNLOCK" not in told
    another.kill()
    another.wait()
    assert invocations.advice("UNLOCK").endswith("left it locked; run again after this: UNLOCK")


def test_a_dry_run_beside_another_takes_nothing_from_it(another):
    # It looks, and ends; the other is still seen by the next one.
    invocations.begin()
    invocations.advice("UNLOCK")
    for handle in invocations._held.values():
        os.close(handle)
    invocations._held.clear()
    invocations.begin()
    assert "another run is at work" in invocations.advice("UNLOCK")


def test_a_lock_of_another_machine_is_left_to_the_user(folder):
    invocations.begin()
    (folder / ".snakemake" / "in-use").write_text("elsewhere 12\n")
    told = invocations.advice("UNLOCK")
    assert "by a run on elsewhere (process 12); if that is not at work any more" in told


def test_a_file_system_without_locks(folder, monkeypatch):
    def none(*_):
        raise OSError

    monkeypatch.setattr(fcntl, "flock", none)
    invocations.begin()
    told = invocations.advice("UNLOCK")
    assert "if you are sure that none is, run again after this: UNLOCK" in told


def test_the_command_is_the_one_that_was_given():
    argv = ["/a b/snakemake", "--cores", "2", "--", "claims"]
    assert invocations.unlocking(argv) == "'/a b/snakemake' --unlock --cores 2 -- claims"
    argv = ["/x/snakemake/__main__.py", "--cores", "2"]
    assert invocations.unlocking(argv) == f"{sys.executable} -m snakemake --unlock --cores 2"


def test_snakemakes_words_become_one_line(folder, capsys):
    invocations.begin()
    logger = logging.getLogger("snakemake.logging")
    handler = logging.StreamHandler(sys.stdout)
    logger.addHandler(handler)
    try:
        logger.error(f"LockException:\n{LockException()}")
        logger.error("something else")
    finally:
        logger.removeHandler(handler)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[1] == "something else"
    assert lines[0].startswith("error: a run in this folder was killed") and "--unlock" in lines[0]


def test_jobs_are_told_who_started_them_and_a_hang_up_interrupts(folder):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    invocations.begin()
    assert os.environ[OWNER] == owner() and str(os.getpid()) in owner()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGHUP)
    # As under nohup.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    invocations.begin()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
