"""Ordinary PyTorch modules up to the report: one is trained here, one taken as it is."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from toys.plain_cnn import PlainCnn
from toys.small_transformer import SmallTransformer

from music_detectors.claims.columns import CLAIMS, VERDICTS, WHOLE
from music_detectors.common.tables import read_table
from music_detectors.decoding.columns import DECODING
from music_detectors.lesions.columns import LESIONS
from music_detectors.recognition.columns import RECOGNITION_SUMMARY
from music_detectors.responses.files import Layers, read_layers, read_responses
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY
from music_detectors.spectrograms.shard import open_spectrogram_shard, read_index
from workflow.snake import LEFT_OUT, ROOT, planned, preset, snakemake, written

PIECE = 800
OVERLAY = {
    "corpus": {"name": "modules", "embedded": {"clips_per_class": {"train": 2, "test": 2}}},
    "targets": [],
    "networks": {"seeds": 1},
    "inputs": {"wave-16k": {"kind": "waveform", "sample_rate": 16_000}},
    "conditions": {
        "natural": {
            "model": "plain_cnn:PlainCnn",
            "arguments": {"slope": 0.2},
            "layers": ["blocks.*"],
            "epochs": 2,
            "snapshots": [0],
        },
        "attention": {
            "model": "small_transformer:SmallTransformer",
            "arguments": {"bands": 1, "piece": PIECE},
            "layers": ["patches", "layers.*"],
            "weights": ["one.safetensors", "two.pt"],
            "input": "wave-16k",
            "epochs": 0,
        },
        "shuffled": None,
        "untrained": None,
        **LEFT_OUT,
    },
    "selectivity": {"layer": "layers.0"},
    "claims": {"compared": {"controls": ["attention"]}},
}


def transformer(seed):
    torch.manual_seed(seed)
    return SmallTransformer(piece=PIECE, bands=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which both were run."""
    folder = tmp_path_factory.mktemp("modules")
    for name in ("plain_cnn.py", "small_transformer.py"):
        shutil.copy(ROOT / "tests" / "toys" / name, folder)
    save_file(transformer(1).state_dict(), folder / "one.safetensors")
    torch.save({"model": transformer(2).state_dict(), "epoch": 7}, folder / "two.pt")
    written(folder / "overlay.yaml", OVERLAY)
    ended = snakemake(folder, *arguments(folder))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


@pytest.fixture(scope="module")
def results(folder):
    return folder / "results" / "modules"


def arguments(folder):
    return [*preset("smoke"), folder / "overlay.yaml"]


def sound_of(results, clip_ids):
    """The waveforms of test clips, each without its padding."""
    place = results / "spectrograms-wave-16k/original/test"
    index = read_index(place / "index.tsv").set_index("clip_id").loc[clip_ids]
    for shard, row, frames in zip(index["shard"], index["row"], index["n_frames"], strict=True):
        samples = open_spectrogram_shard(place / f"{shard}.h5").read(np.array([row]))[:, 0]
        # What is shorter than a step would be lost in any case.
        yield torch.from_numpy(samples[:, : frames - frames % PIECE]).float()


def test_both_reach_claims_and_report(results):
    table = read_table(results / "claims/claims.tsv", VERDICTS)
    assert list(table.loc[table["part"] == WHOLE, "claim"]) == list(CLAIMS)
    assert table["compared"].str.contains("attention").any()
    page = (results / "report.html").read_text()
    assert "plain_cnn:PlainCnn" in page and "small_transformer:SmallTransformer" in page


def test_each_file_of_weights_is_a_network(results):
    for stage in ("networks", "responses", "selectivity/music", "recognition", "lesions/music"):
        found = sorted(path.name for path in (results / stage / "attention").iterdir())
        assert [name for name in found if name.startswith("seed")] == ["seed-1", "seed-2"]
    for seed in (1, 2):
        stored = load_file(results / f"networks/attention/seed-{seed}/weights.safetensors")
        expected = transformer(seed).state_dict()
        assert all(torch.equal(stored[f"module.{name}"], expected[name]) for name in expected)


