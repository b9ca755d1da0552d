"""The summary of selectivity over networks."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import gamma
from statsmodels.api import OLS

from music_detectors.acoustics.columns import ACOUSTICS
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.jackknife.columns import BLOCKS
from music_detectors.selectivity.columns import (
    CLIP_RESPONSES,
    SELECTIVITY_LEFT_OUT,
    SELECTIVITY_SUMMARY,
    UNITS,
)
from music_detectors.selectivity.summary import summarise_selectivity
from support.response_files import acoustics, write_blocks

CHOSEN = {"avgpool": [3, 14], "conv1": [0]}


def units_table(chosen=CHOSEN, **values):
    rows = [
        {name: 0 if kind is int else 0.5 for name, kind in UNITS.items()}
        | {"layer": layer, "reported": layer == "avgpool"}
        | {"unit": unit, "selective": unit in chosen[layer]}
        | {"test_n_target": 7, "test_n_other": 9}
        for layer, size in (("conv1", 3), ("avgpool", 16))
        for unit in range(size)
    ]
    return pd.DataFrame(rows).assign(**values)


def clip_table(number=0, lowest=0.5):
    """Return made-up responses: 7 target, 9 other and 3 mixed clips of each split."""
    random = np.random.default_rng(number)
    roles = ["target"] * 7 + ["other"] * 9 + ["mixed"] * 3
    table = pd.DataFrame({"role": roles * 2, "split": ["test"] * 19 + ["train"] * 19})
    table["clip_id"] = [f"clip-{row}" for row in range(len(table))]
    # Few different values, so that some are tied.
    for name in ("response", "all_units"):
        table[name] = lowest + random.integers(0, 6, len(table))
    return table


def covariates():
    """Return made-up covariates of the test clips of `clip_table`, in another order."""
    return acoustics([f"clip-{row}" for row in range(19)][::-1])


def left_out(folder):
    return read_table(folder / "left_out.tsv", SELECTIVITY_LEFT_OUT)


def summarised(folder, units, clips, layer="avgpool"):
    """Return the summary of networks with these tables, all of the condition natural."""
    networks = [["natural", seed + 1] for seed in range(len(units))]
    paths = [[folder / f"{kind}-{seed}.tsv" for _, seed in networks] for kind in ("units", "clips")]
    for path, table in zip(paths[0], units, strict=True):
        write_table(path, table, UNITS)
    for path, table in zip(paths[1], clips, strict=True):
        write_table(path, table, CLIP_RESPONSES)
    write_table(folder / "acoustics.tsv", covariates(), ACOUSTICS)
    write_blocks(folder / "blocks.tsv", clip_table())
    summarise_selectivity(
        *paths,
        folder / "acoustics.tsv",
        folder / "blocks.tsv",
        folder / "summary.tsv",
        folder / "left_out.tsv",
        folder / "balance.tsv",
        networks=networks,
        layer=layer,
        target="Music",
    )
    return read_table(folder / "summary.tsv", SELECTIVITY_SUMMARY)


def test_the_ratio_and_the_response_of_all_units_are_those_of_the_test_clips(tmp_path):
    clips = clip_table()
    table = summarised(tmp_path, [units_table()], [clips]).set_index("layer")
    of_test = clips[:19].groupby("role")
    (target, other) = (of_test["response"].mean()[role] for role in ("target", "other"))
    row = table.loc["avgpool"]
    assert row["test_ratio"] == pytest.approx(target / other, rel=1e-14)
    means = of_test["all_units"].mean()
    assert row["test_all_mean_target"] == pytest.approx(means["target"], rel=1e-14)
    assert row["test_all_mean_other"] == pytest.approx(means["other"], rel=1e-14)
    assert row["test_all_ratio"] == pytest.approx(means["target"] / means["other"], rel=1e-14)
    of_all = clips["all_units"].to_numpy()
    pairs = of_all[:7, None] - of_all[None, 7:16]
    assert (pairs == 0).any()
    assert row["test_all_common_language"] == ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    of_reported = [
        name for name in table if name.startswith(("test_all", "test_r", "test_b", "response_"))
    ]
    assert len(of_reported) == 10 and table.loc["conv1", of_reported].isna().all()


def test_the_effects_are_those_of_the_mean_response_of_the_selective_units(tmp_path):
    networks = [clip_table(number) for number in range(2)]
    # The clips of a network's table need not be in the order of another's.
    shuffled = networks[1].sample(frac=1, random_state=1)
    table = summarised(tmp_path, [units_table()] * 2, [networks[0], shuffled])
    table = table[table["layer"] == "avgpool"].reset_index(drop=True)
    in_order = covariates().set_index("clip_id")
    for place, clips in enumerate(networks):
        heard = clips[:16].astype({"response": float})
        response, is_target = heard["response"].to_numpy(), heard["role"] == "target"
        target, other = response[is_target], response[~is_target]
        pooled = np.sqrt((6 * target.var(ddof=1) + 8 * other.var(ddof=1)) / 14)
        unbiased = gamma(7) / (np.sqrt(7) * gamma(6.5))
        g = unbiased * (target.mean() - other.mean()) / pooled
        assert table.loc[place, "response_hedges_g"] == pytest.approx(g, rel=1e-12)
        varied = in_order.loc[heard["clip_id"], ["duration_seconds", "level_db", "harmonicity"]]
        design = np.column_stack([is_target, varied, np.ones(16)]).astype(float)
        fit = OLS(response, design).fit()
        d = fit.params[0] / np.sqrt(fit.scale)
        assert table.loc[place, "response_partial_d"] == pytest.approx(d, rel=1e-10)


def test_without_a_block_the_effects_are_those_of_the_clips_that_remain(tmp_path):
    networks = [clip_table(number) for number in range(2)]
    summarised(tmp_path, [units_table()] * 2, networks)
    without = left_out(tmp_path)
    blocks = write_blocks(tmp_path / "blocks.tsv", clip_table())
    assert list(zip(without["block"], without["seed"], strict=True)) == [
        (block, seed) for block in range(3) for seed in (1, 2)
    ]
    assert set(without["layer"]) == {"avgpool"}
    assert without["response_partial_d"].notna().all()
    for block in range(3):
        gone = {clip for clip, own in blocks.items() if own == block}
        remaining = [table[~table["clip_id"].isin(gone)] for table in networks]
        expected = summarised(tmp_path, [units_table()] * 2, remaining)
        expected = expected[expected["layer"] == "avgpool"].reset_index(drop=True)
        found = without[without["block"] == block].reset_index(drop=True)
        of_clips = remaining[0][remaining[0]["split"] == "test"]["role"].value_counts()
        assert set(found["n_target_test"]) == {of_clips["target"]}
        assert set(found["n_other_test"]) == {of_clips["other"]}
        for name in (
            "test_ratio",
            "response_hedges_g",
            "response_partial_d",
            "test_all_common_language",
        ):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-9)


def test_a_block_with_all_clips_of_a_role_leaves_no_effect(tmp_path):
    clips = clip_table()
    # Roles of a further target, of which one block has every clip.
    blocks = write_blocks(tmp_path / "blocks.tsv", clips)
    of_test = clips["split"] == "test"
    in_block = clips["clip_id"].map(blocks) == 1
    clips.loc[of_test, "role"] = np.where(in_block[of_test], "target", "other")
    table = summarised(tmp_path, [units_table()], [clips]).set_index("layer")
    without = left_out(tmp_path).set_index("block")
    assert np.isfinite(table.loc["avgpool", "response_hedges_g"])
    assert without.loc[1, ["test_ratio", "response_hedges_g"]].isna().all()
    assert without.loc[[0, 2], "response_hedges_g"].notna().all()


def test_clips_in_a_single_block_are_never_left_out(tmp_path):
    write_table(tmp_path / "one.tsv", clip_table().assign(draw="a", block=0), BLOCKS)
    summarised(tmp_path, [units_table()], [clip_table()])
    summarise_selectivity(
        [tmp_path / "units-1.tsv"],
        [tmp_path / "clips-1.tsv"],
        tmp_path / "acoustics.tsv",
        tmp_path / "one.tsv",
        tmp_path / "summary.tsv",
        tmp_path / "left_out.tsv",
        tmp_path / "balance.tsv",
        networks=[["natural", 1]],
        layer="avgpool",
        target="Music",
    )
    assert left_out(tmp_path).empty


def test_networks_that_have_heard_other_clips_are_refused(tmp_path):
    other = clip_table()
    other.loc[3, "clip_id"] = "clip-99"
    with pytest.raises(
        InputError, match=r"clips-2\.tsv: damaged table \(its test clips are not those of .*clips-1"
    ):
        summarised(tmp_path, [units_table()] * 2, [clip_table(), other])


def test_the_columns_of_clips_follow_the_configured_layer_or_the_reported_one(tmp_path):
    for layer, filled in (("conv1", "conv1"), ("elsewhere", "avgpool")):
        table = summarised(tmp_path, [units_table()], [clip_table()], layer)
        assert table.loc[table["test_ratio"].notna(), "layer"].tolist() == [filled]


def test_there_is_no_ratio_without_a_natural_zero(tmp_path):
    silent = clip_table().assign(response=lambda t: np.where(t["role"] == "other", 0.0, 1.0))
    networks = [clip_table(lowest=-1.0), clip_table(lowest=0.0), silent]
    networks[1].loc[16:, ["response", "all_units"]] = -5.0
    assert networks[0].loc[:15, ["response", "all_units"]].min().max() < 0
    table = summarised(tmp_path, [units_table()] * 3, networks)
    table = table[table["layer"] == "avgpool"]
    # Negative responses to mixed or train clips do not matter.
    assert table["test_ratio"].isna().tolist() == [True, False, True]
    assert table["test_all_ratio"].isna().tolist() == [True, False, False]
    assert table["test_all_common_language"].notna().all()


def test_clip_responses_without_other_test_clips_are_refused(tmp_path):
    clips = clip_table()
    with pytest.raises(
        InputError, match=r"clips-1\.tsv: damaged table \(has no target or no other"
    ):
        summarised(tmp_path, [units_table()], [clips[clips["role"] != "other"]])


def test_the_summary_has_one_row_per_network_and_layer(tmp_path):
    networks = [["natural", 1], ["natural", 2], ["untrained", 1]]
    paths = []
    for number in range(len(networks)):
        paths.append(tmp_path / f"{number}.tsv")
        table = units_table()
        table["test_auc"] = number + table["unit"] / 100
        table["welch_t"] = np.where(table["unit"] % 2 == 0, 3.0, -3.0)
        table["p_fdr"] = np.where(table["unit"] < 5, 0.01, 0.05)
        table["p_permutation"] = np.where(table["unit"] < 2, 0.04, 0.3)
        write_table(paths[-1], table, UNITS)
    clips = tmp_path / "clips.tsv"
    write_table(clips, clip_table(), CLIP_RESPONSES)
    write_table(tmp_path / "acoustics.tsv", covariates(), ACOUSTICS)
    write_blocks(tmp_path / "blocks.tsv", clip_table())
    summarise_selectivity(
        paths,
        [clips] * 3,
        tmp_path / "acoustics.tsv",
        tmp_path / "blocks.tsv",
        tmp_path / "summary.tsv",
        tmp_path / "left_out.tsv",
        tmp_path / "balance.tsv",
        networks=networks,
        layer="avgpool",
        target="Music",
    )
    table = read_table(tmp_path / "summary.tsv", SELECTIVITY_SUMMARY)
    assert list(zip(table["condition"], table["seed"], table["layer"], strict=True)) == [
        (condition, seed, layer) for condition, seed in networks for layer in ("conv1", "avgpool")
    ]
    assert table["reported"].tolist() == [False, True] * 3
    of_pool = table[table["layer"] == "avgpool"].reset_index(drop=True)
    # Units 3 and 14 are selective; 0 to 4 are below 0.05, which is not 0.05.
    assert set(of_pool["n_units"]) == {16} and set(of_pool["n_selective"]) == {2}
    assert set(of_pool["n_significant_fdr"]) == {5}
    assert set(of_pool["n_significant_permutation"]) == {2}
    assert set(of_pool["n_target_test"]) == {7} and set(of_pool["n_other_test"]) == {9}
    np.testing.assert_allclose(of_pool["test_auc"], np.arange(3) + 0.085, rtol=1e-12)
    assert set(of_pool["welch_t"]) == {0.0} and set(of_pool["test_hedges_g"]) == {0.5}


def test_networks_and_tables_must_match_in_number(tmp_path):
    write_table(tmp_path / "units.tsv", units_table(), UNITS)
    write_table(tmp_path / "clips.tsv", clip_table(), CLIP_RESPONSES)
    write_table(tmp_path / "acoustics.tsv", covariates(), ACOUSTICS)
    write_blocks(tmp_path / "blocks.tsv", clip_table())
    paths = [tmp_path / "units.tsv"], [tmp_path / "clips.tsv"], tmp_path / "acoustics.tsv"
    with pytest.raises(ValueError, match="zip"):
        summarise_selectivity(
            *paths,
            tmp_path / "blocks.tsv",
            tmp_path / "s.tsv",
            tmp_path / "l.tsv",
            tmp_path / "b.tsv",
            networks=[["a", 1], ["a", 2]],
            layer="avgpool",
            target="Music",
        )
