"""Interrupted, damaged and rebuilt shards: nothing is lost, and nothing is fetched twice."""

import hashlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tarfile
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from music_detectors.audio.clips import Clip
from music_detectors.audio.columns import STATUS
from music_detectors.audio.decode import decode
from music_detectors.audio.failures import FAILED_RETRYABLE, Retryable, Systemic, Unusable
from music_detectors.audio.fetched import FETCHED, Fetched
from music_detectors.audio.journal import Journal, forget_fetched
from music_detectors.audio.lines import Readings
from music_detectors.audio.shard import decode_shard
from music_detectors.audio.sources import FetchedSource
from music_detectors.audio.storage import read_audio_shard
from music_detectors.common.errors import InputError
from music_detectors.common.job import job
from music_detectors.common.tables import read_table
from support.recordings import audio_settings, fetch_and_decode, noise, record, write_clips
from support.web_server import RATE, reply, reset, serving, sound

SECONDS = 0.1


class Scripted:
    """A source of the network with a script of answers per clip; the last one repeats."""

    terms = ""

    def __init__(self, script):
        self.script = script
        self.asked = []

    @contextmanager
    def fetch(self, clip):
        turns = self.script.get(clip.clip_id, ["ok"])
        turn = turns[min(self.asked.count(clip.clip_id), len(turns) - 1)]
        self.asked.append(clip.clip_id)
        if isinstance(turn, BaseException):
            raise turn
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "recording"
            path.write_bytes(sound(0.5, seed=ord(clip.clip_id[-1])))
            yield path


def gone():
    return Unusable("unavailable", "gone", "it is gone")


def slow():
    return Retryable("slow", "it is slow")


@pytest.fixture
def shard(tmp_path, monkeypatch):
    """Return a function that fetches and decodes a shard of clips a, b, c ... of a source."""

    def fetch(source, clips="abcdef", clip_seconds=SECONDS, start=0.0, end=0.5, **changes):
        rows = [
            {"clip_id": name, "reference": name, "source": "audioset"}
            | {"start_seconds": start, "end_seconds": end}
            for name in clips
        ]
        write_clips(tmp_path / "clips.tsv", rows)
        opened = {"audioset": ("youtube", source)}
        monkeypatch.setattr("music_detectors.audio.fetch._open_network", lambda *_: opened)
        settings = audio_settings(**{"sources": ["youtube"], **changes})
        fetch_and_decode(
            tmp_path / "clips.tsv",
            "train",
            "00000",
            tmp_path / "a.h5",
            tmp_path / "a.status.tsv",
            journal=fetch.folder,
            settings=settings,
            clip_seconds=clip_seconds,
        )
        status = read_table(tmp_path / "a.status.tsv", STATUS).set_index("clip_id")
        return read_audio_shard(tmp_path / "a.h5"), status

    fetch.folder = tmp_path / ".fetching" / "train" / "00000"
    fetch.outputs = [tmp_path / name for name in ("a.fetched.tar", "a.h5", "a.status.tsv")]
    return fetch


def digests(paths):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def forget(paths):
    """Remove outputs, as Snakemake does before it runs a job again."""
    for path in paths:
        path.unlink()


def test_after_a_stop_only_missing_clips_are_asked_for(shard):
    undisturbed = Scripted({"b": [gone()], "d": [slow()]})
    shard(undisturbed)
    whole = digests(shard.outputs)
    forget(shard.outputs)
    shutil.rmtree(shard.folder)
    first = Scripted({"b": [gone()], "d": [Systemic("blocked", "no", "wait")]})
    with pytest.raises(Systemic):
        shard(first)
    assert first.asked == list("abcd")
    second = Scripted({"d": [slow()]})
    shard(second)
    assert second.asked == list("efddd"), "the clip at which it stopped comes last"
    assert digests(shard.outputs) == whole


@pytest.fixture
def folder(tmp_path):
    """A folder with recordings of the clips a, d and e."""
    path = tmp_path / "folder"
    path.mkdir()
    (path / "a.wav").write_bytes(sound(0.5))
    (path / "d.wav").write_bytes(sound(0.1, seed=4) + b"rest")
    (path / "e.wav").write_bytes(b"no sound")
    (path / "f.wav").write_bytes(b"none either")
    return {"folder": str(path)}


