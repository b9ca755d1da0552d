"""Recordings on the web, from a server with every fault: the status of each clip."""

import gzip
import os
import socket
import time

import numpy as np
import pytest
import requests

from music_detectors.audio import fetch as shard_module
from music_detectors.audio.clips import Clip
from music_detectors.audio.columns import STATUS
from music_detectors.audio.failures import Retryable, Systemic, Unusable
from music_detectors.audio.storage import read_audio_shard
from music_detectors.audio.web import WebSource, _retry_after
from music_detectors.common.job import job
from music_detectors.common.tables import read_table
from support.recordings import audio_settings, fetch_and_decode, heard, judge, write_clips
from support.web_server import RATE, drip, hang, reply, reset, serving, sound, unused_port

GOOD = sound()
SECONDS = 0.1
PAGE = b"<!DOCTYPE html>\n<html><body>please log in</body></html>"
DOWNLOAD = {"timeout_seconds": 0.6, "max_mb": 0.1}


@pytest.fixture(scope="module")
def web():
    with serving() as server:
        yield server


@pytest.fixture
def at(web, request):
    """Return a function that serves behaviours at a new address."""

    def serve(*behaviours, name="clip.wav"):
        path = f"/{abs(hash(request.node.name))}/{len(web.answers)}/{name}"
        web.answers[path] = list(behaviours)
        return web.url + path

    return serve


def clips_at(base, urls, **more):
    rows = [
        {"clip_id": clip_id, "reference": url, "source": "url", **more}
        for clip_id, url in urls.items()
    ]
    write_clips(base / "clips.tsv", rows)


def fetch(base, **changes):
    settings = audio_settings(download=DOWNLOAD, silence_db=-80.0)
    settings["retries"].update(changes.pop("retries", {}))
    fetch_and_decode(
        base / "clips.tsv",
        "train",
        "00000",
        base / "a.h5",
        base / "a.status.tsv",
        journal=base / ".journal",
        settings={**settings, **changes},
        clip_seconds=SECONDS,
    )
    return read_audio_shard(base / "a.h5"), read_table(base / "a.status.tsv", STATUS)


FAULTS = {
    "good": ([reply(GOOD)], "ok", "", 1),
    "no length": ([reply(GOOD, length="")], "ok", "", 1),
    "gzip": ([reply(gzip.compress(GOOD))], "ok", "", 1),
    "404": ([reply(status=404)], "unavailable", "no longer there", 1),
    "410": ([reply(status=410)], "unavailable", "no longer there", 1),
    "401": ([reply(status=401)], "unavailable", "refused by the server", 1),
    "451": ([reply(status=451)], "unavailable", "refused by the server", 1),
    "403 then 200": ([reply(status=403), reply(GOOD)], "ok", "", 2),
    "always 403": ([reply(status=403)], "failed_retryable", "access refused", 3),
    "500 twice": ([reply(status=500), reply(status=502), reply(GOOD)], "ok", "", 3),
    "always 503": ([reply(status=503)], "failed_retryable", "server failed", 3),
    "503, wait a day": (
        [reply(status=503, Retry_After="86400")],
        "failed_retryable",
        "server failed",
        1,
    ),
    "429 with Retry-After": ([reply(status=429, Retry_After="1"), reply(GOOD)], "ok", "", 2),
    "hang": ([hang], "failed_retryable", "no answer in time", 3),
    "hang once": ([hang, reply(GOOD)], "ok", "", 2),
    "reset": ([reset], "failed_retryable", "connection broken", 3),
    "reset once": ([reset, reply(GOOD)], "ok", "", 2),
    "truncated": ([reply(GOOD[:2000], length=len(GOOD))], "failed_retryable", "incomplete", 3),
    "truncated once": ([reply(GOOD[:2000], length=len(GOOD)), reply(GOOD)], "ok", "", 2),
    "wrong length": ([reply(GOOD, length=len(GOOD) + 7)], "failed_retryable", "incomplete", 3),
    "empty": ([reply(b"")], "failed_retryable", "incomplete", 3),
    "HTML": (
        [reply(PAGE, kind="text/html; charset=utf-8")],
        "failed_retryable",
        "web page instead of sound",
        3,
    ),
    "HTML called audio": ([reply(PAGE)], "failed_retryable", "web page instead of sound", 3),
    "random bytes": (
        [reply(bytes(range(256)) * 8)],
        "failed_retryable",
        "no sound decoded",
        3,
    ),
    "to file": (
        [reply(status=302, Location="file:///etc/passwd")],
        "unavailable",
        "redirect refused",
        1,
    ),
    "to ftp": (
        [reply(status=301, Location="ftp://127.0.0.1/x.wav")],
        "unavailable",
        "redirect refused",
        1,
    ),
    "in circles": (
        [reply(status=302, Location="clip.wav")],
        "unavailable",
        "too many redirects",
        1,
    ),
    "slow drip": ([drip(GOOD)], "failed_retryable", "no answer in time", 3),
    "slow headers": ([drip(GOOD, headers=True)], "failed_retryable", "no answer in time", 3),
    "announced too large": ([reply(GOOD, length=10**9)], "unavailable", "too large", 1),
    "too large": ([reply(b"x" * 200_000, length="")], "unavailable", "too large", 1),
}


