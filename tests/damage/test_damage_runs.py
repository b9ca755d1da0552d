"""Damaged files in a finished run: what Snakemake says, and that the command it names mends all."""

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
    """Change a file as a bad disk does: its time stays."""
    times = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def middle_flipped(path):
    content = path.read_bytes()
    silently(path, flipped(content, len(content) // 2, 0))


def cut(path):
    silently(path, path.read_bytes()[:-100])


def a_folder(path):
    path.unlink()
    (path / "within").mkdir(parents=True)


# What is damaged and how, and the outputs of a step that reads it, of which the last is asked for.
CASES = {
    "decoding/natural.tsv": (middle_flipped, ["figures/decoding.svg", "figures/decoding.png"]),
    "quilts/natural/responses.tsv": (a_folder, ["figures/quilts.svg", "figures/quilts.png"]),
    "audio/test/00001.h5": (cut, ["acoustics/test/00001.tsv"]),
    "responses/shuffled/seed-1/original/test.h5": (
        middle_flipped,
        ["embedding/shuffled/points.tsv", "embedding/shuffled/segregation.tsv"],
    ),
}


def test_each_damaged_file_is_named_once_and_the_same_command_mends_it(folder):
    results = folder / "results/smoke"
    concerned = [*CASES, *(path for _, outputs in CASES.values() for path in outputs)]
    whole = {name: (results / name).read_bytes() for name in concerned}
    for name, (harm, outputs) in CASES.items():
        harm(results / name)
        for output in outputs:
            (results / output).unlink()
    targets = [f"results/smoke/{outputs[-1]}" for _, outputs in CASES.values()]
    command = [*SMOKE, "--keep-going", "--", *targets]

    ended = snakemake(folder, *command)
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0
    advised = []
    for name in CASES:
        path = f"results/smoke/{name}"
        lines = {line for line in said.splitlines() if line.startswith(f"error: {path}: ")}
        assert len(lines) == 1, said
        form = rf"error: {path}: damaged [a-z ]+ \(.+\); rebuild it: (rm -r {path}), then .*"
        advised.append(re.fullmatch(form, lines.pop())[1])
    assert "Traceback" not in said

    for advice in advised:
        subprocess.run(advice, shell=True, check=True, cwd=folder)
    ended = snakemake(folder, *command)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for name, content in whole.items():
        assert (results / name).read_bytes() == content, name
