"""Target and other clips that differ in length or level: said, and adjusted for in claims."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm
from statsmodels.api import OLS, add_constant

from music_detectors.acoustics.columns import ACOUSTICS, COVARIATES
from music_detectors.claims.columns import CLAIMS
from music_detectors.claims.estimates.balance import NAME, at_equal_length_and_level
from music_detectors.common.tables import read_table, write_table
from music_detectors.jackknife.columns import BLOCKS
from music_detectors.models.heard import CLIP, SOUND
from music_detectors.models.kim2024 import Kim2024
from music_detectors.models.weights import initial_network, write_tensors
from music_detectors.responses.compute import compute_responses
from music_detectors.responses.files import read_responses
from music_detectors.selectivity.balance import balance, balanced_effects, described
from music_detectors.selectivity.columns import (
    BALANCE,
    CLIP_RESPONSES,
    SELECTIVITY_LEFT_OUT,
    SELECTIVITY_SUMMARY,
    UNITS,
)
from music_detectors.selectivity.effects import hedges_g, moments
from music_detectors.selectivity.summary import summarise_selectivity
from music_detectors.spectrograms.columns import INDEX
from music_detectors.spectrograms.log_mel import PARAMETERS
from music_detectors.spectrograms.shard import write_spectrogram_shard
from support.claim_tables import Tables, study

N_TARGET, N_OTHER = 60, 120
TARGET = np.arange(N_TARGET + N_OTHER) < N_TARGET
FRAMES = 241
FLOOR = -100.0


def covariates(seconds, level_db):
    """Return made-up covariates of clips with these lengths and levels."""
    values = np.random.default_rng(5).normal(size=(len(seconds), len(COVARIATES)))
    values[:, COVARIATES.index("duration_seconds")] = seconds
    values[:, COVARIATES.index("level_db")] = level_db
    return values


def varied(random, mean=-30.0):
    return random.normal(mean, 4, len(TARGET))


def test_the_table_has_means_and_standardised_differences():
    random = np.random.default_rng(1)
    seconds = random.uniform(2, 10, len(TARGET)) - TARGET
    level_db = varied(random) + 3 * TARGET
    table = balance(TARGET, covariates(seconds, level_db)).set_index("measure")
    for name, values in (("duration_seconds", seconds), ("level_db", level_db)):
        ours, others = values[TARGET], values[~TARGET]
        sd = np.sqrt((np.cov(ours) + np.cov(others)) / 2)
        difference = (ours.mean() - others.mean()) / sd
        assert table.loc[name, "standardised_difference"] == pytest.approx(difference)
        assert table.loc[name, "sd"] == pytest.approx(sd)
        assert table.loc[name, "mean_target"] == pytest.approx(ours.mean())
        assert table.loc[name, "differs"] == (abs(difference) > 0.25)
    assert table["differs"].all()
    assert "length (means " in described(table.reset_index().assign(measure=list(table.index)))


def test_clips_of_equal_length_and_level_do_not_differ():
    table = balance(TARGET, covariates(np.full(len(TARGET), 5.0), np.full(len(TARGET), -30.0)))
    assert table["standardised_difference"].tolist() == [0, 0] and not table["differs"].any()
    assert described(table) == ""


def test_a_difference_that_nothing_can_be_due_to_does_not_count(tmp_path):
    # A sample less in every target clip: in standard deviations, any difference.
    table = balance(TARGET, covariates(10 - TARGET / 22050, -30 + 0.1 * TARGET))
    assert table["standardised_difference"].tolist() == [-np.inf, np.inf]
    assert not table["differs"].any()
    write_table(tmp_path / "balance.tsv", table, BALANCE)
    assert read_table(tmp_path / "balance.tsv", BALANCE).equals(table)
    assert balance(TARGET, covariates(10.0 - TARGET, -30 + TARGET))["differs"].all()


def test_effects_at_equal_length_and_level_are_those_of_a_linear_model():
    random = np.random.default_rng(2)
    seconds, level_db = random.uniform(2, 10, len(TARGET)) + TARGET, varied(random) + 2 * TARGET
    noise = random.normal(size=(2, len(TARGET), 3))
    selective = 20 + 0.5 * TARGET[:, None] + 0.3 * seconds[:, None] + noise[0]
    every = 20 + 0.1 * level_db[:, None] + noise[1]
    found = balanced_effects(TARGET, covariates(seconds, level_db), selective, every, "clips")
    design = add_constant(np.column_stack([TARGET, seconds, level_db]).astype(float))
    for network in range(3):
        fit = OLS(selective[:, network], design).fit()
        d = fit.params[1] / np.sqrt(fit.scale)
        others = selective[~TARGET, network].mean()
        ratio = (others + fit.params[1]) / others
        assert found["response_balanced_d"][network] == pytest.approx(d, rel=1e-9)
        assert found["test_balanced_ratio"][network] == pytest.approx(ratio, rel=1e-9)
        fit = OLS(every[:, network], design).fit()
        share = norm.cdf(fit.params[1] / np.sqrt(fit.scale) / np.sqrt(2))
        assert found["test_all_balanced_common_language"][network] == pytest.approx(share, rel=1e-9)


def test_there_is_no_effect_where_length_tells_the_target_and_no_ratio_without_a_zero():
    random = np.random.default_rng(3)
    responses = random.uniform(1, 2, (len(TARGET), 1))
    apart = covariates(10.0 - 5 * TARGET, varied(random))
    found = balanced_effects(TARGET, apart, responses, responses, "clips")
    assert all(np.isnan(values).all() for values in found.values())
    alike = covariates(np.full(len(TARGET), 10.0), varied(random))
    found = balanced_effects(TARGET, alike, responses - 3, responses, "clips")
    assert np.isnan(found["test_balanced_ratio"]).all()
    assert np.isfinite(found["response_balanced_d"]).all()


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The weights of a network with random convolutions, fitted to such sounds as `sounds`."""
    network = initial_network(Kim2024(), 3, seed=1)
    draw = np.random.default_rng(6).normal(-38, 8, (16, 64, FRAMES)).astype(np.float32)
    with torch.no_grad():
        for _ in range(20):
            network(torch.from_numpy(draw))
    path = tmp_path_factory.mktemp("network") / "weights.safetensors"
    write_tensors(path, network.state_dict(), {"model": "kim2024", "classes": 3})
    return path


