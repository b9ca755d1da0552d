"""A fixed and a trained model, each in one file beside the configuration, up to the report."""

import os
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from toys.mel_means import MelMeans
from toys.small_cnn import Network

from music_detectors.claims.columns import CLAIMS, VERDICTS, WHOLE
from music_detectors.common.average_precision import average_precision
from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.labels import label_matrix
from music_detectors.lesions.columns import LESION_CLASSES
from music_detectors.responses.files import Layers, read_layers, read_responses
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY, UNITS
from music_detectors.spectrograms.shard import open_spectrogram_shard, read_index
from music_detectors.training.columns import HISTORY
from workflow.snake import LEFT_OUT, ROOT, planned, preset, snakemake, written

TOYS = ROOT / "tests" / "toys"
OVERLAY = {
    "corpus": {"name": "toys", "embedded": {"clips_per_class": {"train": 2, "test": 2}}},
    "conditions": {
        "natural": {"model": "small_cnn:SmallCnn", "epochs": 2, "snapshots": [0]},
        "bands": {"model": "toys.mel_means:MelMeans"},
        "shuffled": None,
        "untrained": None,
        **LEFT_OUT,
    },
    "selectivity": {"layer": "second"},
    "claims": {"compared": {"controls": ["bands"]}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which both models were run: one is in it, the other on PYTHONPATH."""
    folder = tmp_path_factory.mktemp("toys")
    shutil.copy(TOYS / "small_cnn.py", folder)
    shutil.copytree(TOYS, folder / "path" / "toys")
    written(folder / "overlay.yaml", OVERLAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "path"), prepend=os.pathsep)
        ended = snakemake(folder, *arguments(folder))
        assert ended.returncode == 0, ended.stdout + ended.stderr
        yield folder


@pytest.fixture(scope="module")
def results(folder):
    return folder / "results" / "toys"


def arguments(folder):
    return [*preset("smoke"), folder / "overlay.yaml"]


def log_mel_of(results, clip_ids):
    """The spectrograms (n, mels, frames) of test clips, in the order of `clip_ids`."""
    place = results / "spectrograms/original/test"
    index = read_index(place / "index.tsv").set_index("clip_id").loc[clip_ids]
    rows = [
        open_spectrogram_shard(place / f"{shard}.h5").read(np.array([row]))
        for shard, row in zip(index["shard"], index["row"], strict=True)
    ]
    return torch.from_numpy(np.concatenate(rows)).float()


def network_of(results, seed):
    weights = load_file(results / f"networks/natural/seed-{seed}/weights.safetensors")
    network = Network(len(weights["last.bias"]))
    network.load_state_dict(weights)
    return network.eval()


def test_both_models_reach_claims_and_report(results):
    table = read_table(results / "claims/claims.tsv", VERDICTS)
    assert list(table.loc[table["part"] == WHOLE, "claim"]) == list(CLAIMS)
    # The one value of the fixed model is compared with each network.
    over = table[table["part"] == "effect over bands"].iloc[0]
    assert over["n_networks"] == 2 and "the bands model" in over["compared"]
    page = (results / "report.html").read_text()
    assert "small_cnn:SmallCnn" in page and "toys.mel_means:MelMeans" in page


def test_a_fixed_model_has_one_seed_and_nothing_that_needs_outputs(results):
    for stage in ("networks", "responses", "selectivity/music"):
        assert [path.name for path in (results / stage / "bands").iterdir()] == ["seed-1"]
    for stage in ("recognition", "lesions/music"):
        assert [path.name for path in (results / stage).iterdir() if path.is_dir()] == ["natural"]
    assert not load_file(results / "networks/bands/seed-1/weights.safetensors")


def test_responses_of_the_fixed_model(results):
    path = results / "responses/bands/seed-1/original/test.h5"
    assert read_layers(path) == Layers(("bands",), "bands", None)
    clip_ids, found = read_responses(path)
    expected = MelMeans().responses({}, log_mel_of(results, clip_ids))
    np.testing.assert_allclose(found["bands"], expected["bands"], rtol=1e-5)


@pytest.mark.parametrize("seed", [1, 2])
def test_responses_of_the_trained_model(results, seed):
    history = read_table(results / f"networks/natural/seed-{seed}/history.tsv", HISTORY)
    assert list(history["epoch"]) == [1, 2] and np.isfinite(history["loss"]).all()
    path = results / f"responses/natural/seed-{seed}/original/test.h5"
    assert read_layers(path) == Layers(("first", "second", "third", "logits"), "third", "logits")
    clip_ids, found = read_responses(path)
    network, log_mel = network_of(results, seed), log_mel_of(results, clip_ids)
    with torch.inference_mode():
        second = network.second(network.first((log_mel.unsqueeze(1) + 50) / 20))
        logits = network(log_mel)
    np.testing.assert_allclose(found["second"], second.mean((2, 3)), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found["logits"], logits, rtol=1e-3, atol=1e-5)


def test_the_configured_layer_is_reported_or_else_the_models_own(results):
    units = read_table(results / "selectivity/music/bands/seed-1/units.tsv", UNITS)
    assert set(units["layer"]) == {"bands"} and units["reported"].all()
    summary = read_table(results / "selectivity/music/summary.tsv", SELECTIVITY_SUMMARY)
    natural = summary[summary["condition"] == "natural"]
    assert list(natural["layer"]) == ["first", "second", "third"] * 2
    assert list(natural["reported"]) == [False, False, True] * 2
    lesions = results / "lesions/music/natural/seed-1/classes.tsv"
    assert set(read_table(lesions, LESION_CLASSES)["layer"]) == {"second"}


@pytest.mark.parametrize("seed", [1, 2])
def test_lesions_are_those_of_a_network_whose_weights_are_zeroed(results, seed):
    """Silencing a unit of a ReLU layer equals zeroing its weights and bias."""
    units = read_table(results / f"selectivity/music/natural/seed-{seed}/units.tsv", UNITS)
    units = units[units["layer"] == "second"].sort_values("rank")
    path = results / f"responses/natural/seed-{seed}/original/test.h5"
    clip_ids, _ = read_responses(path)
    clips = read_table(results / "corpus/clips.tsv", CLIPS, only=("clip_id", "labels"))
    clips = clips.set_index("clip_id").loc[clip_ids]
    mids = read_table(results / "corpus/classes.tsv", CLASSES)["mid"]
    labels = label_matrix(clip_ids, clips["labels"].str.split(";"), mids, "clips.tsv")
    log_mel = log_mel_of(results, clip_ids)
    path = results / f"lesions/music/natural/seed-{seed}/classes.tsv"
    table = read_table(path, LESION_CLASSES)
    table = table[table["fraction"].isin([0, 0.5])]
    for lesion, silenced in {"none": [], "top": units["unit"].tolist()[:6]}.items():
        network = network_of(results, seed)
        with torch.no_grad():
            network.second[0].weight[silenced] = 0
            network.second[0].bias[silenced] = 0
            expected = average_precision(network(log_mel).numpy(), labels)
        rows = table[table["lesion"] == lesion]
        # The order of near ties may change.
        np.testing.assert_allclose(rows["average_precision"], expected, atol=0.02)


def test_an_edited_model_runs_again_what_uses_it_and_nothing_else(folder):
    assert planned(folder, *arguments(folder)) == {}
    edit(folder / "path" / "toys" / "mel_means.py")
    jobs = planned(folder, *arguments(folder))
    assert jobs["fit_model"] == 1 and jobs["compute_responses"] == 1
    assert not {"train_network", "lesion_units", "score_recognition"} & set(jobs)
    undo(folder / "path" / "toys" / "mel_means.py")
    edit(folder / "small_cnn.py")
    jobs = planned(folder, *arguments(folder))
    assert jobs["train_network"] == 2 and jobs["compute_responses"] == 2
    assert jobs["lesion_units_by_running"] == 2 and "fit_model" not in jobs
    undo(folder / "small_cnn.py")


def edit(path):
    path.write_text(path.read_text() + "\n# A comment.\n")


def undo(path):
    path.write_text(path.read_text().removesuffix("\n# A comment.\n"))


@pytest.mark.parametrize(
    ("natural", "layer", "says"),
    [
        ({"model": "nowhere.to:find"}, "third", "no file nowhere/to.py is found on PYTHONPATH"),
        (
            {"model": "a b"},
            "third",
            "neither kim2024, resnet, gabor, pca nor package.module:factory",
        ),
        ({"model": "kim2024", "labels": None}, "conv1", "conditions.natural"),
    ],
)
def test_mistakes_are_reported_before_any_job(tmp_path, natural, layer, says):
    overlay = {"conditions": {"natural": natural}, "selectivity": {"layer": layer}}
    ended = snakemake(
        tmp_path, "--dry-run", *preset("smoke"), written(tmp_path / "wrong.yaml", overlay)
    )
    assert ended.returncode != 0
    assert says in ended.stdout + ended.stderr and "Traceback" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"conditions": {"natural": {"model": "toys.mel_means:MelMeans"}}}, "is a fixed model"),
        ({"selectivity": {"layer": "conv7"}}, "is conv7, a layer that no model has (small_cnn"),
        ({"conditions": {"natural": {"model": "small_cnn:Nothing"}}}, "cannot be loaded (Attr"),
    ],
)
def test_the_first_job_reports_what_only_a_job_can_see(folder, tmp_path, change, says):
    for name in ("results", ".snakemake", "small_cnn.py"):
        source, copy = folder / name, tmp_path / name
        shutil.copytree(source, copy) if source.is_dir() else shutil.copy(source, copy)
    wrong = written(tmp_path / "wrong.yaml", change)
    target = "results/toys/networks/natural/seed-1/weights.safetensors"
    configuration = [*arguments(folder), wrong]
    ended = snakemake(tmp_path, *configuration, "--forcerun", "train_network", "--", target)
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0 and "Traceback" not in said
    assert says in said
