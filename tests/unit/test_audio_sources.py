"""Finding the sound of a clip: AudioSet's file names, cut segments and videos, links, recipes."""

import os

import numpy as np
import pytest

from music_detectors.audio.clips import Clip
from music_detectors.audio.decode import decode
from music_detectors.audio.failures import Unusable
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.sources import AudioSetFolder, ClipSource, EmbeddedSource, FileSource
from music_detectors.common.errors import InputError
from support.recordings import noise, record

RATE = 22_050
YTID = "-a_30.000_b"  # a difficult id: a leading dash, underscores, something like a start


def of_audioset(ytid=YTID, start=30.0, end=40.0):
    return Clip(f"{ytid}_{start:.3f}", "audioset", ytid, start, end, ("/m/a",))


def read(folder, clip, clip_seconds=10.0):
    return AudioSetFolder(folder, [clip], clip_seconds, None).read(clip)


def refused(folder, clip):
    with pytest.raises(Unusable) as caught:
        read(folder, clip)
    return caught.value


@pytest.mark.parametrize(
    "name",
    [
        f"{YTID}.wav",
        f"Y{YTID}.wav",
        f"{YTID}_30.000.wav",
        f"{YTID}_30000.wav",
        f"Y{YTID}_30.000.flac",
        f"Y{YTID}_30000.FLAC",
        # As downloaders of AudioSet, AudioCaps, VGGSound and Kinetics, and yt-dlp, name files.
        f"Y{YTID}_30.000_40.000.wav",
        f"{YTID}_30.0-40.0.ogg",
        f"{YTID}_30000_40000.flac",
        f"{YTID}_30_40.wav",
        f"{YTID}_30.wav",
        f"{YTID}_000030.wav",
        f"{YTID}_000030_000040.wav",
        f"A title [of] a video [{YTID}].wav",
        f"{YTID}.wav.gz",
        f"{YTID}_30.000.wav.gz",
        f"bal_train/deep/{YTID}.m4a",
    ],
)
def test_a_cut_segment_is_found_under_every_name(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    record(path if path.suffix != ".FLAC" else path.with_suffix(".flac"), noise(10, RATE), RATE)
    if path.suffix == ".FLAC":
        path.with_suffix(".flac").rename(path)
    samples = read(tmp_path, of_audioset()).samples
    # An AAC stream is padded with silence to whole frames of 1,024 samples.
    assert 0 <= len(samples) - 10 * SAMPLE_RATE <= (1_024 if name.endswith("m4a") else 0)
    n = 10 * SAMPLE_RATE
    np.testing.assert_array_equal(samples[:n], decode(path, 0.0, 10.0).samples[:n])


@pytest.mark.parametrize("name", [f"{YTID}.wav", f"Y{YTID}.m4a"])
def test_a_whole_video_is_cut_to_the_segment(tmp_path, name):
    record(tmp_path / name, noise(15, RATE), RATE)
    found = read(tmp_path, of_audioset(start=8.0, end=12.0)).samples
    np.testing.assert_array_equal(found, decode(tmp_path / name, 8.0, 4.0).samples)
    assert len(found) == 4 * SAMPLE_RATE


def test_files_of_other_clips_are_ignored(tmp_path):
    for name in (
        f"X{YTID}.wav",
        f"{YTID}x_30.000.wav",
        f"title [{YTID}x].wav",
        f"title ({YTID}).wav",
        f"{YTID.lower()}x_30.000.txt",
        f"{YTID[1:]}.wav",
        f"{YTID.upper()}.wav",
    ):
        record((tmp_path / name).with_suffix(".wav"), noise(0.1, RATE), RATE).rename(
            tmp_path / name
        )
    error = refused(tmp_path, of_audioset())
    assert (error.status, error.reason) == ("missing", "not in the folder")
    assert YTID in error.message


@pytest.mark.parametrize(
    "name",
    [
        f"{YTID}_31.000.wav",
        f"{YTID}_30.000_41.000.wav",
        f"{YTID}_30.000_40000.wav",
        f"{YTID}_30s.wav",
        f"Y{YTID}-30.wav",
        f"{YTID}.f251.webm",
        f"{YTID}_30.000.wma",
        f"{YTID}.mp4.part",
    ],
)
def test_a_name_that_is_not_understood_is_told(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    error = refused(tmp_path, of_audioset())
    assert (error.status, error.reason) == ("missing", "no name of this segment")
    assert str(tmp_path / name) in error.message
    assert f"rename it {YTID}_30.000 or {YTID}" in error.message
    (tmp_path / f"{YTID}_x.wav").write_bytes(b"x")
    assert "(and 1 more)" in refused(tmp_path, of_audioset()).message
    # It does not hide a file that has the right name.
    record(tmp_path / f"{YTID}_30.000.wav", noise(10, RATE), RATE)
    assert len(read(tmp_path, of_audioset()).samples) == 10 * SAMPLE_RATE


def test_segments_of_one_video_are_told_apart_by_their_times(tmp_path):
    clips = [of_audioset(start=start, end=start + 2) for start in (3.0, 30.0, 30.5)]
    for seed, clip in enumerate(clips):
        name = f"{YTID}_{clip.start_seconds:.1f}-{clip.end_seconds:.1f}.wav"
        record(tmp_path / name, noise(2, RATE, seed=seed), RATE)
    source = AudioSetFolder(tmp_path, clips, 10.0, None)
    first, second, third = (source.read(clip).samples for clip in clips)
    assert not np.array_equal(first, second) and not np.array_equal(second, third)
    expected = decode(tmp_path / f"{YTID}_30.5-32.5.wav", 0.0, 2.0).samples
    np.testing.assert_array_equal(third, expected)


@pytest.mark.parametrize("name", [f"{YTID}_30.000", f"Y{YTID}_30.000_40.000", f"{YTID}_000030"])
@pytest.mark.parametrize("ending", ["wav", "mp3", "ogg", "webm"])
def test_a_cut_that_is_longer_than_its_segment_is_ambiguous(tmp_path, name, ending):
    """Its first ten seconds may be any ten seconds of the video."""
    path = record(tmp_path / f"{name}.{ending}", noise(20, RATE), RATE)
    error = refused(tmp_path, of_audioset())
    assert (error.status, error.reason) == ("ambiguous", "cut or whole video")
    assert f"{path}: its name is that of a cut segment of 10 s" in error.message
    # A little longer is as good as its length.
    path.unlink()
    record(path, noise(10.3, RATE), RATE)
    assert len(read(tmp_path, of_audioset()).samples) == 10 * SAMPLE_RATE
    # From the start of a video, both are the same.
    path.unlink()
    record(tmp_path / f"{YTID}_0.000.{ending}", noise(20, RATE), RATE)
    samples = read(tmp_path, of_audioset(start=0.0, end=10.0)).samples
    assert len(samples) == 10 * SAMPLE_RATE


def test_an_mp3_that_is_cut_is_decoded_once(tmp_path, monkeypatch):
    """libsndfile does not know its length, and ffmpeg takes three times as long."""
    record(tmp_path / f"{YTID}_30.000.mp3", noise(10.02, RATE), RATE)
    monkeypatch.setattr("music_detectors.audio.decode._by_ffmpeg", None)
    assert len(read(tmp_path, of_audioset()).samples) == 10 * SAMPLE_RATE


@pytest.mark.parametrize(
    ("seconds", "start", "end", "taken_from"),
    [
        (10.0, 30.0, 40.0, 0.0),  # the segment alone
        (10.4, 30.0, 40.0, 0.0),  # a slightly longer cut
        (4.0, 30.0, 40.0, 0.0),  # cut from a video that ended early
        (40.0, 30.0, 40.0, 30.0),  # the video ends with the segment
        (39.7, 30.0, 40.0, 30.0),  # or a little before
        (300.0, 0.0, 10.0, 0.0),
        (36.0, 30.0, 36.0, 30.0),  # a segment of 6 s at the end of a video
        (6.0, 30.0, 36.0, 0.0),
        (11.0, 1.0, 11.0, 1.0),
        (4.0, 0.0, 10.0, 0.0),
    ],
)
def test_the_duration_decides_between_cut_and_video(tmp_path, seconds, start, end, taken_from):
    rate = 8_000
    record(tmp_path / f"{YTID}.wav", noise(seconds, rate), rate)
    found = read(tmp_path, of_audioset(start=start, end=end)).samples
    expected = decode(tmp_path / f"{YTID}.wav", taken_from, end - start).samples
    # The last few samples depend on whether the resampler sees more sound after the segment.
    n = len(expected)
    assert len(found) == n
    np.testing.assert_allclose(found[: n - 400], expected[: n - 400], atol=1e-6)


@pytest.mark.parametrize(
    ("seconds", "start", "says"),
    [
        (20.0, 30.0, "fits neither"),  # longer than the segment, but does not reach it
        (35.0, 30.0, "fits neither"),
        (10.3, 0.5, "fits both"),
    ],
)
def test_an_undecided_duration_is_ambiguous(tmp_path, seconds, start, says):
    rate = 8_000
    record(tmp_path / f"{YTID}.wav", noise(seconds, rate), rate)
    error = refused(tmp_path, of_audioset(start=start, end=start + 10))
    assert (error.status, error.reason) == ("ambiguous", "cut or whole video")
    assert says in error.message and f"{YTID}_{start:.3f}" in error.message


def test_two_different_files_are_ambiguous_and_two_copies_are_not(tmp_path):
    first = record(tmp_path / f"{YTID}_30.000.wav", noise(10, RATE), RATE)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / f"Y{YTID}_30000.wav").write_bytes(first.read_bytes())
    assert len(read(tmp_path, of_audioset()).samples) == 10 * SAMPLE_RATE
    record(tmp_path / "copy" / f"{YTID}.flac", noise(10, RATE), RATE)
    error = refused(tmp_path, of_audioset())
    assert (error.status, error.reason) == ("ambiguous", "several different files")


def test_links_are_followed_within_the_folder_only(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    inner, outer, behind = (of_audioset(f"{name:>11}".replace(" ", "x")) for name in "abc")
    real = record(folder / "real.wav", noise(10, RATE), RATE)
    os.symlink(real, folder / f"{inner.reference}.wav")
    secret = record(outside / "secret.wav", noise(10, RATE), RATE)
    os.symlink(secret, folder / f"{outer.reference}.wav")
    record(outside / f"{behind.reference}.wav", noise(10, RATE), RATE)
    os.symlink(outside, folder / "linked")
    os.symlink(folder, folder / "round and round")
    source = AudioSetFolder(folder, [inner, outer, behind], 10.0, None)
    assert len(source.read(inner).samples) == 10 * SAMPLE_RATE
    with pytest.raises(Unusable) as caught:
        source.read(outer)
    assert (caught.value.status, caught.value.reason) == ("unavailable", "link out of the folder")
    with pytest.raises(Unusable) as caught:
        source.read(behind)
    assert caught.value.status == "missing"


def test_an_id_cannot_lead_out_of_the_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    record(tmp_path / "secret.wav", noise(1, RATE), RATE)
    assert refused(tmp_path / "folder", of_audioset("../secret")).status == "missing"


def test_a_missing_folder_is_an_input_error(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(InputError, match=rf"audio\.folder: {folder} is not a readable folder"):
            AudioSetFolder(folder, [], 10.0, None)


def test_an_unreadable_subfolder_is_skipped(tmp_path, monkeypatch, caplog):
    record(tmp_path / f"{YTID}_30.000.wav", noise(10, RATE), RATE)
    (tmp_path / "lost+found").mkdir()
    scandir = os.scandir

    def guarded(folder):
        if "lost+found" in str(folder):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    assert len(read(tmp_path, of_audioset()).samples) == 10 * SAMPLE_RATE
    assert "lost+found" in caplog.text


def test_a_recording_is_cut_to_its_segment_or_from_its_start(tmp_path):
    path = record(tmp_path / "a.wav", noise(5, RATE), RATE)
    whole = decode(path, 0.0, 5.0).samples
    source = FileSource(2.0, None)
    clip = Clip("a", "file", str(path), 0.0, None, ())
    np.testing.assert_array_equal(source.read(clip).samples, whole[: 2 * RATE])
    segment = clip._replace(start_seconds=1.0, end_seconds=1.5)
    np.testing.assert_array_equal(source.read(segment).samples, whole[RATE : RATE * 3 // 2])


def test_recipe_seed_and_id_determine_an_embedded_clip():
    clip = Clip("train-1", "embedded", "Speech", 0.0, None, ())

    def made(seed=1, **changes):
        return EmbeddedSource(seed, 1.5).read(clip._replace(**changes)).samples

    first = made()
    assert first.shape == (round(1.5 * SAMPLE_RATE),) and first.dtype == np.float32
    np.testing.assert_array_equal(made(), first)
    assert not np.array_equal(made(seed=2), first)
    assert not np.array_equal(made(clip_id="train-2"), first)


def test_all_sources_have_the_same_method():
    for source in (EmbeddedSource, FileSource, AudioSetFolder):
        assert source.read.__annotations__ == ClipSource.read.__annotations__
