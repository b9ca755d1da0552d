"""Responses of the selective units to clips and classes, and the summary over networks."""

import numpy as np
import pandas as pd
import pytest

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.selectivity.columns import (
    CLASS_RESPONSES,
    CLIP_RESPONSES,
    SELECTIVITY_SUMMARY,
    UNITS,
)
from music_detectors.selectivity.selective import selective_responses, summarise_selectivity
from support.response_files import classes, corpus

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


def run(files, layer="avgpool", units=None):
    write_table(files.path("units.tsv"), units_table() if units is None else units, UNITS)
    names = ("units.tsv", "train.h5", "test.h5", "clips.tsv", "classes.tsv", "a.tsv", "b.tsv")
    selective_responses(*[files.path(name) for name in names], layer=layer)
    return (
        read_table(files.path("a.tsv"), CLIP_RESPONSES),
        read_table(files.path("b.tsv"), CLASS_RESPONSES),
    )


def expected_means(files, split, layer="avgpool"):
    rows = files.order(split)
    ids = files.of_split(split)["clip_id"].to_numpy()[rows]
    exact = files.responses[split][layer][rows].astype(np.float64)
    return dict(zip(ids, exact[:, CHOSEN[layer]].mean(axis=1), strict=True))


@pytest.mark.parametrize("layer", ["avgpool", "conv1"])
def test_every_usable_clip_has_the_mean_response_of_the_selective_units(tmp_path, layer):
    files = corpus(tmp_path).write()
    table, _ = run(files, layer)
    for split in ("train", "test"):
        of_split = table[table["split"] == split].set_index("clip_id")
        expected = expected_means(files, split, layer)
        assert list(of_split.index) == list(expected)
        # The sum of two float32 numbers is exact in float64, or nearly so.
        np.testing.assert_allclose(of_split["response"], list(expected.values()), rtol=1e-15)
        rows = files.order(split)
        of_all = files.responses[split][layer][rows].astype(np.float64).sum(axis=1)
        n_units = files.responses[split][layer].shape[1]
        np.testing.assert_allclose(of_split["all_units"], of_all / n_units, rtol=1e-14)
        roles = files.of_split(split).set_index("clip_id")["role"]
        assert list(of_split["role"]) == list(roles[of_split.index])
    assert set(table["role"]) == {"target", "other", "mixed"}


def test_classes_are_averaged_over_their_test_clips(tmp_path):
    files = corpus(tmp_path).write()
    _, table = run(files)
    assert list(table["mid"]) == list(classes()["mid"])
    expected = expected_means(files, "test")
    labels = files.of_split("test").set_index("clip_id")["labels"].str.split(";")
    for _, row in table.iterrows():
        of_class = [value for clip, value in expected.items() if row["mid"] in labels[clip]]
        assert row["n_clips"] == len(of_class)
        if of_class:
            assert row["response"] == pytest.approx(np.mean(of_class), rel=1e-12)
            assert row["response_sd"] == pytest.approx(np.std(of_class, ddof=1), rel=1e-12)
    known = classes()
    for name in ("index", "name", "branch", "target", "genre"):
        assert list(table[name]) == list(known[name])


def test_classes_with_no_test_clip_or_one(tmp_path):
    files = corpus(tmp_path)
    present = files.of_split("test")["clip_id"][files.order("test")[0]]
    files.clips.loc[files.clips["clip_id"] == present, "labels"] = "/m/owl;/m/rain"
    _, table = run(files.write())
    owl = table.set_index("mid").loc["/m/owl"]
    assert owl["n_clips"] == 1 and np.isnan(owl["response_sd"])
    assert owl["response"] == expected_means(files, "test")[present]
    files.clips.loc[files.clips["clip_id"] == present, "labels"] = "/m/rain"
    _, table = run(files.write())
    owl = table.set_index("mid").loc["/m/owl"]
    assert owl["n_clips"] == 0 and np.isnan(owl["response"]) and np.isnan(owl["response_sd"])
    last = files.path("b.tsv").read_text().splitlines()[-1]
    assert last.startswith("5\t/m/owl") and last.endswith("\t0\t\t")


