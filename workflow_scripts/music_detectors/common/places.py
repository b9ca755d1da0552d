"""Where among the results a file belongs: it says so itself, so files that changed places show."""

import os
from pathlib import Path

from .damage import checksum_path, rebuild
from .errors import InputError, one_line

_RESULTS = "results"


def place_of(path: str | os.PathLike) -> str:
    """Return the path of a result below `results/<corpus>/`, and nothing for other files."""
    parts = Path(path).absolute().parts
    if _RESULTS not in parts:
        return ""
    below = len(parts) - parts[::-1].index(_RESULTS) + 1
    return "/".join(parts[below:])


def check_place(path: str | os.PathLike, kind: str, place: str) -> None:
    """Raise InputError unless the `kind` of file at `path`, written as `place`, belongs there."""
    belongs = tuple(filter(None, place.split("/")))
    if belongs and Path(path).absolute().parts[-len(belongs) :] != belongs:
        raise InputError(
            f"{path}: holds the {kind} written as {one_line(place)}, which was moved or changed "
            f"places with another; {rebuild(path, *_beside(path))}"
        )


def _beside(path: str | os.PathLike) -> list[Path]:
    return [beside for beside in [checksum_path(path)] if beside.exists()]
