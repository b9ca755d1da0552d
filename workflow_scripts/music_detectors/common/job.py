"""The frame of every script: its log, and one clear line if it fails."""

import errno
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from .errors import (
    EXIT_LATER,
    MAX_MESSAGE,
    ComeBackLater,
    InputError,
    one_line,
    say,
    several_lines,
)
from .origins import noting_origins
from .orphans import end_with_owner

# On import, since later imports of a script may take many seconds.
end_with_owner()

# Signals from a system that shuts down, a cluster, or a closed terminal.
_STOPS = (signal.SIGTERM, signal.SIGHUP)
_DISK_TROUBLE = {
    errno.ENOSPC: "the disk is full; make room",
    errno.EDQUOT: "your disk quota is used up; make room",
    errno.EACCES: "permission denied; get access to it and its folder",
}


class _Stopped(SystemExit):
    """The signal `number` has asked the job to end."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


@contextmanager
def job(log: str, seed: int | None = None) -> Iterator[None]:
    """Send messages to the file `log` while the block runs; end an InputError in one line.

    `seed` is the master seed of the configuration: results of another one are refused. Without it,
    as for a job that reads the results of several configurations, they are not.

    An InputError is written to the log and to standard error, and the process exits with 1; a full
    disk, a used-up quota and a denied permission end it in the same way, ComeBackLater with
    EXIT_LATER (75). Any other exception leaves its traceback in the log, and ends in one line too.

    A job that is interrupted, or whose Snakemake is gone, removes its unfinished files and exits
    with 128 plus the number of the signal, without a traceback.
    """
    # nohup ignores SIGHUP; keep that.
    for stop in _STOPS:
        if signal.getsignal(stop) is not signal.SIG_IGN:
            signal.signal(stop, _stop)
    try:
        _open_log(log)
        with noting_origins(seed):
            yield
    except InputError as error:
        _end("error", error, 1)
    except ComeBackLater as error:
        _end("stopped for now", error, EXIT_LATER)
    except KeyboardInterrupt:
        logging.error("interrupted")
        sys.exit(128 + signal.SIGINT)
    except _Stopped as stopped:
        logging.error("ended by signal %d", stopped.number)
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _DISK_TROUBLE:
            name, trouble = error.filename or "a file of this job", _DISK_TROUBLE[error.errno]
            _end("error", f"{name}: {trouble}, then run the same command again", 1)
        logging.exception("the job failed")
        what = f"{type(error).__name__}: {one_line(error)}"
        _end("error", f"{what} (a fault of the workflow; the traceback is in {log})", 1)
    finally:
        logging.shutdown()


def _stop(number: int, _: object) -> NoReturn:
    raise _Stopped(number)


def _end(what: str, message: object, code: int) -> NoReturn:
    line = one_line(message, MAX_MESSAGE)
    logging.error(line)
    say(f"{what}: {line}")
    sys.exit(code)


def _open_log(log: str) -> None:
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    # A log on a full disk is cut short, without a message for each lost line.
    logging.raiseExceptions = False
    handler = logging.FileHandler(log, "w", encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_Safe("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.captureWarnings(True)


class _Safe(logging.Formatter):
    """Writes no control character and no secret of an address, in tracebacks either."""

    def format(self, record: logging.LogRecord) -> str:
        return several_lines(super().format(record))
