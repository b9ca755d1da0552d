"""A network of torchaudio with random weights through responses, statistics and lesions."""

import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toys.small_wav2vec2 import built

from music_detectors.common.average_precision import average_precision
from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.labels import label_matrix
from music_detectors.lesions.columns import LESION_CLASSES
from music_detectors.responses.files import Layers, read_layers, read_responses
from music_detectors.selectivity.columns import UNITS
from music_detectors.spectrograms.shard import open_spectrogram_shard, read_index
from workflow.snake import LEFT_OUT, ROOT, preset, snakemake, written

LAYERS = ("feature_extractor.conv_layers.6", "encoder.transformer.layers.0")
LAST = "encoder.transformer.layers.1"
OVERLAY = {
    "corpus": {"name": "ready", "embedded": {"clips_per_class": {"train": 2, "test": 2}}},
    "targets": [],
    "inputs": {"waveform-16k": {"kind": "waveform", "sample_rate": 16_000}},
    "networks": {"seeds": 1},
    "conditions": {
        "natural": None,
        "shuffled": None,
        "untrained": None,
        **LEFT_OUT,
        "wav2vec2": {
            "model": "small_wav2vec2:small_wav2vec2",
            "layers": ["feature_extractor.conv_layers.6", "encoder.transformer.layers.*"],
            "input": "waveform-16k",
        },
    },
    "selectivity": {"layer": LAST},
    "lesions": {"fractions": [0.25]},
    "claims": {"condition": "wav2vec2"},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ready")
    shutil.copy(ROOT / "tests" / "toys" / "small_wav2vec2.py", folder)
    overlay = written(folder / "overlay.yaml", OVERLAY)
    lesions = "results/ready/lesions/music/wav2vec2/seed-1/classes.tsv"
    ended = snakemake(folder, *preset("smoke"), overlay, "--", lesions)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder / "results" / "ready"


@pytest.fixture(scope="module")
def responses(results):
    """Ids of the test clips, and their responses by layer."""
    path = results / "responses/wav2vec2/seed-1/original/test.h5"
    assert read_layers(path) == Layers((*LAYERS, LAST, "outputs"), LAST, "outputs")
    return read_responses(path)


@pytest.fixture(scope="module")
def weights(results):
    return load_file(results / "networks/wav2vec2/seed-1/weights.safetensors")


def test_responses_are_those_of_extract_features(results, responses, weights):
    network = built().eval()
    network.load_state_dict(
        {
            name.removeprefix("module."): tensor
            for name, tensor in weights.items()
            if name.startswith("module.")
        }
    )
    place = results / "spectrograms-waveform-16k/original/test"
    clip_ids, found = responses
    index = read_index(place / "index.tsv").set_index("clip_id").loc[clip_ids[:12]]
    for clip, row in enumerate(index.itertuples()):
        samples = open_spectrogram_shard(place / f"{row.shard}.h5").read(np.array([row.row]))[:, 0]
        sound = torch.from_numpy(samples[:, : row.n_frames]).float()
        with torch.inference_mode():
            layers, _ = network.extract_features(sound)
            convolved, _ = network.feature_extractor(sound, None)
        for layer, expected in zip((*LAYERS, LAST), (convolved, *layers), strict=True):
            np.testing.assert_allclose(
                found[layer][clip], expected[0].mean(0), rtol=1e-3, atol=1e-4
            )


def test_units_of_every_layer_are_measured(results):
    units = read_table(results / "selectivity/music/wav2vec2/seed-1/units.tsv", UNITS)
    counted = units.groupby("layer").size().to_dict()
    assert counted == {LAYERS[0]: 16, LAYERS[1]: 32, LAST: 32}
    assert set(units.loc[units["reported"], "layer"]) == {LAST}


def test_lesions_of_the_last_layer_are_those_of_its_read_out(results, responses, weights):
    clip_ids, found = responses
    units = read_table(results / "selectivity/music/wav2vec2/seed-1/units.tsv", UNITS)
    units = units[units["layer"] == LAST].sort_values("rank")
    clips = read_table(results / "corpus/clips.tsv", CLIPS, only=("clip_id", "labels"))
    clips = clips.set_index("clip_id").loc[clip_ids]
    mids = read_table(results / "corpus/classes.tsv", CLASSES)["mid"]
    labels = label_matrix(clip_ids, clips["labels"].str.split(";"), mids, "clips.tsv")
    table = read_table(results / "lesions/music/wav2vec2/seed-1/classes.tsv", LESION_CLASSES)
    table = table[table["fraction"].isin([0, 0.25])]
    for lesion, silenced in {"none": [], "top": units["unit"].tolist()[:8]}.items():
        kept = found[LAST].copy()
        kept[:, silenced] = 0
        scores = kept @ weights["readout.weight"].numpy().T + weights["readout.bias"].numpy()
        rows = table[table["lesion"] == lesion]
        # The order of near ties may change.
        expected = average_precision(scores, labels)
        np.testing.assert_allclose(rows["average_precision"], expected, atol=0.02)
