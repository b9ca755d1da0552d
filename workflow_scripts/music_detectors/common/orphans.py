"""Jobs end with the Snakemake that started them, however it ends.

A user may then unlock the folder and start again at once: no two jobs write one file.
"""

import os
import signal
import threading
import time
from typing import NoReturn

_OWNER = "WORKFLOW_OWNER"
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_CLEAN_UP = 3.0


def begin() -> None:
    """Make this process, Snakemake, the owner of the jobs that it starts.

    A closed terminal interrupts it as Ctrl-C does.
    """
    os.environ[_OWNER] = f"{os.getpid()}@{_namespace()}"
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _interrupt)


def end_with_owner() -> None:
    """End this process, a job, by SIGTERM when its owner has ended, even by SIGKILL.

    A process that does not react to SIGTERM, because it runs compiled code, is killed some seconds
    later. Only on Linux, and only where the job sees the process ids of its owner (not in a
    container).
    """
    pid, _, namespace = os.environ.get(_OWNER, "").partition("@")
    if pid and namespace and namespace == _namespace():
        threading.Thread(target=_end_after, args=[int(pid)], daemon=True).start()


def _end_after(pid: int) -> None:
    while _is_ancestor(pid):
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_CLEAN_UP)
    os.kill(os.getpid(), signal.SIGKILL)


def _is_ancestor(pid: int) -> bool:
    """Return whether `pid` is above this process: a shell between them outlives its parent."""
    above = os.getppid()
    while above not in (pid, 0):
        try:
            with open(f"/proc/{above}/stat", "rb") as stat:
                # The name, in parentheses, may hold anything.
                above = int(stat.read().rpartition(b")")[2].split()[1])
        except OSError:
            return False
    return above == pid


def _namespace() -> str:
    """Return the namespace of process ids: containers have their own."""
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        return ""


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt
