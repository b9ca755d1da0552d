"""Interrupted, damaged and rebuilt shards: nothing is lost, and nothing is fetched twice."""

import hashlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from music_detectors.audio.columns import STATUS
from music_detectors.audio.decode import Decoded
from music_detectors.audio.failures import FAILED_RETRYABLE, Retryable, Systemic, Unusable
from music_detectors.audio.fetch import fetch_shard
from music_detectors.audio.journal import ClipResult, Journal, _line
from music_detectors.audio.sources import Sources
from music_detectors.audio.storage import read_audio_shard
from music_detectors.common.job import job
from music_detectors.common.tables import read_table
from support.recordings import audio_settings, noise, record, write_clips
from support.web_server import RATE, reply, reset, serving, sound

SECONDS = 0.1


class Scripted:
    """A source with a script of answers per clip; the last one repeats."""

    terms = ""

    def __init__(self, script, remote=True):
        self.script = script
        self.remote = remote
        self.asked = []

    def read(self, clip):
        turns = self.script.get(clip.clip_id, ["ok"])
        turn = turns[min(self.asked.count(clip.clip_id), len(turns) - 1)]
        self.asked.append(clip.clip_id)
        if isinstance(turn, BaseException):
            raise turn
        samples = noise(SECONDS, RATE, seed=len(clip.clip_id) + ord(clip.clip_id[-1]))
        return Decoded(samples.astype(np.float32), "script", "1")


def gone():
    return Unusable("unavailable", "gone", "it is gone")


def slow():
    return Retryable("slow", "it is slow")


@pytest.fixture
def shard(tmp_path, monkeypatch):
    """Return a function that fetches a shard of clips a, b, c ... from the given sources."""

    def fetch(*sources, clips="abcdef", code="1", **changes):
        rows = [{"clip_id": name, "reference": name, "source": "audioset"} for name in clips]
        write_clips(tmp_path / "clips.tsv", rows)
        named = [(f"source{place}", source) for place, source in enumerate(sources)]
        opened = Sources({"audioset": named})
        monkeypatch.setattr("music_detectors.audio.fetch.open_sources", lambda *_, **__: opened)
        settings = audio_settings(**changes)
        fetch_shard(
            tmp_path / "clips.tsv",
            "train",
            "00000",
            tmp_path / "a.h5",
            tmp_path / "a.status.tsv",
            journal=tmp_path / ".journal" / "train" / "00000",
            settings=settings,
            clip_seconds=SECONDS,
            code=code,
        )
        status = read_table(tmp_path / "a.status.tsv", STATUS).set_index("clip_id")
        return read_audio_shard(tmp_path / "a.h5"), status

    fetch.folder = tmp_path / ".journal" / "train" / "00000"
    fetch.outputs = tmp_path / "a.h5", tmp_path / "a.status.tsv"
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


def test_the_first_source_that_has_a_clip_wins(shard):
    first = Scripted(
        {
            "a": ["ok"],
            "b": [Unusable("missing", "not here", "")],
            "c": [Unusable("empty", "nothing in it", "")],
            "d": [Unusable("ambiguous", "two", "")],
            "e": [Unusable("empty", "nothing in it", "")],
            "f": [Unusable("missing", "not here", "")],
        },
        remote=False,
    )
    missing = [Unusable("missing", "not there", "")]
    second = Scripted({"e": missing, "f": missing})
    kept, status = shard(first, second)
    assert kept.clip_id == list("abc")
    assert status["source"].to_dict() == {
        "a": "source0",
        "b": "source1",
        "c": "source1",
        "d": "source0",
        "e": "source0",
        "f": "source1",
    }
    assert status["status"].loc[list("def")].tolist() == ["ambiguous", "empty", "missing"]
    assert status["reason"].loc[list("def")].tolist() == ["two", "nothing in it", "not there"]
    assert second.asked == list("bcef")


