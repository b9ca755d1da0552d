"""Preferred stimuli: the ascent where the optimum is known, and what is written of a network."""

import numpy as np
import pandas as pd
import pytest
import torch
from toys.small_cnn import SmallCnn

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.figures.preferred_stimuli import plot_preferred_stimuli
from music_detectors.models.kim2024 import Kim2024
from music_detectors.models.resnet import ResNet
from music_detectors.models.weights import initial_network, write_tensors
from music_detectors.preferred import find
from music_detectors.preferred.ascent import Sounds, ascend
from music_detectors.preferred.columns import PREFERRED, TOP_CLIPS
from music_detectors.preferred.find import find_preferred
from music_detectors.responses.compute import compute_responses
from music_detectors.responses.files import read_responses
from music_detectors.selectivity.columns import UNITS
from music_detectors.spectrograms.shard import open_spectrogram_shard
from support.networks_corpus import make_corpus

torch.set_num_threads(1)

MELS, FRAMES = 6, 20
SOUNDS = Sounds(
    mean=torch.linspace(-50, -45, MELS),
    sd=torch.linspace(8, 12, MELS),
    low=torch.linspace(-90, -80, MELS),
    high=torch.linspace(-10, -5, MELS),
)
# Two units: each is the mean over time of a weighted sum of bands.
WEIGHTS = torch.tensor([[1.0, -1, 2, -0.5, 1, -2], [-1.0, 1, 1, 1, -1, 0.5]])


def linear(log_mel):
    return log_mel.mean(2) @ WEIGHTS.T


def ascended(seed=1, noise=5.0, responses=linear, **weights):
    draw = torch.Generator().manual_seed(seed)
    noise = noise * torch.randn(2, MELS, FRAMES, generator=draw)
    start = SOUNDS.mean[:, None] + noise
    return start, ascend(responses, [0, 1], torch.ones(2), SOUNDS, start, draw, **weights)


def test_without_penalties_it_ends_at_the_bounds():
    _, found = ascended(smoothness=0.0, likeness=0.0)
    bounds = torch.where(WEIGHTS > 0, SOUNDS.high, SOUNDS.low)
    torch.testing.assert_close(found, bounds[:, :, None].expand_as(found), rtol=0, atol=0)


def test_with_a_penalty_on_distance_it_ends_at_the_optimum():
    likeness = 40.0
    _, found = ascended(smoothness=0.0, likeness=likeness)
    # Where the gradient is zero: w / F = 2 likeness (x - mean) / (M F sd^2).
    optimum = SOUNDS.mean + WEIGHTS * SOUNDS.sd.square() * MELS / (2 * likeness)
    assert (optimum > SOUNDS.low).all() and (optimum < SOUNDS.high).all()
    torch.testing.assert_close(found.mean(2), optimum, rtol=0, atol=0.5)


def test_smoothness_smooths():
    rough = [
        ascended(smoothness=smoothness, likeness=0.1)[1].diff(dim=1).square().mean()
        for smoothness in (0.0, 3.0, 300.0)
    ]
    assert rough[0] > rough[1] > rough[2]


def test_the_draw_decides_and_nothing_else():
    one, other, another = ascended()[1], ascended()[1], ascended(seed=2)[1]
    assert torch.equal(one, other) and not torch.equal(one, another)


def test_units_do_not_depend_on_each_other():
    _, both = ascended()
    draw = torch.Generator().manual_seed(1)
    start = SOUNDS.mean[:, None] + 5.0 * torch.randn(2, MELS, FRAMES, generator=draw)
    alone = ascend(linear, [1], torch.ones(1), SOUNDS, start[1:], draw)
    torch.testing.assert_close(alone[0], both[1], rtol=0, atol=1e-3)


def test_without_a_gradient_nothing_is_found():
    assert ascended(responses=lambda log_mel: linear(log_mel.detach()))[1] is None


@pytest.mark.parametrize(
    "model", [Kim2024(), ResNet(), SmallCnn()], ids=["kim2024", "resnet", "small_cnn"]
)
def test_differentiable_responses_are_those_that_are_stored(model):
    network = initial_network(model, 4, seed=1).eval()
    log_mel = torch.randn(3, 64, 125, generator=torch.Generator().manual_seed(2)) * 15 - 45
    stored = model.evaluation(network, torch.device("cpu"))(log_mel)
    for layer in model.layers:
        heard = log_mel.clone().requires_grad_()
        found = model.with_gradient(network, layer)(heard)
        torch.testing.assert_close(found, stored[layer], rtol=1e-4, atol=1e-4)
        found.sum().backward()
        assert heard.grad.abs().sum() > 0


