"""Recordings that ask for gigabytes or end the decoder, and the shard that goes on after them."""

import gzip
import io
import os
import random
import struct

import numpy as np
import pytest
import soundfile

from attack.limits import ROUNDS, bounded
from music_detectors.audio import decode as decoding
from music_detectors.audio.columns import STATUS
from music_detectors.audio.decode import Decoded, Member, decode
from music_detectors.audio.failures import Unusable
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.shard import decode_shard
from music_detectors.audio.sources import FileSource
from music_detectors.common.tables import read_table
from support.recordings import audio_settings, noise, record, write_clips

LONGEST = 60.0


def wav(channels, rate, content=b"", claimed=None):
    """A WAV file of 16-bit samples; `claimed` is the size of its content that the header gives."""
    size = len(content) if claimed is None else claimed
    about = struct.pack(
        "<HHIIHH", 1, channels, rate, rate * channels * 2 & 0xFFFFFFFF, channels * 2, 16
    )
    head = b"RIFF" + struct.pack("<I", size + 36 & 0xFFFFFFFF) + b"WAVEfmt \x10\0\0\0" + about
    return head + b"data" + struct.pack("<I", size) + content


@pytest.mark.parametrize("channels", [1, 2, 64])
def test_many_channels_at_a_high_rate_take_little_memory(tmp_path, channels):
    """A file of a megabyte that decompresses to 230 MB, which as floats would be 460."""
    seconds = 230_000_000 / (channels * 768_000 * 2)
    with gzip.open(tmp_path / "x.wav.gz", "wb", compresslevel=1) as file:
        file.write(wav(channels, 768_000, claimed=230_000_000))
        for _ in range(230):
            file.write(bytes(1_000_000))
    asked = min(seconds, LONGEST)
    found = bounded(decode, tmp_path / "x.wav.gz", 0.0, asked, seconds=60, megabytes=700)
    assert len(found.samples) == pytest.approx(asked * SAMPLE_RATE, abs=2)


def test_more_samples_than_a_clip_can_need_are_refused_before_they_are_read(tmp_path):
    (tmp_path / "x.wav").write_bytes(wav(64, 768_000, bytes(128_000)))
    os.truncate(tmp_path / "x.wav", 2**32 - 1)
    (tmp_path / "x.wav").open("r+b").write(wav(64, 768_000, claimed=2**32 - 100))
    with pytest.raises(Unusable, match="implausible format"):
        bounded(decode, tmp_path / "x.wav", 0.0, LONGEST, seconds=20, megabytes=300)


def test_a_member_of_gigabytes_is_read_in_place(tmp_path):
    sound = noise(2, SAMPLE_RATE)
    record(tmp_path / "x.wav", sound, SAMPLE_RATE)
    content = (tmp_path / "x.wav").read_bytes()
    (tmp_path / "a.tar").write_bytes(bytes(512) + content)
    os.truncate(tmp_path / "a.tar", 3 << 30)
    member = Member(tmp_path / "a.tar", "x.wav", 512, (3 << 30) - 512)
    found = bounded(decode, member, 0.0, 2.0, seconds=20, megabytes=300)
    np.testing.assert_array_equal(found.samples, decode(tmp_path / "x.wav", 0.0, 2.0).samples)


def test_channels_are_averaged_as_a_whole(tmp_path, monkeypatch):
    """Block by block, by both decoders, whatever the size of a block."""
    sound = np.stack([noise(2, SAMPLE_RATE, seed=k) for k in range(3)], axis=1)
    record(tmp_path / "x.wav", sound, SAMPLE_RATE)
    stored, _ = soundfile.read(tmp_path / "x.wav", dtype="float32")
    for values in (7, 1000, 2**20):
        monkeypatch.setattr(decoding, "_BLOCK_VALUES", values)
        found = decode(tmp_path / "x.wav", 0.0, 2.0)
        assert found.decoder == "soundfile"
        np.testing.assert_array_equal(found.samples, stored.mean(axis=1, dtype=np.float32))
        other = decoding._by_ffmpeg(tmp_path / "x.wav", 0.0, 2.0, None)
        np.testing.assert_array_equal(other.samples, found.samples)


