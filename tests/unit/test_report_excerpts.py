"""The sounds that the report plays: which are chosen, on what terms, and their bytes."""

import base64
import io
import json
import time

import numpy as np
import pandas as pd
import pytest
import soundfile

from music_detectors.audio.columns import LEVEL
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import AudioShard, to_int16, write_audio_shard
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.sources import fsd50k
from music_detectors.corpus.sources.manifest import noted_terms
from music_detectors.profiles.columns import PROFILE_SOUNDS
from music_detectors.report.columns import EXCERPTS
from music_detectors.report.excerpts import cut_excerpts
from music_detectors.report.licences import may_be_played
from music_detectors.report.vorbis import ogg_vorbis
from music_detectors.selectivity.columns import CLIP_RESPONSES
from music_detectors.spectrograms.columns import INDEX

SECONDS = 6
CC = "CC BY 4.0"


def noise(number, scale=0.1, seconds=SECONDS):
    samples = np.random.default_rng(number).normal(0, scale, seconds * SAMPLE_RATE)
    return samples.astype(np.float32)


def decoded(ogg):
    return soundfile.read(io.BytesIO(ogg), dtype="float32")


def rows_of(path):
    return read_table(path, EXCERPTS)


def test_the_same_samples_give_the_same_bytes_and_sound_the_same():
    sound = 0.5 * np.sin(np.arange(3 * SAMPLE_RATE) * 0.1).astype(np.float32)
    first = ogg_vorbis(sound, SAMPLE_RATE)
    # The seed that libsndfile draws from is the time.
    time.sleep(0.01)
    assert ogg_vorbis(sound, SAMPLE_RATE) == first
    # A page whose checksum is wrong would be skipped.
    samples, rate = decoded(first)
    assert rate == SAMPLE_RATE and len(samples) == len(sound)
    assert np.corrcoef(samples, sound)[0, 1] > 0.99
    assert len(first) < 3 * 8000


@pytest.mark.parametrize(
    ("licence", "attribution", "allowed"),
    [
        ("CC0", "", True),
        ("cc0 1.0", "", True),
        ("Public Domain", "", True),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "", True),
        ("CC BY 4.0", "Ann", True),
        ("CC-BY-NC 3.0", "Ann", True),
        ("Creative Commons Attribution-ShareAlike 4.0", "Ann", True),
        ("http://creativecommons.org/licenses/by/3.0/", "Ann", True),
        ("CC BY 4.0", "", False),
        ("CC BY-ND 4.0", "Ann", False),
        ("Creative Commons Attribution-NoDerivatives", "Ann", False),
        ("http://creativecommons.org/licenses/sampling+/1.0/", "Ann", False),
        ("not in the public domain", "Ann", False),
        ("all rights reserved", "Ann", False),
        ("", "Ann", False),
    ],
)
def test_which_licences_allow_excerpts(licence, attribution, allowed):
    assert may_be_played(licence, attribution) == allowed


def test_a_manifest_says_on_what_terms_each_clip_is(tmp_path):
    table = tmp_path / "mine.csv"
    section = {"path": str(table), "columns": None, "only": None}
    table.write_text(
        'path,license,labels,attribution,clip_id\na.wav,CC BY 4.0,Dog,"Ann, Bob",x\nb.wav,,Cat,,\n'
    )
    corpus = {"source": "manifest", "manifest": section, "ontology": None}
    assert noted_terms(corpus) == {"x": (CC, "Ann, Bob"), "b": ("", "")}
    table.write_text("path,labels\na.wav,Dog\n")
    assert noted_terms(corpus) == {"a": ("", "")}


def test_so_does_a_table_with_columns_of_its_own(tmp_path):
    table = tmp_path / "fma.csv"
    table.write_text("file,genre,terms,artist\na.wav,Rock,CC BY 4.0,Ann\n")
    columns = {"path": "file", "labels": "genre", "licence": "terms", "attribution": "artist"}
    section = {"path": str(table), "columns": columns, "only": None}
    corpus = {"source": "manifest", "manifest": section, "ontology": None}
    assert noted_terms(corpus) == {"a": (CC, "Ann")}


def test_a_probe_set_of_ones_own_says_so_too(corpus):
    def played(*terms):
        table = cut(corpus, probe_terms=[terms])
        return table[(table["figure"] == "profile_sounds") & (table["left_out"] == "")]

    assert played("", "").empty and played(CC, "").empty
    rows = played(CC, "Ann")
    assert len(rows) == 4 and set(rows["licence"]) == {CC} and set(rows["attribution"]) == {"Ann"}


