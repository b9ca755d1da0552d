"""Secrets in addresses and files: they reach the server they are for, and nothing that is kept."""

import logging
import re

import pytest

from music_detectors.audio.columns import STATUS
from music_detectors.common.errors import InputError, one_line, say
from music_detectors.common.job import job
from music_detectors.common.tables import read_table
from music_detectors.common.urls import check_url, shown_url, written_url, written_urls
from music_detectors.configuration.plain import shown
from music_detectors.corpus.columns import CLIPS, METADATA
from music_detectors.corpus.sources.manifest import find_addresses, read_manifest
from support.configurations import DEFAULT, changed
from support.probe_sets import files, write_zip
from support.web_server import Answer, drip, reply, reset, serving, sound
from workflow.snake import planned, snakemake, written

SECRET = "s3cr3t"
SIGNED = f"X-Signature={SECRET}-{{}}&Expires=9#at-{SECRET}"
N = 16


def echo(status):
    """Answer with the address that was asked for, in the status line and in a header."""

    def behave(handler):
        said = handler.raw_requestline.decode().strip()
        handler.send_response(status, said)
        handler.send_header("Content-Length", "0")
        handler.send_header("X-Asked", said)
        handler.end_headers()

    return behave


def raw(answer):
    def behave(handler):
        handler.wfile.write(answer)
        handler.close_connection = True

    return behave


TROUBLE = {
    3: [reply(status=503), reply(sound(2.0))],
    4: [echo(404)],
    5: [echo(503)],
    6: [reset, reply(sound(2.0))],
    7: [reply(status=302, Location=f"/elsewhere?token={SECRET}")],
    8: [reply(status=302, Location=f"http://me:{SECRET}@[?token={SECRET}")],
    9: [reply(status=302, Location=f"ftp://me:{SECRET}@there/?token={SECRET}")],
    10: [raw(b"HTTP/1.1 200 OK\r\nBad Header\r\nContent-Length: 1\r\n\r\nx")],
    11: [reply(b"<html>", kind="text/html")],
    12: [drip(sound(2.0), pause=1.0)],
    13: [raw(f"HTTP/1.1 {SECRET}\r\n\r\n".encode())],
}