def test_each_fault_has_its_status_and_the_shard_is_finished(tmp_path, at, capsys):
    urls = {}
    for name, (behaviours, *_) in FAULTS.items():
        urls[name] = at(*behaviours)
    urls["redirect"] = at(reply(status=307, Location=urls["good"]))
    expected = {**{n: rest for n, (_, *rest) in FAULTS.items()}, "redirect": ["ok", "", 1]}
    clips_at(tmp_path, urls)
    with job(str(tmp_path / "log")):
        shard, status = fetch(tmp_path)
    rows = status.set_index("clip_id")
    found = {row.Index: [row.status, row.reason, row.attempts] for row in rows.itertuples()}
    assert found == {name: list(rest) for name, rest in expected.items()}
    assert status["clip_id"].tolist() == list(urls), "the order of clips.tsv"
    assert (status["source"] == "url").all()
    assert status["message"].map(str.isprintable).all()
    assert "/etc/passwd" in rows.loc["to file", "message"]
    good = [name for name in urls if expected[name][0] == "ok"]
    assert shard.clip_id == good
    assert (shard.samples == shard.samples[0]).all() and shard.samples[0].any()
    # The last line has the counts.
    stderr = capsys.readouterr().err
    assert f"train/00000: {len(good)} of {len(urls)} clips usable (" in stderr
    assert (
        f"failed_retryable {sum(r[0] == 'failed_retryable' for r in expected.values())}" in stderr
    )
    log = (tmp_path / "log").read_text()
    assert "clip always 503, attempt 2: server failed" in log


def run_that_stops(base, capsys, **changes):
    """Run a fetch that must stop; return its message to the user."""
    with pytest.raises(SystemExit) as stopped, job(str(base / "log")):
        fetch(base, **changes)
    assert stopped.value.code == 75
    assert not (base / "a.h5").exists() and not (base / "a.status.tsv").exists()
    stderr = capsys.readouterr().err
    assert stderr.startswith("stopped for now: ") and stderr.count("\n") == 1
    return stderr


