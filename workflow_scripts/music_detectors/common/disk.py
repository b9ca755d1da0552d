"""A full disk, a used-up quota, a folder that may not be written to: told in one line."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from .errors import one_line

_ROOM, _ACCESS = "make room", "give yourself access to it and to its folder"
_TROUBLES = {
    errno.ENOSPC: ("cannot be written: no room is left on {disk}", _ROOM),
    errno.EDQUOT: ("cannot be written: your quota on {disk} is used up", _ROOM),
    errno.EFBIG: (
        "cannot be written: it grows larger than files on {disk} may be",
        "raise the limit (ulimit -f) or use another disk",
    ),
    errno.EROFS: (
        "cannot be written: {disk} can only be read",
        "have it mounted for writing or work in another folder (--directory)",
    ),
    errno.EACCES: ("cannot be used: permission is denied", _ACCESS),
    errno.EPERM: ("cannot be used: it is not permitted", _ACCESS),
}
# Libraries that do not raise what the system said put it into their message: h5py, safetensors.
_TOLD = re.compile(r"\[Errno (\d+)\]|errno = (\d+)|os error (\d+)")
_NAMED = re.compile(r"\[Errno \d+\] [^:'\n]+: '([^'\n]+)'")
_TEMPORARY = re.compile(r"\.(.+)\.[a-z0-9_]{8}")


def disk_trouble(
    error: BaseException, place: str | os.PathLike = ".", what: str = "a file of this job"
) -> str | None:
    """Return a line about the trouble with a disk that `error` came of, or None for another error.

    Its causes are looked through too. The line says which file it is, or where the error does not,
    `what` and the disk of `place`; and what to do.
    """
    for cause in _causes(error):
        if (trouble := _TROUBLES.get(_number(cause))) is None:
            continue
        file = _file(cause)
        path = Path(place) if file is None else Path(file)
        why = trouble[0].format(disk=_mount(path))
        return one_line(
            f"{what if file is None else _plain(path)} {why}; nothing that was finished is lost: "
            f"{trouble[1]}, then run the same command again",
            limit=2000,
        )
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        yield error
        seen.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    told = _TOLD.search(str(error))
    return int(next(filter(None, told.groups()))) if told else None


def _file(error: BaseException) -> str | None:
    file = getattr(error, "filename", None)
    if isinstance(file, str | bytes) and file:
        return os.fsdecode(file)
    told = _NAMED.search(str(error))
    return told[1] if told else None


def _plain(path: Path) -> Path:
    """Return the name that a temporary file is to have in the end."""
    temporary = _TEMPORARY.fullmatch(path.name)
    return path.with_name(temporary[1]) if temporary else path


def _mount(path: Path) -> Path:
    """Return where the file system that `path` is on is mounted."""
    place = path.absolute()
    while not (place.exists() and os.path.ismount(place)) and place != place.parent:
        place = place.parent
    return place
