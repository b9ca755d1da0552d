"""Decoding: levels, times and rates of good recordings, and the status of each bad one."""

import gzip
import math
import os
import stat
import subprocess
import threading
import time

import numpy as np
import pytest
import soundfile
import torch
import torchaudio
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from music_detectors.audio import decode as module
from music_detectors.audio import ffmpeg_path
from music_detectors.audio.decode import check_samples, decode
from music_detectors.audio.failures import Unusable
from music_detectors.audio.ffmpeg_path import find_ffmpeg
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import full_scale_of, to_float, to_int16
from music_detectors.common.errors import InputError
from support.recordings import noise, record, run_ffmpeg, tone

BY_SOUNDFILE = ("a.wav", "a.wav.gz", "a.flac", "a.ogg", "a.mp3")
BY_FFMPEG = ("a.m4a", "a.webm", "a.mkv")


def correlation(found, expected):
    return float(found @ expected / math.sqrt((found @ found) * (expected @ expected)))


def lag(found, expected):
    """Return the delay of `found` relative to `expected`, in samples, by cross-correlation."""
    n = min(len(found), len(expected))
    spectrum = np.fft.rfft(found[:n], 2 * n) * np.conj(np.fft.rfft(expected[:n], 2 * n))
    place = int(np.argmax(np.fft.irfft(spectrum)))
    return place if place < n else place - 2 * n


def refused(path, *arguments, **more):
    with pytest.raises(Unusable) as caught:
        decode(path, *(arguments or (0.0, 1.0)), **more)
    return caught.value


@pytest.fixture(scope="module")
def long_recordings(tmp_path_factory):
    """Return a folder with 20 s of the same noise in every format, and the decoded noise."""
    folder = tmp_path_factory.mktemp("long")
    samples = noise(20)
    for name in BY_SOUNDFILE + BY_FFMPEG:
        record(folder / name, samples)
    return folder, decode(folder / "a.wav", 0.0, 20.0).samples


@pytest.mark.parametrize("name", BY_SOUNDFILE + BY_FFMPEG)
@pytest.mark.parametrize("start", [0.0, 0.4, 7.3, 15.01])
def test_a_segment_starts_at_the_right_sample(long_recordings, name, start):
    folder, whole = long_recordings
    decoded = decode(folder / name, start, 4.0)
    expected = whole[round(start * SAMPLE_RATE) :][: 4 * SAMPLE_RATE]
    # Versions of ffmpeg differ by up to 8 ms (176 samples) in whether the time of Matroska and WebM
    # starts before or after the encoder's priming. A seek that loses a frame would be 20 ms off.
    assert abs(len(decoded.samples) - len(expected)) <= 1
    assert abs(lag(decoded.samples, expected)) <= (200 if name in BY_FFMPEG else 1)
    assert decoded.decoder == ("soundfile" if name in BY_SOUNDFILE else "ffmpeg")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_soundfile_and_ffmpeg_agree(long_recordings, name):
    folder, _ = long_recordings
    path = folder / name
    ours = decode(path, 5.0, 3.0).samples
    theirs = module._by_ffmpeg(path, 5.0, 3.0, None).samples
    n = min(len(ours), len(theirs))
    # Lossless files give the same samples. For lossy files, libvorbis and mpg123 differ from
    # ffmpeg's decoders by rounding, ten thousand times below the noise of level 0.1.
    # (Not the last samples: there the resampler's output depends on the length of its input.)
    assert n >= 3 * SAMPLE_RATE - 1
    tolerance = 1e-6 if name in ("a.wav", "a.flac") else 1e-4
    assert np.abs(ours[: n - 64] - theirs[: n - 64]).max() < tolerance


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.m4a", "a.mkv"])
@pytest.mark.parametrize("gains", [(1.0, 0.0), (0.8, 0.4), (0.5, -0.5)])
def test_stereo_becomes_the_mean_of_its_channels(tmp_path, name, gains):
    mono = noise(2)
    record(tmp_path / name, np.stack([gain * mono for gain in gains], axis=1))
    record(tmp_path / "mono.wav", mono)
    found = decode(tmp_path / name, 0.0, 1.5).samples
    expected = np.mean(gains) * decode(tmp_path / "mono.wav", 0.0, 1.5).samples
    n = min(len(found), len(expected))
    error = np.sqrt(np.mean((found[:n] - expected[:n]) ** 2))
    # AAC at 160 kbit/s has coding noise about 30 dB below the noise of 0.1; a downmix that is 3 dB
    # too loud would be off by 0.02 at gains (1, 0).
    assert error < (0.004 if name in BY_FFMPEG else 1e-4)


