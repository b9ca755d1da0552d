"""What surrounds every script: its log, and one clear line when it cannot go on."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from .disk import disk_trouble
from .errors import EXIT_LATER, ComeBackLater, InputError, one_line, say
from .orphans import OWNER, end_with

# As this is imported, and not later: what a script imports after it may take many seconds.
end_with(os.environ.get(OWNER))

# What a system that shuts down, a cluster, or a terminal that is closed sends.
_STOPS = (signal.SIGTERM, signal.SIGHUP)


class _Stopped(SystemExit):
    """The signal `number` has asked the job to end."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number


@contextmanager
def job(log: str) -> Iterator[None]:
    """Send messages to the file `log` while the block runs; end an InputError in one line.

    An InputError is written to the log and to standard error, and the process exits with 1, and so
    is the trouble that it has with a disk (see `disk_trouble`); ComeBackLater likewise, with
    EXIT_LATER (75). Any other exception leaves its traceback in the log, and ends in one line too.

    A job that is interrupted, or whose Snakemake is gone, removes what it had half written and
    exits with 128 and the number of the signal, without a traceback.
    """
    with _stopped_by_signals():
        try:
            _open_log(log)
            yield
        except (InputError, ComeBackLater) as error:
            later = isinstance(error, ComeBackLater)
            _end(
                "stopped for now" if later else "error",
                one_line(error, limit=2000),
                EXIT_LATER if later else 1,
            )
        except KeyboardInterrupt:
            logging.error("interrupted")
            sys.exit(128 + signal.SIGINT)
        except _Stopped as stopped:
            logging.error("ended by signal %d", stopped.number)
            raise
        except Exception as error:
            trouble = disk_trouble(error, place=log)
            if trouble is None:
                logging.exception("the job failed")
                what = f"{type(error).__name__}: {one_line(error)}"
                trouble = f"{what} (a fault of the workflow; the traceback is in {log})"
            _end("error", trouble, 1)
        finally:
            logging.shutdown()


def _end(what: str, message: str, code: int) -> NoReturn:
    logging.error(message)
    say(f"{what}: {message}")
    sys.exit(code)


class _Log(logging.FileHandler):
    """A log that a full disk cuts short, but that brings down no job."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Pass over a message that cannot be written."""


def _open_log(log: str) -> None:
    """Have all messages go to the file `log`, or nowhere where it cannot be written."""
    try:
        Path(log).parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = _Log(log, mode="w")
    except OSError:
        handler = logging.NullHandler()
    logging.basicConfig(
        handlers=[handler],
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        force=True,
    )
    logging.captureWarnings(True)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Raise _Stopped in the block at a signal of `_STOPS`; only the main thread can be told so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: object) -> NoReturn:
        raise _Stopped(number)

    # What is ignored (nohup) stays so.
    heeded = [number for number in _STOPS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
