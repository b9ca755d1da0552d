"""A manifest from folders of recordings: what is recognised, cut, left out, and said."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from music_detectors.corpus.sources.manifest import read_manifest
from music_detectors.listing.__main__ import main

GENRES = "blues classical country disco hiphop jazz metal pop reggae rock".split()


def sound(path, seconds=5.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {"ogg": "OGG", "au": "AU", "flac": "FLAC", "mp3": "MP3"}.get(path.suffix[1:], "WAV")
    soundfile.write(path, np.zeros(round(seconds * 8000), np.float32), 8000, format=kind)


def table(path, names, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([names, *rows])


@pytest.fixture
def listed(tmp_path, capsys, monkeypatch):
    """A function that lists folders below `tmp_path`; returns what it said and the manifest."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = main([*arguments])
        told = capsys.readouterr()
        assert status == 0, told.err
        return told.out, read_manifest("manifest.tsv", None, "corpus.manifest.path")

    return run


def refused(capsys, *arguments):
    assert main([*arguments]) == 1
    told = capsys.readouterr().err.strip()
    assert told.isprintable()
    return told


def test_esc10_and_a_folder_of_music(tmp_path, listed):
    for take in "AB":
        sound(tmp_path / "ESC-10" / "002 - Rain" / f"1-17367-{take}.ogg")
    sound(tmp_path / "ESC-10" / "001 - Dog bark" / "5-9032-A.ogg", 3.5)
    for name, seconds in (("long", 90), ("album/short", 12), ("tiny", 3)):
        sound(tmp_path / "music" / f"{name}.ogg", seconds)
    told, manifest = listed("ESC-10", "--music", "music")
    assert "ESC-10: ESC-10 or ESC-50, one folder for each class\n  3 clips of 3 record" in told
    assert "music: a folder of music\n  12 clips of 2 recordings" in told
    assert "left out 1, shorter than a clip of 5 s: tiny.ogg" in told
    assert " 1  Dog bark\n12  Music\n 2  Rain\n" in told
    by_group = {}
    for path, label, start, end, group in zip(
        manifest.recordings,
        manifest.labels,
        manifest.starts,
        manifest.ends,
        manifest.groups,
        strict=True,
    ):
        by_group.setdefault(group, []).append((path, *label, start, end))
    # A shorter recording ends where it ends.
    assert by_group["freesound-9032"] == [
        ("ESC-10/001 - Dog bark/5-9032-A.ogg", "Dog bark", 0, 3.5)
    ]
    assert [row[2:] for row in by_group["freesound-17367"]] == [(0, 5), (0, 5)]
    assert len(by_group["long"]) == 10
    for group, seconds in (("long", 90), ("album/short", 12)):
        starts = np.array([row[2] for row in by_group[group]])
        assert starts[0] >= 0 and starts[-1] + 5 <= seconds and (np.diff(starts) >= 5).all()
        assert [row[3] for row in by_group[group]] == pytest.approx(starts + 5)
    settings = yaml.safe_load(told[told.index("corpus:") :])
    assert settings == {
        "corpus": {
            "source": "manifest",
            "target": "Music",
            "clip_seconds": 5,
            "manifest": {"path": "manifest.tsv"},
        }
    }


def test_the_length_and_the_number_of_clips_are_asked_for(tmp_path, listed):
    sound(tmp_path / "sounds" / "rain" / "a.wav", 5)
    sound(tmp_path / "music" / "b.wav", 30)
    _, manifest = listed(
        "sounds", "--music", "music", "--clip-seconds", "2.5", "--clips-per-track", "3"
    )
    assert manifest.labels.count(("Music",)) == 3
    lengths = np.subtract(manifest.ends, manifest.starts)
    assert lengths == pytest.approx([2.5] * 4)


