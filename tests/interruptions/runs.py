"""Start runs of Snakemake in the background, watch and kill them, and compare what they left."""

import hashlib
import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from workflow.snake import ROOT, executed

SMOKE = ["--configfile", str(ROOT / "config" / "smoke.yaml")]
# Files that depend on how long something took, how often it was begun, or the day.
_TIMES = ("logs/", "benchmarks/", "report.html", "ro-crate-metadata.json")


def command(folder, *targets, cores=2, options=()):
    """The command that runs the smoke configuration in `folder`."""
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--workflow-profile", str(ROOT / "profiles" / "default")),
        *("--directory", str(folder), "--cores", str(cores), *options, *SMOKE, "--", *targets),
    ]


def run(folder, *targets, timeout=900, **options):
    """Run the smoke configuration in `folder` to its end; returns the ended process."""
    return subprocess.run(
        command(folder, *targets, **options), capture_output=True, text=True, timeout=timeout
    )


def unlock(folder):
    """Remove the lock of a killed run."""
    ended = run(folder, options=["--unlock"])
    assert ended.returncode == 0, ended.stderr
    assert not list((folder / ".snakemake").glob("locks/*"))


class Started:
    """A run in a session of its own, on a terminal if requested; its output goes to a file."""

    def __init__(self, folder, *targets, terminal=False):
        self.folder = folder
        self._output = folder.parent / f"{folder.name}.output"
        self._terminal = None
        line = command(folder, *targets)
        with open(self._output, "wb") as output:
            if not terminal:
                self.process = subprocess.Popen(
                    line,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
                return
        self._terminal, inside = pty.openpty()
        self.process = subprocess.Popen(
            line, preexec_fn=lambda: os.login_tty(inside), env={**os.environ, "TERM": "xterm"}
        )
        os.close(inside)
        os.set_blocking(self._terminal, False)

    def said(self):
        """The output so far."""
        if self._terminal is not None:
            with suppress(OSError), open(self._output, "ab") as output:
                while content := os.read(self._terminal, 65536):
                    output.write(content)
        return self._output.read_text(errors="replace")

    def finished_jobs(self):
        """How many jobs have finished."""
        return len(executed(self.said()))

    def type(self, character):
        """Type `character` at the terminal."""
        os.write(self._terminal, character)

    def hang_up(self):
        """Close the terminal."""
        self.said()
        os.close(self._terminal)
        self._terminal = None

    def wait(self, seconds):
        """Wait for the end; returns the exit status."""
        until(lambda: self.said() is not None and self.process.poll() is not None, seconds)
        return self.process.returncode

    def close(self):
        """End the processes that are left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for pid in at_work(self.folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(30)
        if self._terminal is not None:
            self.hang_up()


@contextmanager
def started(folder, *targets, **options):
    """A run that ends with the block at the latest."""
    run = Started(folder, *targets, **options)
    try:
        yield run
    finally:
        run.close()


def until(condition, seconds):
    """Wait until `condition` holds; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


def at_work(folder):
    """The processes whose working folder is `folder`: Snakemake, its jobs, and their children."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if os.path.samefile(entry / "cwd", folder):
                    found.append(int(entry.name))
    return found


def contents(folder):
    """The digest of every result under its final name, except files that hold times."""
    results = folder / "results" / "smoke"
    return {
        name: _digest(path)
        for path in sorted(results.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(results).parts)
        and not (name := path.relative_to(results).as_posix()).startswith(_TIMES)
    }


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def leftovers(folder):
    """Temporary files of jobs."""
    return [
        path
        for path in (folder / "results").rglob(".*")
        if path.is_file() and re.fullmatch(r"\..*\.[a-z0-9_]{8}", path.name)
    ]