@pytest.mark.parametrize(
    ("outage", "reason"),
    [
        ("refused", "connection refused"),
        ("no such host", "host not found"),
        ("429", "too many requests"),
        ("429 again and again", "too many requests"),
        ("429 for a day", "too many requests"),
        ("certificate", "no secure connection"),
        ("407", "proxy failed"),
    ],
)
def test_an_outage_stops_the_shard_and_leaves_the_clip_pending(
    tmp_path, at, web, capsys, outage, reason
):
    first, last = at(reply(GOOD)), at(reply(GOOD))
    bad = {
        "refused": f"http://127.0.0.1:{unused_port()}/x.wav",
        "no such host": "http://no-such-host.invalid/x.wav",
        "429": at(reply(status=429), reply(GOOD)),
        "429 again and again": at(*[reply(status=429, Retry_After="0")] * 3, reply(GOOD)),
        "429 for a day": at(reply(status=429, Retry_After="86400"), reply(GOOD)),
        # https to a server without TLS.
        "certificate": first.replace("http:", "https:"),
        "407": at(reply(status=407), reply(GOOD)),
    }[outage]
    clips_at(tmp_path, {"bad": bad, "last": last})
    stderr = run_that_stops(tmp_path, capsys)
    assert reason in stderr
    path = last.removeprefix(web.url)
    assert web.asked[path] == (outage == "429 again and again"), "others first, but no more"
    # The next run asks for the clip after the others.
    if bad.startswith(web.url):
        shard, status = fetch(tmp_path)
        assert shard.clip_id == ["bad", "last"] and (status["status"] == "ok").all()
    assert web.asked[path] <= 1


def test_a_dead_host_among_others_stops_only_one_run(tmp_path, at, capsys):
    dead = f"http://127.0.0.1:{unused_port()}/x.wav"
    clips_at(tmp_path, {"dead": dead, "good": at(reply(GOOD))})
    assert "connection refused" in run_that_stops(tmp_path, capsys)
    shard, status = fetch(tmp_path)
    assert shard.clip_id == ["good"]
    assert status["status"].tolist() == ["failed_retryable", "ok"]
    assert status["reason"].tolist() == ["connection refused", ""]


def test_the_shard_stops_when_every_clip_fails(tmp_path, at, web, capsys):
    urls = {f"dead{k}": at(reply(status=404)) for k in range(30)}
    urls |= {f"bad{k}": at(reply(status=500)) for k in range(8)}
    clips_at(tmp_path, urls)
    retries = {"in_a_row": 5}
    stderr = run_that_stops(tmp_path, capsys, retries=retries)
    assert "every clip fails: 5 clips in a row failed, the last with server failed" in stderr
    before = dict(web.asked)
    # The next run asks for them last; then it is clear that they cause the failures.
    _, status = fetch(tmp_path, retries=retries)
    assert status["status"].tolist() == ["unavailable"] * 30 + ["failed_retryable"] * 8
    for clip_id, url in urls.items():
        path = url.removeprefix(web.url)
        if clip_id.startswith("dead"):
            assert web.asked[path] == before[path] == 1, "a final answer"


def test_dead_addresses_never_stop_a_shard(tmp_path, at):
    clips_at(tmp_path, {f"c{k}": at(reply(status=404)) for k in range(40)})
    shard, status = fetch(tmp_path, retries={"in_a_row": 3})
    assert (status["status"] == "unavailable").all() and shard.clip_id == []


def test_retry_after_is_waited_for(tmp_path, at, web):
    url, other = at(reply(status=503, Retry_After="1"), reply(GOOD)), at(reply(GOOD))
    clips_at(tmp_path, {"a": url, "b": other})
    _, status = fetch(tmp_path)
    assert (status["status"] == "ok").all()
    first, second = web.times[url.removeprefix(web.url)]
    assert second - first >= 1
    assert web.times[other.removeprefix(web.url)][0] - first >= 1, "other clips wait too"


def test_pauses_grow(tmp_path, at, monkeypatch):
    clips_at(tmp_path, {"a": at(reply(status=500))})
    waits = []
    monkeypatch.setattr(shard_module, "_sleep_until", lambda when: waits.append(when))
    started = time.monotonic()
    fetch(tmp_path, retries={"pause_seconds": 100, "attempts": 3})
    first, second = (when - started for when in waits[1:])
    assert 75 <= first <= 126 and 300 <= second <= 501


def test_a_retry_after_may_be_a_date():
    assert _retry_after("7") == 7 and _retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 100))
    assert 97 <= _retry_after(later) <= 100
    for odd in ("", "soon", "-1", "1e9", "9" * 400, "Wed, 99 Foo 2015"):
        assert _retry_after(odd) is None


def source(**changes):
    return WebSource(judge, {**DOWNLOAD, **changes})


