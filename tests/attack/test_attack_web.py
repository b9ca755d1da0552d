"""Hostile servers: answers without end, redirects to nowhere or inside; secrets in addresses."""

import gzip
import logging
import random
import socket
import threading
import time
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest

from attack.limits import ROUNDS, bounded, mutated
from music_detectors.audio import judging
from music_detectors.audio.clips import Clip
from music_detectors.audio.decode import Decoded
from music_detectors.audio.failures import Retryable, Systemic, Unusable
from music_detectors.audio.web import WebSource
from music_detectors.common import urls
from music_detectors.common.errors import InputError
from music_detectors.common.urls import check_url, next_place, shown_url
from music_detectors.corpus import download as downloading
from music_detectors.corpus.download import download
from support.recordings import judge

SECRET = "s3cr3t"


@contextmanager
def serving(answer):
    """Yield the port of a server that calls `answer` with each connection."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()
    requests = []

    def talk(connection):
        with connection:
            try:
                requests.append(connection.recv(65536))
                answer(connection, ended)
            except OSError:
                pass

    def accept():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=[connection], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1], requests
    finally:
        ended.set()
        listening.close()


def drip(beginning, piece):
    def answer(connection, ended):
        connection.sendall(beginning)
        while not ended.wait(0.02):
            connection.sendall(piece)

    return answer


def say(text):
    def answer(connection, ended):
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        ended.wait(1)

    return answer


def silence(connection, ended):
    ended.wait(20)


ENDLESS = {
    "headers": drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "one header": drip(b"HTTP/1.1 200 OK\r\nX: ", b"y"),
    "100 Continue": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body": drip(b"HTTP/1.1 200 OK\r\n\r\n", b"y"),
    "a chunk's size": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
}


@pytest.fixture(autouse=True)
def few_attempts(monkeypatch):
    monkeypatch.setattr(downloading, "_ATTEMPTS", 1)


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize("what", ["file", "clip"])
def test_no_answer_outlasts_the_limit_of_time(tmp_path, kind, what):
    begun = time.monotonic()
    with serving(ENDLESS[kind]) as (port, _):
        url = f"http://127.0.0.1:{port}/x"
        if what == "file":
            with pytest.raises(InputError):
                download(url, tmp_path / "x", seconds=0.5)
        else:
            with pytest.raises(Retryable):
                clip_from(url, 0.5)
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize("what", ["file", "clip"])
def test_a_handshake_that_never_ends_is_cut_off(tmp_path, what):
    begun = time.monotonic()
    with serving(silence) as (port, _), pytest.raises((InputError, Retryable)):
        url = f"https://127.0.0.1:{port}/x"
        download(url, tmp_path / "x", seconds=0.5) if what == "file" else clip_from(url, 0.5)
    assert time.monotonic() - begun < 8


def clip_from(url, seconds=5.0):
    source = WebSource(judge, {"timeout_seconds": seconds, "max_mb": 1})
    with source.fetch(Clip("a", "url", url, 0.0, None, ("/m/a",))) as path:
        return path.stat().st_size


@pytest.mark.parametrize(
    "headers",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n",
        b"HTTP/1.1 503 No\r\nRetry-After: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\nx",
        b"\0" * 1000,
    ],
)
def test_headers_that_mean_nothing_are_trouble_that_may_pass(tmp_path, headers):
    with serving(say(headers)) as (port, _):
        try:
            download(f"http://127.0.0.1:{port}/x", tmp_path / "x", seconds=5)
        except InputError as error:
            assert "\n" not in str(error)
        with pytest.raises(Retryable):
            clip_from(f"http://127.0.0.1:{port}/x")


WHOLE = [
    b"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nContent-Length: 300\r\n\r\n" + b"RIFF" * 75,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"4\r\nRIFF\r\n3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    + gzip.compress(b"RIFF" * 75),
    b"HTTP/1.1 302 Found\r\nLocation: /elsewhere?a=b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\nSet-Cookie: a=b; Path=/\r\n\r\n",
]
WORDS = [b"\r\n", b"\n", b": ", b"\0", b"\xb2", b"-1", b"9" * 5000, b"http://[", b"0x", b"gzip, br"]
WORDS += [
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"Location: ",
    b"Content-Length: ",
    b"chunked",
    b"\x1b[2J",
    b"x" * 70_000,
]


@pytest.mark.parametrize("what", ["file", "clip"])
def test_random_answers_are_one_line_or_an_answer(tmp_path, monkeypatch, what):
    draw, lookup, answers = random.Random(what), socket.getaddrinfo, []

    def only_here(host, *others, **more):
        if host not in ("127.0.0.1", b"127.0.0.1"):
            raise socket.gaierror("no such host")
        return lookup(host, *others, **more)

    monkeypatch.setattr(socket, "getaddrinfo", only_here)
    decoded = Decoded(np.zeros(22_050, np.float32), "none", "")
    monkeypatch.setattr(judging, "decode", lambda *_: decoded)

    def answer(connection, ended):
        connection.sendall(answers[-1])

    def attack():
        ends = Counter()
        with serving(answer) as (port, _):
            for _ in range(150 * ROUNDS):
                answers.append(mutated(draw, draw.choice(WHOLE), WORDS))
                url, begun = f"http://127.0.0.1:{port}/x", time.monotonic()
                try:
                    if what == "file":
                        download(url, tmp_path / "x", seconds=5, most_bytes=10_000)
                        assert (tmp_path / "x").stat().st_size <= 10_000
                    else:
                        clip_from(url)
                except (InputError, Retryable, Unusable, Systemic) as error:
                    said = getattr(error, "message", str(error))
                    assert said.isprintable() and len(said) <= 2000
                    ends[type(error).__name__] += 1
                else:
                    ends["answered"] += 1
                assert time.monotonic() - begun < 10
        return ends

    ends = bounded(attack, seconds=120 * ROUNDS)
    assert ends["answered"] > 10 and sum(ends.values()) - ends["answered"] > 30


def test_passwords_of_netrc_are_not_sent(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login me password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving(say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as (port, requests):
        download(f"http://127.0.0.1:{port}/x", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"ok"
    assert requests and b"authorization" not in requests[0].lower()


@pytest.mark.parametrize(
    "answer",
    [b"404 No\r\n\r\n", b"200 OK\r\nBad Header\r\nX: y\r\n\r\nx", b"\0", b"503 No\r\n\r\n"],
)
def test_the_query_of_an_address_is_in_no_message(tmp_path, caplog, answer):
    said = ""
    with serving(say(b"HTTP/1.1 " + answer)) as (port, _), caplog.at_level(logging.DEBUG):
        try:
            download(f"http://127.0.0.1:{port}/x?signature={SECRET}", tmp_path / "x")
        except InputError as error:
            said = str(error)
    assert SECRET not in said
    assert SECRET not in "".join(record.getMessage() for record in caplog.records)


def test_a_server_that_is_not_there_is_named_without_the_query(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(InputError) as raised:
        download(f"http://127.0.0.1:{port}/x?signature={SECRET}", tmp_path / "x")
    assert SECRET not in str(raised.value) and f"http://127.0.0.1:{port}/x" in str(raised.value)


@pytest.mark.parametrize("user", [f"me:{SECRET}", SECRET])
def test_a_configured_address_with_a_password_is_refused(user):
    with pytest.raises(InputError, match="with a user name or password, which is refused") as e:
        check_url(f"https://{user}@example.org/ontology.json", "corpus.ontology")
    assert SECRET not in str(e.value)
    assert shown_url(f"https://{user}@example.org/a?b={SECRET}") == "https://example.org/a"


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "[::1]", "[fd00::1]"]
)
def test_a_redirect_from_the_internet_into_the_local_network_is_refused(inside, monkeypatch):
    known = {"example.org": "93.184.215.14", "other.org": "93.184.215.15", "trick.org": "10.0.0.7"}
    lookup = socket.getaddrinfo

    def found(host, port):
        return lookup(known.get(host, host), port)

    monkeypatch.setattr(urls.socket, "getaddrinfo", found)
    for host in (inside, "trick.org"):
        with pytest.raises(ValueError, match="an address of the local network"):
            next_place("https://example.org/a", f"http://{host}/b")
    assert next_place("https://example.org/a", "http://other.org/b") == "http://other.org/b"
    assert next_place("https://example.org/a", "/b") == "https://example.org/b"
    # Someone who asks inside may be sent elsewhere inside.
    assert next_place("http://10.0.0.7/a", f"http://{inside}/b") == f"http://{inside}/b"