def sounds():
    """Return noise (clips, 64, FRAMES), of which target clips have more in some bands."""
    random = np.random.default_rng(4)
    log_mel = random.normal(-40, 8, (len(TARGET), 64, FRAMES))
    log_mel[:, 20:34] += (random.normal(6, 2, len(TARGET)) + 2 * TARGET)[:, None, None]
    return log_mel


def heard(network, folder, log_mel, lengths, pooled):
    """Return the responses (clips, 256) of the network's units to the first `lengths` frames."""
    folder.mkdir()
    log_mel = log_mel.copy()
    for clip, length in enumerate(lengths):
        log_mel[clip, :, length:] = FLOOR
    clip_ids = [f"clip-{clip}" for clip in range(len(TARGET))]
    labels = np.ones((len(TARGET), 1), bool)
    write_spectrogram_shard(
        folder / "00000.h5", log_mel, np.array(lengths), labels, clip_ids, "original", PARAMETERS
    )
    index = pd.DataFrame({"clip_id": clip_ids, "shard": "00000", "row": range(len(TARGET))})
    write_table(folder / "index.tsv", index.assign(n_frames=lengths), INDEX)
    compute_responses(
        [network], [folder / "index.tsv"], ["original"], ["test"], [folder / "test.h5"],
        "kim2024", "cpu", 1, pooled,
    )  # fmt: skip
    return read_responses(folder / "test.h5", ["avgpool"])[1]["avgpool"].astype(float)


def effect(responses):
    """Return Hedges g of responses (clips,)."""
    target, other = responses[TARGET, None], responses[~TARGET, None]
    return float(hedges_g(moments(target), moments(other))[0])


