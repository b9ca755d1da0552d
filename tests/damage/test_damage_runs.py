"""Damaged files in a finished run: Snakemake's message, and the repair by the advised command."""

import os
import re
import shutil
import subprocess

import pytest

from damage.harm import flipped
from workflow.snake import preset, snakemake

SMOKE = preset("smoke")


@pytest.fixture(scope="module")
def folder(smoke, tmp_path_factory):
    return shutil.copytree(smoke, tmp_path_factory.mktemp("runs") / "copy", symlinks=True)


def silently(path, content):
    """Change a file as a bad disk does: without a new time."""
    times = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def middle_flipped(path):
    content = path.read_bytes()
    silently(path, flipped(content, len(content) // 2, 0))


def cut(path):
    silently(path, path.read_bytes()[:-100])


# The damaged file, how it is damaged, and outputs of a step that reads it; the last is requested.
CASES = {
    "decoding/music/natural/seed-1/decoding.tsv": (
        middle_flipped,
        ["figures/decoding.svg", "figures/decoding.png"],
    ),
    "audio/test/00001.h5": (cut, ["acoustics/test/00001.tsv"]),
}


@pytest.mark.parametrize("name", CASES)
def test_a_damaged_file_is_named_and_the_advised_command_repairs_it(folder, name):
    results = folder / "results/smoke"
    harm, outputs = CASES[name]
    whole = {path: (results / path).read_bytes() for path in (name, *outputs)}
    harm(results / name)
    for output in outputs:
        (results / output).unlink()
    command = [*SMOKE, "--", f"results/smoke/{outputs[-1]}"]

    ended = snakemake(folder, *command)
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0
    path = f"results/smoke/{name}"
    lines = {line for line in said.splitlines() if line.startswith("error: ")}
    assert len(lines) == 1, said
    form = rf"error: {path}: damaged [a-z ]+ \(.+\); rebuild it: (rm -r {path}), then .*"
    advice = re.fullmatch(form, lines.pop())[1]
    assert "Traceback" not in said

    subprocess.run(advice, shell=True, check=True, cwd=folder)
    ended = snakemake(folder, *command)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for path, content in whole.items():
        assert (results / path).read_bytes() == content, path
