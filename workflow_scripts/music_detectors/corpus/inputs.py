"""Files that the configuration names, and suggestions for misspelt names in them."""

import difflib
import hashlib
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

from music_detectors.common.errors import InputError, one_line
from music_detectors.common.urls import check_url, is_url
from music_detectors.corpus.spreadsheet import first_column, is_workbook

_CLIP_ID = re.compile(r"[A-Za-z0-9_.-]{1,120}")
_NUMBER = re.compile(r"-?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")
# In the study's list, clips are names of files, and some have the title of the column before them.
_PREFIX = re.compile(r"\AName\s*:\s*", re.IGNORECASE)
_ENDING = re.compile(r"\.wav(\.gz)?\Z", re.IGNORECASE)


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


def read_clip_ids(path: str | os.PathLike, key: str) -> list[str]:
    """Return the different clip ids in a file, in its order.

    The file is text, with one id per line, where blank lines and `#` lines do not count; or an
    Excel workbook with names of WAV files in the first column, such as the study's `filenames.xlsx`
    (Kim et al., 2024). Raises InputError, naming the file and line, for what cannot be the id of a
    clip.
    """
    workbook = is_workbook(path)
    found: dict[str, None] = {}
    for number, entry in _names_of_files(path) if workbook else _lines(path, key):
        if not _CLIP_ID.fullmatch(entry):
            where = "in column A of each row" if workbook else "on each line"
            raise InputError(
                f"{path}, {'row' if workbook else 'line'} {number}: {one_line(entry, 80)!r} is "
                f"not the id of a clip, such as --PJHxphWEs_30.000; one is expected {where}"
            )
        found[entry] = None
    return list(found)


def digest_of_ids(clip_ids: Iterable[str]) -> str:
    """Return the SHA-256, in hexadecimal, of a set of ids: sorted, each with a line feed."""
    text = "".join(f"{clip_id}\n" for clip_id in sorted(set(clip_ids)))
    return hashlib.sha256(text.encode()).hexdigest()


def _lines(path: str | os.PathLike, key: str) -> Iterator[tuple[int, str]]:
    with opened(path, key) as file:
        for number, line in enumerate(file, start=1):
            entry = line.strip()
            if entry and not entry.startswith("#"):
                yield number, entry


def _names_of_files(path: str | os.PathLike) -> Iterator[tuple[int, str]]:
    """Yield row and entry, without what makes a name of a file of an id."""
    cells = list(first_column(path))
    endings = [_ENDING.search(cell) is not None for _, cell in cells[:2]]
    # A title, with names of files below it.
    if endings == [False, True]:
        del cells[0]
    for number, cell in cells:
        yield number, _ENDING.sub("", _PREFIX.sub("", cell)).strip()


def needed(corpus: Mapping, key: str) -> str:
    """Return the value of `key` in the section of the configured source.

    Raises InputError where it is null.
    """
    source = corpus["source"]
    value = corpus[source][key]
    if value is None:
        raise InputError(
            f"configuration: corpus.{source}.{key} must be a path when corpus.source is {source}"
        )
    return value


def check_ontology_named(corpus: Mapping) -> None:
    """Raise InputError where the `corpus` section names no ontology."""
    if corpus["ontology"] is None:
        raise InputError(
            "configuration: corpus.ontology must be the path of AudioSet's ontology.json when "
            f"corpus.source is {corpus['source']}"
        )


def check_there(place: str, key: str, *, may_be_url: bool = False) -> None:
    """Raise InputError, naming `key`, where `place` is no file, nor a URL if it may be one."""
    if may_be_url and is_url(place):
        check_url(place, key)
    elif not os.path.isfile(place):
        raise InputError(f"configuration: {key} is {place!r}, and there is no such file")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean '...'?` with the one of `names` closest to `name`, or nothing."""
    by_folded = {known.casefold(): known for known in names}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    return f"; did you mean {by_folded[close[0]]!r}?" if close else ""


def repeated(values: Sequence[str]) -> str | None:
    """Return the first of `values` that has occurred before, or None."""
    if len(set(values)) == len(values):
        return None
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def plain_number(text: str) -> float:
    """Return the number that `text` is in plain digits, else NaN.

    float() would also take 1_0, nan, inf and digits of other scripts.
    """
    return float(text) if _NUMBER.fullmatch(text) else math.nan


def plain_seconds(text: str) -> float:
    """Return the seconds that `text` is in plain digits, NaN if it is none or has a minus."""
    return math.nan if text.startswith("-") else plain_number(text)