def test_the_first_source_that_has_a_clip_wins(shard, folder):
    source = Scripted({"c": [gone()], "f": [Unusable("missing", "not there", "")]})
    kept, status = shard(source, sources=["folder", "youtube"], **folder)
    assert source.asked == list("bcef"), "those without sound in the folder"
    assert kept.clip_id == list("abde")
    expected = dict.fromkeys("ad", "folder") | dict.fromkeys("bce", "youtube") | {"f": "folder"}
    assert status["source"].to_dict() == expected
    assert status["status"].loc[list("cf")].tolist() == ["unavailable", "empty"]
    forget(shard.outputs)
    source = Scripted({"a": [Unusable("missing", "not there", "")], "b": [gone()]})
    kept, status = shard(source, sources=["youtube", "folder"], **folder)
    # The answers are kept, whatever the order of the sources.
    assert source.asked == list("ad")
    expected = dict.fromkeys("bcde", "youtube") | dict.fromkeys("af", "folder")
    assert status["source"].to_dict() == expected


def test_a_local_clip_that_is_gone_waits_until_the_network_is_asked(shard, folder, tmp_path):
    sources = ["folder", "youtube"]
    shard(Scripted({}), sources=sources, **folder)
    (tmp_path / "folder/a.wav").unlink()
    decode_shard(
        tmp_path / "clips.tsv",
        "train",
        "00000",
        *shard.outputs[1:],
        fetched=shard.outputs[0],
        settings=audio_settings(sources=sources, **folder),
        clip_seconds=SECONDS,
    )
    status = read_table(shard.outputs[2], STATUS).set_index("clip_id")
    assert status.loc["a", ["status", "reason"]].tolist() == [FAILED_RETRYABLE, "not asked for yet"]
    source = Scripted({})
    kept, _ = shard(source, sources=sources, **folder)
    assert source.asked == ["a"] and kept.clip_id == list("abcdef")


def test_a_rebuilt_shard_asks_the_network_only_for_failed_clips(shard):
    shard(Scripted({"b": [gone()], "c": [slow()], "d": [slow()]}))
    before = read_audio_shard(shard.outputs[1])
    forget(shard.outputs)
    again = Scripted({"d": [slow()]})
    kept, status = shard(again)
    assert again.asked == list("cddd")
    assert kept.clip_id == list("acef")
    np.testing.assert_array_equal(kept.samples[[0, 2, 3]], before.samples)
    assert status["status"].loc[list("bcd")].tolist() == ["unavailable", "ok", FAILED_RETRYABLE]
    # Rebuild it once more, with an interruption.
    forget(shard.outputs)
    with pytest.raises(Systemic):
        shard(Scripted({"d": [Systemic("blocked", "no", "wait")]}))
    last = Scripted({})
    kept, _ = shard(last)
    assert last.asked == ["d"] and kept.clip_id == list("acdef")


def test_clips_that_failed_before_do_not_count_as_an_outage(shard):
    retries = {"attempts": 2, "pause_seconds": 0, "in_a_row": 3}
    script = {name: [slow()] for name in "acegi"}
    shard(Scripted(script), clips="abcdefghi", retries=retries)
    forget(shard.outputs)
    again = Scripted(script)
    _, status = shard(again, clips="abcdefghi", retries=retries)
    assert Counter(again.asked) == dict.fromkeys("acegi", 2)
    assert (status["status"] == FAILED_RETRYABLE).sum() == 5


def test_refused_clips_are_asked_for_again_when_terms_change(shard):
    shard(Scripted({"b": [gone()]}))
    forget(shard.outputs)
    same = Scripted({})
    shard(same)
    assert same.asked == []
    forget(shard.outputs)
    other = Scripted({})
    other.terms = "cookies of mine"
    kept, _ = shard(other)
    assert other.asked == ["b"] and kept.clip_id == list("abcdef")


@pytest.mark.parametrize(
    "changes",
    [
        {"clip_seconds": 0.4},
        {"silence_db": -1},
        {"min_seconds": 1},
        {"ffmpeg": sys.executable},
        {"clips": "fedcba"},
    ],
)
def test_what_is_decoded_from_it_never_asks_the_network(shard, changes):
    whole, _ = shard(Scripted({"b": [gone()]}))
    before = shard.outputs[0].read_bytes()
    forget(shard.outputs)
    source = Scripted({})
    shard(source, **changes)
    assert source.asked == []
    forget(shard.outputs)
    again, _ = shard(source)
    assert source.asked == [] and shard.outputs[0].read_bytes() == before
    np.testing.assert_array_equal(again.samples, whole.samples)


