"""Safetensors files that carry a checksum of all their bytes, readable without PyTorch.

The format has none. The checksum is in the metadata, and is that of the file with zeros in its
place.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from .damage import damaged, unreadable
from .origins import check_origin, followed_by, note_network, place_of

_ABOUT = "about"
_CHECKSUM, _VERSION = "file_sha256", "schema_version"
_WRITTEN_AS, _FOLLOWS = "written_as", "follows"
_SCHEMA_VERSION = 2
_BLANK = "0" * 64
# A JSON text within the JSON of the header: quotes have a backslash there.
_PLACE = re.compile(rb'\\"file_sha256\\": \\"([0-9a-f]{64})\\"')


def metadata(about: Mapping[str, object], path: str | os.PathLike) -> dict[str, str]:
    """Return the metadata to write `about` (JSON) with at `path`; `sealed` makes it whole."""
    about = {
        **about,
        _VERSION: _SCHEMA_VERSION,
        _CHECKSUM: _BLANK,
        _WRITTEN_AS: place_of(path),
        _FOLLOWS: followed_by(path),
    }
    # One entry, because safetensors writes several in an order that changes from run to run.
    return {_ABOUT: json.dumps(about, sort_keys=True)}


def sealed(content: bytes) -> bytes:
    """Return the `content` of a file that was made with `metadata`, its checksum filled in."""
    place = _place(content)
    return _with(content, place, hashlib.sha256(content).hexdigest().encode())


def read_sealed(path: str | os.PathLike, kind: str) -> tuple[bytes, dict]:
    """Return the content of a `kind` of file made by `sealed`, and what it is `about`.

    Raises InputError, naming the file, when it is missing, damaged, of another schema version or of
    another origin than the job asks for.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise unreadable(path, kind, error) from error
    try:
        place = _place(content)
    except ValueError as error:
        raise damaged(path, kind, error) from error
    found = content[place].decode()
    if hashlib.sha256(_with(content, place, _BLANK.encode())).hexdigest() != found:
        raise damaged(path, kind, "its checksum does not match")
    about = json.loads(json.loads(_header(content))["__metadata__"][_ABOUT])
    del about[_CHECKSUM]
    version = about.pop(_VERSION)
    if version != _SCHEMA_VERSION:
        raise damaged(path, kind, f"of schema version {version}, not {_SCHEMA_VERSION}")
    check_origin(path, kind, about.pop(_WRITTEN_AS, ""), about.pop(_FOLLOWS, ()))
    note_network(path, kind, hashlib.sha256(content).hexdigest())
    return content, about


def _header(content: bytes) -> bytes:
    # Eight bytes of length, then a JSON header (https://huggingface.co/docs/safetensors).
    return content[8 : 8 + int.from_bytes(content[:8], "little")]


def _place(content: bytes) -> slice:
    """Return where the checksum is; raises ValueError if there is none."""
    found = _PLACE.search(_header(content))
    if found is None:
        raise ValueError("it has no checksum")
    return slice(8 + found.start(1), 8 + found.end(1))


def _with(content: bytes, place: slice, checksum: bytes) -> bytes:
    return content[: place.start] + checksum + content[place.stop :]