def test_esc50_by_its_table(tmp_path, listed):
    table(
        tmp_path / "ESC-50" / "meta" / "esc50.csv",
        "filename fold target category esc10 src_file take".split(),
        ("1-100032-A-0.wav", 1, 0, "dog", True, 100032, "A"),
        ("1-100032-B-0.wav", 1, 0, "dog", True, 100032, "B"),
        ("2-7-A-14.wav", 2, 14, "chirping_birds", False, 7, "A"),
    )
    for name in ("1-100032-A-0.wav", "1-100032-B-0.wav", "5-1-A-1.wav"):
        sound(tmp_path / "ESC-50" / "audio" / name)
    told, manifest = listed("ESC-50")
    assert "ESC-50: ESC-50, by its table meta/esc50.csv\n  2 clips" in told
    assert "left out 1, in meta/esc50.csv, but not there: audio/2-7-A-14.wav" in told
    assert "left out 1, not in meta/esc50.csv: audio/5-1-A-1.wav" in told
    assert "left out 1, no sound file: meta/esc50.csv" in told
    assert manifest.groups == ["freesound-100032"] * 2 and manifest.labels == [("dog",)] * 2
    assert "target" not in told
    sound(tmp_path / "ESC-50" / "audio" / "2-7-A-14.wav")
    told, manifest = listed("ESC-50", "--only", "esc10=False", "--output", "other.tsv")
    assert "left out 3, not in meta/esc50.csv with esc10=False: audio/1-" in told
    assert "other.tsv: 1 clips of 1 labels" in told


def test_the_street_music_of_urbansound8k_is_music(tmp_path, listed):
    table(
        tmp_path / "US8K" / "metadata" / "UrbanSound8K.csv",
        "slice_file_name fsID start end salience fold classID class".split(),
        ("100032-3-0-0.wav", 100032, 0, 0.3, 1, 5, 3, "dog_bark"),
        ("108187-9-0-4.wav", 108187, 2, 6, 1, 10, 9, "street_music"),
    )
    sound(tmp_path / "US8K" / "audio" / "fold5" / "100032-3-0-0.wav", 0.3)
    sound(tmp_path / "US8K" / "audio" / "fold10" / "108187-9-0-4.wav", 4)
    told, manifest = listed("US8K")
    assert manifest.labels == [("dog_bark",), ("Music",)]
    assert manifest.groups == ["freesound-100032", "freesound-108187"]
    assert manifest.ends == [0.3, 4]
    assert "target: Music" in told


@pytest.mark.parametrize("ending", ["au", "wav"])
def test_gtzan_gives_genres(tmp_path, listed, ending):
    sound(tmp_path / "sounds" / "rain" / "a.wav")
    for genre in GENRES:
        for k in range(2):
            sound(tmp_path / "Data" / "genres_original" / genre / f"{genre}.0000{k}.{ending}", 30)
    # One of the published files is damaged.
    damaged = tmp_path / "Data" / "genres_original" / "jazz" / f"jazz.00054.{ending}"
    damaged.write_bytes(b"not a sound" * 100)
    (tmp_path / "Data" / "features_30_sec.csv").write_text("filename,label\n")
    told, manifest = listed("sounds", "--music", "Data", "--clips-per-track", "4")
    assert "Data: GTZAN, one folder for each genre\n  80 clips of 20 recordings" in told
    assert "left out 1, cannot be read (no sound in it): genres_original/jazz/jazz.000" in told
    assert "note: GTZAN does not say who plays" in told
    assert {label for (label,) in manifest.labels} == {"rain", *GENRES}
    settings = yaml.safe_load(told[told.index("corpus:") :])["corpus"]
    assert settings["target"] == "Music" and settings["genres"] == GENRES


def test_fma_by_its_table(tmp_path, listed):
    sound(tmp_path / "sounds" / "rain" / "a.wav")
    table(
        tmp_path / "fma" / "fma_metadata" / "tracks.csv",
        ("", "artist", "set", "track"),
        ("", "id", "subset", "genre_top"),
        ("track_id", "", "", ""),
        (2, 1, "small", "Hip-Hop"),
        (135_000, 1, "small", "Rock"),
        (140_000, 3, "large", ""),
    )
    for name in ("000/000002", "135/135000"):
        sound(tmp_path / "fma" / "fma_small" / f"{name}.mp3", 30)
    told, manifest = listed("sounds", "--music", "fma", "--clips-per-track", "2")
    assert "fma: FMA (small), by its table fma_metadata/tracks.csv\n  4 clips of 2 rec" in told
    assert manifest.groups == ["", *["artist-1"] * 4]
    assert yaml.safe_load(told[told.index("corpus:") :])["corpus"]["genres"] == ["Hip-Hop", "Rock"]


