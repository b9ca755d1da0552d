"""Errors that are written for users, and text from elsewhere made readable."""

import logging
import re
import sys
from contextlib import suppress

# Sequences that colour a terminal, move its cursor or set its title.
_ANSI = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")


class InputError(Exception):
    """An input of the user, or a stored file, is not usable.

    The message is one line that names the file, key or clip and says what to do.
    """


class ComeBackLater(Exception):
    """The job cannot continue now, for a reason outside it; its next run continues from there.

    The message is one line that says what happened and what to do; the job ends with EXIT_LATER.
    """


EXIT_LATER = 75
"""The exit code of a job that cannot continue now: EX_TEMPFAIL of sysexits.h."""


MAX_MESSAGE = 2000
"""The most characters of a message that ends a job or a run."""


def one_line(text: object, limit: int = 300) -> str:
    """Return `text` without line breaks or control characters, at most `limit` characters long.

    Whole terminal sequences (ANSI) are removed.
    """
    printable = "".join(c if c.isprintable() else " " for c in _ANSI.sub("", str(text)))
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def say(text: str) -> None:
    """Print `text` to standard error, or nowhere if the terminal has been closed."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def warn(message: str) -> None:
    """Log `message`, one line, as a warning, and show it to the user as the run goes on."""
    message = one_line(message, MAX_MESSAGE)
    logging.warning(message)
    say(f"warning: {message}")
