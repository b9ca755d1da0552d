"""A model that hears a waveform, and one that hears a cochleagram, up to the report."""

import os

import numpy as np
import pytest
import torch
from toys.mel_means import MelMeans
from toys.wave_bands import WaveBands

from music_detectors.audio.storage import read_audio_shard
from music_detectors.common.tables import read_table
from music_detectors.inputs.making.find import front_end
from music_detectors.responses.files import Layers, read_layers, read_responses
from music_detectors.selectivity.columns import UNITS
from music_detectors.spectrograms.shard import open_spectrogram_shard, read_index
from workflow.snake import LEFT_OUT, ROOT, planned, preset, snakemake, written

INPUTS = {
    "waveform-16k": {"kind": "waveform", "sample_rate": 16_000},
    "coarse": {"kind": "cochleagram", "bands": 12, "f_min": 100, "frame_rate": 50},
}
OVERLAY = {
    "corpus": {
        "name": "inputs",
        "shard_clips": 128,
        "embedded": {"clips_per_class": {"train": 2, "test": 2}},
    },
    "targets": [],
    "networks": {"seeds": 1},
    "inputs": INPUTS,
    "conditions": {
        "natural": {"epochs": 1, "snapshots": []},
        "waves": {"model": "toys.wave_bands:WaveBands", "input": "waveform-16k"},
        "ear": {"model": "toys.mel_means:MelMeans", "input": "coarse"},
        "shuffled": None,
        "untrained": None,
        **LEFT_OUT,
    },
    "stimuli": {"played": ["intact", "quilt-50ms", "quilt-400ms", "level-0db"]},
    "claims": {"compared": {"controls": ["waves", "ear"], "features": []}},
}
HEARD = [("waves", "waveform-16k", WaveBands()), ("ear", "coarse", MelMeans())]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    written(folder / "overlay.yaml", OVERLAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT / "tests"), prepend=os.pathsep)
        ended = snakemake(folder, *arguments(folder))
        assert ended.returncode == 0, ended.stdout + ended.stderr
        yield folder


@pytest.fixture(scope="module")
def results(folder):
    return folder / "results" / "inputs"


def arguments(folder):
    return [*preset("smoke"), folder / "overlay.yaml"]


def stored(results, name, stimulus, clip_ids):
    """The features (n, bands, frames) of clips, and how many frames of each are sound."""
    place = results / f"spectrograms-{name}" / stimulus / "test"
    index = read_index(place / "index.tsv").set_index("clip_id").loc[clip_ids]
    rows = [
        open_spectrogram_shard(place / f"{shard}.h5").read([row])
        for shard, row in zip(index["shard"], index["row"], strict=True)
    ]
    return np.concatenate(rows), index["n_frames"].to_numpy()


def test_an_input_is_made_of_every_stimulus_and_says_how(results):
    for name, settings in INPUTS.items():
        place = results / f"spectrograms-{name}"
        made = {"original", *OVERLAY["stimuli"]["played"], "probe-embedded"}
        assert {path.name for path in place.iterdir()} == made
        shard = open_spectrogram_shard(place / "quilt-50ms/test/00000.h5")
        front = front_end(settings)
        assert shard.parameters == front.parameters
        # 1.6 s are played.
        assert shard.shape == (front.bands, front.frames_of(35_280))
    assert open_spectrogram_shard(results / "spectrograms/original/test/00000.h5").shape[0] == 64


def test_the_waveform_is_that_of_the_clip(results):
    audio = read_audio_shard(results / "audio/test/00000.h5")
    waves, n_frames = stored(results, "waveform-16k", "original", audio.clip_id)
    front = front_end(INPUTS["waveform-16k"])
    assert n_frames.tolist() == front.frames_of(audio.n_samples).tolist()
    for place in range(0, len(waves), 5):
        sound = audio.samples_of(place)
        padded = np.pad(sound, (0, audio.samples.shape[1] - len(sound)))
        expected = front.features(padded).astype(np.float16)
        np.testing.assert_array_equal(waves[place], expected)


@pytest.mark.parametrize(("condition", "name", "model"), HEARD)
@pytest.mark.parametrize("stimulus", ["original", "quilt-400ms", "level-0db", "probe-embedded"])
def test_responses_are_those_to_the_input(results, condition, name, model, stimulus):
    path = results / f"responses/{condition}/seed-1/{stimulus}/test.h5"
    assert read_layers(path) == Layers(("bands",), "bands", None)
    clip_ids, found = read_responses(path)
    features, n_frames = stored(results, name, stimulus, clip_ids)
    heard = torch.from_numpy(features).float()
    step, least = model.frames_a_step, model.least_frames
    for place, frames in enumerate(n_frames):
        whole = frames - (frames - least) % step if frames >= least else frames
        expected = model.responses({}, heard[place : place + 1, :, :whole])["bands"][0]
        np.testing.assert_allclose(found["bands"][place], expected, rtol=1e-3, atol=1e-3)


def test_analyses_and_report_have_both_conditions(results):
    for condition, units in (("waves", 20), ("ear", 12)):
        table = read_table(results / f"selectivity/music/{condition}/seed-1/units.tsv", UNITS)
        assert len(table) == units and table["n_target"].gt(0).all()
        assert (results / f"quilts/music/{condition}/responses.tsv").exists()
        assert (results / f"profiles/music/embedded/{condition}/sounds.tsv").exists()
        assert condition in (results / "report.html").read_text()


def test_another_rate_makes_that_input_again_and_nothing_of_the_others(folder):
    assert planned(folder, *arguments(folder)) == {}
    other = written(folder / "other.yaml", {"inputs": {"waveform-16k": {"sample_rate": 12_000}}})
    jobs = planned(folder, *arguments(folder), other)
    assert jobs["compute_spectrograms"] == 2 and jobs["compute_probe_spectrograms"] == 1
    assert jobs["fit_model"] == 1 and jobs["compute_stimulus_responses"] == 1
    assert not {"train_network", "compute_acoustics", "measure_level"} & set(jobs)
