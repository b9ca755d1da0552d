"""Results that changed places with others, each with its checksum, are found."""

import os
import re
import subprocess

import numpy as np
import pandas as pd
import pytest
import torch

from music_detectors.audio.storage import AudioShard, read_audio_shard, write_audio_shard
from music_detectors.common.damage import checksum_path
from music_detectors.common.errors import InputError
from music_detectors.common.origins import place_of
from music_detectors.common.tables import read_table, write_table
from music_detectors.models.weights import read_tensors, write_tensors
from music_detectors.responses.files import create_responses, read_responses
from music_detectors.spectrograms.log_mel import PARAMETERS
from music_detectors.spectrograms.shard import open_spectrogram_shard, write_spectrogram_shard
from support.response_files import LAYERS

COLUMNS = {"x": int}


def write_a_table(path, k):
    write_table(path, pd.DataFrame({"x": [k]}), COLUMNS)


def write_weights(path, k):
    write_tensors(path, {"a": torch.full((2,), float(k))}, {"condition": "natural"})


def write_sound(path, k):
    samples = np.full((1, 50), k, np.int16)
    write_audio_shard(path, AudioShard(samples, np.array([50]), ["a"], 22_050, "x", "1"))


def write_a_spectrogram(path, k):
    log_mel, labels = np.full((1, 4, 9), -float(k)), np.array([[True]])
    write_spectrogram_shard(path, log_mel, np.array([9]), labels, ["a"], "original", PARAMETERS)


def write_answers(path, k):
    units = {layer: 3 for layer in LAYERS.names}
    with create_responses(path, ["a"], units, LAYERS, "0" * 64, "original") as file:
        for layer in units:
            file[layer][:] = np.full((1, 3), float(k))


KINDS = {
    "tables of two seeds": (
        write_a_table,
        lambda path: read_table(path, COLUMNS),
        (
            "selectivity/music/natural/seed-1/units.tsv",
            "selectivity/music/natural/seed-2/units.tsv",
        ),
    ),
    "tables of two conditions": (
        write_a_table,
        lambda path: read_table(path, COLUMNS),
        ("levels/music/natural.tsv", "levels/music/untrained.tsv"),
    ),
    "weights of two conditions": (
        write_weights,
        read_tensors,
        (
            "networks/natural/seed-1/weights.safetensors",
            "networks/shuffled/seed-1/weights.safetensors",
        ),
    ),
    "shards of sound": (write_sound, read_audio_shard, ("audio/train/0.h5", "audio/test/0.h5")),
    "spectrograms of two stimuli": (
        write_a_spectrogram,
        open_spectrogram_shard,
        ("spectrograms/intact/test/0.h5", "spectrograms/quilt-50ms/test/0.h5"),
    ),
    "responses of two seeds": (
        write_answers,
        lambda path: read_responses(path),
        (
            "responses/natural/seed-1/original/test.h5",
            "responses/natural/seed-2/original/test.h5",
        ),
    ),
}


def exchange(first, second):
    for one, other in ((first, second), (checksum_path(first), checksum_path(second))):
        if one.exists():
            between = one.with_name("between")
            os.replace(one, between)
            os.replace(other, one)
            os.replace(between, other)
    # sha256sum, told the names, finds nothing.
    for path in filter(os.path.exists, (checksum_path(first), checksum_path(second))):
        digest = path.read_text().split("\n")[1]
        assert digest.startswith("# ")


@pytest.mark.parametrize("kind", KINDS)
def test_two_results_that_changed_places_are_refused(tmp_path, kind):
    write, read, names = KINDS[kind]
    first, second = (tmp_path / "results" / "corpus" / name for name in names)
    for k, path in enumerate((first, second), start=1):
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, k)
        read(path)
    exchange(first, second)
    for path, other in ((first, names[1]), (second, names[0])):
        with pytest.raises(
            InputError, match=rf"written as {re.escape(other)}, which was moved"
        ) as e:
            read(path)
        # The advice is a command that removes the file and its checksum.
        advice = re.search(r"rebuild (?:it|them): (.*), then the same", str(e.value))[1]
        subprocess.run(advice, shell=True, check=True)
        assert not path.exists() and not checksum_path(path).exists()


@pytest.mark.parametrize("kind", KINDS)
def test_results_that_moved_with_their_folder_are_read(tmp_path, kind, monkeypatch):
    write, read, names = KINDS[kind]
    path = tmp_path / "results" / "corpus" / names[0]
    path.parent.mkdir(parents=True)
    write(path, 1)
    os.rename(tmp_path / "results" / "corpus", tmp_path / "copy")
    read(tmp_path / "copy" / names[0])
    monkeypatch.chdir((tmp_path / "copy" / names[0]).parent)
    read(os.path.basename(names[0]))


def test_a_checksum_of_an_earlier_version_says_no_place_and_is_read(tmp_path):
    path = tmp_path / "results" / "corpus" / "a" / "x.tsv"
    path.parent.mkdir(parents=True)
    write_a_table(path, 1)
    beside = checksum_path(path)
    beside.write_text(beside.read_text().split("\n")[0] + "\n")
    assert read_table(path, COLUMNS)["x"].tolist() == [1]
    beside.write_text(beside.read_text().replace("a", "b"))
    with pytest.raises(InputError, match="its checksum does not match"):
        read_table(path, COLUMNS)


def test_sha256sum_checks_files_by_the_same_checksums(tmp_path):
    path = tmp_path / "results" / "corpus" / "a" / "x.tsv"
    path.parent.mkdir(parents=True)
    write_a_table(path, 1)
    check = ["sha256sum", "--check", "--strict", checksum_path(path)]
    assert subprocess.run(check, cwd=path.parent, capture_output=True).returncode == 0
    path.write_text("x\n2\n")
    assert subprocess.run(check, cwd=path.parent, capture_output=True).returncode == 1


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/a/results/smoke/x/y.tsv", "x/y.tsv"),
        ("/results/other/results/smoke/x/y.tsv", "x/y.tsv"),
        ("/a/results/y.tsv", ""),
        ("/a/results/smoke/y.tsv", "y.tsv"),
        ("/a/elsewhere/x/y.tsv", ""),
    ],
)
def test_the_place_is_the_path_below_the_folder_of_the_corpus(path, place):
    assert place_of(path) == place