def write_run(folder, base, salt=""):
    """A manifest of signed addresses, and a configuration with more of them, in `folder`/own."""
    own = folder / "own"
    own.mkdir(exist_ok=True)
    rows = ["path,labels,split"]
    for k in range(N):
        label = "Guitar" if k % 2 else ("Rain", "Wind")[k // 2 % 2]
        split = "train" if k < 8 else "test"
        rows.append(f"{base}/{k}.wav?{SIGNED.format(f'{k}{salt}')},{label},{split}")
    (own / "manifest.csv").write_text("\n".join(rows) + "\n")
    configuration = {
        "corpus": {
            "name": "web",
            "source": "manifest",
            "target": "Guitar",
            "clip_seconds": 2,
            "shard_clips": 8,
            "withheld_clips": f"{base}/withheld.txt?{SIGNED.format(f'list{salt}')}",
            "manifest": {"path": "own/manifest.csv"},
        },
        "targets": [],
        "audio": {
            "retries": {"attempts": 2, "pause_seconds": 0.01},
            "max_bad_share": 0.9,
            "download": {"timeout_seconds": 3},
            "youtube": {"extractor_args": [f"youtube:po_token=web.gvs+{SECRET}"]},
        },
        "conditions": {
            name: {"withhold": ["Guitar"]} for name in ("natural", "shuffled", "untrained")
        },
        "stimuli": {"played": ["intact", "quilt-50ms", "quilt-400ms"], "compared_seconds": 1.6},
        "probes": {
            "own": {
                "zip": f"{base}/own.zip?{SIGNED.format('zip')}",
                "categories": "categories.csv",
                "target": {"Guitar": ["Music", "Song"]},
            }
        },
    }
    return written(own / "own.yaml", configuration)


def holding_secrets(folder):
    """The files of a run, other than the user's own, that hold the secret."""
    return [
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and "own" != path.relative_to(folder).parts[0]
        if SECRET.encode() in path.read_bytes()
    ]


def test_no_secret_of_an_address_is_kept_or_shown(tmp_path):
    targets = [
        "results/web/audio/yield.tsv",
        "results/web/plan/plan.md",
        "results/web/probes/own/sounds.tsv",
    ]
    with serving() as web:
        for k in range(N):
            web.answers[f"/{k}.wav"] = TROUBLE.get(k, [reply(sound(2.0, seed=k))])
        web.answers["/elsewhere"] = [reply(sound(2.0))]
        web.answers["/withheld.txt"] = [Answer(b"1\n")]
        web.answers["/own.zip"] = [Answer(write_zip(tmp_path / "x", files()).read_bytes())]
        run = ["--configfile", write_run(tmp_path, web.url)]
        ended = snakemake(tmp_path, *targets, *run)
        said = ended.stdout + ended.stderr
        assert ended.returncode == 0, said
        assert SECRET not in said
        assert not holding_secrets(tmp_path)
        # Every request had its query, those after a failure too.
        for k in range(N):
            query = SIGNED.format(k).partition("#")[0]
            assert set(web.queries[f"/{k}.wav"]) == {query}
        assert web.asked["/3.wav"] == web.asked["/5.wav"] == web.asked["/6.wav"] == 2
        assert web.queries["/elsewhere"] == [f"token={SECRET}"]
        for name, what in (("/withheld.txt", "list"), ("/own.zip", "zip")):
            assert web.queries[name] == [SIGNED.format(what).partition("#")[0]]

        # Nothing is asked again, and another query is another address.
        assert planned(tmp_path, *run, "--", *targets) == {}
        other = ["--configfile", write_run(tmp_path, web.url, salt="x")]
        again = snakemake(tmp_path, *targets[:1], *other, "--dry-run")
        assert "Params have changed" in again.stdout + again.stderr
        assert SECRET not in again.stdout + again.stderr
        assert not holding_secrets(tmp_path)

    results = tmp_path / "results" / "web"
    clips = read_table(results / "corpus/clips.tsv", CLIPS)
    assert clips["reference"].str.fullmatch(r"http://127.*/\d+\.wav#query-[0-9a-f]{8}").all()
    table = read_table(results / "metadata/metadata.tsv", METADATA)
    assert table["origin"].tolist() == [f"{web.url}/withheld.txt"]
    rows = [
        row
        for path in sorted((results / "audio").glob("*/*.status.tsv"))
        for row in read_table(path, STATUS).itertuples()
    ]
    usable = {int(re.match(r"\d+", row.clip_id)[0]) for row in rows if row.status == "ok"}
    assert usable == {0, 1, 2, 3, 6, 7, 14, 15}


def test_an_address_that_the_manifest_no_longer_lists_is_one_line(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(f"path,labels\nhttp://a.org/x.wav?k={SECRET},Dog\nhttp://a.org/y.wav,Cat\n")
    first, second = read_manifest(path, None, "corpus.manifest.path").paths
    assert first.startswith("http://a.org/x.wav#query-") and second == "http://a.org/y.wav"
    section = {"path": str(path), "columns": None, "only": None}
    assert find_addresses(section, [first, second]) == {first: f"http://a.org/x.wav?k={SECRET}"}
    path.write_text("path,labels\nhttp://a.org/x.wav?k=0,Dog\n")
    with pytest.raises(
        InputError, match=r"m\.csv: no longer lists the address http://a\.org/x"
    ) as e:
        find_addresses(section, [first])
    assert "query-" not in str(e.value)


@pytest.mark.parametrize(
    "address",
    [
        f"https://me:{SECRET}@a.org/x.wav",
        f"https://{SECRET}@a.org/x.wav",
        f"https://me:{SECRET}/word@a.org/x.wav",
        f"ftp://me:{SECRET}@a.org/x.wav",
    ],
)
def test_credentials_in_an_address_are_refused_with_the_way_to_go(tmp_path, address):
    path = tmp_path / "m.csv"
    path.write_text(f"path,labels\n{address},Dog\n")
    refused = "an address with a user name or password, which is refused; download the"
    with pytest.raises(
        InputError, match=f"line 2: path is {refused} recording by other"
    ) as of_clip:
        read_manifest(path, None, "corpus.manifest.path")
    with pytest.raises(InputError, match=f"corpus.ontology is {refused} file by other") as of_file:
        check_url(address, "corpus.ontology")
    assert SECRET not in f"{of_clip.value} {of_file.value} {shown_url(address)}"


@pytest.mark.parametrize(
    "cell", [f"http://a.org/x?k={SECRET}\x07", f"gopher://a.org/x?k={SECRET}", f"http://?{SECRET}"]
)
def test_a_refused_address_is_shown_without_its_query(tmp_path, cell):
    (tmp_path / "m.csv").write_text(f"path,labels\n{cell},Dog\n")
    with pytest.raises(InputError, match="line 2: path") as raised:
        read_manifest(tmp_path / "m.csv", None, "corpus.manifest.path")
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"https://me:{SECRET}@h/a?x={SECRET}&y={SECRET}#z: 404", "https://h/a: 404"),
        (f"leads to 'http://h/a?{SECRET}', refused", "leads to 'http://h/a', refused"),
        (f"a copy (https://h/p#{SECRET}); take it", "a copy (https://h/p); take it"),
        (
            f"Max retries exceeded with url: /a?{SECRET} (Caused",
            "Max retries exceeded with url: /a (Caused",
        ),
        (f"GET /a?k={SECRET} HTTP/1.1", "GET /a HTTP/1.1"),
        (f"no host: http://[?k={SECRET}", "no host: http://["),
        ("archives/x?y.tar and what? a=b", "archives/x?y.tar and what? a=b"),
    ],
)
def test_every_message_leaves_the_program_without_secrets(tmp_path, capsys, text, shown):
    assert one_line(text) == shown
    say(text)
    assert capsys.readouterr().err == f"{shown}\n"

    def fail():
        raise ValueError(text)

    log = tmp_path / "x.log"
    with pytest.raises(SystemExit), job(str(log)):
        logging.info("asked for %s\x1b[2J\r\x07", text)
        fail()
    logged, said = log.read_text(), capsys.readouterr().err
    assert f"INFO asked for {shown}" in logged and "Traceback" in logged and "fail()" in logged
    assert SECRET not in logged + said
    assert "".join(logged.split("\n")).isprintable() and said.rstrip("\n").isprintable()


