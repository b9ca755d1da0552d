"""Addresses on the web that a configuration may name instead of a path."""

import hashlib
import ipaddress
import re
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from .errors import InputError, one_line

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_MARK = "#query-"


def is_url(location: str | None) -> bool:
    """Return whether the configured `location` is a URL, of whatever scheme, and not a path."""
    return location is not None and _SCHEME.match(location) is not None


def check_url(url: str, key: str) -> None:
    """Raise InputError, naming the configuration's `key`, unless `url` is http(s) with a host.

    It may hold no user name or password, which would get into logs.
    """
    problem = url_problem(url)
    if problem == CREDENTIALS:
        raise InputError(
            f"configuration: {key} is {problem}; download the file by other means and give its path"
        )
    if problem:
        raise InputError(
            f"configuration: {key} is {shown_url(url)!r}, which is no http or https address; "
            "correct it, or give the path of a file"
        )


CREDENTIALS = "an address with a user name or password, which is refused"
"""What `url_problem` says of an address that would get secrets into logs and tables."""


def url_problem(url: str) -> str:
    """Return what is wrong with a URL that is to be an http(s) address, or nothing."""
    try:
        parts = urlsplit(url)
        good = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
        # A port that is not a number is found only when it is read.
        good = good and parts.port != 0 and url.isprintable() and " " not in url
        has_user = "@" in parts.netloc
    except ValueError:
        # The port may be a password with characters that would have to be written as %2F or so.
        good, has_user = False, "@" in url
    if has_user:
        return CREDENTIALS
    return "" if good else "no http or https address"


def written_url(url: str) -> str:
    """Return an address as it may be written to files: without its query and fragment.

    In place of a query stands a digest of it, as `#query-` and 8 digits, so that another query is
    another address. A signature cannot be found from it, but a query of a few characters can.
    """
    address, _, query = url.partition("#")[0].partition("?")
    return f"{address}{_MARK}{hashlib.sha256(query.encode()).hexdigest()[:8]}" if query else address


def lacks_query(url: str) -> bool:
    """Return whether `url` is what `written_url` returns for an address with a query."""
    return _MARK in url


def written_urls(value: Any) -> Any:
    """Return a configuration, or a part of one, with every address as `written_url` returns it."""
    if isinstance(value, str):
        return written_url(value) if is_url(value) else value
    if isinstance(value, Mapping):
        return {key: written_urls(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [written_urls(inner) for inner in value]
    return value


def is_http(url: str) -> bool:
    """Return whether `url` is an http or https address."""
    try:
        return urlsplit(url).scheme.lower() in ("http", "https")
    except ValueError:
        return False


def host_of(url: str) -> str:
    """Return the host and port of an address, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def shown_url(url: str) -> str:
    """Return an address for messages and tables, without any password, query or signature."""
    try:
        parts = urlsplit(url)
        # Of an address with a wrong port, the port and what follows may be a password.
        _ = parts.port
        return one_line(f"{parts.scheme}://{host_of(url)}{parts.path}", 160)
    except ValueError:
        return "an invalid address"


def next_place(url: str, location: str) -> str:
    """Return the address that the header `location` of an answer from `url` leads to.

    Raises ValueError, with a reason, for what is no address, and for an address inside the user's
    own network or machine that one outside leads to.
    """
    try:
        place = urljoin(url, location)
        inside = host_of(place) != host_of(url) and _is_inside(place) and not _is_inside(url)
    except ValueError:
        raise ValueError("it leads to what is no address") from None
    if inside:
        raise ValueError("it leads from the internet to an address of the local network")
    return place


def _is_inside(url: str) -> bool:
    """Return whether any address of the host is not a public one; False for unknown hosts."""
    try:
        found = socket.getaddrinfo(urlsplit(url).hostname, None)
    except OSError:
        return False
    addresses = (str(entry[4][0]).partition("%")[0] for entry in found)
    return any(not ipaddress.ip_address(address).is_global for address in addresses)