def test_another_sample_rate_asks_the_network_for_nothing(shard, monkeypatch):
    shard(Scripted({}))
    forget(shard.outputs)
    for module in ("decode", "shard", "judging"):
        monkeypatch.setattr(f"music_detectors.audio.{module}.SAMPLE_RATE", 16_000)
    source = Scripted({})
    kept, _ = shard(source, clip_seconds=0.5)
    assert source.asked == [] and (kept.n_samples == 8_000).all()


def test_a_longer_clip_is_in_what_was_fetched_up_to_the_end_of_its_segment(shard):
    shard(Scripted({}), clip_seconds=0.1)
    forget(shard.outputs)
    source = Scripted({})
    kept, status = shard(source, clip_seconds=2.0)
    assert source.asked == [] and (kept.n_samples == RATE // 2).all()
    assert (status["status"] == "ok").all()
    forget(shard.outputs)
    shard(source, clip_seconds=2.0, end=0.7)
    assert source.asked == list("abcdef"), "another segment of the video"


def test_what_is_no_longer_kept_is_fetched_again(shard):
    shard(Scripted({"b": [gone()]}))
    forget(shard.outputs)
    forget_fetched(shard.folder)
    assert not shard.folder.parent.parent.exists()
    again = Scripted({})
    shard(again)
    assert again.asked == list("abcdef")


def test_clips_of_one_address_are_fetched_once(tmp_path):
    with serving() as web:
        web.answers["/long.wav"] = [reply(sound(1.0))]
        web.answers["/gone"] = [reply(status=404)]
        url = {"source": "url", "reference": f"{web.url}/long.wav"}
        rows = [
            {"clip_id": f"c{k}", "start_seconds": 0.2 * k, "end_seconds": 0.2 * k + 0.1, **url}
            for k in range(5)
        ]
        rows += [{**url, "clip_id": name, "reference": f"{web.url}/gone"} for name in ("x", "y")]
        write_clips(tmp_path / "clips.tsv", rows)
        fetch_from_web(tmp_path)
        assert web.asked == {"/long.wav": 1, "/gone": 1}
    kept = read_audio_shard(tmp_path / "a.h5")
    assert kept.clip_id == [f"c{k}" for k in range(5)]
    (tmp_path / "long.wav").write_bytes(sound(1.0))
    whole = decode(tmp_path / "long.wav", 0.0, 1.0).samples
    np.testing.assert_array_equal(
        kept.samples_of(2), whole[round(0.4 * RATE) :][: len(kept.samples_of(2))]
    )
    status = read_table(tmp_path / "a.status.tsv", STATUS)
    assert status["status"].tolist() == ["ok"] * 5 + ["unavailable"] * 2


def test_the_archive_holds_what_came_as_it_came(shard):
    shard(Scripted({"b": [gone()]}))
    with tarfile.open(shard.outputs[0]) as tar:
        names = tar.getnames()
        assert names == ["answers.jsonl", *map(str, range(5))]
        for name, clip_id in zip(names[1:], "acdef", strict=True):
            assert tar.extractfile(name).read() == sound(0.5, seed=ord(clip_id))
    assert shard.outputs[0].samefile(shard.folder / "fetched.tar")


def answer(name, **changes):
    return Fetched(name, name, "youtube", FETCHED, "", "", 1, "")._replace(**changes)


def read_all(journal, name):
    return b"".join(journal._content(journal.answers[name]))


def test_a_truncated_journal_loses_at_most_the_last_clip(tmp_path):
    for name in "abcz":
        (tmp_path / name).write_bytes(name.encode() * 20)
    with Journal(tmp_path / "j") as journal:
        for name in "abc":
            journal.add(answer(name), tmp_path / name)
    lines = (tmp_path / "j" / "answers.jsonl").read_bytes()
    content = (tmp_path / "j" / "recordings").read_bytes()
    assert len(content) == 60
    begins = [place for place in range(len(lines)) if lines[:place].endswith(b"\n")]
    for cut in range(begins[1], len(lines) + 1, 7):
        (tmp_path / "j" / "answers.jsonl").write_bytes(lines[:cut])
        (tmp_path / "j" / "recordings").write_bytes(content)
        with Journal(tmp_path / "j") as journal:
            assert "".join(journal.answers) == ("abc" if cut >= len(lines) - 1 else "ab")
            # The next record is not appended to the incomplete line.
            journal.add(answer("z"), tmp_path / "z")
        with Journal(tmp_path / "j") as journal:
            assert read_all(journal, "z") == b"z" * 20 and read_all(journal, "b") == b"b" * 20
    # The lines are written, but the recordings were lost in a crash.
    for left, names in ((59, "ab"), (40, "ab"), (39, "a"), (0, "")):
        (tmp_path / "j" / "answers.jsonl").write_bytes(lines)
        (tmp_path / "j" / "recordings").write_bytes(content[:left])
        with Journal(tmp_path / "j") as journal:
            assert "".join(journal.answers) == names
    (tmp_path / "j" / "recordings").write_bytes(content[:20] + b"\xff" * 20 + content[40:])
    with Journal(tmp_path / "j") as journal:
        assert "".join(journal.answers) == "ac", "a wrong checksum"


@pytest.mark.parametrize("junk", [b"\x00" * 5000, b"{}\n", b"00000000 {}\nxyz\n", b"\xff\xfe\n\n"])
def test_junk_in_a_journal_is_ignored(tmp_path, junk):
    (tmp_path / "a").write_bytes(b"a")
    with Journal(tmp_path / "j") as journal:
        journal.add(answer("a"), tmp_path / "a")
    with open(tmp_path / "j" / "answers.jsonl", "ab") as file:
        file.write(junk)
    with Journal(tmp_path / "j") as journal:
        journal.add(answer("b"), tmp_path / "a")
    with Journal(tmp_path / "j") as journal:
        assert "".join(journal.answers) == "ab"


def test_a_damaged_archive_is_refused_and_what_is_undamaged_is_not_fetched_again(shard):
    shard(Scripted({"b": [gone()]}))
    path = shard.outputs[0]
    content = bytearray(path.read_bytes())
    place = content.find(sound(0.5, seed=ord("d"))) + 5000
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"damaged archive .*recording of clip d.*rm -r .*\.tar"):
        FetchedSource(path, SECONDS, None).read(Clip("d", "audioset", "d", 0.0, 0.5, ()))
    forget(shard.outputs)
    again = Scripted({})
    kept, _ = shard(again)
    assert again.asked == ["d"] and kept.clip_id == list("acdef")


