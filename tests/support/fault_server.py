"""A web server on this machine alone that answers wrongly in every way that is known."""

import io
import socket
import struct
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import soundfile

RATE = 22_050


def sound(seconds=0.1, seed=0, rate=RATE):
    """Return the bytes of a WAV file of noise."""
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def reply(body=b"", status=200, kind="audio/wav", length=None, **headers):
    """Return a behaviour that answers so; `length` is what Content-Length claims, if not so."""

    def behave(handler):
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        if length != "none":
            handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)
        # A body that is not what was claimed ends with the connection.
        handler.close_connection = length is not None

    return behave


def hang(handler):
    time.sleep(3)
    handler.close_connection = True


def reset(handler):
    # A linger of no seconds makes closing send a reset.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def drip(body, pause=0.05, headers=False):
    """Return a behaviour that sends `body`, or even its headers, a byte at a time."""

    def behave(handler):
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nX: {'x' * 100}\r\n\r\n".encode()
        if not headers:
            handler.wfile.write(head)
        handler.close_connection = True
        try:
            for byte in (head + body) if headers else body:
                handler.wfile.write(bytes([byte]))
                time.sleep(pause)
        except OSError:
            pass

    return behave


class FaultServer:
    """`answers` are behaviours by path, in turn, of which the last stays; `asked` counts."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self.answers = {}
        self.asked = Counter()
        self.times = {}
        self.lock = threading.Lock()


@contextmanager
def fault_server():
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10
        # Otherwise each answer of two parts waits 40 ms for a delayed acknowledgement.
        disable_nagle_algorithm = True

        def do_GET(self):
            with web.lock:
                number = web.asked[self.path]
                web.asked[self.path] += 1
                web.times.setdefault(self.path, []).append(time.monotonic())
            behaviours = web.answers.get(self.path, [reply(status=404)])
            try:
                behaviours[min(number, len(behaviours) - 1)](self)
            except OSError:
                self.close_connection = True

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_):
            pass  # connections that a test breaks on purpose

    server = Server(("127.0.0.1", 0), Handler)
    web = FaultServer(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
