"""Addresses on the web that a configuration may name instead of a path."""

import re
from urllib.parse import urlsplit

from .errors import InputError, one_line

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(location: str | None) -> bool:
    """Return whether the configured `location` is a URL, of whatever scheme, and not a path."""
    return location is not None and _SCHEME.match(location) is not None


def check_url(url: str, key: str) -> None:
    """Raise InputError, naming the configuration's `key`, unless `url` is http(s) with a host."""
    try:
        parts = urlsplit(url)
        good = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
        # A port that is not a number is found only when it is read.
        good = good and parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        good = False
    if not good:
        raise InputError(
            f"configuration: {key} is {one_line(url, 120)!r}, which is no http or https address; "
            "correct it, or give the path of a file"
        )
