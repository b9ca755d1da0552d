"""Unlocking a folder: refused under a run that lives, and explained where nobody can know."""

import json
import multiprocessing
import os
import signal

import pytest

from music_detectors.common import runs
from music_detectors.common.errors import InputError

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".snakemake" / "runs"


@pytest.fixture
def living(folder):
    """A process that runs the workflow in the folder."""

    def live(ready):
        runs.begin()
        ready.set()
        signal.pause()

    ready = FORK.Event()
    process = FORK.Process(target=live, args=[ready])
    process.start()
    assert ready.wait(20)
    yield process
    process.kill()
    process.join()


@pytest.mark.parametrize(
    ("words", "asks"),
    [
        (["--cores", "1", "--unlock"], True),
        (["--unl"], True),
        (["--cores", "1"], False),
        (["--un"], False),
        (["--unlocked"], False),
        (["unlock", ""], False),
    ],
)
def test_a_shortened_option_counts_too(words, asks):
    assert runs.asks_to_unlock(["snakemake", *words]) is asks


def test_a_run_that_lives_is_not_unlocked_and_one_that_was_killed_is(folder, living, capsys):
    says = rf"a run still goes on in this folder \(process {living.pid} on .*, begun 20.*\); wait"
    for _ in range(2):
        with pytest.raises(InputError, match=says):
            runs.check_unlock()
    os.kill(living.pid, signal.SIGKILL)
    living.join()
    runs.check_unlock()
    assert not list(folder.iterdir())
    assert not capsys.readouterr().err


def test_a_run_that_has_ended_leaves_no_note(folder):
    process = FORK.Process(
        target=lambda: (runs.begin(), os.chdir("/"), runs.atexit._run_exitfuncs())
    )
    process.start()
    process.join()
    assert process.exitcode == 0 and not list(folder.iterdir())


@pytest.mark.parametrize("where", [{"host": "elsewhere", "lock": True}, {"lock": False}])
def test_what_cannot_be_known_is_said(folder, capsys, where):
    folder.mkdir(parents=True)
    told = {"process": 7, "host": runs.socket.gethostname(), "since": "today", **where}
    (folder / "x.json").write_text(json.dumps(told))
    runs.check_unlock()
    said = capsys.readouterr().err
    assert f"locks of a run (process 7 on {told['host']}, begun today); whether it still" in said
    runs.check_unlock()
    assert "still goes on and left no note" in capsys.readouterr().err


def test_a_file_system_without_locks_is_noted(folder, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(95, "not supported")

    monkeypatch.setattr(runs, "_held", [])
    monkeypatch.setattr(runs.fcntl, "flock", refuse)
    runs.begin()
    (note,) = folder.iterdir()
    assert json.loads(note.read_text())["lock"] is False
    runs.check_unlock()
    assert "whether it still goes on cannot be seen from here" in capsys.readouterr().err
