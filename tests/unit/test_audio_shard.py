"""A shard of good and bad clips: what is stored, and the status of each clip."""

import hashlib
import logging

import h5py
import numpy as np
import pytest
import soundfile

from music_detectors.audio import shard as module
from music_detectors.audio.columns import STATUS
from music_detectors.audio.decode import decode
from music_detectors.audio.failures import Systemic
from music_detectors.audio.shard import decode_shard
from music_detectors.audio.storage import (
    AudioShard,
    read_audio_shard,
    to_float,
    to_int16,
    write_audio_shard,
)
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table
from support.recordings import audio_settings, noise, record, write_clips

RATE = 22_050
SECONDS = 1.0


def fetch(base, name="shard", split="train", shard="00000", **changes):
    """Run `decode_shard` on `base`/clips.tsv; return the shard and its status table by clip."""
    audio, status = base / f"{name}.h5", base / f"{name}.status.tsv"
    decode_shard(
        base / "clips.tsv",
        split,
        shard,
        audio,
        status,
        settings=audio_settings(silence_db=-60.0, **changes),
        clip_seconds=SECONDS,
        seed=1,
    )
    return read_audio_shard(audio), read_table(status, STATUS).set_index("clip_id")


def write_good_and_bad(folder):
    """Write a clips.tsv with one clip of every kind; return the expected statuses."""
    sound = to_int16(noise(1.5, RATE).astype(np.float32))
    clips = []
    expected = {}

    def add(clip_id, status, path, **more):
        clips.append({"clip_id": clip_id, "reference": str(path), **more})
        expected[clip_id] = status

    add("missing", "missing", folder / "nowhere.wav")
    for ending in ("wav", "wav.gz", "flac", "ogg", "mp3", "m4a", "webm"):
        add(f"good-{ending}", "ok", record(folder / f"good.{ending}", sound, RATE))
    (folder / "folder.wav").mkdir()
    add("folder", "unavailable", folder / "folder.wav")
    (folder / "empty.wav").touch()
    add("empty", "empty", folder / "empty.wav")
    (folder / "text.mp3").write_text("not a sound\n")
    add("text", "empty", folder / "text.mp3")
    broken = to_float(sound)
    broken[7] = np.nan
    soundfile.write(folder / "nan.wav", broken, RATE, subtype="FLOAT")
    add("nan", "nonfinite", folder / "nan.wav")
    add("silent", "silent", record(folder / "silent.wav", 0 * sound, RATE))
    add("one sample", "too_short", record(folder / "one.wav", sound[:1], RATE))
    soundfile.write(folder / "loud.wav", 5 * to_float(sound), RATE, subtype="FLOAT")
    add("loud", "ok", folder / "loud.wav")
    soundfile.write(folder / "huge.wav", 1e20 * to_float(sound), RATE, subtype="FLOAT")
    add("huge", "nonfinite", folder / "huge.wav")
    add("whole short file", "ok", record(folder / "little.wav", sound[: RATE // 4], RATE))
    segment = {"start_seconds": 0.75, "end_seconds": 1.75}
    add("short", "short", folder / "good.wav", **segment)
    add("segment", "ok", folder / "good.wav", **{**segment, "end_seconds": 1.25})
    write_clips(folder / "clips.tsv", clips)
    return expected


def test_every_clip_has_a_status_and_usable_ones_have_a_row(tmp_path):
    expected = write_good_and_bad(tmp_path)
    shard, status = fetch(tmp_path)
    assert status["status"].to_dict() == expected
    usable = [name for name, given in expected.items() if given in ("ok", "short")]
    assert shard.clip_id == usable
    assert shard.samples.shape == (len(usable), RATE) and shard.samples.dtype == np.int16
    row = dict(zip(usable, range(len(usable)), strict=True))

    sound, _ = soundfile.read(tmp_path / "good.wav", dtype="int16")
    np.testing.assert_array_equal(shard.samples[row["good-wav"]], sound[:RATE])
    np.testing.assert_array_equal(shard.samples[row["good-wav.gz"]], sound[:RATE])
    np.testing.assert_array_equal(shard.samples[row["good-flac"]], sound[:RATE])
    for name, start, n in (
        ("whole short file", 0, RATE // 4),
        ("segment", round(0.75 * RATE), RATE // 2),
        ("short", round(0.75 * RATE), round(1.5 * RATE) - round(0.75 * RATE)),
    ):
        assert abs(int(shard.n_samples[row[name]]) - n) <= 1
        n = int(shard.n_samples[row[name]])
        np.testing.assert_array_equal(shard.samples[row[name]][:n], sound[start : start + n])
        assert not shard.samples[row[name]][n:].any()
    assert all(shard.samples[row[name]].any() for name in usable)
    # What exceeds full scale is not clipped: the peak is 1.5 of it.
    for name, factor in (("good-wav", 1), ("loud", 5)):
        expected_sound = factor * (sound[:RATE] / 32_768)
        step = max(1.0, np.abs(expected_sound).max()) / 32_768
        np.testing.assert_allclose(shard.samples_of(row[name]), expected_sound, atol=0.6 * step)
    assert np.abs(shard.samples_of(row["loud"])).max() > 1.5

    assert status["n_samples"].loc[usable].tolist() == shard.n_samples.tolist()
    unusable = status.drop(usable)
    # n_samples counts decoded samples even if they are unusable.
    decoded = {"nan": RATE, "huge": RATE, "silent": RATE, "one sample": 1}
    assert unusable["n_samples"].to_dict() == dict.fromkeys(unusable.index, 0) | decoded
    assert unusable.drop(["silent", "one sample"])["rms_db"].isna().all()
    assert status.loc["silent", "rms_db"] == -np.inf
    assert status.loc["one sample", "message"] == "4.54e-05 s, less than 0.1 s"
    rms = np.sqrt(np.mean(np.square(sound[:RATE] / 32_768)))
    # The level is measured before rounding to 16 bits; a step is 1/3,000 of it.
    assert status.loc["good-wav", "rms_db"] == pytest.approx(20 * np.log10(rms), abs=1e-3)
    assert (status["attempts"] == 1).all() and (status["source"] == "file").all()
    assert (status.loc[[name for name in expected if expected[name] != "ok"], "reason"] != "").all()
    assert shard.decoder == "ffmpeg; soundfile"
    assert "libsndfile" in shard.decoder_version and "ffmpeg version" in shard.decoder_version


def test_the_same_clips_give_the_same_bytes(tmp_path):
    write_good_and_bad(tmp_path)
    fetch(tmp_path, "first")
    fetch(tmp_path, "again")
    for ending in ("h5", "status.tsv"):
        first, again = (
            hashlib.sha256((tmp_path / f"{name}.{ending}").read_bytes()).digest()
            for name in ("first", "again")
        )
        assert first == again


def test_the_log_ends_with_the_counts(tmp_path, caplog):
    write_good_and_bad(tmp_path)
    caplog.set_level(logging.INFO)
    fetch(tmp_path)
    last = caplog.messages[-1]
    assert last.startswith("train/00000: 11 of 19 clips usable (ok 10, empty 2,")


def test_a_shard_without_usable_clips_has_no_rows(tmp_path):
    write_clips(tmp_path / "clips.tsv", [{"clip_id": "a", "reference": str(tmp_path / "a.wav")}])
    shard, status = fetch(tmp_path)
    assert shard.samples.shape == (0, RATE) and shard.clip_id == [] and shard.decoder == ""
    assert status["status"].to_dict() == {"a": "missing"}


def test_only_the_requested_shard_is_fetched(tmp_path):
    path = record(tmp_path / "a.wav", noise(1, RATE), RATE)
    write_clips(
        tmp_path / "clips.tsv",
        [
            {"clip_id": f"{split}{shard}", "reference": str(path), "split": split, "shard": shard}
            for split in ("train", "test")
            for shard in ("00000", "00001")
        ],
    )
    shard, status = fetch(tmp_path, split="test", shard="00001")
    assert shard.clip_id == status.index.tolist() == ["test00001"]


@pytest.mark.parametrize("error", [RuntimeError("lost sync"), ValueError("odd"), OSError(5, "I/O")])
def test_an_exception_in_a_decoder_fails_one_clip(tmp_path, monkeypatch, error, caplog):
    good = record(tmp_path / "a.wav", noise(1, RATE), RATE)
    clips = [{"clip_id": name, "reference": str(good)} for name in ("a", "b", "c")]
    write_clips(tmp_path / "clips.tsv", clips)
    calls = []

    def sometimes(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise error
        return decode(*arguments)

    monkeypatch.setattr("music_detectors.audio.sources.decode", sometimes)
    shard, status = fetch(tmp_path)
    assert shard.clip_id == ["a", "c"]
    row = status.loc["b"]
    assert (row["status"], row["reason"]) == ("unavailable", "decoder failed")
    assert type(error).__name__ in row["message"]
    assert "clip b" in caplog.text and "Traceback" in caplog.text


def test_errors_that_are_not_the_clips_fault_stop_the_job(tmp_path, monkeypatch):
    good = record(tmp_path / "a.wav", noise(1, RATE), RATE)
    record(tmp_path / "a.m4a", noise(1, RATE), RATE)
    write_clips(tmp_path / "clips.tsv", [{"clip_id": "a", "reference": str(tmp_path / "a.m4a")}])
    with pytest.raises(InputError, match=r"audio\.ffmpeg"):
        fetch(tmp_path, ffmpeg="/no such ffmpeg")
    write_clips(tmp_path / "clips.tsv", [{"clip_id": "a", "reference": str(good)}])

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(Systemic, match="No space left"):
        patch.setattr(module, "write_audio_shard", full)
        fetch(tmp_path)
    assert not (tmp_path / "shard.status.tsv").exists()
    assert fetch(tmp_path)[0].clip_id == ["a"]


def test_the_table_decides_the_source(tmp_path):
    clip = {"clip_id": "a", "reference": "Rain", "source": "embedded"}
    write_clips(tmp_path / "clips.tsv", [clip])
    shard, status = fetch(tmp_path)
    assert status.loc["a", "status"] == "ok" and shard.decoder == "synthesis"
    write_clips(tmp_path / "clips.tsv", [{**clip, "source": "audioset"}])
    with pytest.raises(InputError, match=r"audio\.folder: not set"):
        fetch(tmp_path)
    _, status = fetch(tmp_path, folder=str(tmp_path))
    assert status.loc["a", "status"] == "missing"
    write_clips(tmp_path / "clips.tsv", [{**clip, "source": "wax cylinder"}])
    with pytest.raises(InputError, match="unknown source wax cylinder"):
        fetch(tmp_path)


def written(path, **changes):
    parts = {
        "samples": np.ones((2, 5), np.int16),
        "n_samples": np.array([5, 3]),
        "clip_id": ["a", "b"],
        "sample_rate": RATE,
        "decoder": "x",
        "decoder_version": "1",
    }
    write_audio_shard(path, AudioShard(**{**parts, **changes}))
    return path


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"clip_id": ["a", "a"]}, "a clip occurs twice"),
        ({"clip_id": ["a"]}, "1 clips"),
        ({"n_samples": np.array([5])}, r"n_samples \(1,\)"),
        ({"n_samples": np.array([6, 3])}, "more than all samples"),
        ({"n_samples": np.array([0, 3])}, "fewer than 1"),
        ({"samples": np.ones((2, 5), np.float32)}, "samples of type float32"),
        ({"full_scale": np.ones(1, np.float32)}, "full_scale must be one number of at least 1"),
        ({"full_scale": np.float32([1, 0.5])}, "full_scale must be one number of at least 1"),
        ({"full_scale": np.float32([np.nan, 1])}, "full_scale must be one number of at least 1"),
    ],
)
def test_an_inconsistent_shard_is_refused(tmp_path, changes, says):
    path = written(tmp_path / "a.h5", **changes)
    with pytest.raises(InputError, match=f"a.h5: damaged audio shard .*{says}"):
        read_audio_shard(path)


def test_a_flipped_bit_is_detected(tmp_path):
    path = written(tmp_path / "a.h5", samples=np.full((2, 5000), 12345, np.int16))
    content = bytearray(path.read_bytes())
    place = content.find(np.full(100, 12345, np.int16).tobytes())
    content[place + 50] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.h5: damaged audio shard"):
        read_audio_shard(path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.attrs["kind"] = "responses"
    with pytest.raises(InputError, match=r"damaged audio shard .it holds responses"):
        read_audio_shard(tmp_path / "a.h5")