def test_without_hard_links_a_copy_is_kept(shard, monkeypatch):
    def refused(*_, **__):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    shard(Scripted({}))
    forget(shard.outputs)
    again = Scripted({})
    assert shard(again)[0].clip_id == list("abcdef") and again.asked == []


def test_a_clip_whose_download_ends_jobs_comes_last_and_is_then_given_up(shard):
    def die_at(name):
        with Readings(shard.folder / "reading.jsonl") as readings:
            readings._lines.append({"begun": name})

    die_at("b")
    source = Scripted({"d": [Systemic("blocked", "no", "wait")]})
    with pytest.raises(Systemic):
        shard(source)
    assert source.asked == list("acd")
    die_at("b")
    source = Scripted({})
    kept, status = shard(source)
    assert source.asked == list("efd") and kept.clip_id == list("acdef")
    assert status.loc["b", ["status", "reason"]].tolist() == [
        "unavailable",
        "reading it ended the job",
    ]


def test_one_job_at_a_time(tmp_path):
    with Journal(tmp_path / "j"), pytest.raises(Systemic, match="shard in use"):
        Journal(tmp_path / "j")
    Journal(tmp_path / "j").__exit__()


def test_an_unwritable_journal_stops_the_shard(shard):
    shard.folder.parent.parent.mkdir(parents=True, exist_ok=True)
    shard.folder.parent.touch()
    with pytest.raises(Systemic, match=r"cannot be written: .*fetching"):
        shard(Scripted({}))


def fetch_with_little_room(base, limit, log):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with job(str(log)):
        fetch_from_web(base)


def fetch_from_web(base):
    fetch_and_decode(
        base / "clips.tsv",
        "train",
        "00000",
        base / "a.h5",
        base / "a.status.tsv",
        journal=base / ".journal",
        settings=audio_settings(
            retries={"attempts": 3, "pause_seconds": 0.01, "in_a_row": 50},
            download={"timeout_seconds": 5, "max_mb": 1},
        ),
        clip_seconds=SECONDS,
    )


