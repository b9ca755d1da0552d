"""A web server on this machine alone, whose answers the tests write down."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """One answer: `length` is the Content-Length to claim (None: the body's, "": none)."""

    body: bytes = b""
    status: int = 200
    headers: dict = field(default_factory=dict)
    length: int | str | None = None
    # Seconds between the blocks of the body, and how large they are.
    pause: float = 0.0
    block: int = 2**16


class Server:
    """What is served, by path: an answer, or a list of which the last stays."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answers: dict[str, Answer | list[Answer]] = {}
        self.asked: Counter[str] = Counter()
        self.headers: list[dict] = []
        self.sent: Counter[str] = Counter()

    def next_answer(self, path: str) -> Answer:
        self.asked[path] += 1
        found = self.answers.get(path, Answer(b"not here", 404))
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found


@contextmanager
def serving() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self._reply(body=False)

        def do_GET(self):
            self._reply(body=True)

        def _reply(self, body):
            path = self.path.partition("?")[0]
            web.headers.append(dict(self.headers))
            answer = web.next_answer(path)
            self.send_response(answer.status)
            length = len(answer.body) if answer.length is None else answer.length
            if length != "":
                self.send_header("Content-Length", str(length))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            # Whatever was claimed, the end of the body is the end of the connection.
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            if not body:
                return
            try:
                for start in range(0, len(answer.body), answer.block):
                    part = answer.body[start : start + answer.block]
                    self.wfile.write(part)
                    self.wfile.flush()
                    web.sent[path] += len(part)
                    if answer.pause:
                        time.sleep(answer.pause)
            except OSError:
                pass

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    web = Server(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
