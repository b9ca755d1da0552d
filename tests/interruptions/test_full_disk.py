"""A full disk: the message, no damaged file, and the same command continues."""

import os
import re
import shutil
import subprocess
from fnmatch import fnmatch

import pytest

from interruptions.runs import contents, leftovers, run
from support.can_run import needs

ROOM_LATER = "512m"


class Disk:
    """A small file system; one file takes up the room that is not left free."""

    def __init__(self, place):
        self.place = place
        self.folder = place / "study"
        self._ballast = place / "ballast"

    def leave(self, kilobytes):
        """Leave only so many kilobytes free."""
        self._ballast.unlink(missing_ok=True)
        status = os.statvfs(self.place)
        taken = status.f_bavail * status.f_frsize - kilobytes * 1024
        with open(self._ballast, "wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, taken)

    def grow(self):
        """Make room, as a larger disk would."""
        options = f"remount,size={ROOM_LATER}"
        subprocess.run(["mount", "-o", options, str(self.place)], check=True)


@pytest.fixture
def disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(place)]
    allowed = shutil.which("mount") and subprocess.run(mount, capture_output=True).returncode == 0
    needs(allowed, "a small disk is mounted by root alone, and not in every container")
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def said_by_jobs(ended):
    """The messages of jobs, one line each; a line that is shown again counts once."""
    text = ended.stdout + ended.stderr
    return sorted(set(re.findall(r"^(?:error|stopped for now): .*$", text, re.M)))


def nothing_is_damaged(folder, expected):
    there = contents(folder)
    assert not [name for name in there if there[name] != expected.get(name)]
    assert not leftovers(folder)


def test_each_kind_of_file(disk, part_of, undisturbed):
    folder = part_of(disk.folder, "*")
    expected = contents(folder)
    assert expected == contents(undisturbed)
    results = folder / "results" / "smoke"
    # With the pattern of all files that the same job writes, for the quilts of all lengths.
    large = {
        "figures/example_spectrograms.png": "figures/example_spectrograms*",
        "networks/untrained/seed-1/weights.safetensors": "networks/untrained/seed-1/*",
        "selectivity/music/natural/seed-1/units.tsv": "selectivity/music/natural/seed-1/units*",
        "spectrograms/quilt-50ms/test/00000.h5": "spectrograms/[iq]*/test/00000*",
    }
    # Snakemake would remove the other outputs of a job, which makes room for others.
    for pattern in large.values():
        for path in results.glob(pattern):
            path.unlink()
    targets = [f"results/smoke/{name}" for name in large]
    # Enough for Snakemake's own files and for logs, but for none of these.
    disk.leave(150)
    ended = run(folder, *targets, options=["--keep-going"])
    assert ended.returncode == 1
    lines = said_by_jobs(ended)
    for pattern in large.values():
        # Any of the files of the job.
        of_job = [line for line in lines if fnmatch(line, f"*/smoke/{pattern}")]
        assert len(of_job) == 1, f"{pattern}: {ended.stdout}{ended.stderr}"
        assert of_job[0].endswith("the disk is full; make room, then run the same command again")
    assert "Traceback" not in ended.stderr
    nothing_is_damaged(folder, expected)
    disk.grow()
    ended = run(folder, *targets, options=["--keep-going"])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert contents(folder) == expected


def test_a_shard_that_is_being_fetched(disk, part_of, undisturbed):
    folder = part_of(disk.folder, "corpus")
    target = "audio/test/00000.h5"
    expected = contents(undisturbed)
    disk.leave(1500)
    ended = run(folder, f"results/smoke/{target}")
    assert ended.returncode == 1
    (line,) = said_by_jobs(ended)
    assert line.startswith("stopped for now: cannot be written") and "make room" in line
    nothing_is_damaged(folder, expected)
    disk.grow()
    ended = run(folder, f"results/smoke/{target}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert contents(folder)[target] == expected[target]