def test_padding_and_level_fool_the_effect_but_not_that_of_the_sound_or_the_adjusted_one(
    network, tmp_path
):
    random = np.random.default_rng(7)
    log_mel, whole = sounds(), np.full(len(TARGET), FRAMES)
    plain = heard(network, tmp_path / "plain", log_mel, whole, CLIP)
    t = hedges_g(moments(plain[TARGET]), moments(plain[~TARGET]))
    units = np.argsort(t)[-32:]
    true = effect(plain[:, units].mean(axis=1))
    assert 0.5 < true < 2

    def found(name, pooled=CLIP, lengths=whole, level_db=0.0):
        changed = log_mel + np.broadcast_to(level_db, len(TARGET))[:, None, None]
        responses = heard(network, tmp_path / name, changed, lengths, pooled)[:, units]
        mean = responses.mean(axis=1, keepdims=True)
        values = covariates(np.array(lengths) * 0.0125, -30 + level_db)
        adjusted = balanced_effects(TARGET, values, mean, mean, name)["response_balanced_d"][0]
        return effect(mean[:, 0]), adjusted, balance(TARGET, values)["differs"].tolist()

    for name, short in (("target", TARGET), ("other", ~TARGET)):
        # Most clips of one group are cut, and some of the other.
        cut = random.random(len(TARGET)) < np.where(short, 0.7, 0.15)
        lengths = np.where(cut, random.integers(60, 200, len(TARGET)), FRAMES)
        fooled, adjusted, differs = found(f"{name} short", lengths=lengths)
        of_sound, _, _ = found(f"{name} short, sound", SOUND, lengths)
        assert differs == [True, False]
        assert abs(fooled - true) > 0.6
        # Of the deviation, the model leaves less than half, and the sound alone next to nothing.
        assert abs(adjusted - true) < 0.5 * abs(fooled - true)
        assert abs(of_sound - true) < 0.25 * abs(fooled - true)
    level_db = np.where(TARGET, 0.0, -10.0) + random.normal(0, 4, len(TARGET))
    fooled, adjusted, differs = found("level", level_db=level_db)
    assert differs == [False, True]
    assert abs(fooled - true) > 0.6 and abs(adjusted - true) < 0.5 * abs(fooled - true)


def test_the_summary_says_what_differs_and_warns(tmp_path, capsys):
    clip_ids = [f"clip-{clip}" for clip in range(len(TARGET))]
    table = pd.DataFrame(covariates(10.0 - 4 * TARGET, np.full(len(TARGET), -30.0)))
    table.columns = list(COVARIATES)
    table["duration_seconds"] += np.random.default_rng(8).normal(0, 1, len(TARGET))
    write_table(tmp_path / "acoustics.tsv", table.assign(clip_id=clip_ids), ACOUSTICS)
    random = np.random.default_rng(9)
    clips = pd.DataFrame(
        {
            "clip_id": clip_ids,
            "split": "test",
            "role": np.where(TARGET, "target", "other"),
            "response": random.uniform(1, 2, len(TARGET)) + TARGET,
            "all_units": random.uniform(1, 2, len(TARGET)),
        }
    )
    write_table(tmp_path / "clips.tsv", clips, CLIP_RESPONSES)
    blocks = clips.assign(draw=clip_ids, block=np.arange(len(TARGET)) % 3)
    write_table(tmp_path / "blocks.tsv", blocks, BLOCKS)
    row = {name: "" if kind is str else kind(1) for name, kind in UNITS.items()}
    write_table(tmp_path / "units.tsv", pd.DataFrame([row | {"layer": "avgpool"}]), UNITS)
    summarise_selectivity(
        [tmp_path / "units.tsv"],
        [tmp_path / "clips.tsv"],
        tmp_path / "acoustics.tsv",
        tmp_path / "blocks.tsv",
        tmp_path / "summary.tsv",
        tmp_path / "left_out.tsv",
        tmp_path / "balance.tsv",
        networks=[["natural", 1]],
        layer="avgpool",
        target="Music",
    )
    found = read_table(tmp_path / "balance.tsv", BALANCE)
    assert found["differs"].tolist() == [True, False]
    summary = read_table(tmp_path / "summary.tsv", SELECTIVITY_SUMMARY)
    left_out = read_table(tmp_path / "left_out.tsv", SELECTIVITY_LEFT_OUT)
    kept = (blocks["block"] != 1).to_numpy()
    means = (clips.loc[kept, [name]].to_numpy() for name in ("response", "all_units"))
    without = balanced_effects(TARGET[kept], table[list(COVARIATES)].to_numpy()[kept], *means, "")
    for name, values in without.items():
        assert left_out.set_index("block").loc[1, name] == pytest.approx(values[0], rel=1e-12)
    assert summary["differs_in"].iloc[0] == described(found)
    assert "warning: target Music: target and other test clips differ in length (means 5.9" in (
        capsys.readouterr().err
    )


def balanced_parts(tables, **changed):
    parts = at_equal_length_and_level(study(), tables.measured())
    return {(part.claim, part.name.removesuffix(f" {NAME}")): part for part in parts}


