"""The progress of a run: one line per stage on a terminal, one short line per job elsewhere.

Snakemake itself prints some thousand characters for each job, and writes the same to a file under
.snakemake/log. While jobs run, a `Watch` takes the place of the handler that prints. Messages from
outside a run (a dry run, --lint, --report) and everything in the file stay as Snakemake makes them.
"""

import logging
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TextIO

from .errors import MAX_MESSAGE, one_line, several_lines

REDRAW_SECONDS = 0.5
"""How often the block of progress lines is drawn again."""

# Messages of Snakemake at level INFO that a user wants to see; the rest is in the file.
_SHOWN = re.compile(
    r"Nothing to be done|Terminating processes|Trying to restart|Creating conda env|Downloading and"
)
# Errors that repeat what the line of a failed job has said.
_REPEATED = re.compile(
    r"Exiting because a job execution failed|At least one job did not complete"
    r"|returned non-zero exit status \d+"
)
_BAR_WIDTH = 24


@dataclass
class Job:
    """A running job: its name, its stage, and when it started."""

    name: str
    stage: str
    started: float


@dataclass
class Stage:
    """Counts of the jobs of a stage, and when its first job started (None: not yet)."""

    total: int
    done: int = 0
    started: float | None = None


@dataclass
class Progress:
    """Which jobs of a run are planned, running and done, according to Snakemake's events.

    `stage_of` maps the name of every rule that counts to its stage.
    """

    stage_of: Mapping[str, str]
    stages: dict[str, Stage] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The number of jobs of the run."""
        return sum(stage.total for stage in self.stages.values())

    @property
    def done(self) -> int:
        """The number of jobs that have succeeded."""
        return sum(stage.done for stage in self.stages.values())

    def plan(self, counts: Mapping[str, int]) -> None:
        """Set the number of jobs of each rule."""
        for rule, stage in self.stage_of.items():
            if rule in counts:
                self.stages.setdefault(stage, Stage(0)).total += counts[rule]

    def start(self, record: logging.LogRecord, now: float) -> None:
        """A job has started (on a cluster: was submitted)."""
        rule = record.__dict__["rule_name"]
        if rule not in self.stage_of:
            return
        name = job_name(rule, record.__dict__["wildcards"])
        stage = self.stage_of[rule]
        self.jobs[record.__dict__["jobid"]] = Job(name, stage, now)
        counts = self.stages.setdefault(stage, Stage(0))
        if counts.started is None:
            counts.started = now

    def finish(self, jobid: int) -> Job | None:
        """A job has succeeded; returns it, or None if it does not count."""
        job = self.jobs.pop(jobid, None)
        if job is not None:
            self.stages[job.stage].done += 1
        return job


def job_name(rule: str, wildcards: Mapping[str, str]) -> str:
    """Return the name of a job in messages: its rule and its wildcards."""
    return " ".join([rule, *(f"{name}={value}" for name, value in wildcards.items())])


def duration(seconds: float) -> str:
    """Return `seconds` as 4 s, 3:12 min or 1:05:00 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d} h"


def pace(done: int, seconds: float) -> str:
    """Return the rate of `done` jobs in `seconds`: per second, or per minute or hour if below 1."""
    rate, unit = done / max(seconds, 1e-3), "s"
    for longer in ("min", "h"):
        if rate < 1:
            rate, unit = 60 * rate, longer
    return f"{rate:.1f}/{unit}"


def stage_line(name: str, stage: Stage, now: float) -> str:
    """Return the line of a running stage: its bar, its counts, its rate and the time left."""
    filled = _BAR_WIDTH * stage.done // max(stage.total, 1)
    bar = "━" * filled + "╌" * (_BAR_WIDTH - filled)
    line = f"  {name:<14} {bar} {stage.done:>5}/{stage.total}"
    if stage.done and stage.started is not None:
        seconds = now - stage.started
        left = seconds / stage.done * (stage.total - stage.done)
        line += f"  {pace(stage.done, seconds):>9}  {duration(left)} left"
    return line


