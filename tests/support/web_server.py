"""A web server on this machine with the answers, right or wrong, that a test defines."""

import io
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import soundfile

RATE = 22_050

Behaviour = Callable[[BaseHTTPRequestHandler], None]
"""How the server reacts to one request: an `Answer` or a function."""


@dataclass
class Answer:
    """One answer: `length` is the Content-Length to claim (None: the body's, "": none)."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | str | None = None
    # Seconds between the blocks of the body, and how large they are.
    pause: float = 0.0
    block: int = 2**16

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(self.status)
        length = len(self.body) if self.length is None else self.length
        if length != "":
            handler.send_header("Content-Length", str(length))
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        # A body of another length than claimed ends with the connection.
        handler.close_connection = self.length is not None
        if handler.command == "HEAD":
            return
        for start in range(0, len(self.body), self.block):
            part = self.body[start : start + self.block]
            handler.wfile.write(part)
            handler.wfile.flush()
            handler.server.web.sent[handler.path] += len(part)
            time.sleep(self.pause)


def reply(
    body: bytes = b"",
    status: int = 200,
    kind: str = "audio/wav",
    length: int | str | None = None,
    **headers: str,
) -> Answer:
    """Return an answer of content type `kind`; `Retry_After` stands for the header Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(body, status, {"Content-Type": kind, **named}, length)


def sound(seconds: float = 0.1, seed: int = 0, rate: int = RATE) -> bytes:
    """Return the bytes of a WAV file of noise."""
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def hang(handler: BaseHTTPRequestHandler) -> None:
    """Say nothing for three seconds."""
    time.sleep(3)
    handler.close_connection = True


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection."""
    # With a linger of 0 seconds, closing sends a reset.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def drip(body: bytes, pause: float = 0.05, headers: bool = False) -> Behaviour:
    """Return a behaviour that sends `body`, or even its headers, a byte at a time."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nX: {'x' * 100}\r\n\r\n".encode()
        if not headers:
            handler.wfile.write(head)
        handler.close_connection = True
        for byte in (head + body) if headers else body:
            handler.wfile.write(bytes([byte]))
            time.sleep(pause)

    return behave


class WebServer:
    """What is served, by path: a behaviour, or a list of them in turn, of which the last stays.

    `asked` and `times` count and time the requests by path, `queries` and `headers` are theirs;
    `sent` counts the bytes of answers. Answers do not depend on queries.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answers: dict[str, Behaviour | list[Behaviour]] = {}
        self.asked: Counter[str] = Counter()
        self.times: dict[str, list[float]] = {}
        self.queries: dict[str, list[str]] = {}
        self.headers: list[dict[str, str]] = []
        self.sent: Counter[str] = Counter()
        self._lock = threading.Lock()

    def next_behaviour(self, path: str, headers: dict[str, str]) -> Behaviour:
        """Note a request for `path` and return how to react to it."""
        with self._lock:
            number = self.asked[path]
            self.asked[path] += 1
            self.times.setdefault(path, []).append(time.monotonic())
            self.headers.append(headers)
        found = self.answers.get(path, Answer(b"not here", 404))
        return found[min(number, len(found) - 1)] if isinstance(found, list) else found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    # Otherwise each answer in two parts waits 40 ms for a delayed acknowledgement.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.path, _, query = self.path.partition("?")
        self.server.web.queries.setdefault(self.path, []).append(query)
        behave = self.server.web.next_behaviour(self.path, dict(self.headers))
        try:
            behave(self)
        except OSError:
            self.close_connection = True

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        pass  # Tests break connections on purpose.


@contextmanager
def serving() -> Iterator[WebServer]:
    """Yield a server that answers until the block has ended."""
    listener = _Listener(("127.0.0.1", 0), _Handler)
    listener.web = WebServer(listener.server_address[1])
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield listener.web
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


def unused_port() -> int:
    """Return a port that no server uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