def test_the_same_run_gives_the_same_bytes(tmp_path):
    files = corpus(tmp_path).write()
    run(files)
    once = [files.path(name).read_bytes() for name in ("a.tsv", "b.tsv")]
    run(files)
    assert [files.path(name).read_bytes() for name in ("a.tsv", "b.tsv")] == once


def test_an_unknown_label_is_refused(tmp_path):
    files = corpus(tmp_path)
    clip = files.of_split("test")["clip_id"][files.order("test")[2]]
    files.clips.loc[files.clips["clip_id"] == clip, "labels"] = "/m/rain;/m/gone"
    with pytest.raises(
        InputError,
        match=rf"clips\.tsv: damaged table .clip {clip} has the label '/m/gone', which is no",
    ):
        run(files.write())


def test_a_table_without_selective_units_of_the_layer_is_refused(tmp_path):
    files = corpus(tmp_path).write()
    with pytest.raises(
        InputError, match=r"units\.tsv: damaged table \(has no selective unit of fc1\); rebuild it"
    ):
        run(files, layer="fc1")


def test_responses_of_the_wrong_split_are_refused(tmp_path):
    files = corpus(tmp_path).write()
    files.path("test.h5").replace(files.path("train.h5"))
    with pytest.raises(
        InputError,
        match=r"train\.h5: damaged responses \(clip test-\d+ is not among the train clips",
    ):
        run(files)


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


def summarised(folder, units, clips, layer="avgpool"):
    """Return the summary of networks with these tables, all of the condition natural."""
    networks = [["natural", seed + 1] for seed in range(len(units))]
    paths = [[folder / f"{kind}-{seed}.tsv" for _, seed in networks] for kind in ("units", "clips")]
    for path, table in zip(paths[0], units, strict=True):
        write_table(path, table, UNITS)
    for path, table in zip(paths[1], clips, strict=True):
        write_table(path, table, CLIP_RESPONSES)
    summarise_selectivity(*paths, folder / "summary.tsv", networks=networks, layer=layer)
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
    of_reported = [name for name in table if name.startswith(("test_all", "test_ratio"))]
    assert len(of_reported) == 5 and table.loc["conv1", of_reported].isna().all()


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
    summarise_selectivity(
        paths, [clips] * 3, tmp_path / "summary.tsv", networks=networks, layer="avgpool"
    )
    table = read_table(tmp_path / "summary.tsv", SELECTIVITY_SUMMARY)
    assert list(zip(table["condition"], table["seed"], table["layer"], strict=True)) == [
        (condition, seed, layer) for condition, seed in networks for layer in ("conv1", "avgpool")
    ]
    assert table["reported"].tolist() == [False, True] * 3
    of_pool = table[table["layer"] == "avgpool"].reset_index(drop=True)
    # Units 3 and 14 are selective; 0, 2 and 4 are positive and below 0.05, which is not 0.05.
    assert set(of_pool["n_units"]) == {16} and set(of_pool["n_selective"]) == {2}
    assert set(of_pool["n_significant_fdr"]) == {3}
    assert set(of_pool["n_significant_permutation"]) == {1}
    assert set(of_pool["n_target_test"]) == {7} and set(of_pool["n_other_test"]) == {9}
    np.testing.assert_allclose(of_pool["test_auc"], np.arange(3) + 0.085, rtol=1e-12)
    assert set(of_pool["welch_t"]) == {0.0} and set(of_pool["test_hedges_g"]) == {0.5}


def test_networks_and_tables_must_match_in_number(tmp_path):
    write_table(tmp_path / "units.tsv", units_table(), UNITS)
    write_table(tmp_path / "clips.tsv", clip_table(), CLIP_RESPONSES)
    paths = [tmp_path / "units.tsv"], [tmp_path / "clips.tsv"]
    with pytest.raises(ValueError, match="zip"):
        summarise_selectivity(
            *paths, tmp_path / "s.tsv", networks=[["a", 1], ["a", 2]], layer="avgpool"
        )