def clip(url, **more):
    return Clip(
        **{
            "clip_id": "a",
            "source": "url",
            "reference": url,
            "start_seconds": 0.0,
            "end_seconds": None,
            "labels": (),
            **more,
        }
    )


def test_a_segment_is_cut_and_may_be_short(tmp_path, at):
    url = at(reply(sound(2.0)))
    whole = heard(WebSource(judge, DOWNLOAD), clip(url), 2.0).samples
    part = heard(WebSource(judge, DOWNLOAD), clip(url, start_seconds=0.5, end_seconds=1.0), 2.0)
    np.testing.assert_array_equal(part.samples, whole[RATE // 2 : RATE])
    late = clip(url, start_seconds=1.5, end_seconds=2.5)
    assert len(heard(WebSource(judge, DOWNLOAD), late, 2.0).samples) == RATE // 2
    # Without a known length, the download may be incomplete.
    unknown = late._replace(reference=at(reply(sound(2.0), length="")))
    with pytest.raises(Retryable, match="cut off"):
        heard(WebSource(judge, DOWNLOAD), unknown, 2.0)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/a",
        "gopher://x/",
        "//x/a.wav",
        "/etc/passwd",
        "data:,x",
    ],
)
def test_only_http_is_allowed(url):
    with pytest.raises(Unusable) as caught:
        heard(source(), clip(url))
    assert caught.value.reason == "address refused"


def test_passwords_are_neither_sent_nor_stored(tmp_path, at, web, monkeypatch):
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password netrc-secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    seen = []

    def refuse(handler):
        seen.append(dict(handler.headers))
        reply(status=404)(handler)

    url = at(refuse)
    with pytest.raises(Unusable) as caught:
        heard(source(), clip(url.replace("http://", "http://me:url-secret@") + "?sign=query"))
    # The server sees the query as part of the path.
    assert "secret" not in caught.value.message and "query" not in caught.value.message
    with pytest.raises(Unusable):
        heard(source(), clip(url))
    assert seen and all("Authorization" not in headers for headers in seen)


def test_control_characters_from_the_server_are_removed(at):
    def rude(handler):
        handler.wfile.write(b"HTTP/1.1 404 \x1b[31mgone\x07\x1b]0;title\x07\r\n")
        handler.wfile.write(b"Content-Length: 0\r\n\r\n")

    with pytest.raises(Unusable) as caught:
        heard(source(), clip(at(rude)))
    assert caught.value.message.isprintable() and "[31m" not in caught.value.message


def test_no_temporary_files_are_left(tmp_path, at, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    heard(source(), clip(at(reply(GOOD))))
    for behaviour in (reply(status=404), reply(b"x" * 200_000), reply(GOOD[:100], length=5000)):
        with pytest.raises((Unusable, Retryable)):
            heard(source(), clip(at(behaviour)))
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_not_the_clips_fault(at, monkeypatch):
    def full(path, *_, **__):
        raise OSError(28, "No space left on device", str(path))

    url = at(reply(GOOD))
    monkeypatch.setattr("music_detectors.audio.web.open", full, raising=False)
    with pytest.raises(Systemic, match="No space left on device"):
        heard(source(), clip(url))


def test_unreachable_networks_are_systemic(monkeypatch):
    def unreachable(*_, **__):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    monkeypatch.setattr("urllib3.util.connection.create_connection", unreachable)
    with pytest.raises(Systemic, match="network unreachable"):
        heard(source(), clip("http://127.0.0.1/x"))


def test_a_proxy_that_is_down_is_systemic(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(Systemic, match="proxy failed"):
        heard(source(), clip("http://music.example/x.wav"))


def test_requests_does_not_follow_redirects_itself(monkeypatch, at):
    asked = []
    get = requests.Session.get

    def recording(self, url, **options):
        asked.append(options)
        return get(self, url, **options)

    monkeypatch.setattr(requests.Session, "get", recording)
    heard(source(), clip(at(reply(GOOD))))
    assert asked and all(options["allow_redirects"] is False for options in asked)
