"""Addresses on the web that a configuration may name instead of a path."""

import ipaddress
import re
import socket
from urllib.parse import urljoin, urlsplit

from .errors import InputError, one_line

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(location: str | None) -> bool:
    """Return whether the configured `location` is a URL, of whatever scheme, and not a path."""
    return location is not None and _SCHEME.match(location) is not None


def check_url(url: str, key: str) -> None:
    """Raise InputError, naming the configuration's `key`, unless `url` is http(s) with a host.

    It may hold no user name or password, which would get into logs.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
        # A port that is not a number is found only when it is read.
        good = good and parts.port != 0 and url.isprintable() and " " not in url
    except ValueError:
        good = False
    if good and "@" in parts.netloc:
        raise InputError(
            f"configuration: {key} is an address with a user name or password, which is refused; "
            "download the file by other means and give its path"
        )
    if not good:
        raise InputError(
            f"configuration: {key} is {shown_url(url)!r}, which is no http or https address; "
            "correct it, or give the path of a file"
        )


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
