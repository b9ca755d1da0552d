"""Responses of the selective units to clips and classes, and the summary over networks."""

import numpy as np
import pandas as pd
import pytest

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.selectivity.columns import CLASS_RESPONSES, CLIP_RESPONSES, UNITS
from music_detectors.selectivity.selective import selective_responses
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
