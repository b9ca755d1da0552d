"""What is said of a stored file that cannot be used, and the command that rebuilds it."""

import errno
import os
import shlex
from pathlib import Path

from .errors import InputError, one_line


def rebuild(*paths: str | os.PathLike) -> str:
    """Return in words how the files at `paths`, which rules make, are made anew."""
    named = " ".join(shlex.quote(str(path)) for path in paths)
    which = "it" if len(paths) == 1 else "them"
    return f"rebuild {which}: rm -r {named}, then the same command again"


def damaged(
    path: str | os.PathLike, kind: str, why: object, *also: str | os.PathLike
) -> InputError:
    """Return the error that the `kind` of file at `path` is not what was written there.

    `also` are other files that have to be made anew with it.
    """
    return InputError(f"{path}: damaged {kind} ({one_line(why)}); {rebuild(path, *also)}")


def told(error: InputError) -> str:
    """Return what such an error says was found, without the advice."""
    return str(error).rpartition("; ")[0]


def unreadable(path: str | os.PathLike, kind: str, error: OSError) -> InputError:
    """Return what `error`, met while the `kind` of file at `path` was read, means to the user."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: missing {kind}; run the same command again")
    if isinstance(error, IsADirectoryError) or Path(path).is_dir():
        return damaged(path, kind, "a folder lies in its place")
    if error.errno in (None, errno.EIO):
        return damaged(path, kind, error.strerror or error)
    return InputError(
        f"{path}: {kind} that cannot be read ({one_line(error.strerror or error)}); set that "
        "right, then the same command again"
    )
