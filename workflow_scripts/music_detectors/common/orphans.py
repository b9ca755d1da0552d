"""Jobs that end with the Snakemake that started them, whatever ended it."""

import os
import select
import signal
import threading
import time

OWNER = "WORKFLOW_OWNER"
"""The environment variable in which Snakemake's process says who it is; see `owner`."""

_SECONDS_TO_CLEAN_UP = 3.0
_SECONDS_BETWEEN_LOOKS = 1.0


def owner() -> str:
    """Return what names this process to its descendants: its id, and where that id counts."""
    return f"{os.getpid()}@{_namespace()}"


def end_with(owner: str | None) -> None:
    """End this process by SIGTERM when the one named by `owner` has ended, even by SIGKILL.

    A process that does not heed SIGTERM, being deep in compiled code, ends some seconds later. An
    owner in another space of process ids (a container's) cannot be seen and is not waited for.
    """
    pid, _, namespace = (owner or "").partition("@")
    if not pid.isdigit() or namespace != _namespace():
        return
    threading.Thread(target=_end_after, args=[int(pid)], name="end with", daemon=True).start()


def _end_after(pid: int) -> None:
    _wait_for(pid)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_CLEAN_UP)
    os.kill(os.getpid(), signal.SIGKILL)


def _wait_for(pid: int) -> None:
    """Return once the process `pid`, an ancestor of this one, has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):
        # Not Linux, or an old or a guarded kernel. A shell in between hides the end of its parent.
        while _is_ancestor(pid):
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return
    # The id may have been another process's by the time it was opened.
    if _is_ancestor(pid):
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        waiting.poll()


def _is_ancestor(pid: int) -> bool:
    above = os.getppid()
    while above not in (pid, 0):
        try:
            with open(f"/proc/{above}/stat", "rb") as stat:
                # The name, in parentheses, may hold anything.
                above = int(stat.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            return False
    return above == pid


def _namespace() -> str:
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        return ""
