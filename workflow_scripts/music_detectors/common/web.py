"""Requests to servers of strangers: a session, and a limit of time that nothing outlasts."""

import http.client
import logging
import re
import socket
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .errors import one_line

# What says nothing in the server's words, which may repeat a query: systems, not answers, fail so.
_OWN_WORDS = (
    OSError,
    http.client.IncompleteRead,
    urllib3.exceptions.TimeoutError,
    urllib3.exceptions.IncompleteRead,
)

_USER_AGENT = "music-detectors-workflow (+https://doi.org/10.1038/s41467-023-44516-0)"

# Its warnings hold whole addresses, with what is secret in them.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class Deadline:
    """Closes every connection when the time is up, whatever the server does until then."""

    def __init__(self, seconds: float, sockets: weakref.WeakSet) -> None:
        """Set the limit, and the set that a session adds its sockets to."""
        self.passed = False
        self._sockets = sockets
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "Deadline":
        """Begin to count."""
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Cut nothing any more."""
        self._timer.cancel()

    def _cut(self) -> None:
        self.passed = True
        for opened in list(self._sockets):
            try:
                opened.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def bounded_session(sockets: weakref.WeakSet) -> requests.Session:
    """Return a session that adds every socket it opens to `sockets`, for a Deadline.

    Passwords in ~/.netrc are not sent.
    """

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            sockets.add(connection)
            return connection

    class Secure(HTTPSConnection):
        _twin: socket.socket | None = None

        def connect(self) -> None:
            try:
                super().connect()
            finally:
                if self._twin is not None:
                    self._twin.close()
                    self._twin = None
            # The TLS socket has replaced the plain one.
            if isinstance(self.sock, socket.socket):
                sockets.add(self.sock)

        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            # The handshake takes the plain socket apart; only a copy can cut it off.
            self._twin = connection.dup()
            sockets.add(self._twin)
            return connection

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, **options)
            self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    session = requests.Session()
    session.headers.update({"User-Agent": _USER_AGENT, "Accept-Encoding": "identity"})
    # Otherwise passwords in ~/.netrc would be sent to any host that a table names.
    session.auth = _no_auth
    for scheme in ("http://", "https://"):
        session.mount(scheme, Adapter(max_retries=0))
    return session


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield `error` and its causes, however they are attached."""
    waiting, seen = [error], set()
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [getattr(current, "reason", None), *current.args]
        waiting += [current.__cause__, current.__context__]


def root_cause(error: BaseException) -> str:
    """Return the message of the deepest cause; outer ones repeat it with memory addresses.

    Of an answer that cannot be understood, it is only the kind of the error.
    """
    last = list(causes(error))[-1]
    said = str(last) if isinstance(last, _OWN_WORDS) else ""
    return one_line(re.sub(r"<[^<>]* at 0x[0-9a-f]+>:? ?", "", said or type(last).__name__))