@pytest.fixture
def run(tmp_path):
    """Find stimuli in a network of a small corpus; returns what was written."""
    train = make_corpus(tmp_path / "corpus")
    test = make_corpus(tmp_path / "corpus", n=9, split="test")
    name = "toys.small_cnn:SmallCnn"
    network = initial_network(SmallCnn(), 3, seed=2)
    # Unit 3 answers nothing quieter than the loudest clips.
    with torch.no_grad():
        network.third[0].weight[3].abs_().neg_()
        network.third[0].bias[3] = 1.0
    weights = tmp_path / "weights.safetensors"
    write_tensors(weights, network.state_dict(), {"model": name, "classes": 3})
    responses = {split: tmp_path / f"{split}.h5" for split in ("train", "test")}
    compute_responses(
        [weights],
        [train.index, test.index],
        ["original"] * 2,
        ["train", "test"],
        list(responses.values()),
        model=name,
        device="cpu",
        threads=1,
    )
    units = pd.DataFrame(
        [
            {column: 0 if kind is int else 0.5 for column, kind in UNITS.items()}
            | {"layer": "third", "reported": True, "selective": True}
            | {"unit": unit, "rank": 16 - unit}
            for unit in range(16)
        ]
    )
    write_table(tmp_path / "units.tsv", units, UNITS)
    outputs = [tmp_path / name for name in ("stimuli.h5", "found.tsv", "clips.tsv")]

    def found():
        find_preferred(
            weights,
            tmp_path / "units.tsv",
            train.index,
            responses["train"],
            responses["test"],
            *outputs,
            model=name,
            layer="avgpool",
            condition="natural",
            replicate=1,
            seed=1,
            threads=1,
        )
        return network.eval(), responses["test"], test, outputs

    return found


def test_stimuli_drive_units_more_than_any_clip(run):
    network, test, _, (stimuli, table, clips) = run()
    rows = read_table(table, PREFERRED)
    assert list(rows["unit"]) == list(range(15, 7, -1)) and list(rows["rank"]) == list(range(1, 9))
    shard = open_spectrogram_shard(stimuli)
    assert shard.clip_id == [f"unit-{unit}" for unit in rows["unit"]]
    log_mel = torch.from_numpy(shard.read()).float()
    heard = SmallCnn().evaluation(network, torch.device("cpu"))(log_mel)["third"].numpy()
    np.testing.assert_allclose(rows["response"], heard[range(8), rows["unit"]], rtol=1e-6)
    clip_ids, responses = read_responses(test, ["third"])
    best = responses["third"][:, rows["unit"]].max(axis=0)
    np.testing.assert_allclose(rows["best_response"], best, rtol=1e-6)
    driven = rows[rows["best_response"] > 0]
    assert len(driven) > 3 and (driven["ratio"] > 1).all()
    assert rows["ratio"].isna().equals(rows["best_response"] <= 0)
    top = read_table(clips, TOP_CLIPS)
    for place, unit in enumerate(rows["unit"]):
        own = top[top["unit"] == unit]
        assert list(own["place"]) == [1, 2, 3]
        assert own["response"].iloc[0] == pytest.approx(best[place])
        assert own["clip_id"].iloc[0] == clip_ids[responses["third"][:, unit].argmax()]


def test_the_same_network_gives_the_same_bytes(run):
    outputs = run()[3]
    first = [path.read_bytes() for path in outputs]
    run()
    assert [path.read_bytes() for path in outputs] == first


def test_a_unit_that_is_silent_at_first_begins_from_a_clip(run, monkeypatch):
    monkeypatch.setattr(find, "MOST_UNITS", 16)
    # So loud a noise reaches every unit, none reaches few.
    monkeypatch.setattr(find, "NOISE_DB", 0.0)
    rows = read_table(run()[3][1], PREFERRED)
    silent = rows["begun_from"] != "mean"
    assert silent.any() and not silent.all()
    assert rows.loc[silent, "begun_from"].str.startswith("train-").all()


def test_a_model_without_a_gradient_is_told_and_drawn(run, monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(SmallCnn, "with_gradient", lambda *_: None)
    _, _, test, (stimuli, table, clips) = run()
    assert "lets no gradient through to third" in caplog.text
    assert read_table(table, PREFERRED).empty and read_table(clips, TOP_CLIPS).empty
    assert open_spectrogram_shard(stimuli).shape == (64, 125)
    corpus = test.index, test.clips, test.classes
    plot_preferred_stimuli(stimuli, table, clips, *corpus, tmp_path / "a.svg", tmp_path / "a.png")
    assert "no preferred stimuli were sought" in (tmp_path / "a.svg").read_text()


def test_stimuli_of_other_units_are_not_drawn(run, tmp_path):
    _, _, test, (stimuli, table, clips) = run()
    rows = read_table(table, PREFERRED)
    write_table(table, rows[::-1], PREFERRED)
    corpus = test.index, test.clips, test.classes
    with pytest.raises(InputError, match=r"stimuli.h5.*not of the units in .*found.tsv"):
        plot_preferred_stimuli(stimuli, table, clips, *corpus, tmp_path / "a", tmp_path / "b")