def test_a_rebuilt_shard_asks_the_network_only_for_failed_clips(shard):
    shard(Scripted({"b": [gone()], "c": [slow()], "d": [slow()]}))
    before = read_audio_shard(shard.outputs[0])
    forget(shard.outputs)
    again = Scripted({"d": [slow()]})
    kept, status = shard(again, code="2")
    assert again.asked == list("cddd")
    assert kept.clip_id == list("acef")
    np.testing.assert_array_equal(kept.samples[[0, 2, 3]], before.samples)
    assert status["status"].loc[list("bcd")].tolist() == ["unavailable", "ok", FAILED_RETRYABLE]
    # Rebuild it once more, with an interruption.
    forget(shard.outputs)
    with pytest.raises(Systemic):
        shard(Scripted({"d": [Systemic("blocked", "no", "wait")]}), code="3")
    last = Scripted({})
    kept, _ = shard(last, code="3")
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
    ("limits", "status", "reason"),
    [
        ({"silence_db": -1}, "silent", "level below audio.silence_db"),
        ({"min_seconds": 1}, "too_short", "shorter than audio.min_seconds"),
    ],
)
def test_new_limits_apply_to_remembered_clips(shard, limits, status, reason):
    whole, _ = shard(Scripted({}))
    forget(shard.outputs)
    source = Scripted({})
    left_out, table = shard(source, **limits)
    assert source.asked == [] and left_out.clip_id == []
    assert (table["status"] == status).all() and (table["reason"] == reason).all()
    forget(shard.outputs)
    # With the same limits nothing is asked for; below them, the samples are needed.
    shard(source, **limits)
    assert source.asked == []
    forget(shard.outputs)
    again, _ = shard(source)
    assert source.asked == list("abcdef")
    np.testing.assert_array_equal(again.samples, whole.samples)


def test_sound_above_full_scale_is_kept_in_the_journal(shard):
    class Loud(Scripted):
        def read(self, clip):
            decoded = super().read(clip)
            return (
                replace(decoded, samples=50 * decoded.samples) if clip.clip_id == "b" else decoded
            )

    first, _ = shard(Loud({}))
    assert np.abs(first.samples_of(1)).max() > 10 and np.abs(first.samples_of(0)).max() < 1
    forget(shard.outputs)
    source = Loud({})
    again, _ = shard(source)
    assert source.asked == []
    np.testing.assert_array_equal(again.samples_of(1), first.samples_of(1))


def test_what_was_downloaded_before_clips_had_a_full_scale_is_kept(shard):
    shard(Scripted({}))
    forget(shard.outputs)
    path = shard.folder / "finished.jsonl"
    records = [json.loads(line.partition(b" ")[2]) for line in path.read_bytes().splitlines()]
    for one in records:
        assert one.pop("full_scale") == 1
    path.write_bytes(b"".join(_line(one) for one in records))
    source = Scripted({})
    kept, _ = shard(source)
    assert source.asked == [] and kept.clip_id == list("abcdef")


def test_local_clips_are_read_again_and_leave_no_journal(shard):
    shard(Scripted({}, remote=False))
    assert not shard.folder.parent.parent.exists()
    forget(shard.outputs)
    again = Scripted({}, remote=False)
    shard(again)
    assert again.asked == list("abcdef")


def test_local_clips_are_read_again_after_a_stop_when_the_code_changed(shard):
    script = {"d": [Systemic("full", "no room", "make room")]}
    for code, expected in (("1", "def"), ("2", "abcdef")):
        with pytest.raises(Systemic):
            shard(Scripted(script, remote=False), code="1")
        again = Scripted({}, remote=False)
        shard(again, code=code)
        assert sorted(again.asked) == list(expected)
        forget(shard.outputs)


def test_another_segment_is_another_clip(shard, tmp_path):
    shard(Scripted({}))
    forget(shard.outputs)
    source = Scripted({})
    write = write_clips

    def later(path, rows):
        return write(path, [{**row, "start_seconds": 1.0} for row in rows])

    globals()["write_clips"], restore = later, write_clips
    try:
        shard(source)
    finally:
        globals()["write_clips"] = restore
    assert source.asked == list("abcdef")


def result(name, n=10, **changes):
    parts = ("k", "ok", "", "", 1, "x", True, "", n, -20.0, "d", "1")
    return ClipResult(name, *parts)._replace(**changes)


