"""Messages about stored files that cannot be used, with advice on what to do."""

import errno
import os
import shlex
from pathlib import Path

from .errors import InputError, one_line

_ADVICE = "; rebuild "


def checksum_path(path: str | os.PathLike) -> Path:
    """Return the path of the checksum of the file at `path`."""
    return Path(path).with_name(f".{Path(path).name}.sha256")


def rebuild(*paths: str | os.PathLike) -> str:
    """Return the advice that rebuilds the files at `paths`, which rules make."""
    named = " ".join(shlex.quote(str(path)) for path in paths)
    which = "it" if len(paths) == 1 else "them"
    return f"rebuild {which}: rm -r {named}, then the same command again"


def damaged(
    path: str | os.PathLike, kind: str, why: object, *also: str | os.PathLike
) -> InputError:
    """Return the error that the `kind` of file at `path` cannot be used as it is.

    `also` are other files that have to be rebuilt with it.
    """
    return InputError(f"{path}: damaged {kind} ({one_line(why)}); {rebuild(path, *also)}")


def changed(path: str | os.PathLike, kind: str) -> InputError:
    """Return the error that the file at `path` no longer matches the checksum beside it."""
    accept = shlex.quote(str(checksum_path(path)))
    return InputError(
        f"{path}: damaged {kind} (its checksum does not match); {rebuild(path)}; or, if you edited "
        f"it, accept the edit: rm -r {accept}, then the same command again"
    )


def without_advice(error: InputError) -> str:
    """Return the message of an error made by `damaged` without the advice."""
    return str(error).partition(_ADVICE)[0]


def unreadable(path: str | os.PathLike, kind: str, error: OSError) -> InputError:
    """Return the error for the user when reading the `kind` of file at `path` raised `error`."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: missing {kind}; run the same command again")
    if Path(path).is_dir():
        return damaged(path, kind, "a folder is in its place")
    if error.errno in (None, errno.EIO):
        return damaged(path, kind, error.strerror or error)
    return InputError(
        f"{path}: cannot read this {kind} ({one_line(error.strerror or error)}); correct that, "
        "then run the same command again"
    )