@pytest.mark.parametrize("text", ["x" * 5000, "a\nb\r\x1b[2Jc\x07\u202ed", "\ud800"])
def test_what_is_said_is_one_line_of_bounded_length(capsys, text):
    say(text)
    said = capsys.readouterr().err
    assert said.endswith("\n") and said[:-1].isprintable() and len(said) <= 2001


def test_arguments_for_extractors_are_counted_and_not_shown():
    given = changed("audio.youtube.extractor_args", [f"youtube:po_token={SECRET}", "x:y=z"])
    assert shown(given)["audio"]["youtube"]["extractor_args"] == ["2 not shown"]
    assert shown(DEFAULT) == DEFAULT


def test_what_pages_and_records_show_of_a_configuration_has_no_query():
    url = f"https://a.org/x.zip?k={SECRET}#y"
    given = {
        "corpus": {"ontology": url, "name": "a?b=c"},
        "probes": {"p": {"zip": url}},
        "x": [url],
    }
    shown = written_urls(given)
    assert SECRET not in str(shown)
    assert shown["corpus"] == {"ontology": written_url(url), "name": "a?b=c"}
    assert written_url(url) != written_url(url.replace(SECRET, "other"))
    assert written_url("https://a.org/x.zip#y") == "https://a.org/x.zip"