def test_hidden_and_system_files_and_what_cannot_be_listed(tmp_path, listed):
    tree = tmp_path / "sounds"
    for name in (
        "rain/a.wav",
        "rain/deep/b.flac",
        "street/c.ogg",
        "loose.wav",
        "a;b/d.wav",
        ".hidden/e.wav",
        "__MACOSX/rain/a.wav",
        "@eaDir/f.wav",
        "rain/._a.wav",
        "rain/line\nbreak.wav",
    ):
        sound(tree / name)
    os.rename(tree / "street" / "c.ogg", os.fsencode(tree / "street") + b"/c\xe9.ogg")
    sound(tree / "street" / "d.wav")
    (tree / "rain" / "Thumbs.db").touch()
    (tree / "rain" / "notes.txt").touch()
    (tree / "street" / "up").symlink_to(tree)
    (tree / "also rain").symlink_to(tree / "rain")
    sound(tmp_path / "far" / "e.wav")
    (tree / "elsewhere").symlink_to(tmp_path / "far")
    told, manifest = listed("sounds")
    assert sorted(manifest.recordings) == [
        "sounds/elsewhere/e.wav",
        "sounds/rain/a.wav",
        "sounds/rain/deep/b.flac",
        "sounds/street/d.wav",
    ]
    assert "left out 5, hidden, or of the system: " in told
    assert "left out 2, a name that a table cannot hold: " in told
    assert "left out 1, in no folder that names its class: loose.wav" in told
    assert "left out 1, in a folder whose name cannot be a label (;): a;b/d.wav" in told
    assert "left out 1, no sound file: rain/notes.txt" in told
    assert "left out 2, a link to a folder that is listed: also rain, street/up" in told


def test_clips_of_one_recording_without_a_group_are_noticed(tmp_path, listed):
    for name in ("river-01", "river-02", "sea", "rain-1", "rain-2", "lake"):
        sound(tmp_path / "sounds" / "rain" / f"{name}.wav")
    sound(tmp_path / "sounds" / "street" / "x.wav")
    told, _ = listed("sounds")
    # Those that are named after the class are only counted.
    assert "note: 2 files look like several clips of one recording (rain/river-01.wav and " in told


def test_what_cannot_be_listed_is_refused_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "none: there is no such folder" in refused(capsys, "none")
    Path("empty/rain").mkdir(parents=True)
    assert "empty: holds no sound files" in refused(capsys, "empty")
    sound(Path("flat/a.wav"))
    assert "flat: its sound files lie in no folders" in refused(capsys, "flat")
    sound(Path("sounds/rain/a.wav"))
    sound(Path("sounds/music/a.wav"))
    assert "one holds the other" in refused(capsys, "sounds", "--music", "sounds/music")
    Path("broken/rain").mkdir(parents=True)
    Path("broken/rain/a.wav").write_text("no sound")
    assert "broken: none of its recordings gives a clip" in refused(capsys, "broken")
    table(Path("ESC-50/meta/esc50.csv"), ("file", "class"), ("a.wav", "dog"))
    sound(Path("ESC-50/audio/a.wav"))
    assert "esc50.csv must be as ESC-50 has it" in refused(capsys, "ESC-50")
    assert "sounds: has no table that" in refused(capsys, "sounds", "--only", "esc10=True")
    Path("manifest.tsv").write_text("mine")
    assert "manifest.tsv: is there already; remove it" in refused(capsys, "sounds")
    assert Path("manifest.tsv").read_text() == "mine"
    assert "/proc/no: No such file" in refused(capsys, "sounds", "--output", "/proc/no/such.tsv")
    with pytest.raises(SystemExit):
        main(["sounds", "--clip-seconds", "0"])
    assert "from 1.5 to 60" in capsys.readouterr().err
