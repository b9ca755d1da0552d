"""Trouble with a disk in one line, however it reaches the job."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from music_detectors.common.disk import disk_trouble
from music_detectors.common.files import replacing

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"


def raised(number, name=None):
    return OSError(number, os.strerror(number), name)


@pytest.mark.parametrize(
    ("number", "why", "advice"),
    [
        (errno.ENOSPC, "cannot be written: no room is left on", "make room"),
        (errno.EDQUOT, "cannot be written: your quota on", "make room"),
        (errno.EFBIG, "cannot be written: it grows larger than", "ulimit -f"),
        (errno.EROFS, "can only be read", "--directory"),
        (errno.EACCES, "cannot be used: permission is denied", "give yourself access"),
        (errno.EPERM, "cannot be used: it is not permitted", "give yourself access"),
    ],
)
def test_each_trouble_has_its_line(tmp_path, number, why, advice):
    path = str(tmp_path / "units.tsv")
    line = disk_trouble(raised(number, path))
    assert line.startswith(f"{path} ") and "\n" not in line
    assert why in line and advice in line
    assert line.endswith("then run the same command again")


def test_other_errors_are_no_trouble_with_a_disk():
    assert disk_trouble(raised(errno.ENOENT, "a")) is None
    assert disk_trouble(ValueError("28")) is None
    assert disk_trouble(OSError("no number")) is None


def test_the_causes_are_looked_through():
    try:
        try:
            raise raised(errno.EDQUOT, "/a/weights.safetensors")
        except OSError as error:
            raise RuntimeError("the library failed") from error
    except RuntimeError as error:
        assert "/a/weights.safetensors cannot be written: your quota" in disk_trouble(error)
    try:
        try:
            raise raised(errno.EACCES, "/a/cache")
        except OSError:
            # Not of it, but after it.
            raise ValueError("another matter") from None
    except ValueError as error:
        assert disk_trouble(error) is None


@pytest.mark.parametrize(
    "told",
    [
        "Unable to synchronously flush file (errno = 28, error message = 'No space left')",
        "Error while serializing: I/O error: No space left on device (os error 28)",
        "[Errno 28] No space left on device",
    ],
)
def test_a_number_within_a_message_counts(tmp_path, told):
    line = disk_trouble(RuntimeError(told), place=tmp_path)
    assert line.startswith("a file of this job cannot be written: no room is left on /")


def test_a_name_within_a_message_counts():
    text = "OSError:\n[Errno 30] Read-only file system: '/lab/.snakemake/locks'\nand so on"
    assert disk_trouble(RuntimeError(text)).startswith("/lab/.snakemake/locks cannot be written: /")


def test_a_temporary_name_is_told_as_the_final_one(tmp_path):
    line = disk_trouble(raised(errno.ENOSPC, str(tmp_path / ".units.tsv.abcd12_3")))
    assert line.startswith(f"{tmp_path / 'units.tsv'} ")


def test_a_chain_that_bites_its_tail_ends():
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    assert disk_trouble(first) is None


def test_what_is_written_whole_names_itself_when_there_is_no_room(tmp_path):
    path = tmp_path / "table.tsv"
    with pytest.raises(OSError) as caught, replacing(path), open("/dev/full", "wb") as full:
        full.write(b"x" * 10**6)
    assert str(path) in disk_trouble(caught.value)
    assert not list(tmp_path.iterdir())


def test_what_a_killed_writer_left_goes_with_the_next_one(tmp_path):
    left = tmp_path / ".a[1].tsv.0123abc_"
    others = [
        tmp_path / name for name in (".a[1].tsv.gz.0123abc_", ".b.tsv.0123abc_", "a[1].tsv.x")
    ]
    for path in (left, *others):
        path.write_text("half")
    with replacing(tmp_path / "a[1].tsv") as temporary:
        temporary.write_text("whole")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "a[1].tsv", *others])


def ended(program, *arguments):
    """Run `program` as a job's script."""
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env={"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        timeout=60,
    )


QUOTA = """
import errno, os, sys
from music_detectors.common.job import job
with job(sys.argv[1]):
    raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "/lab/results/units.tsv")
"""


def test_a_job_over_its_quota_ends_in_one_line(tmp_path):
    job = ended(QUOTA, tmp_path / "logs" / "job.log")
    assert job.returncode == 1
    assert job.stderr.startswith("error: /lab/results/units.tsv cannot be written: your quota on /")
    assert job.stderr.count("\n") == 1
    assert "your quota on /" in (tmp_path / "logs" / "job.log").read_text()


@pytest.mark.parametrize("log", ["/dev/full", "/proc/no/such/folder/job.log"])
def test_a_log_that_cannot_be_written_hides_nothing(log):
    job = ended(QUOTA, log)
    assert job.returncode == 1
    assert job.stderr.startswith("error: /lab/results/units.tsv cannot be written")
    assert job.stderr.count("\n") == 1


STOPPED = """
import os, signal, sys
from music_detectors.common.files import replacing
from music_detectors.common.job import job
with job("job.log"), replacing("a.txt") as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), int(sys.argv[1]))
    signal.pause()
"""


@pytest.mark.parametrize("number", [1, 2, 15])
def test_a_job_that_is_stopped_leaves_nothing_half_written(tmp_path, monkeypatch, number):
    monkeypatch.chdir(tmp_path)
    job = ended(STOPPED, number)
    assert job.returncode == 128 + number
    assert job.stderr == ""
    assert os.listdir(tmp_path) == ["job.log"]


def test_what_is_ignored_stays_ignored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    job = ended(ignoring + STOPPED.replace("signal.pause()", ""), 1)
    assert job.returncode == 0, job.stderr
    assert (tmp_path / "a.txt").read_text() == "half"


def test_a_terminal_that_was_closed_fails_no_job(tmp_path):
    program = """
import os, sys
from music_detectors.common.errors import say
from music_detectors.common.job import job
with job(sys.argv[1]):
    here, there = os.openpty()
    os.dup2(there, 2)
    os.close(there)
    os.close(here)
    say("a line that nobody reads")
"""
    assert ended(program, tmp_path / "job.log").returncode == 0
