"""What Snakemake would run. Each dry run is a fork of a process that has imported Snakemake."""

import base64
import json
import multiprocessing
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import NamedTuple

from workflow.snake import ROOT


class Job(NamedTuple):
    """A job that would run; its log is its own."""

    rule: str
    wildcards: str
    """As Snakemake shows them: `condition=natural, seed=1`, or nothing."""
    log: str


Question = tuple[Path, Sequence[object], Path]
"""The folder with the results, the arguments, and the folder with the workflow."""

_JOB = re.compile(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", re.M)
_WILDCARDS = re.compile(r"^    wildcards: (.*)$", re.M)
_LOG = re.compile(r"^    log: (\S+)", re.M)
_OUTPUT = re.compile(r"^    output: (.*)$", re.M)
_NOTHING = "Nothing to be done"


def plan(folder: Path, *arguments: object, root: Path = ROOT) -> set[Job]:
    """Return the jobs that `snakemake` with `arguments` would run in `folder`.

    The workflow is that in `root`. Rules without a file of their own, such as `all`, are left out.
    """
    return plans([(folder, arguments, root)])[0]


def plans(questions: Iterable[Question]) -> list[set[Job]]:
    """Return the `plan` of each of `questions`, two at a time."""
    answers = _answers([(folder, ["--dry-run", *words], root) for folder, words, root in questions])
    return [_jobs(said) for said in answers]


def said(folder: Path, *arguments: object, root: Path = ROOT) -> str:
    """Return what `snakemake` with `arguments` says in `folder`; fails when it fails."""
    return _answers([(folder, arguments, root)])[0]


def stand_in(folder: Path, *arguments: object, root: Path = ROOT) -> Path:
    """Make `folder` look as if `snakemake` with `arguments` had run there; returns it.

    Files are empty. Snakemake itself records how they were made: it plans by these records and the
    times of files, and never reads a file.
    """
    for line in _OUTPUT.findall(said(folder, "--dry-run", *arguments, root=root)):
        for name in line.split(", "):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    said(folder, "--touch", "--forceall", *arguments, root=root)
    return folder


def recorded(folder: Path) -> dict[str, dict]:
    """Return Snakemake's records of the files that were made in `folder`, by path."""
    notes = {}
    place = folder / ".snakemake" / "metadata"
    for path in place.rglob("*"):
        if path.is_file():
            name = "".join(path.relative_to(place).parts).replace("@", "")
            notes[base64.b64decode(name).decode()] = json.loads(path.read_text())
    return notes


def _answers(calls: Sequence[Question]) -> list[str]:
    """Return what Snakemake says to each of `calls`; fails when it fails."""
    found = answers(calls)
    for status, answer in found:
        assert status == 0, answer
    return [answer for _, answer in found]


def answers(calls: Sequence[Question]) -> list[tuple[int, str]]:
    """Return the exit status and output of Snakemake for each of `calls`, two at a time."""
    context = multiprocessing.get_context("forkserver")
    _start_server(context)
    calls = [(str(folder), [*map(str, words)], str(root)) for folder, words, root in calls]
    # Snakemake keeps much in its modules, so each call has a process of its own.
    with context.Pool(min(2, len(calls)), maxtasksperchild=1) as pool:
        return pool.map(_snakemake, calls, chunksize=1)


def _start_server(context: BaseContext) -> None:
    """Start the process that the others are forked from, unless it runs already."""
    context.set_forkserver_preload(["reruns.preloaded"])
    before = os.environ.get("PYTHONPATH")
    # It has only the paths of a newly started Python.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _snakemake(call: tuple[str, list[str], str]) -> tuple[int, str]:
    """Run Snakemake in a process of its own; returns its exit status and output."""
    folder, arguments, root = call
    assert "reruns.preloaded" in sys.modules
    from snakemake.cli import main

    # As a user does, whose configurations and models lie there.
    os.chdir(folder)
    shared = [
        "--nocolor",
        "--cores=1",
        f"--snakefile={root}/Snakefile",
        f"--workflow-profile={root}/profiles/default",
        f"--directory={folder}",
    ]
    with tempfile.TemporaryFile() as streams:
        os.dup2(streams.fileno(), 1)
        os.dup2(streams.fileno(), 2)
        try:
            main([*shared, *arguments])
            status = 0
        except SystemExit as ended:
            status = ended.code or 0
        sys.stdout.flush()
        sys.stderr.flush()
        streams.seek(0)
        return status, streams.read().decode()


def _jobs(answer: str) -> set[Job]:
    shown = _JOB.findall(answer)
    assert shown or _NOTHING in answer, answer
    found = set()
    for rule, about in shown:
        wildcards, log = _WILDCARDS.search(about), _LOG.search(about)
        if log:
            found.add(Job(rule, wildcards[1] if wildcards else "", log[1]))
    return found