@pytest.fixture(scope="module")
def processes():
    """Return a context whose processes have imported everything already and start quickly."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(
        [f"music_detectors.audio.{name}" for name in ("fetch", "web", "judging", "shard")]
        + [__name__]
    )
    before = os.environ.get("PYTHONPATH")
    # The fork server searches the preloaded modules in PYTHONPATH, not in sys.path.
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    try:
        started = made.Process(target=os.getpid)
        started.start()
        started.join()
        yield made
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


@pytest.mark.parametrize("limit", [3_000, 8_000, 12_000])
def test_a_full_disk_ends_the_job_with_75_and_the_next_one_continues(tmp_path, processes, limit):
    for k in range(3):
        record(tmp_path / f"{k}.wav", noise(SECONDS, RATE, seed=k), RATE)
    write_clips(
        tmp_path / "clips.tsv",
        [{"clip_id": f"c{k}", "reference": str(tmp_path / f"{k}.wav")} for k in range(3)],
    )
    started = processes.Process(target=fetch_with_little_room, args=(tmp_path, limit, "/dev/null"))
    started.start()
    started.join(60)
    assert started.exitcode == 75
    assert not (tmp_path / "a.h5").exists()
    fetch_from_web(tmp_path)
    assert read_audio_shard(tmp_path / "a.h5").clip_id == ["c0", "c1", "c2"]


CLIPS = 600
KILLS = 5
FAULTS = [
    [reply(status=503), reply(sound(SECONDS))],
    [reset, reply(sound(SECONDS))],
    [reply(sound(SECONDS)[:1000], length=len(sound(SECONDS))), reply(sound(SECONDS))],
    [reply(b"<html>busy</html>", kind="text/html"), reply(sound(SECONDS))],
    [reply(status=404)],
    [reply(status=410)],
    [reply(status=500)],
    [reply(sound(SECONDS)[:1000], length=len(sound(SECONDS)))],
]


def stored(base):
    """Return the clips whose results the journal has in full."""
    path = base / ".journal" / "answers.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    records = [json.loads(line[9:]) for line in lines]
    return {one["clip_id"] for one in records if one.get("status") == FETCHED}


def test_kills_lose_nothing_and_fetch_nothing_twice(tmp_path, processes):
    rng = np.random.default_rng(5)
    faulty = np.zeros(CLIPS, bool)
    faulty[rng.permutation(CLIPS)[: CLIPS // 5]] = True
    good = [[reply(sound(SECONDS, seed=k))] for k in range(8)]
    bad = iter(FAULTS * CLIPS)
    served = [next(bad) if faulty[k] else good[k % len(good)] for k in range(CLIPS)]
    with serving() as web:
        for name in ("undisturbed", "killed"):
            (tmp_path / name).mkdir()
            rows = []
            for k in range(CLIPS):
                url = f"{web.url}/same/{k}"
                rows.append({"clip_id": f"c{k}", "reference": url, "source": "url"})
            write_clips(tmp_path / name / "clips.tsv", rows)
        for k, behaviours in enumerate(served):
            web.answers[f"/same/{k}"] = behaviours
        fetch_from_web(tmp_path / "undisturbed")
        calmly = dict(web.asked)
        web.asked.clear()

        base = tmp_path / "killed"
        points = np.sort(rng.choice(np.arange(20, CLIPS - 100), KILLS, replace=False))
        journal = base / ".journal" / "answers.jsonl"
        held: dict[str, int] = {}
        for point in points:
            started = processes.Process(target=fetch_from_web, args=(base,))
            started.start()
            while started.is_alive():
                done = journal.read_bytes().count(b'"clip_id"') if journal.exists() else 0
                if done >= point:
                    break
                time.sleep(0.02)
            time.sleep(float(rng.uniform(0, 0.02)))
            os.kill(started.pid, signal.SIGKILL)
            started.join()
            assert started.exitcode == -signal.SIGKILL, "it was at work"
            time.sleep(0.05)
            for clip_id in stored(base):
                path = f"/same/{clip_id[1:]}"
                assert held.setdefault(path, web.asked[path]) == web.asked[path], clip_id
        assert len(held) > CLIPS // 3
        fetch_from_web(base)
        for path, count in held.items():
            assert web.asked[path] == count, "fetched again although it was stored"
        assert set(web.asked) == set(calmly), "none lost"

    outputs = [(tmp_path / name / "a.h5").read_bytes() for name in ("undisturbed", "killed")]
    assert outputs[0] == outputs[1]
    tables = [
        read_table(tmp_path / name / "a.status.tsv", STATUS) for name in ("undisturbed", "killed")
    ]
    # Only the number of attempts since the last kill may differ.
    calm, killed = (table.drop(columns="attempts") for table in tables)
    assert calm.equals(killed)
    counts = Counter(calm["status"])
    # 15 clips of each of the eight faults; four of the faults are temporary.
    assert counts == {"ok": 540, "unavailable": 30, FAILED_RETRYABLE: 30}
    assert not (tmp_path / "killed" / ".journal" / "answers.jsonl").exists()