def test_claims_about_whole_clips_need_the_effect_at_equal_length_and_level_where_clips_differ():
    tables = Tables(seeds=5, true=CLAIMS)
    parts = balanced_parts(tables)
    claims = set(CLAIMS) - {"probe", "temporal", "generalisation", "lesion", "acoustics"}
    assert {claim for claim, _ in parts} == claims
    assert not any(part.needed for part in parts.values())
    assert ("selective", "effect over untrained") in parts
    assert ("specific", "Speech: no effect of segments") not in parts
    tables.selectivity["Music"]["differs_in"] = "level (means -20 and -30 dB)"
    different = balanced_parts(tables)
    assert different.keys() == parts.keys() and all(part.needed for part in different.values())
    assert "Music and other test clips differ in level (means" in (
        different["selective", "effect"].compared
    )
    table = tables.selectivity["Music"]
    own = table.loc[table["condition"] == "natural", "response_balanced_d"]
    assert list(different["genres", "effect"].values.values()) == own.tolist()


def test_claims_about_many_units_need_matched_clips():
    tables = Tables(seeds=5, true=CLAIMS)
    assert set(name for claim, name in balanced_parts(tables) if claim == "apart") == {
        *("segregation", "segregation over random classes", "decoding", "decoding over pca"),
        *("decoding over gabor", "decoding of held-out classes"),
    }
    table = tables.decoding["natural"]
    is_top = (table["features"] == "units") & (table["first_rank"] == 1) & (table["genre"] == "")
    table["matched_average_precision"] = table["average_precision"]
    table.loc[is_top, "matched_average_precision"] = 0.3
    tables.segregation["natural"]["matched_coarse_index"] = 0.3
    for name in ("held_out", "effect"):
        tables.specificity["natural"][f"matched_{name}"] = 0.25
    tables.emergence["matched_segregation"] = 0.1
    parts = balanced_parts(tables)
    whole = {(part.claim, part.name): part for part in tables.parts()}
    changed = {key for key in parts if parts[key].values != whole.get(key, parts[key]).values}
    assert changed == {
        *(("decoding", "top units"), ("decoding", "top over next units")),
        *(("apart", "segregation"), ("emergence", "segregation")),
        *(("selective", "held-out classes"), ("selective", "over random classes")),
        ("specific", "novelty over no-things"),
    }
    assert set(parts["apart", "segregation"].values.values()) == {0.0}
    assert set(parts["selective", "held-out classes"].values.values()) == {0.25}


def test_too_few_matched_clips_are_a_reason():
    tables = Tables(seeds=5, true=CLAIMS)
    tables.selectivity["Music"]["differs_in"] = "length (means 2 and 9 s)"
    tables.segregation["natural"] = tables.segregation["natural"].assign(
        matched_n_target=12, matched_n_other=36
    )
    for key in (
        ("decoding", "top units"),
        ("apart", "decoding"),
        ("selective", "held-out classes"),
    ):
        part = balanced_parts(tables)[key]
        assert part.needed and part.n_clips == 48
        assert part.fault == (
            "matched in length and level, 12 target and 36 other test clips; at least 20 of each "
            "are needed"
        )
    # An adjusted effect is of all clips.
    assert not balanced_parts(tables)["selective", "effect"].fault


def test_genres_without_matched_clips_do_not_count():
    tables = Tables(seeds=5, true=CLAIMS)
    table = tables.decoding["natural"]
    jazz, of_genre = table["genre"] == "/m/Jazz", table["genre"] != ""
    table["matched_average_precision"] = table["average_precision"].mask(jazz)
    values = balanced_parts(tables)["decoding", "genres"].values
    rest = table[of_genre & ~jazz & (table["first_rank"] == 1)]
    expected = ((rest["average_precision"] - 0.05) / 0.95).groupby(rest["seed"]).mean()
    assert values == pytest.approx(expected.to_dict())
    # Without any, the part stays, and has no estimate.
    table["matched_average_precision"] = table["average_precision"].mask(of_genre)
    assert np.isnan(list(balanced_parts(tables)["decoding", "genres"].values.values())).all()


def test_a_difference_of_another_targets_clips_is_about_that_target_alone():
    tables = Tables(seeds=5, true=CLAIMS)
    tables.selectivity["Speech"]["differs_in"] = "length (means 2 and 9 s)"
    parts = balanced_parts(tables)
    needed = [key for key, part in parts.items() if part.needed]
    assert needed == [("specific", "Speech: less selective")]


def test_without_an_effect_at_equal_length_and_level_the_reason_is_the_difference():
    tables = Tables(seeds=5, true=CLAIMS)
    tables.selectivity["Music"] = tables.selectivity["Music"].assign(
        differs_in="length (means 2 and 9 s)", response_balanced_d=np.nan
    )
    part = balanced_parts(tables)["selective", "effect"]
    assert part.needed and part.fault == (
        "Music and other test clips differ in length (means 2 and 9 s), so that there is no "
        "effect at equal length and level"
    )
