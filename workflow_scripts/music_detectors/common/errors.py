"""Errors that are written for users, and text from elsewhere made readable."""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Sequences that colour a terminal, move its cursor or set its title.
_ANSI = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
# Of addresses: user and password; query and fragment, also of what is only the path of one. Marks
# that end a sentence or a bracket are not part of it.
_USER = re.compile(r"(?<=://)[^/?#\s]*@")
_END = r"[^\s'\"<>]*?(?=[),;.:]*(?:[\s'\"<>]|$))"
_QUERY = re.compile(
    rf"((?:://|with url: )[^\s'\"<>?#]*)[?#]{_END}|(?<=[\w/])\?[^\s'\"<>?=]*={_END}"
)


class InputError(Exception):
    """An input of the user, or a stored file, is not usable.

    The message is one line that names the file, key or clip and says what to do.
    """


class Mistakes:
    """Collects the InputErrors of several checks, so that one message tells of all."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: dict[str, None] = {}

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note the InputError of the block, if it raises one, and go on after it."""
        try:
            yield
        except InputError as error:
            # What another collection raised is several.
            self._found |= dict.fromkeys(getattr(error, "mistakes", (str(error),)))

    def report(self) -> None:
        """Raise one InputError with all that was noted, if anything was: one line, numbered."""
        mistakes = tuple(self._found)
        if not mistakes:
            return
        told = mistakes[0]
        if len(mistakes) > 1:
            parts = [
                f"({number}) {mistake.removeprefix('configuration: ')}"
                for number, mistake in enumerate(mistakes, start=1)
            ]
            told = f"configuration: {len(mistakes)} mistakes: {' '.join(parts)}"
        error = InputError(told)
        error.mistakes = mistakes  # type: ignore[attr-defined]
        raise error


class ComeBackLater(Exception):
    """The job cannot continue now, for a reason outside it; its next run continues from there.

    The message is one line that says what happened and what to do; the job ends with EXIT_LATER.
    """


EXIT_LATER = 75
"""The exit code of a job that cannot continue now: EX_TEMPFAIL of sysexits.h."""


MAX_MESSAGE = 2000
"""The most characters of a message that ends a job or a run."""


def without_secrets(text: str) -> str:
    """Return `text` without the users, passwords, queries and fragments of addresses in it."""
    return _QUERY.sub(r"\1", _USER.sub("", text)) if "?" in text or "://" in text else text


def one_line(text: object, limit: int = 300) -> str:
    """Return `text` without line breaks or control characters, at most `limit` characters long.

    Whole terminal sequences (ANSI) are removed, and of addresses what may be secret.
    """
    return _cut(" ".join(_safe(str(text)).split()), limit)


def several_lines(text: str) -> str:
    """Return `text` with its line breaks and indents, and otherwise as `one_line` does."""
    return "\n".join(map(_safe, text.split("\n")))


def say(text: str) -> None:
    """Print `text`, one line, to standard error, or nowhere if the terminal has been closed."""
    with suppress(OSError):
        print(_cut(_safe(text), MAX_MESSAGE), file=sys.stderr, flush=True)


def _safe(line: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in _ANSI.sub("", line))
    return without_secrets(printable)


def _cut(line: str, limit: int) -> str:
    return line if len(line) <= limit else line[: limit - 3] + "..."


def warn(message: str) -> None:
    """Log `message`, one line, as a warning, and show it to the user as the run goes on."""
    logging.warning(one_line(message, MAX_MESSAGE))
    say(f"warning: {message}")
