"""Text files that the configuration names, and suggestions for misspelt names in them."""

import difflib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from music_detectors.common.errors import InputError, one_line


@contextmanager
def opened(path: str | os.PathLike, key: str) -> Iterator[TextIO]:
    """Yield the UTF-8 text file at `path`, with or without a byte order mark, for reading.

    Raises InputError, naming the configuration's `key` and the file, when it cannot be opened or
    turns out, while the block reads it, not to be UTF-8 text.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            yield file
    except FileNotFoundError:
        message = f"configuration: {key} is {str(path)!r}, and there is no such file"
        raise InputError(message) from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text ({error.reason}); save it as UTF-8, or correct {key}"
        ) from error
    except OSError as error:
        raise InputError(
            f"configuration: {key} is {str(path)!r}, which cannot be read "
            f"({one_line(error.strerror)})"
        ) from error


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean '...'?` with the one of `names` closest to `name`, or nothing."""
    by_folded = {known.casefold(): known for known in names}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return f"; did you mean {by_folded[close[0]]!r}?" if close else ""


def repeated(values: Sequence[str]) -> str | None:
    """Return the first of `values` that has occurred before, or None."""
    seen: set[str] = set()
    if len(set(values)) == len(values):
        return None
    return next(value for value in values if value in seen or seen.add(value))