def shard(tmp_path, clips):
    write_clips(tmp_path / "clips.tsv", [{"clip_id": f"c{k}", "reference": p} for k, p in clips])
    decode_shard(
        tmp_path / "clips.tsv",
        "train",
        "00000",
        tmp_path / "x.h5",
        tmp_path / "x.tsv",
        settings=audio_settings(),
        clip_seconds=2.0,
    )


@pytest.fixture
def clips(tmp_path):
    return [
        (k, str(record(tmp_path / f"{k}.wav", noise(2, SAMPLE_RATE, seed=k), SAMPLE_RATE)))
        for k in range(4)
    ]


def statuses(tmp_path):
    table = read_table(tmp_path / "x.tsv", STATUS).set_index("clip_id")
    return table["status"].to_dict(), table.loc["c1", "reason"]


def test_a_clip_that_ends_the_job_twice_is_given_up_and_the_shard_goes_on(
    tmp_path, clips, monkeypatch
):
    def read(self, clip):
        if clip.clip_id == "c1":
            os._exit(139)
        return Decoded(np.full(2 * SAMPLE_RATE, 0.1, np.float32), "x", "1")

    monkeypatch.setattr(FileSource, "read", read)
    for _ in range(2):
        with pytest.raises(AssertionError, match="ended with 139"):
            bounded(shard, tmp_path, clips)
        assert not (tmp_path / "x.tsv").exists()
    bounded(shard, tmp_path, clips)
    ok = dict.fromkeys(("c0", "c2", "c3"), "ok")
    assert statuses(tmp_path) == ({**ok, "c1": "unavailable"}, "reading it ended the job")


def test_a_job_that_is_asked_to_stop_is_not_held_against_its_clip(tmp_path, clips, monkeypatch):
    original = FileSource.read

    def read(self, clip):
        if clip.clip_id == "c1":
            raise SystemExit(143)
        return original(self, clip)

    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(FileSource, "read", read)
            with pytest.raises(SystemExit):
                shard(tmp_path, clips)
    shard(tmp_path, clips)
    assert set(statuses(tmp_path)[0].values()) == {"ok"}


def test_a_clip_without_enough_memory_is_named_and_the_shard_goes_on(tmp_path, clips, monkeypatch):
    original = FileSource.read

    def read(self, clip):
        if clip.clip_id == "c1":
            raise MemoryError
        return original(self, clip)

    monkeypatch.setattr(FileSource, "read", read)
    shard(tmp_path, clips)
    ok = dict.fromkeys(("c0", "c2", "c3"), "ok")
    assert statuses(tmp_path) == ({**ok, "c1": "failed_retryable"}, "not enough memory")


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "aiff", "wav.gz"])
def test_random_damage_gives_samples_or_one_reason(tmp_path, ending):
    """Only what libsndfile reads: ffmpeg is a process of its own, with limits of its own."""
    path = record(tmp_path / f"x.{ending}", noise(1, SAMPLE_RATE), SAMPLE_RATE)
    whole, draw = path.read_bytes(), random.Random(ending)

    def without_ffmpeg(path, *_):
        raise Unusable("empty", "no sound decoded", str(path))

    def attack():
        decoding._by_ffmpeg = without_ffmpeg
        for _ in range(60 * ROUNDS):
            content = bytearray(whole)
            for _ in range(draw.choice([1, 3, 30])):
                # Mostly in the header.
                place = draw.randrange(draw.choice([48, 48, len(content)]))
                content[place] = draw.choice([0, 255, draw.randrange(256)])
            path.write_bytes(content[: draw.choice([len(content), draw.randrange(len(content))])])
            try:
                found = decode(path, draw.choice([0.0, 0.5, 1e6]), draw.choice([0.1, LONGEST]))
            except Unusable as error:
                assert error.message.isprintable()
            else:
                assert found.samples.ndim == 1 and len(found.samples) <= LONGEST * SAMPLE_RATE + 1

    bounded(attack, seconds=60 * ROUNDS, megabytes=900)


def test_a_gzip_file_that_decompresses_without_end_is_refused(tmp_path):
    made = io.BytesIO()
    with gzip.open(made, "wb", compresslevel=9) as file:
        for _ in range(300):
            file.write(bytes(1_000_000))
    (tmp_path / "x.wav.gz").write_bytes(made.getvalue())
    with pytest.raises(Unusable, match="too large"):
        bounded(decode, tmp_path / "x.wav.gz", 0.0, 1.0, seconds=30, megabytes=500)