def test_fsd50k_says_so_too(tmp_path, corpus):
    source = {"source": "fsd50k", "fsd50k": {"folder": str(tmp_path)}}
    assert fsd50k.noted_terms(source) == {}
    path = tmp_path / "FSD50K.metadata" / "eval_clips_info_FSD50K.json"
    path.parent.mkdir()
    licences = "http://creativecommons.org/licenses/"
    about = {
        "target4-0": {"license": f"{licences}by/3.0/", "uploader": "Ann", "title": "x"},
        "other4-0": {"license": f"{licences}sampling+/1.0/", "uploader": "Bob", "title": "y"},
    }
    path.write_text(json.dumps(about))
    played = cut(corpus, source=source).query("left_out == ''")
    assert set(played["clip_id"]) == {"target4-0"}
    assert set(played["attribution"]) == {"Ann, freesound.org/s/target4-0"}
    path.write_text('{"a": {"uploader": null}}')
    assert fsd50k.noted_terms(source) == {"a": ("", "")}
    for wrong in ("[]", '{"a": 3}', "{", "[" * 100_000):
        path.write_text(wrong)
        with pytest.raises(InputError, match=r"eval_clips_info_FSD50K\.json: not the list"):
            fsd50k.noted_terms(source)


@pytest.fixture
def corpus(tmp_path):
    """The arguments of `cut_excerpts`: ten recordings of two clips each in two shards."""
    recordings = [f"{role}{number}" for role in ("target", "other") for number in range(5)]
    rows = [
        {
            "clip_id": f"{recording}-{part}",
            "split": "test",
            "shard": f"0000{part}",
            "source": "file",
            "reference": f"{recording}.wav",
            "group": recording,
            "start_seconds": 0.0,
            "end_seconds": np.nan,
            "labels": f"{recording[:-1]}-class",
            "role": recording[:-1],
            "listed": False,
        }
        for part in (0, 1)
        for recording in recordings
    ]
    clips = pd.DataFrame(rows)
    write_table(tmp_path / "clips.tsv", clips, CLIPS)
    classes = pd.DataFrame(
        {
            "index": [0, 1],
            "mid": ["target-class", "other-class"],
            "name": ["Tunes", "Dogs"],
            "branch": ["Music", "Animal"],
            "target": [True, False],
            "genre": False,
        }
    )
    write_table(tmp_path / "classes.tsv", classes, CLASSES)
    index = clips[["clip_id", "shard"]].assign(row=[*range(10)] * 2, n_frames=100)
    write_table(tmp_path / "index.tsv", index, INDEX)
    write_table(tmp_path / "level.tsv", pd.DataFrame({"n_clips": [20], "rms": [0.1]}), LEVEL)
    for part in (0, 1):
        shard(tmp_path / f"0000{part}.h5", clips["clip_id"][clips["shard"] == f"0000{part}"])
    shard(tmp_path / "probe.h5", ["bell", "cough"], seconds=2)
    # Both clips of target4 are answered most, in both networks.
    response = clips["clip_id"].map(lambda name: float(name[-3]) + ("target" in name)) + 1
    for seed in (1, 2):
        table = clips.assign(response=response * seed, all_units=0.0)
        write_table(tmp_path / f"responses{seed}.tsv", table, CLIP_RESPONSES)
    profile = pd.DataFrame(
        {
            "seed": [1, 1],
            "sound": ["bell", "cough"],
            "category": ["Things", "Voices"],
            "target": False,
            "response": [0.5, 0.2],
        }
    )
    write_table(tmp_path / "profile.tsv", profile, PROFILE_SOUNDS)
    return {
        "clips": tmp_path / "clips.tsv",
        "classes": tmp_path / "classes.tsv",
        "index": tmp_path / "index.tsv",
        "audio": [tmp_path / "00000.h5", tmp_path / "00001.h5"],
        "level": tmp_path / "level.tsv",
        "responses": [tmp_path / "responses1.tsv", tmp_path / "responses2.tsv"],
        "profiles": [tmp_path / "profile.tsv"],
        "probe_sounds": [tmp_path / "probe.h5"],
        "output": tmp_path / "excerpts.tsv",
        "sound": "licensed",
        "megabytes": 10,
        "stimuli": ["quilt-400ms", "intact", "level-0db", "quilt-50ms", "level-20db"],
        "target": "Music",
        "probes": ["mine"],
        "made_probes": [],
        "probe_terms": [("", "")],
        "is_made": False,
        "source": {"source": "audioset"},
        "seed": 1,
        "compared_seconds": 4.0,
    }


