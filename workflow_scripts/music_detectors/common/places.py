"""Paths as records that are passed on may show them."""

import re
from collections.abc import Mapping
from typing import Any

# Ids of AudioSet begin with /m/, /t/ or /g/.
_ELSEWHERE = re.compile(r"/(?![mtg]/)|[\\~]|\.\.[/\\]|[A-Za-z]:[/\\](?!/)")


def without_places(value: Any) -> Any:
    """Return a configuration, or a part of one, without the folders of this machine.

    Of a path that begins at the root, at a home or outside the working folder, which may name a
    user, the last part is left.
    """
    if isinstance(value, str):
        return re.split(r"[/\\]", value.rstrip("/\\"))[-1] if _ELSEWHERE.match(value) else value
    if isinstance(value, Mapping):
        return {key: without_places(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_places(inner) for inner in value]
    return value
