"""The errors that a user is meant to read, and text from elsewhere made fit to be read."""

import re
import sys
from contextlib import suppress

# What colours a terminal, moves its cursor or sets its title.
_ANSI = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")


class InputError(Exception):
    """Something the user gave, or a stored file, is not usable.

    The message is one line that names the file, key or clip and says what to do.
    """


class ComeBackLater(Exception):
    """The job cannot go on for now, for a reason outside it, and will go on where it stopped.

    The message is one line that says what happened and what to do; the job ends with EXIT_LATER.
    """


EXIT_LATER = 75
"""The exit code of a job that cannot go on for now: EX_TEMPFAIL of sysexits.h."""


def one_line(text: object, limit: int = 300) -> str:
    """Return `text` without line breaks or control characters, at most `limit` characters long.

    Terminal sequences (ANSI) go as a whole.
    """
    printable = "".join(c if c.isprintable() else " " for c in _ANSI.sub("", str(text)))
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def say(text: str) -> None:
    """Print `text` to standard error, or nowhere where the terminal has been closed."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)