@pytest.mark.parametrize("seed", [1, 2])
def test_responses_are_those_of_the_module_alone(results, seed):
    path = results / f"responses/attention/seed-{seed}/original/test.h5"
    names = ("patches", "layers.0", "layers.1", "outputs")
    assert read_layers(path) == Layers(names, "layers.1", "outputs")
    clip_ids, found = read_responses(path)
    network = transformer(seed).eval()
    weights = load_file(results / f"networks/attention/seed-{seed}/weights.safetensors")
    for place, sound in enumerate(sound_of(results, clip_ids[:20])):
        with torch.inference_mode():
            tokens = network(sound)["last_hidden_state"].mean(1)
            patches = network.patches(sound.unsqueeze(1) / network.scale).mean(2)
        np.testing.assert_allclose(found["layers.1"][place], tokens[0], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(found["patches"][place], patches[0], rtol=1e-3, atol=1e-4)
        scores = tokens @ weights["readout.weight"].T + weights["readout.bias"]
        np.testing.assert_allclose(found["outputs"][place], scores[0], rtol=1e-3, atol=1e-3)


def test_the_trained_module_is_trained(results):
    stored = load_file(results / "networks/natural/seed-1/weights.safetensors")
    network = PlainCnn(len(stored["module.head.bias"]))
    network.load_state_dict(
        {name.removeprefix("module."): tensor for name, tensor in stored.items()}
    )
    states = load_file(results / "networks/natural/seed-1/snapshots.safetensors")
    moved = states["epoch-0/module.head.weight"] - stored["module.head.weight"]
    assert moved.abs().max() > 1e-4


def test_all_layers_and_analyses_are_there(results):
    summary = read_table(results / "selectivity/music/summary.tsv", SELECTIVITY_SUMMARY)
    of = {name: rows for name, rows in summary.groupby("condition")}
    assert list(of["attention"]["layer"]) == ["patches", "layers.0", "layers.1"] * 2
    assert list(of["attention"]["reported"]) == [False, False, True] * 2
    assert list(of["natural"]["layer"]) == ["blocks.0", "blocks.1"]
    scored = read_table(results / "recognition/summary.tsv", RECOGNITION_SUMMARY)
    assert set(scored["condition"]) == {"natural", "attention"}
    for condition, layer in (("natural", "blocks.1"), ("attention", "layers.0")):
        lesions = read_table(results / f"lesions/music/{condition}/seed-1/lesions.tsv", LESIONS)
        assert set(lesions["layer"]) == {layer} and set(lesions["set_to"]) == {"", "zero", "mean"}
        assert lesions["mean_average_precision"].nunique() > 10
        decoded = results / f"decoding/music/{condition}/seed-1/decoding.tsv"
        assert len(read_table(decoded, DECODING))
        assert (results / f"quilts/music/{condition}/responses.tsv").exists()
        assert (results / f"embedding/music/{condition}/seed-1/points.tsv").exists()
        assert list((results / f"profiles/music/embedded/{condition}").iterdir())
    log = (results / "logs/lesion_units/music-attention-1.log").read_text()
    assert re.search(r"\d+ lesions by running the network take \d+ s to \d+ s", log)
    assert "one by one" not in log


def test_weights_say_where_they_are_from(results):
    content = (results / "networks/attention/seed-2/weights.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    about = json.loads(header["__metadata__"]["about"])
    assert len(about["pretrained"]) == 64 and about["readout_layer"] == "layers.1"
    assert json.loads(about["model"])["factory"] == "small_transformer:SmallTransformer"


def test_what_changes_runs_again_and_nothing_else(folder):
    assert planned(folder, *arguments(folder)) == {}
    # Other times of the same file.
    (folder / "one.safetensors").touch()
    assert planned(folder, *arguments(folder)) == {}
    said = {"conditions": {"attention": {"trained_on": "noise"}}}
    said = written(folder / "said.yaml", said)
    assert set(planned(folder, *arguments(folder), said)) == {
        "write_report",
        "describe_run",
        "all",
    }
    before = (folder / "one.safetensors").read_bytes()
    save_file(transformer(4).state_dict(), folder / "one.safetensors")
    jobs = planned(folder, *arguments(folder))
    assert jobs["adopt_network"] == 1 and jobs["compute_responses"] == 1
    assert "train_network" not in jobs
    (folder / "one.safetensors").write_bytes(before)
    code = folder / "small_transformer.py"
    code.write_text(code.read_text() + "\n# A comment.\n")
    jobs = planned(folder, *arguments(folder))
    assert jobs["adopt_network"] == 2 and "train_network" not in jobs
    code.write_text(code.read_text().removesuffix("\n# A comment.\n"))
    assert planned(folder, *arguments(folder)) == {}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"weights": "nowhere.pt"},
            "conditions.attention.weights is 'nowhere.pt', and there is no",
        ),
        ({"outputs": "nowhere.csv"}, "conditions.attention.outputs is 'nowhere.csv'"),
        ({"epochs": 3}, "conditions.attention.weights is for a network that is not trained here"),
        ({"layers": None}, "conditions.attention.layers"),
        ({"model": "kim2024"}, "must be package.module:factory"),
        ({"pooling": "median"}, "conditions.attention.pooling"),
        ({"unit_axis": 2}, "conditions.attention.unit_axis"),
        ({"withhold": ["Music"]}, "conditions.attention lacks labels, epochs"),
    ],
)
def test_mistakes_are_told_before_any_job(folder, tmp_path, changes, says):
    for name in ("plain_cnn.py", "small_transformer.py", "one.safetensors", "two.pt"):
        shutil.copy(folder / name, tmp_path)
    overlay = {**OVERLAY, "conditions": {**OVERLAY["conditions"]}}
    overlay["conditions"]["attention"] = OVERLAY["conditions"]["attention"] | changes
    wrong = written(tmp_path / "wrong.yaml", overlay)
    ended = snakemake(tmp_path, "--dry-run", *preset("smoke"), wrong)
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0 and "Traceback" not in said
    assert says in said


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"layers": ["block.*"]}, "conditions.attention.layers has block.*, which no module"),
        ({"arguments": {"width": 32}}, r"conditions.attention.weights: token is \(1, 1, 16\)"),
        ({"arguments": {"depths": 3}}, "conditions.attention.model is .* which fails with the"),
    ],
)
def test_the_first_job_tells_what_only_a_job_can_see(folder, tmp_path, changes, says):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    of = OVERLAY["conditions"]["attention"]
    changed = {**of, **changes}
    if "arguments" in changes:
        changed["arguments"] = of["arguments"] | changes["arguments"]
    wrong = written(copy / "wrong.yaml", {"conditions": {"attention": changed}})
    target = "results/modules/networks/attention/seed-1/weights.safetensors"
    ended = snakemake(copy, *arguments(copy), wrong, "--", target)
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0 and "Traceback" not in said
    assert re.search(says, said)