class Watch(logging.Handler):
    """Shows the progress of a run in place of `plain`, Snakemake's handler of its messages."""

    def __init__(self, plain: logging.StreamHandler, stage_of: Mapping[str, str]) -> None:
        """Replace `plain`; `stage_of` maps the rules that count to their stages."""
        super().__init__()
        self._plain = plain
        self._progress = Progress(stage_of)
        self._begun: float | None = None
        self._interrupted = False
        self._screen: _Screen | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Show what `record` says about the run, if it matters to a user."""
        try:
            self._emit(record)
        except Exception:
            # A run must not fail because a line about it does.
            self.handleError(record)

    def _emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == "workflow_started":
            self._begun = time.monotonic()
        elif self._begun is None:
            self._plain.handle(record)
        elif event == "run_info":
            self._progress.plan(record.__dict__["stats"])
            self._say(f"{self._progress.total} job{'s' if self._progress.total != 1 else ''}")
            if _moves(self._plain.stream):
                self._screen = _Screen(self._plain.stream, self._block)
        elif event == "job_info":
            self._progress.start(record, time.monotonic())
        elif event == "job_finished":
            self._finished(record.__dict__["job_id"])
        elif event == "job_error":
            self._failed(record)
        elif self._matters(record):
            self._interrupted |= str(record.msg).startswith("Terminating processes")
            self._say(several_lines(self._plain.format(record)))

    def end(self) -> None:
        """Draw no more lines of progress; messages are shown as they come."""
        if self._screen is not None:
            self._screen.end()
            self._screen = None

    def close(self) -> None:
        """Give the terminal back."""
        self.end()
        self._plain.close()
        super().close()

    def _matters(self, record: logging.LogRecord) -> bool:
        message = str(record.msg)
        if record.levelno < logging.WARNING:
            return bool(_SHOWN.match(message))
        return not _REPEATED.search(message)

    def _say(self, line: str) -> None:
        if self._screen is not None:
            self._screen.say(line)
            return
        with suppress(OSError):
            print(line, file=self._plain.stream, flush=True)

    def _finished(self, jobid: int) -> None:
        job, now = self._progress.finish(jobid), time.monotonic()
        if job is None:
            return
        stage = self._progress.stages[job.stage]
        if self._screen is None:
            total = str(self._progress.total)
            count = f"{self._progress.done:>{len(total)}}/{total}"
            self._say(f"{count}  {job.name}  {duration(now - job.started)}")
        elif stage.done == stage.total and stage.started is not None:
            counts = f"{stage.done:>5}/{stage.total}"
            bar = "━" * _BAR_WIDTH
            self._say(f"  {job.stage:<14} {bar} {counts}  {duration(now - stage.started)}")

    def _failed(self, record: logging.LogRecord) -> None:
        job = self._progress.jobs.pop(record.__dict__["jobid"], None)
        name = job.name if job is not None else record.__dict__["rule_name"]
        if self._interrupted:
            self._say(f"stopped  {name}")
            return
        lines = [f"failed   {name}"]
        # Only a cluster's jobs have a message; their own output has not been shown yet.
        if record.__dict__["rule_msg"]:
            from_cluster = record.__dict__["rule_msg"].partition("For further error details")[0]
            said = [from_cluster, last_error(record.__dict__["log"])]
            lines += [f"         {one_line(text, MAX_MESSAGE)}" for text in said if text]
        lines += [f"log      {path}" for path in record.__dict__["log"]]
        self._say("\n".join(lines))

    def _block(self) -> list[str]:
        """Return the lines of the running stages and of the whole run."""
        now = time.monotonic()
        self.acquire()
        try:
            stages = dict(self._progress.stages)
            whole = Stage(self._progress.total, self._progress.done)
        finally:
            self.release()
        lines = [
            stage_line(name, stage, now)
            for name, stage in stages.items()
            if stage.started is not None and stage.done < stage.total
        ]
        begun = now if self._begun is None else self._begun
        return [*lines, f"{stage_line('all', whole, now)}  {duration(now - begun)}"]


def last_error(logs: Sequence[str]) -> str:
    """Return the last message of level ERROR in the job's log, the first of `logs`, or ""."""
    for path in logs[:1]:
        with suppress(OSError), open(path, errors="replace") as log:
            found = re.findall(r"^\S+ \S+ ERROR (.*)$", log.read(), re.M)
            if found:
                return str(found[-1])
    return ""


def begin(stage_of: Mapping[str, str]) -> Watch | None:
    """Replace the handler that prints Snakemake's messages by a `Watch`; returns it.

    Returns None, and changes nothing, if a logger plugin prints instead.
    """
    logger = logging.getLogger("snakemake.logging")
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler" and isinstance(handler, logging.StreamHandler):
            logger.removeHandler(handler)
            watch = Watch(handler, stage_of)
            logger.addHandler(watch)
            return watch
    return None


def _moves(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that can erase what it has drawn."""
    encoding = (stream.encoding or "").lower().replace("-", "")
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb" and encoding == "utf8"


class _Screen:
    """A block of lines at the foot of a terminal, below whatever else is written to it.

    Jobs write to standard error themselves, as does Snakemake. As long as the block stands,
    standard error is a pipe; what comes through it is written above the block.
    """

    def __init__(self, stream: TextIO, block: Callable[[], list[str]]) -> None:
        self._block = block
        self._lock = threading.Lock()
        self._drawn = 0
        stream.flush()
        self._number = stream.fileno()
        self._terminal = os.dup(self._number)
        reading, writing = os.pipe()
        os.dup2(writing, self._number)
        os.close(writing)
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(reading,), daemon=True)
        self._reader.start()
        threading.Thread(target=self._redraw, daemon=True).start()

    def say(self, text: str) -> None:
        """Write `text` above the block."""
        lines = self._block()
        with self._lock:
            self._draw(f"{text}\n", lines)

    def end(self) -> None:
        """Remove the block, and let standard error write to the terminal again."""
        self._ended.set()
        sys.stderr.flush()
        os.dup2(self._terminal, self._number)
        # Jobs that still end keep the pipe open.
        self._reader.join(timeout=1)
        with self._lock:
            self._draw("", [])

    def _read(self, reading: int) -> None:
        with os.fdopen(reading, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                self.say(line.rstrip("\n"))

    def _redraw(self) -> None:
        while not self._ended.wait(REDRAW_SECONDS):
            lines = self._block()
            with self._lock:
                self._draw("", lines)

    def _draw(self, above: str, lines: Sequence[str]) -> None:
        width = shutil.get_terminal_size().columns - 1
        if self._ended.is_set():
            lines = []
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        block = "".join(f"{line[:width]}\n" for line in lines)
        with suppress(OSError):
            os.write(self._terminal, f"{up}\r\x1b[J{above}{block}".encode())
        self._drawn = len(lines)
