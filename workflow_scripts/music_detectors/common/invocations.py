"""What an invocation of Snakemake tells its jobs, the next invocations, and who started it.

Snakemake locks the files that it makes, and leaves the lock behind when it is killed. It does not
know whether the holder of a lock still lives; here each invocation holds a shared lock (flock) of
its own on one file, which the system takes from it when it ends in whatever way.
"""

import fcntl
import logging
import os
import shlex
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import psutil

from .disk import disk_trouble
from .orphans import OWNER, owner

_IN_USE = Path(".snakemake", "in-use")
_LOCKED = "Directory cannot be locked"

# By folder: open as long as the process lives.
_held: dict[Path, int] = {}


def begin() -> None:
    """Say that an invocation of Snakemake works in the present folder, until this process ends.

    Its jobs end with it. A terminal that is closed interrupts it, as Ctrl-C does. A lock that
    Snakemake meets, and a disk without room, is told in one line that says what to do.
    """
    # Of a terminal that is gone, or a log for which there is no room.
    logging.raiseExceptions = False
    os.environ[OWNER] = owner()
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _hang_up)
    place = _IN_USE.absolute()
    if place not in _held and (handle := _hold(place)) is not None:
        _held[place] = handle
    logger = logging.getLogger("snakemake.logging")
    logger.addFilter(_plainly)


def sign() -> None:
    """Note which process it is that now makes files in the present folder."""
    handle = _held.get(_IN_USE.absolute())
    if handle is not None:
        text = f"{socket.gethostname()} {os.getpid()}\n".encode()
        # Who looks is then told less.
        with suppress(OSError):
            os.truncate(handle, 0)
            os.pwrite(handle, text, 0)


def advice(command: str) -> str:
    """Return a line for who finds the present folder locked; `command` removes the lock."""
    handle = _held.get(_IN_USE.absolute())
    host, pid = _signed(handle)
    if handle is None:
        return (
            "this folder is locked: another run is at work in it, or was killed; if you are sure "
            f"that none is, run again after this: {command}"
        )
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(handle, fcntl.LOCK_SH)
    except OSError:
        return (
            "another run is at work in this folder on the same files"
            f"{f' (process {pid} on {host})' if pid else ''}: wait until it has ended, or end it "
            "with Ctrl-C, and then run again"
        )
    if host not in ("", socket.gethostname()):
        return (
            f"this folder is locked by a run on {host} (process {pid}); if that is not at work any "
            f"more, run again after this: {command}"
        )
    return f"a run in this folder was killed and left it locked; run again after this: {command}"


def unlocking(argv: list[str]) -> str:
    """Return the command line `argv` of Snakemake with --unlock."""
    program = [argv[0]]
    if Path(argv[0]).name == "__main__.py":
        program = [sys.executable, "-m", "snakemake"]
    return shlex.join([*program, "--unlock", *argv[1:]])


def _hang_up(number: int, _: object) -> NoReturn:
    """End as at Ctrl-C: a terminal tells only the first process of its session, not the jobs."""
    signal.signal(number, signal.SIG_IGN)
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            process.send_signal(number)
    raise KeyboardInterrupt


def _hold(place: Path) -> int | None:
    """Return a handle of the file `place` with a shared lock, or None where there are no locks."""
    try:
        place.parent.mkdir(exist_ok=True)
        handle = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
    except OSError:
        os.close(handle)
        return None
    return handle


def _signed(handle: int | None) -> tuple[str, str]:
    """Return the host and the process that have signed last, empty where none has."""
    if handle is None:
        return "", ""
    parts = os.pread(handle, 300, 0).decode("utf-8", "replace").split()
    return (parts[0], parts[1]) if len(parts) == 2 else ("", "")


def _plainly(record: logging.LogRecord) -> bool:
    """Put one line in place of what Snakemake says of a lock, and of a disk without room."""
    if _LOCKED in str(record.msg):
        # A dry run goes on all the same.
        what = "error" if record.levelno >= logging.ERROR else "note"
        record.msg, record.args = f"{what}: {advice(unlocking(sys.argv))}", None
    elif record.levelno >= logging.ERROR:
        error = RuntimeError(str(record.msg))
        if (line := disk_trouble(error, _IN_USE, "what Snakemake notes")) is not None:
            record.msg, record.args = f"error: {line}", None
    return True