def shard(path, clip_ids, seconds=SECONDS):
    samples = np.stack([to_int16(noise(place, 0.05)) for place, _ in enumerate(clip_ids)])
    n_samples = np.full(len(samples), seconds * SAMPLE_RATE)
    write_audio_shard(
        path, AudioShard(samples, n_samples, list(clip_ids), SAMPLE_RATE, "none", "0")
    )


def cut(corpus, **more):
    arguments = corpus | more
    cut_excerpts(**arguments)
    return rows_of(arguments["output"])


def test_what_is_played_of_a_corpus(corpus):
    table = cut(corpus, sound="all")
    assert (table["left_out"] == "").all()
    of_figures = {figure: rows for figure, rows in table.groupby("figure", sort=False)}
    quilts = of_figures["quilts"]
    titles = ["intact", "segments of 50 ms", "segments of 400 ms"]
    assert quilts["title"].tolist() == titles * 2
    assert quilts["group"].unique().tolist() == ["Music: Tunes", "Other: Dogs"]
    assert quilts["seconds"].between(3.9, 4.0).all()
    levels = of_figures["levels"]
    assert levels["title"].tolist() == ["the corpus's level", "20 dB below the corpus's level"] * 2
    answered = of_figures["selective_responses"]
    ends = answered["group"].str.partition(" (")[0]
    assert ends.tolist() == ["answered most"] * 4 + ["answered least"] * 4
    # One clip of each recording.
    most = ["target4-0", "target3-0", "other4-0", "target2-0"]
    assert answered["clip_id"].iloc[:4].tolist() == most
    assert answered["clip_id"].iloc[4] == "other0-0"
    assert answered["title"].iloc[0] == "Tunes (response 9)"
    profile = of_figures["profile_sounds"]
    assert profile["clip_id"].tolist() == ["bell", "cough", "cough", "bell"]
    assert profile["seconds"].tolist() == [2.0] * 4
    examples = of_figures["example_spectrograms"]
    assert examples["group"].tolist() == ["Music"] * 4 + ["Animal"] * 4
    assert (examples["seconds"] == 5).all()


def test_sounds_of_a_figure_have_one_gain(corpus):
    levels = cut(corpus, sound="all").query("figure == 'levels'")
    loud, soft = (
        np.sqrt(np.mean(np.square(decoded(base64.b64decode(ogg))[0]))) for ogg in levels["ogg"][:2]
    )
    assert 20 * np.log10(loud / soft) == pytest.approx(20, abs=0.5)
    peaks = [np.abs(decoded(base64.b64decode(ogg))[0]).max() for ogg in levels["ogg"]]
    assert max(peaks) == pytest.approx(0.98, abs=0.1)


def test_only_what_is_licensed_is_played(corpus, tmp_path):
    table = cut(corpus)
    assert set(table["left_out"]) == {"licence"} and set(table["ogg"]) == {""}
    manifest = tmp_path / "mine.tsv"
    manifest.write_text(
        "path\tclip_id\tlabels\tlicence\tattribution\n"
        f"a.wav\ttarget3-1\tx\t{CC}\tAnn <b>\nb.wav\tother0-0\tx\tCC BY-ND\tBob\n"
    )
    section = {"path": str(manifest), "columns": None, "only": None}
    table = cut(corpus, source={"source": "manifest", "manifest": section, "ontology": None})
    played = table[table["left_out"] == ""]
    assert set(played["clip_id"]) == {"target3-1"}
    assert set(played["licence"]) == {CC} and set(played["attribution"]) == {"Ann <b>"}
    # Of the clips that may be played, the one that is answered most; no other takes its place.
    assert "target3-1" in played.query("figure == 'selective_responses'")["clip_id"].tolist()
    assert "target3-1" in played.query("figure == 'quilts'")["clip_id"].tolist()
    assert set(table.loc[table["left_out"] == "licence", "clip_id"]) >= {"bell", "other0-0"}


def test_sounds_that_the_workflow_makes_are_always_licensed(corpus):
    played = cut(corpus, is_made=True).query("left_out == ''")
    assert set(played["licence"]) == {"synthesised by this workflow"}
    assert "profile_sounds" not in set(played["figure"])
    played = cut(corpus, made_probes=["mine"]).query("left_out == ''")
    assert set(played["figure"]) == {"profile_sounds"}


def test_the_page_has_a_limit(corpus):
    table = cut(corpus, sound="all", megabytes=0.2)
    assert set(table["left_out"]) == {"", "size"}
    assert table["ogg"].str.len().sum() <= 200_000
    assert len(cut(corpus, sound="none")) == 0


def test_a_clip_that_no_shard_has_is_one_clear_line(corpus):
    with pytest.raises(InputError, match="neither it nor another holds clip other"):
        cut(corpus, sound="all", audio=corpus["audio"][1:])
