"""Probe sets decoded, downloaded, set to one level; and the published set, where it is there."""

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr

from music_detectors.audio.columns import LEVEL
from music_detectors.audio.storage import read_audio_shard, to_float
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.probes.columns import REFERENCES, SOUNDS
from music_detectors.probes.download import fetch_probe
from music_detectors.probes.read import read_probe
from music_detectors.probes.settings import check_here, probe_sets
from music_detectors.probes.spectrograms import compute_probe_spectrograms
from music_detectors.spectrograms.log_mel import log_mel
from music_detectors.spectrograms.shard import open_spectrogram_shard, read_index
from support.probe_sets import CATEGORIES, COMPONENTS, files, wav, write_folder, write_zip
from support.web_server import Answer, serving

TARGETS = {"music": "Music"}
SETTINGS = {
    "categories": "categories.csv",
    "target": ["Music", "Song"],
    "profiles": "components.mat",
}
SECONDS = 1.5


@pytest.fixture
def web():
    with serving() as server:
        yield server


def probe(**settings):
    return probe_sets({"mine": {**SETTINGS, **settings}}, TARGETS)["mine"]


def read(folder, one, zip_path=None, seconds=SECONDS):
    """Read the probe set `one`; returns the audio shard and the two tables."""
    paths = [folder / name for name in ("sounds.h5", "sounds.tsv", "references.tsv")]
    read_probe(one, zip_path, *paths, clip_seconds=seconds, seed=3, ffmpeg=None)
    return (
        read_audio_shard(paths[0]),
        read_table(paths[1], SOUNDS),
        read_table(paths[2], REFERENCES),
    )


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_sounds_are_decoded_to_mono_at_the_rate_of_the_corpus(tmp_path, kind):
    content = files(more={"wav/rain.wav": wav(9, rate=44_100), "wav/wind.wav": wav(8, seconds=4)})
    if kind == "folder":
        one, path = probe(folder=str(write_folder(tmp_path / "mine", content))), None
    else:
        path = write_zip(tmp_path / "mine.zip", content)
        one = probe(zip=str(path))
    shard, table, references = read(tmp_path, one, path)
    assert shard.clip_id == table["sound"].tolist() == list(CATEGORIES)
    assert table["category"].tolist() == list(CATEGORIES.values())
    assert shard.samples.shape == (6, round(SECONDS * 22_050))
    places = {sound: place for place, sound in enumerate(CATEGORIES)}
    for sound in ("flute", "rain", "wind"):
        samples, rate = soundfile.read(io.BytesIO(content[f"wav/{sound}.wav"]))
        expected = samples.mean(axis=1)
        if rate != 22_050:
            expected = soxr.resample(expected, rate, 22_050, quality="HQ")
        expected = expected[: shard.samples.shape[1]]
        stored = to_float(shard.samples[places[sound]])
        assert shard.n_samples[places[sound]] == len(expected)
        # Half a step of 16 bits, and float32 on the way.
        np.testing.assert_allclose(stored[: len(expected)], expected, atol=0.51 / 2**15)
        assert not stored[len(expected) :].any()
        level_db = 20 * np.log10(np.sqrt(np.mean(stored[: len(expected)].astype(float) ** 2)))
        np.testing.assert_allclose(table.loc[places[sound], "rms_db"], level_db, rtol=1e-6)
    assert table.set_index("sound")["cut"].to_dict() == {s: s == "wind" for s in CATEGORIES}
    assert references["component"].unique().tolist() == COMPONENTS
    planted = np.random.default_rng(0).standard_normal((6, 2))
    np.testing.assert_array_equal(references["response"], planted.ravel())


def test_a_set_without_profiles_has_an_empty_table(tmp_path):
    folder = str(write_folder(tmp_path / "mine", files()))
    _, _, references = read(tmp_path, probe(folder=folder, profiles=None))
    assert references.empty and list(references) == list(REFERENCES)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("wav/drum.wav", b"RIFFdamaged", r"drum\.wav: sound drum cannot be decoded"),
        ("wav/drum.wav", b"", r"drum\.wav: sound drum cannot be decoded"),
        ("wav/drum.wav", wav(1)[:44], r"drum\.wav: sound drum (cannot be decoded|is silent)"),
        ("wav/drum.wav", wav(1, level=0), r"drum\.wav: sound drum is silent"),
        ("wav/drum.wav", wav(1, level=np.nan), r"drum\.wav: sound drum is not finite"),
        ("components.mat", b"none", r"components\.mat: is no MATLAB 5 file"),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_damaged_file_is_one_line(tmp_path, kind, name, content, says):
    changed = files(more={name: content})
    if kind == "folder":
        one, path = probe(folder=str(write_folder(tmp_path / "mine", changed))), None
    else:
        path = write_zip(tmp_path / "mine.zip", changed)
        one = probe(zip=str(path))
    with pytest.raises(InputError, match=says) as raised:
        read(tmp_path, one, path)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "sounds.tsv").exists()


