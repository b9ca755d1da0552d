"""Which runs of the workflow go on in a folder, so that nobody unlocks it under them.

Snakemake's `--unlock` removes the locks of all runs in the folder. A run notes itself in a file
that it holds locked as long as its process lives, however that ends.
"""

import atexit
import fcntl
import json
import os
import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TextIO

from .errors import InputError, say

_FOLDER = Path(".snakemake", "runs")
_held: list[TextIO] = []


def begin() -> None:
    """Note in the working directory that this process runs the workflow, until it ends.

    Where the file system has no locks, the note says that nobody can know whether it still does.
    """
    _FOLDER.mkdir(parents=True, exist_ok=True)
    host, since = socket.gethostname(), datetime.now().astimezone()
    # Snakemake goes back to where it was started.
    path = _FOLDER.absolute() / f"{host}-{os.getpid()}.json"
    # Nobody may find it before it is locked.
    unfinished = path.with_suffix(".begun")
    note = open(unfinished, "w", encoding="utf-8")
    try:
        fcntl.flock(note, fcntl.LOCK_EX)
        is_locked = True
    except OSError:
        is_locked = False
    since_text = since.isoformat(" ", "seconds")
    json.dump({"process": os.getpid(), "host": host, "since": since_text, "lock": is_locked}, note)
    note.flush()
    os.replace(unfinished, path)
    _held.append(note)
    atexit.register(path.unlink, missing_ok=True)


def asks_to_unlock(arguments: Sequence[str]) -> bool:
    """Return whether a command line of Snakemake has --unlock, which it lets one shorten."""
    return any(len(word) > 4 and "--unlock".startswith(word) for word in arguments)


def check_unlock() -> None:
    """Say what `--unlock` does in the working directory, where it may harm a run.

    Raises InputError when a run goes on there. Whether one on another machine does is known only
    if the file system shares its locks.
    """
    notes = sorted(_FOLDER.glob("*.json"))
    for path in notes:
        try:
            with open(path, encoding="utf-8") as file:
                goes_on, told = _goes_on(file), json.load(file)
        except (OSError, ValueError):
            # It has just ended.
            continue
        run = f"process {told['process']} on {told['host']}, begun {told['since']}"
        if goes_on:
            raise InputError(
                f"--unlock is refused: a run still goes on in this folder ({run}); wait until it "
                "ends, or end it, then unlock"
            )
        if told["host"] != socket.gethostname() or not told["lock"]:
            say(
                f"warning: --unlock removes the locks of a run ({run}); whether it still goes on "
                "cannot be seen from here, and two runs that write the same files damage them"
            )
        path.unlink(missing_ok=True)
    if not notes:
        say(
            "warning: --unlock removes the locks of this folder, also those of a run that still "
            "goes on and left no note (pgrep -af snakemake shows it)"
        )


def _goes_on(file: TextIO) -> bool:
    try:
        # A shared one needs no right to write.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        # Where there are no locks at all, the note says so.
        return isinstance(error, BlockingIOError)
    return False