def test_a_truncated_journal_loses_at_most_the_last_clip(tmp_path):
    with Journal(tmp_path / "j", "s") as journal:
        for number, name in enumerate("abc"):
            journal.add(result(name), np.full(10, number, np.int16))
    lines = (tmp_path / "j" / "open.jsonl").read_bytes()
    samples = (tmp_path / "j" / "samples.i16").read_bytes()
    assert len(samples) == 60
    begins = [place for place in range(len(lines)) if lines[:place].endswith(b"\n")]
    for cut in range(begins[2], len(lines) + 1, 7):
        (tmp_path / "j" / "open.jsonl").write_bytes(lines[:cut])
        (tmp_path / "j" / "samples.i16").write_bytes(samples)
        with Journal(tmp_path / "j", "s") as journal:
            assert "".join(journal.results) == ("abc" if cut >= len(lines) - 1 else "ab")
            # The next record is not appended to the incomplete line.
            journal.add(result("z", 3), np.array([7, 8, 9], np.int16))
        with Journal(tmp_path / "j", "s") as journal:
            assert journal.samples(journal.results["z"]).tolist() == [7, 8, 9]
            assert journal.samples(journal.results["b"]).tolist() == [1] * 10
    # The lines are written, but the samples were lost in a crash.
    (tmp_path / "j" / "open.jsonl").write_bytes(lines)
    for left, names in ((59, "ab"), (40, "ab"), (39, "a"), (0, "")):
        (tmp_path / "j" / "samples.i16").write_bytes(samples[:left])
        with Journal(tmp_path / "j", "s") as journal:
            assert "".join(journal.results) == names
        (tmp_path / "j" / "open.jsonl").write_bytes(lines)
    (tmp_path / "j" / "samples.i16").write_bytes(samples[:20] + b"\xff" * 20 + samples[40:])
    with Journal(tmp_path / "j", "s") as journal:
        assert "".join(journal.results) == "ac", "a wrong checksum"


@pytest.mark.parametrize("junk", [b"\x00" * 5000, b"{}\n", b"00000000 {}\nxyz\n", b"\xff\xfe\n\n"])
def test_junk_in_a_journal_is_ignored(tmp_path, junk):
    with Journal(tmp_path / "j", "s") as journal:
        journal.add(result("a"), np.zeros(10, np.int16))
    with open(tmp_path / "j" / "open.jsonl", "ab") as file:
        file.write(junk)
    with Journal(tmp_path / "j", "s") as journal:
        journal.add(result("b"), np.ones(10, np.int16))
    with Journal(tmp_path / "j", "s") as journal:
        assert "".join(journal.results) == "ab"


def test_a_damaged_kept_shard_is_fetched_again(shard):
    shard(Scripted({"b": [gone()]}))
    forget(shard.outputs)
    kept = shard.folder / "shard.h5"
    kept.write_bytes(kept.read_bytes()[:-100])
    again = Scripted({})
    shard(again)
    assert sorted(again.asked) == list("acdef"), "and what is gone stays gone"


def test_without_hard_links_a_copy_is_kept(shard, monkeypatch):
    def refused(*_, **__):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    shard(Scripted({}))
    forget(shard.outputs)
    again = Scripted({})
    assert shard(again)[0].clip_id == list("abcdef") and again.asked == []


def test_one_job_at_a_time(tmp_path):
    with Journal(tmp_path / "j", "s"), pytest.raises(Systemic, match="shard in use"):
        Journal(tmp_path / "j", "s")
    Journal(tmp_path / "j", "s").__exit__()


def test_an_unwritable_journal_stops_the_shard(shard):
    shard.folder.parent.parent.mkdir(parents=True, exist_ok=True)
    shard.folder.parent.touch()
    with pytest.raises(Systemic, match=r"cannot be written: .*journal"):
        shard(Scripted({}))


def fetch_with_little_room(base, limit, log):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with job(str(log)):
        fetch_from_web(base)


def fetch_from_web(base):
    fetch_shard(
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
        ["music_detectors.audio.fetch", "music_detectors.audio.web", __name__]
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
    path = base / ".journal" / "open.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    records = [json.loads(line[9:]) for line in lines]
    return {one["clip_id"] for one in records if one.get("status") == "ok"}


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
        journal = base / ".journal" / "open.jsonl"
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
    assert not (tmp_path / "killed" / ".journal" / "open.jsonl").exists()