def test_sounds_without_a_category_are_left_out_with_a_warning(tmp_path, capsys):
    folder = str(write_folder(tmp_path / "mine", files(more={"wav/thunder.wav": wav(7)})))
    shard, _, _ = read(tmp_path, probe(folder=folder))
    assert "thunder" not in shard.clip_id
    said = capsys.readouterr().err
    assert "gives no category to 1 sound files, such as wav/thunder.wav; they are not" in said


def test_long_sounds_are_cut_with_a_warning(tmp_path, capsys):
    folder = str(write_folder(tmp_path / "mine", files(more={"wav/rain.wav": wav(7, seconds=9)})))
    read(tmp_path, probe(folder=folder))
    said = capsys.readouterr().err
    assert "probes.mine: 1 of 6 sounds, such as rain, are longer than corpus.clip_seconds" in said


def test_a_zip_is_downloaded_and_checked(tmp_path, web):
    path = write_zip(tmp_path / "mine.zip", files())
    web.answers["/mine.zip"] = Answer(path.read_bytes())
    fetch_probe(probe(zip=f"{web.url}/mine.zip"), tmp_path / "sounds.zip")
    assert (tmp_path / "sounds.zip").read_bytes() == path.read_bytes()
    assert (tmp_path / ".sounds.zip.sha256").exists()
    assert web.asked["/mine.zip"] == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(b"gone", 404), r"/mine\.zip: the server answers with status 404"),
        (Answer(b"<html>log in</html>"), r"/mine\.zip: is no zip that can be read"),
        ("without a sound", r"/mine\.zip: has no file rain"),
    ],
)
def test_a_download_that_fails_leaves_no_file(tmp_path, web, answer, says):
    if answer == "without a sound":
        lacking = write_zip(tmp_path / "mine.zip", files(more={"wav/rain.wav": None}))
        answer = Answer(lacking.read_bytes())
    web.answers["/mine.zip"] = answer
    with pytest.raises(InputError, match=f"^{web.url}{says}") as raised:
        fetch_probe(probe(zip=f"{web.url}/mine.zip"), tmp_path / "got" / "sounds.zip")
    assert "\n" not in str(raised.value)
    assert not any((tmp_path / "got").iterdir())


def test_sounds_are_set_to_the_level_of_the_corpus_and_padded(tmp_path):
    content = files(more={"wav/rain.wav": wav(9, level=0.001), "wav/wind.wav": wav(8, level=0.5)})
    folder = str(write_folder(tmp_path / "mine", content))
    shard, _, _ = read(tmp_path, probe(folder=folder))
    # Above any level at which peaks stay within full scale.
    level = pd.DataFrame({"n_clips": [10], "rms": [0.6]})
    write_table(tmp_path / "level.tsv", level, LEVEL)
    compute_probe_spectrograms(
        tmp_path / "sounds.h5",
        tmp_path / "level.tsv",
        tmp_path / "00000.h5",
        tmp_path / "index.tsv",
        stimulus="probe-mine",
    )
    stored = open_spectrogram_shard(tmp_path / "00000.h5")
    index = read_index(tmp_path / "index.tsv")
    assert stored.clip_id == index["clip_id"].tolist() == list(CATEGORIES)
    assert stored.stimulus == "probe-mine"
    for place in range(len(CATEGORIES)):
        samples = shard.samples[place] / 32_768
        rms = np.sqrt(np.mean(samples[: shard.n_samples[place]] ** 2))
        expected = log_mel((0.6 / rms * samples)[None].astype(np.float32))[0]
        # One step of float16 at 64 to 128 dB is 0.0625 dB.
        np.testing.assert_allclose(stored.read([place])[0], expected, atol=0.04)


def test_the_embedded_set_has_categories_and_acoustic_profiles(tmp_path):
    one = probe_sets({"embedded": {}}, TARGETS)["embedded"]
    shard, table, references = read(tmp_path, one, seconds=2)
    assert len(shard.clip_id) == len(table) == 48
    assert set(one.target["music"]) < set(table["category"])
    assert (table["n_samples"] == 44_100).all() and not table["cut"].any()
    assert len(references) == 5 * 48 and np.isfinite(references["response"]).all()
    again, _, _ = read(tmp_path, one, seconds=2)
    np.testing.assert_array_equal(again.samples, shard.samples)


def test_the_published_sounds_are_read_whole(tmp_path):
    folder = os.environ.get("NATSOUND165")
    if folder is None:
        pytest.skip("NATSOUND165 names no folder with the 165 natural sounds")
    one = probe_sets({"natsound165": {"folder": folder}}, TARGETS)["natsound165"]
    check_here(one)
    shard, table, references = read(tmp_path, one, seconds=2.5)
    counts = table["category"].value_counts().to_dict()
    assert (len(table), counts["Music"], counts["Song"], len(counts)) == (165, 24, 11, 11)
    # 2 s at 44,100 Hz.
    assert set(shard.n_samples) == {44_100}
    assert references["component"].unique().tolist()[-1] == "music"
    music = references[references["component"] == "music"].set_index("sound")["response"]
    is_music = table.set_index("sound")["category"].isin(["Music", "Song"])
    assert music[is_music].mean() > 3 * music[~is_music].mean()
    assert Path(folder, table["file"][0].removeprefix(f"{folder}/")).exists()
