"""What is noted of local recordings, and when it has changed."""

import os

import pytest

from music_detectors.audio.columns import STATUS
from music_detectors.audio.recordings import note_path, read_note, see, states, write_note
from music_detectors.audio.shard import decode_shard
from music_detectors.common.tables import read_table
from support.recordings import audio_settings, noise, record, write_clips

IDS = ["-a_b12345678", "short", "a" * 64]


@pytest.fixture
def product(tmp_path):
    """A file made from two recordings, of which one is missing, and from those in a folder."""
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "one.wav").write_bytes(b"1")
    paths = [tmp_path / "one.wav", tmp_path / "two.wav", tmp_path / "no\0name.wav"]
    write_note(tmp_path / "a.h5", see(paths, str(tmp_path / "folder"), IDS), None)
    return tmp_path / "a.h5"


def state(product):
    """The state in a plan of its own."""
    states.cache_clear()
    return states((str(product),))[str(product)]


def test_nothing_changes_without_a_change(product, tmp_path):
    assert state(product) is None
    assert state(tmp_path / "unknown.h5") is None
    for name in ("three.wav", "folder/other.wav", "folder/short.txt", "folder/inner/shor.wav"):
        (tmp_path / name).write_bytes(b"1")
    assert state(product) is None


@pytest.mark.parametrize(
    "name",
    [
        "two.wav",
        *(f"folder/inner/Y{one}_30.000.wav" for one in IDS),
        "folder/-a_b12345678.FLAC",
        "folder/x-a_b12345678_000030.mp4",
    ],
)
def test_a_recording_that_is_added_changes_the_state_until_it_is_noted(product, tmp_path, name):
    (tmp_path / name).write_bytes(b"1")
    changed = state(product)
    assert changed is not None and state(product) == changed
    paths = [path for path in read_note(product)[1].files if "folder" not in path]
    write_note(product, see(paths, str(tmp_path / "folder"), IDS), changed)
    assert state(product) == changed
    (tmp_path / "one.wav").write_bytes(b"12")
    assert state(product) not in (None, changed)


def test_size_and_time_of_a_recording_count_and_what_is_gone_does_not(product, tmp_path):
    path = tmp_path / "one.wav"
    before = path.stat().st_mtime_ns
    os.utime(path, ns=(before - 10**15, before - 10**15))
    older = state(product)
    path.write_bytes(b"12")
    os.utime(path, ns=(before, before))
    assert len({None, older, state(product)}) == 3
    path.unlink()
    assert state(product) is None
    path.symlink_to(tmp_path / "elsewhere.wav")
    assert state(product) is None
    (tmp_path / "elsewhere.wav").write_bytes(b"1")
    assert state(product) is not None


@pytest.mark.parametrize("harm", [b"", b"00000000 [null]\n", b"\xff", b"[null,[{}]]"])
def test_a_damaged_note_is_a_change(product, harm):
    note_path(product).write_bytes(harm)
    assert state(product) == "damaged"


def test_a_note_without_recordings_is_not_written(product):
    write_note(product, see([]), None)
    assert not note_path(product).exists()


def fetch(folder, **more):
    decode_shard(
        folder / "clips.tsv",
        "train",
        "00000",
        folder / "a.h5",
        folder / "a.tsv",
        settings=audio_settings(),
        clip_seconds=2.0,
        **more,
    )
    return read_table(folder / "a.tsv", STATUS).set_index("clip_id")["status"].to_dict()


def test_a_shard_notes_its_recordings_with_the_state_of_its_job(tmp_path):
    record(tmp_path / "one.wav", noise(2.0))
    clips = [
        {"clip_id": name, "reference": str(tmp_path / f"{name}.wav")} for name in ("one", "two")
    ]
    write_clips(tmp_path / "clips.tsv", clips)
    assert fetch(tmp_path) == {"one": "ok", "two": "missing"}
    assert state(tmp_path / "a.h5") is None
    record(tmp_path / "two.wav", noise(2.0))
    changed = state(tmp_path / "a.h5")
    assert changed is not None
    assert fetch(tmp_path, state=changed) == {"one": "ok", "two": "ok"}
    assert state(tmp_path / "a.h5") == changed


def test_a_recording_mended_while_its_job_was_interrupted_is_read_again(tmp_path, monkeypatch):
    (tmp_path / "one.wav").write_bytes(b"no sound")
    write_clips(
        tmp_path / "clips.tsv", [{"clip_id": "one", "reference": str(tmp_path / "one.wav")}]
    )

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("music_detectors.audio.shard.write_note", interrupted)
        fetch(tmp_path)
    record(tmp_path / "one.wav", noise(2.0))
    assert fetch(tmp_path) == {"one": "ok"}
    assert {path.name for path in tmp_path.glob(".*")} == {
        f".{name}" for name in ("a.h5.recordings", "a.tsv.sha256", "clips.tsv.sha256")
    }
