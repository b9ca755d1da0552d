"""Ctrl-C, a closed terminal, a second run in one folder, jobs whose Snakemake is gone."""

import os
import signal
import subprocess
import sys
import textwrap

import imageio_ffmpeg
import pytest

from interruptions.runs import at_work, contents, leftovers, run, started, unlock, until
from workflow.snake import ROOT

SHARD = "audio/train/00000.h5"
TARGET = f"results/smoke/{SHARD}"
LOG = "results/smoke/logs/decode_audio/train-00000.log"


def locks(folder):
    return list((folder / ".snakemake").glob("locks/*.lock"))


def begun(folder, fetching):
    """Wait until the job has begun."""
    until(lambda: fetching.said() and (folder / LOG).exists(), 120)


def test_ctrl_c_and_a_closed_terminal(part_of, undisturbed, tmp_path):
    folder = part_of(tmp_path / "typed", "corpus")

    def once(fetching):
        fetching.type(b"\x03")

    def twice(fetching):
        fetching.type(b"\x03\x03")

    def closed(fetching):
        fetching.hang_up()

    for interrupt in (once, twice, closed):
        (folder / LOG).unlink(missing_ok=True)
        with started(folder, TARGET, terminal=True) as fetching:
            begun(folder, fetching)
            interrupt(fetching)
            assert fetching.wait(20) not in (0, None)
            until(lambda: not at_work(folder), 5)
            assert not locks(folder)
            assert not leftovers(folder)
            if interrupt is once:
                assert "on user request" in fetching.said()
                assert "the same command goes on from there" in fetching.said()
                assert "Traceback" not in fetching.said()
        for name, digest in contents(folder).items():
            assert digest == contents(undisturbed)[name], name
    ended = run(folder, TARGET)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert contents(folder)[SHARD] == contents(undisturbed)[SHARD]


def test_a_second_run_is_refused_and_a_killed_run_can_be_unlocked(part_of, tmp_path):
    folder = part_of(tmp_path / "shared", "corpus")
    with started(folder, TARGET) as first:
        begun(folder, first)
        # It lives, but cannot end before the second run has started.
        first.process.send_signal(signal.SIGSTOP)
        second = run(folder, TARGET)
        assert second.returncode == 1
        assert "Directory cannot be locked" in second.stderr
        unlocked = run(folder, options=["--unlock"])
        assert unlocked.returncode == 1 and locks(folder)
        assert f"run still goes on in this folder (process {first.process.pid} " in unlocked.stderr
        first.process.kill()
        first.process.wait(10)
        until(lambda: not at_work(folder), 10)
    assert locks(folder)
    unlock(folder)


def test_an_orphaned_job_in_compiled_code_ends_too(tmp_path):
    # Nothing helps against code that holds the interpreter's lock; code that waits without it
    # ignores SIGTERM before it returns.
    job = textwrap.dedent(
        f"""
        import signal, time
        from music_detectors.common.job import job
        with job({str(tmp_path / "job.log")!r}):
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    pass
        """
    )
    owner = textwrap.dedent(
        f"""
        import os, subprocess, sys, time
        from music_detectors.common import orphans
        orphans.begin()
        # A shell in between, which does not end with its parent.
        subprocess.Popen(["bash", "-c", '"$0" -c "$1"; true', sys.executable, {job!r}])
        time.sleep(600)
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow_scripts")}
    process = subprocess.Popen([sys.executable, "-c", owner], cwd=tmp_path, env=environment)
    try:
        until(lambda: (tmp_path / "job.log").exists(), 30)
        assert len(at_work(tmp_path)) == 3
        process.kill()
        process.wait(10)
        until(lambda: not at_work(tmp_path), 10)
    finally:
        process.kill()
        for pid in at_work(tmp_path):
            os.kill(pid, signal.SIGKILL)


def stopped_with_a_child(process, folder):
    """Stop the process; if it has no child at that moment, let it continue."""
    process.send_signal(signal.SIGSTOP)
    if len(at_work(folder)) == 2:
        return True
    process.send_signal(signal.SIGCONT)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_ffmpeg_does_not_outlive_its_job(tmp_path, number):
    recording = tmp_path / "long.mka"
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    noise = ["-f", "lavfi", "-i", "sine=r=44100", "-t", "300", "-c:a", "pcm_s16le"]
    subprocess.run([ffmpeg, "-loglevel", "error", *noise, recording], check=True)
    job = textwrap.dedent(
        f"""
        from music_detectors.audio.decode import decode
        from music_detectors.audio.ffmpeg_path import find_ffmpeg
        from music_detectors.common.job import job
        with job("job.log"):
            find_ffmpeg({ffmpeg!r})
            open("ready", "w").close()
            while True:
                decode({str(recording)!r}, 0, 300, {ffmpeg!r})
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow_scripts")}
    process = subprocess.Popen([sys.executable, "-c", job], cwd=tmp_path, env=environment)
    try:
        until(lambda: (tmp_path / "ready").exists(), 60)
        # While the job is stopped, nobody reads from the pipe, so ffmpeg cannot end by itself.
        until(lambda: stopped_with_a_child(process, tmp_path), 60)
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        assert process.wait(20) in (-number, 128 + number)
        until(lambda: not at_work(tmp_path), 10)
    finally:
        process.kill()
        for pid in at_work(tmp_path):
            os.kill(pid, signal.SIGKILL)
