"""The functions for notebooks: by the workflow's own numbers, and each mistake in one line."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import music_detectors
from music_detectors import (
    lesion_scores,
    sound_covariates,
    sound_quilts,
    unit_responses,
    unit_statistics,
)
from music_detectors.acoustics.columns import COVARIATES
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.common.average_precision import average_precision
from music_detectors.common.errors import InputError
from music_detectors.common.seeds import generator
from music_detectors.models.gabor import Gabor
from music_detectors.selectivity.effects import effects
from music_detectors.spectrograms.log_mel import log_mel
from music_detectors.stimuli.quilt import quilted

RATE = 16_000
N = 48
IS_TARGET = np.arange(N) % 2 == 0


class Network(nn.Module):
    """Hears waveforms; `tokens` has the units last, and returns a tuple."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(1, 12, 64, stride=32), nn.ReLU())
        self.tokens = nn.GRU(12, 10, batch_first=True)
        self.last = nn.Linear(10, 3)

    def forward(self, waveform):
        tokens, _ = self.tokens(self.first(waveform[:, None]).transpose(1, 2))
        return self.last(tokens.mean(1))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Network()


@pytest.fixture(scope="module")
def sounds():
    random = np.random.default_rng(0)
    noise = 0.1 * random.normal(size=(N, RATE // 2))
    tone = 0.2 * np.sin(2 * np.pi * 440 * np.arange(RATE // 2) / RATE)
    return (noise + IS_TARGET[:, None] * tone).astype(np.float32)


def test_the_package_stays_light():
    program = (
        "import sys, music_detectors\n"
        "assert 'unit_responses' in dir(music_detectors)\n"
        "assert not {'torch', 'numpy', 'pandas'} & set(sys.modules)\n"
        "from music_detectors import sound_quilts\n"
        "assert 'torch' not in sys.modules"
    )
    path = str(Path(music_detectors.__file__).parents[1])
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": path})
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = music_detectors.nothing


def test_responses_are_those_of_the_modules(network, sounds):
    network.train()
    found = unit_responses(network, sounds, RATE, ["first", "first.0", "l*"], at_once=10)
    assert network.training and list(found) == ["first", "first.0", "last"]
    with torch.inference_mode():
        first = network.first(torch.from_numpy(sounds)[:, None])
        np.testing.assert_allclose(found["first"], first.mean(2), atol=1e-6)
        np.testing.assert_allclose(found["last"], network(torch.from_numpy(sounds)), atol=1e-6)
    tokens = unit_responses(network, sounds, RATE, "tokens", unit_axis=-1, pooling="max")
    with torch.inference_mode():
        expected = network.tokens(first.transpose(1, 2))[0].amax(1)
    np.testing.assert_allclose(tokens["tokens"], expected, atol=1e-6)


def test_what_a_network_hears(sounds):
    class Heard(nn.Module):
        def __init__(self):
            super().__init__()
            self.same = nn.Identity()

        def forward(self, heard):
            return self.same(heard)

    # At the study's rate its spectrograms are those of the workflow.
    bands = unit_responses(Heard(), sounds, SAMPLE_RATE, "same", heard="log_mel")["same"]
    np.testing.assert_allclose(bands, log_mel(sounds).mean(2), atol=1e-4)
    samples = unit_responses(Heard(), sounds, RATE, "same", network_rate=8000)["same"]
    assert samples.shape == (N, RATE // 4)
    own = unit_responses(Heard(), sounds, RATE, "same", heard=lambda some: some[:, :7])["same"]
    np.testing.assert_array_equal(own, sounds[:, :7])
    whole = unit_responses(Heard(), np.int16(32767 * sounds), RATE, "same")["same"]
    np.testing.assert_allclose(whole, sounds, atol=1e-4)


def test_a_fixed_model_hears_spectrograms(sounds):
    found = unit_responses(Gabor(), sounds[:3], SAMPLE_RATE)
    expected = Gabor().responses({}, torch.from_numpy(log_mel(sounds[:3])))
    np.testing.assert_allclose(found["filters"], expected["filters"], rtol=1e-5)


def test_statistics_are_those_of_the_workflow():
    random = np.random.default_rng(1)
    responses = random.normal(size=(N, 20)) + 2 * IS_TARGET[:, None] * (np.arange(20) < 4)
    train = np.arange(N) < N // 2
    table = unit_statistics(
        {"a": responses, "b": responses[:, :5]}, IS_TARGET, train=train, permutations=200
    )
    assert table.groupby("layer").size().to_dict() == {"a": 20, "b": 5}
    a = table[table["layer"] == "a"]
    for prefix, which in (("", train), ("test_", ~train)):
        expected = effects(responses[which & IS_TARGET], responses[which & ~IS_TARGET])
        for name in ("welch_t", "hedges_g", "auc"):
            np.testing.assert_allclose(a[prefix + name], expected[name])
    assert set(a.loc[a["rank"] <= 4, "unit"]) == {0, 1, 2, 3}
    assert a["selective"].sum() == 2 and (a["p_permutation"] < 0.05).sum() >= 4
    assert not [name for name in table if "partial" in name]


def test_halves_keep_groups_and_covariates_are_in_the_model():
    random = np.random.default_rng(2)
    level = random.normal(size=N) + 2 * IS_TARGET
    responses = level[:, None] + 0.1 * random.normal(size=(N, 8))
    groups = np.arange(N) // 2
    covariates = pd.DataFrame({"level_db": level})
    table = unit_statistics(
        responses, IS_TARGET, groups=groups, covariates=covariates, permutations=100
    )
    assert (table["n_target"] == table["n_other"]).all()
    assert table["n_target"].iloc[0] + table["test_n_target"].iloc[0] == N // 2
    assert (table["test_hedges_g"] > 1).all() and (table["test_partial_d"].abs() < 2).all()
    pd.testing.assert_frame_equal(
        table,
        unit_statistics(
            responses, IS_TARGET, groups=groups, covariates=covariates, permutations=100
        ),
    )


def test_quilts_are_those_of_the_workflow(sounds):
    found = sound_quilts(sounds[:2], SAMPLE_RATE, [50, 100], seed=3)
    assert list(found) == [50, 100]
    expected = quilted(sounds[1], 100, generator(3, "quilts", 100, 1)).samples
    np.testing.assert_array_equal(found[100][1], expected)
    at_16k = sound_quilts(sounds[:2], RATE, [50])[50]
    assert abs(at_16k.shape[1] - RATE // 2) < RATE // 20


def test_covariates(sounds):
    table = sound_covariates(sounds, RATE)
    assert list(table.columns) == list(COVARIATES) and len(table) == N
    np.testing.assert_allclose(table["duration_seconds"], 0.5, atol=1e-3)
    level = 10 * np.log10(np.square(sounds).mean(1))
    # Resampling leaves out what lies near half the lower rate.
    np.testing.assert_allclose(table["level_db"], level, atol=0.5)


@pytest.mark.parametrize("set_to", ["zero", "mean"])
def test_lesions_are_those_of_zeroed_units(network, sounds, set_to):
    labels = np.stack([IS_TARGET, ~IS_TARGET, np.arange(N) % 3 == 0], axis=1)
    responses = unit_responses(network, sounds, RATE, "first")
    units = unit_statistics(responses, IS_TARGET, permutations=100)
    table = lesion_scores(
        network,
        sounds,
        RATE,
        labels,
        units,
        "first",
        fractions=[0.25, 0.5],
        random_draws=2,
        set_to=set_to,
    )
    assert list(table["lesion"]) == [
        "none",
        *["top", "middle", "bottom", "random-0001"],
        *["random-0002", "top", "middle", "bottom", "random-0001", "random-0002"],
    ]
    top = units.sort_values("rank")["unit"].to_numpy()[:3].copy()
    fill = responses["first"].mean(0) if set_to == "mean" else np.zeros(12)
    with torch.inference_mode():
        first = network.first(torch.from_numpy(sounds)[:, None])
        first[:, top] = torch.from_numpy(fill[top]).float()[:, None]
        scores = network.last(network.tokens(first.transpose(1, 2))[0].mean(1)).numpy()
    row = table[(table["lesion"] == "top") & (table["fraction"] == 0.25)].iloc[0]
    assert row["n_units"] == 3
    assert row["mean_average_precision"] == pytest.approx(
        average_precision(scores, labels).mean(), abs=1e-6
    )
    intact = table["mean_average_precision"].iloc[0]
    np.testing.assert_allclose(table["change"], table["mean_average_precision"] - intact)


def test_outputs_may_be_made_of_what_a_network_returns(network, sounds):
    labels = np.stack([IS_TARGET, ~IS_TARGET], axis=1)
    units = unit_statistics(
        unit_responses(network, sounds, RATE, "first"), IS_TARGET, permutations=100
    )
    table = lesion_scores(
        network, sounds, RATE, labels, units, "first", random_draws=1, outputs=lambda x: x[:, :2]
    )
    assert len(table) == 5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sounds": np.zeros(100)}, r"are \(100,\), and must be one array \(n, samples\)"),
        ({"sounds": np.zeros((2, 3), int)}, "int64; give floats of full scale 1, or int16"),
        ({"sounds": np.full((2, 3), np.nan)}, r"sound 0 \(from 0\) is NaN or infinite"),
        ({"sounds": np.full((2, 3), 2000.0)}, "reach 2000, and full scale is 1; divide"),
        ({"sounds": [np.zeros(3), np.zeros(4)]}, "the sounds differ in length; cut or pad them"),
        ({"rate": 0}, "the rate is 0; give the samples per second"),
        ({"rate": "fast"}, "the rate is 'fast'; give"),
        ({"layers": ["secon*"]}, r"no layer is called secon\*; there are first, first.0, first.1"),
        ({"heard": "mfcc"}, "heard is 'mfcc'; it may be waveform, log_mel or a function"),
    ],
)
def test_mistakes_in_what_is_played(network, sounds, change, says):
    arguments = {"network": network, "sounds": sounds, "rate": RATE, "layers": ["first"]}
    with pytest.raises(InputError, match=says):
        unit_responses(**arguments | change)


def test_responses_that_are_not_finite(network, sounds):
    with pytest.raises(InputError, match=r"layer first to sound 0 \(from 0\) is not finite"):
        unit_responses(
            network, sounds, RATE, "first", heard=lambda some: np.full_like(some, np.inf)
        )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"is_target": IS_TARGET.astype(int)}, "is_target is .* int64; give true or false per"),
        ({"responses": np.zeros((3, 2))}, r"responses of units are \(3, 2\); they must be \(48, u"),
        ({"groups": [1, 2]}, "groups are 2, but is_target has 48"),
        ({"covariates": np.zeros((3, 1))}, "covariates are 3, but is_target has 48"),
        ({"covariates": np.zeros(N)}, r"covariates are \(48,\); give finite numbers"),
        ({"train": np.ones(N, bool)}, "the test sounds are of 0 groups of target and 0 of other"),
        ({"is_target": np.ones(N, bool)}, "24 groups of target and 0 of other sounds, and two"),
        ({"responses": np.full((N, 2), np.nan)}, "not a finite number"),
    ],
)
def test_mistakes_in_what_is_measured(change, says):
    arguments = {"responses": np.ones((N, 2)), "is_target": IS_TARGET, "permutations": 100}
    with pytest.raises(InputError, match=says):
        unit_statistics(**arguments | change)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": np.zeros((N, 3))}, r"labels are \(48, 3\) float64; they must be bool, \(48, c"),
        ({"labels": np.zeros((N, 2), bool)}, r"returns \(48, 3\), and labels are \(48, 2\)"),
        ({"layer": "last"}, "the statistics have no layer last; they have first"),
        ({"set_to": "none"}, "set_to is 'none'; it may be zero or mean"),
    ],
)
def test_mistakes_in_lesions(network, sounds, change, says):
    units = unit_statistics({"first": np.ones((N, 12))}, IS_TARGET, permutations=100)
    labels = np.stack([IS_TARGET, ~IS_TARGET, IS_TARGET], axis=1)
    arguments = {"labels": labels, "statistics": units, "layer": "first"}
    with pytest.raises(InputError, match=says):
        lesion_scores(network, sounds, RATE, **arguments | change)


def test_too_short_for_quilts(sounds):
    with pytest.raises(InputError, match="samples, and two segments take"):
        sound_quilts(sounds[:, :1000], RATE, [50])