def test_six_channels_become_their_mean_in_both_decoders(tmp_path):
    # Each channel is a different tone, so a missing or weighted channel shows.
    frequencies = [200, 300, 400, 500, 600, 700]
    channels = np.stack([tone(1, frequency, 48_000) for frequency in frequencies], axis=1)
    path = record(tmp_path / "six.wav", channels, 48_000)
    ours = decode(path, 0.0, 1.0).samples
    theirs = module._by_ffmpeg(path, 0.0, 1.0, None).samples
    np.testing.assert_allclose(theirs, ours, atol=1e-6)
    level = np.abs(np.fft.rfft(ours))[frequencies] / (len(ours) / 2)
    np.testing.assert_allclose(level, 0.5 / 6, rtol=1e-3)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("name", ["a.wav", "a.mkv"])
def test_a_change_of_rate_keeps_frequency_and_level(tmp_path, rate, name):
    path = tmp_path / name
    if name == "a.mkv":
        soundfile.write(tmp_path / "plain.wav", tone(2, 1_000, rate), rate, subtype="FLOAT")
        run_ffmpeg("-i", tmp_path / "plain.wav", "-c:a", "flac", path)
    else:
        soundfile.write(path, tone(2, 1_000, rate), rate, subtype="FLOAT")
    found = decode(path, 0.0, 2.0).samples
    assert abs(len(found) - 2 * SAMPLE_RATE) <= 1
    middle = found[SAMPLE_RATE // 2 :][:SAMPLE_RATE]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) / (len(middle) / 4)
    assert np.argmax(spectrum) == 1_000
    # 16-bit FLAC changes the level by at most 2e-5 of full scale; soxr's passband ripple is less.
    assert abs(spectrum[1_000] - 0.5) < 1e-4


def test_resampling_agrees_with_torchaudio_below_the_band_edge(tmp_path):
    samples = noise(1, 48_000)
    soundfile.write(tmp_path / "a.wav", samples, 48_000, subtype="FLOAT")
    found = decode(tmp_path / "a.wav", 0.0, 1.0).samples
    expected = torchaudio.functional.resample(
        torch.from_numpy(samples.astype(np.float32)),
        48_000,
        SAMPLE_RATE,
        lowpass_filter_width=64,
        rolloff=0.95,
    ).numpy()[: len(found)]
    # Two different filters; the noise lies far below the edge of either. The ends differ.
    assert np.abs(found - expected)[500:-500].max() < 1e-3


def test_only_the_requested_part_is_read(tmp_path):
    path = record(tmp_path / "a.wav", noise(3, 22_050), 22_050)
    assert len(decode(path, 0.0, 1.25).samples) == round(1.25 * SAMPLE_RATE)
    assert len(decode(path, 2.5, 10.0).samples) == SAMPLE_RATE // 2
    assert refused(path, 3.5, 1.0).status == "empty"


def test_decoder_and_versions_are_returned(tmp_path):
    record(tmp_path / "a.wav", noise(1))
    record(tmp_path / "a.m4a", noise(1))
    assert decode(tmp_path / "a.wav", 0.0, 1.0).decoder_version == (
        f"soundfile {soundfile.__version__}/libsndfile {soundfile.__libsndfile_version__} + "
        f"soxr {module.soxr.__version__}"
    )
    version = decode(tmp_path / "a.m4a", 0.0, 1.0).decoder_version
    assert version.startswith("ffmpeg version ") and version.endswith(module.soxr.__version__)


def test_an_mp3_whose_guessed_length_is_too_short_is_read_to_its_end(tmp_path):
    # Loud, then nearly silent, at a variable bit rate and without a length header: from the first
    # frames libsndfile guesses 4.7 of 16 s.
    samples = np.concatenate([noise(8), noise(8, level=1e-5, seed=1)])
    soundfile.write(tmp_path / "plain.wav", samples, 44_100)
    path = tmp_path / "a.mp3"
    run_ffmpeg(
        "-i", tmp_path / "plain.wav", "-c:a", "libmp3lame", "-q:a", "2", "-write_xing", "0", path
    )
    with soundfile.SoundFile(path) as file:
        assert file.frames < 12 * 44_100
    assert len(decode(path, 0.0, 20.0).samples) > 15.9 * SAMPLE_RATE
    assert len(decode(path, 14.0, 1.0).samples) == SAMPLE_RATE


def test_a_flac_without_a_length_is_read_by_ffmpeg(tmp_path):
    record(tmp_path / "a.wav", noise(3))
    path = tmp_path / "a.flac"
    with open(path, "wb") as file:
        program, _ = find_ffmpeg(None)
        subprocess.run(
            [program, "-v", "error", "-i", tmp_path / "a.wav", "-f", "flac", "pipe:1"],
            stdin=subprocess.DEVNULL,
            stdout=file,
            check=True,
        )
    decoded = decode(path, 1.0, 1.0)
    np.testing.assert_allclose(
        decoded.samples[:-64], decode(tmp_path / "a.wav", 1.0, 1.0).samples[:-64], atol=1e-6
    )


def truncate(path, share):
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


@pytest.mark.parametrize("name", ["a.wav", "a.wav.gz", "a.flac", "a.ogg", "a.mp3", "a.webm"])
def test_half_a_recording_is_decoded_to_its_end(tmp_path, name):
    path = record(tmp_path / name, noise(6))
    truncate(path, 0.5)
    decoded = decode(path, 0.0, 6.0)
    assert 2.2 * SAMPLE_RATE < len(decoded.samples) < 3.8 * SAMPLE_RATE
    assert check_samples(decoded.samples, 6.0, -60.0).status == "short"
    error = refused(path, 5.0, 1.0)
    assert (error.status, error.reason) == ("empty", "no sound decoded")


def checksummed(folder, name):
    """Write 6 s of noise to a file of a format with checksums; return its path."""
    if name not in ("a.mkv", "a.oga", "a.opus"):
        return record(folder / name, noise(6))
    record(folder / "plain.wav", noise(6))
    codec = "libopus" if name == "a.opus" else "flac"
    run_ffmpeg("-i", folder / "plain.wav", "-c:a", codec, folder / name)
    return folder / name


@pytest.mark.parametrize("name", ["a.flac", "a.mkv", "a.oga", "a.ogg", "a.opus"])
def test_one_damaged_byte_is_an_error_and_never_noise(tmp_path, name):
    """A frame of FLAC with a changed byte can be a burst at full scale."""
    path = checksummed(tmp_path, name)
    content = path.read_bytes()
    whole = decode(path, 0.0, 6.0).samples
    for place in (0.3, 0.5, 0.7):
        damage = bytearray(content)
        damage[int(place * len(content))] ^= 0x55
        path.write_bytes(damage)
        error = refused(path, 0.0, 6.0)
        assert (error.status, error.reason) == ("damaged", "damaged frames")
        assert str(path) in error.message
        assert "CRC" in error.message or "[flac]" in error.message
        # The first decoder says what it found, too.
        assert ("libsndfile: " in error.message) == (name in ("a.flac", "a.ogg", "a.opus"))
    # What is before the damage is sound.
    before = decode(path, 0.0, 1.5).samples
    np.testing.assert_allclose(before[:-400], whole[: len(before) - 400], atol=1e-4)


@pytest.mark.parametrize("name", ["a.flac", "a.mkv"])
def test_sound_ends_at_a_frame_that_is_cut_off_or_the_last(tmp_path, name):
    path = checksummed(tmp_path, name)
    content = path.read_bytes()
    whole = decode(path, 0.0, 6.0).samples
    for share, damaged in ((0.35, False), (0.61, False), (1.0, True)):
        part = bytearray(content[: int(share * len(content))])
        if damaged:
            # Within the last frame, which begins with a synchronisation code.
            part[part.rfind(b"\xff\xf8") + 200] ^= 0x55
        path.write_bytes(part)
        decoded = decode(path, 0.0, 6.0)
        # The last few samples depend on what the resampler sees after them.
        n = len(decoded.samples) - 400
        assert (share - 0.1) * len(whole) < n < share * len(whole)
        np.testing.assert_allclose(decoded.samples[:n], whole[:n], atol=1e-6)
        assert decoded.message
        assert check_samples(decoded.samples, 6.0, -60.0).status == "short"


@pytest.mark.parametrize("name", ["a.m4a", "a.wav", "a.flac", "a.ogg", "a.wav.gz"])
def test_a_recording_truncated_in_its_header_is_empty(tmp_path, name):
    path = record(tmp_path / name, noise(2))
    path.write_bytes(path.read_bytes()[:40])
    assert refused(path).status == "empty"


def test_an_m4a_without_its_index_is_empty_with_the_same_message_each_time(tmp_path):
    path = record(tmp_path / "a.m4a", noise(2))
    truncate(path, 0.5)
    error = refused(path)
    assert error.status == "empty"
    assert "moov atom not found" in error.message
    assert error.message == refused(path).message


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.flac", "a.m4a", "a.wav.gz", "a"])
@pytest.mark.parametrize("content", [b"", b"<html>404</html>\n" * 99, bytes(5_000)])
def test_a_file_without_sound_is_empty(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert refused(path).status == "empty"


@pytest.mark.parametrize("name", ["a.mp4", "a.webm"])
def test_video_without_sound_is_empty(tmp_path, name):
    run_ffmpeg("-f", "lavfi", "-i", "testsrc=d=1:s=64x64:r=10", "-an", tmp_path / name)
    assert refused(tmp_path / name).status == "empty"


def test_the_sound_of_a_video_is_decoded(tmp_path):
    record(tmp_path / "a.wav", noise(2))
    path = tmp_path / "a.mp4"
    picture = ("-f", "lavfi", "-i", "testsrc=d=2:s=64x64:r=10")
    run_ffmpeg(*picture, "-i", tmp_path / "a.wav", "-c:a", "aac", "-b:a", "160k", path)
    expected = decode(tmp_path / "a.wav", 0.0, 2.0).samples
    found = decode(path, 0.0, 2.0).samples
    assert correlation(found[:40_000], expected[:40_000]) > 0.98


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_nonfinite_samples_are_found(tmp_path, bad, rate):
    samples = noise(1, rate)
    samples[500] = bad
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    decoded = decode(tmp_path / "a.wav", 0.0, 1.0)
    assert check_samples(decoded.samples, None, -60.0).status == "nonfinite"


def test_missing_files_and_paths_that_are_not_files(tmp_path, monkeypatch):
    assert refused(tmp_path / "a.wav").status == "missing"
    (tmp_path / "b.wav").touch()
    assert refused(tmp_path / "b.wav" / "c.wav").status == "missing"
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    os.symlink("loop.wav", tmp_path / "loop.wav")
    for name in ("folder.wav", "pipe.wav", "loop.wav", "nul\0byte.wav", "x" * 300):
        assert refused(tmp_path / name).status == "unavailable", name

    def forbidden(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module.os, "open", forbidden)
    error = refused(tmp_path / "b.wav")
    assert (error.status, error.reason) == ("unavailable", "permission denied")


def test_too_many_open_files_is_not_the_clips_fault(tmp_path, monkeypatch):
    def too_many(*arguments):
        raise OSError(module.errno.EMFILE, "Too many open files")

    monkeypatch.setattr(module.os, "open", too_many)
    with pytest.raises(InputError, match="Too many open files"):
        decode(tmp_path / "a.wav", 0.0, 1.0)


def test_implausible_headers_are_refused(tmp_path):
    soundfile.write(tmp_path / "many.wav", np.zeros((10, 65)), 22_050)
    soundfile.write(tmp_path / "fast.wav", np.zeros(10), 2**31 - 1)
    sine = ("-f", "lavfi", "-i", "sine=d=1")
    run_ffmpeg(*sine, "-ar", "1000000", "-c:a", "pcm_s16le", tmp_path / "fast.mkv")
    for name in ("many.wav", "fast.wav", "fast.mkv"):
        error = refused(tmp_path / name)
        assert (error.status, error.reason) == ("unavailable", "implausible format")


def test_a_gzip_file_that_becomes_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MAX_DECOMPRESSED_BYTES", 2**21)
    (tmp_path / "a.wav.gz").write_bytes(gzip.compress(bytes(2**23)))
    error = refused(tmp_path / "a.wav.gz")
    assert (error.status, error.reason) == ("unavailable", "too large")


MALICIOUS_NAMES = [
    "-i",
    "--help",
    "a:b",
    "%03d",
    "concat:x|y",
    "pipe:0",
    "http://x",
    "a\nb",
    "a b'\"$(id);`id`",
    "ü",
    "*?[a]",
    "data:audio/wav;base64,AAAA",
    "-",
]


@pytest.mark.parametrize("name", MALICIOUS_NAMES)
@pytest.mark.parametrize("extension", [".wav", ".m4a"])
def test_malicious_names_are_only_names(long_recordings, tmp_path, monkeypatch, name, extension):
    folder, _ = long_recordings
    plain = folder / f"a{extension}"
    path = tmp_path / (name.replace("/", "_") + extension)
    os.link(plain, path)
    monkeypatch.chdir(tmp_path)
    decoded = decode(path.name, 0.0, 1.0)
    np.testing.assert_array_equal(decoded.samples, decode(plain, 0.0, 1.0).samples)
    assert decoded.message == ""


@pytest.mark.parametrize(
    "content",
    [
        "ffconcat version 1.0\nfile secret.m4a\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\nsecret.m4a\n#EXT-X-ENDLIST\n",
    ],
)
@pytest.mark.parametrize("name", ["a.mp3", "a.ffconcat", "a.m3u8"])
def test_a_file_cannot_make_ffmpeg_read_other_files(tmp_path, content, name):
    record(tmp_path / "secret.m4a", noise(1))
    (tmp_path / name).write_text(content)
    assert refused(tmp_path / name).status == "empty"


def fake_ffmpeg(path, then):
    """Write a fake ffmpeg that runs `then` when it is asked to decode."""
    path.write_text(
        f'#!/bin/sh\nif [ "$1" = -version ]; then echo ffmpeg version 0 Copyright; exit; fi\n{then}'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_an_ffmpeg_that_hangs_or_crashes_fails_one_clip(tmp_path, monkeypatch):
    (tmp_path / "a.m4a").write_bytes(b"x")
    monkeypatch.setattr(module, "_FFMPEG_TIMEOUT_SECONDS", 0.2)
    hangs = fake_ffmpeg(tmp_path / "hangs", "exec sleep 60")
    error = refused(tmp_path / "a.m4a", 0.0, 1.0, ffmpeg_path=hangs)
    assert (error.status, error.reason) == ("unavailable", "decoding took too long")
    monkeypatch.undo()
    crashes = fake_ffmpeg(tmp_path / "crashes", "kill -SEGV $$")
    error = refused(tmp_path / "a.m4a", 0.0, 1.0, ffmpeg_path=crashes)
    assert (error.status, error.reason) == ("unavailable", "decoder failed")


def test_a_busy_machine_does_not_hide_that_ffmpeg_took_too_long(tmp_path, monkeypatch):
    class Busy(threading.Timer):
        def start(self):
            super().start()
            time.sleep(0.1)

    (tmp_path / "a.m4a").write_bytes(b"x")
    monkeypatch.setattr(module, "_FFMPEG_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(module.threading, "Timer", Busy)
    hangs = fake_ffmpeg(tmp_path / "hangs", "exec sleep 60")
    error = refused(tmp_path / "a.m4a", 0.0, 1.0, ffmpeg_path=hangs)
    assert (error.status, error.reason) == ("unavailable", "decoding took too long")


def test_ffmpegs_message_becomes_one_printable_line(tmp_path):
    (tmp_path / "a.m4a").write_bytes(b"x")
    says = fake_ffmpeg(
        tmp_path / "says", "printf '[mov @ 0x55aa]\\033[31m bad\\n\\tfile\\007' >&2; exit 1"
    )
    message = refused(tmp_path / "a.m4a", 0.0, 1.0, ffmpeg_path=says).message
    assert message.endswith("a.m4a: [mov] bad file")
    assert message.isprintable()


def test_the_order_in_which_ffmpeg_is_searched(tmp_path, monkeypatch):
    find_ffmpeg.cache_clear()
    mine = fake_ffmpeg(tmp_path / "ffmpeg", "")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert find_ffmpeg(None) == (mine, "ffmpeg version 0")
    other = fake_ffmpeg(tmp_path / "other", "")
    assert find_ffmpeg(other)[0] == other
    find_ffmpeg.cache_clear()
    monkeypatch.setenv("PATH", "")
    assert find_ffmpeg(None)[0] == ffmpeg_path.imageio_ffmpeg.get_ffmpeg_exe()
    find_ffmpeg.cache_clear()

    def none():
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(ffmpeg_path.imageio_ffmpeg, "get_ffmpeg_exe", none)
    with pytest.raises(InputError, match=r"install ffmpeg or set audio\.ffmpeg"):
        find_ffmpeg(None)


def test_a_wrong_configured_ffmpeg_is_an_input_error(tmp_path):
    (tmp_path / "a.m4a").write_bytes(b"x")
    with pytest.raises(
        InputError, match=r"audio\.ffmpeg.*no such.* is not a program that can be run"
    ):
        decode(tmp_path / "a.m4a", 0.0, 1.0, str(tmp_path / "no such ffmpeg"))
    with pytest.raises(InputError, match="is not ffmpeg"):
        decode(tmp_path / "a.m4a", 0.0, 1.0, "/bin/echo")


def test_the_status_of_samples():
    sound = tone(1, 441, SAMPLE_RATE, amplitude=1.0).astype(np.float32)
    found = check_samples(sound, 1.0, -60.0)
    assert (found.status, found.reason, found.message) == ("ok", "", "")
    assert found.rms_db == pytest.approx(-3.0103, abs=1e-3)
    assert check_samples(sound * np.float32(1e-4), 1.0, -60.0).status == "silent"
    assert check_samples(sound * np.float32(1e-4), 1.0, -90.0).status == "ok"
    silent = check_samples(np.zeros(10, np.float32), None, -60.0)
    assert (silent.status, silent.rms_db) == ("silent", -math.inf)
    assert check_samples(np.zeros(10, np.float32), None, None).status == "ok"
    assert check_samples(np.zeros(10, np.float32), 1.0, -60.0).status == "silent"
    assert check_samples(sound[:2_204], None, -60.0, min_seconds=0.1).status == "too_short"
    assert check_samples(sound[:2_205], None, -60.0, min_seconds=0.1).status == "ok"
    assert check_samples(sound[:2_205], 1.0, -60.0, min_seconds=0.1).status == "short"
    assert check_samples(np.zeros(0, np.float32), 1.0, -60.0).status == "empty"
    sound[3] = np.nan
    assert check_samples(sound, 2.0, -60.0).status == "nonfinite"


def test_a_clip_is_short_when_more_than_25_ms_are_missing():
    sound = np.full(SAMPLE_RATE, 0.1, np.float32)
    allowed = math.ceil(0.025 * SAMPLE_RATE) - 1
    assert check_samples(sound[:-allowed], 1.0, -60.0).status == "ok"
    short = check_samples(sound[: -allowed - 2], 1.0, -60.0)
    assert (short.status, short.message) == ("short", "0.975 s of 1.000 s")
    assert check_samples(sound[:100], None, -60.0).status == "ok"


@given(arrays(np.int16, st.integers(1, 50)))
def test_int16_to_float_and_back_is_exact(samples):
    np.testing.assert_array_equal(to_int16(to_float(samples)), samples)


@given(arrays(np.float32, st.integers(1, 50), elements=st.floats(-4, 4, width=32)))
def test_int16_is_rounded_or_clipped(samples):
    found = to_int16(samples).astype(np.float64)
    expected = np.clip(samples.astype(np.float64), -1, 32_767 / 32_768)
    # Half a step, plus float32's rounding of values up to 32,768 (2^-9 of a step).
    assert np.abs(found / 32_768 - expected).max() <= (0.5 + 2**-9) / 32_768


@given(arrays(np.float32, 50, elements=st.floats(-(2.0**31), 2.0**31, width=32)))
def test_no_sound_above_full_scale_is_clipped(samples):
    full_scale = full_scale_of(samples)
    found = to_float(to_int16(samples, full_scale), full_scale)
    # Half a step, and float32 on the way.
    peak = max(1.0, float(np.abs(samples).max()))
    assert np.abs(found.astype(np.float64) - samples).max() <= 0.51 * peak / 32_767
    if peak == 1:
        assert full_scale == 1
