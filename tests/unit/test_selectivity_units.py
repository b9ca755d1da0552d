"""units.tsv: planted and null units, selection on train clips, report on test clips, errors."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import fdrcorrection

from music_detectors.acoustics.columns import ACOUSTICS
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.responses.sample import sampled
from music_detectors.selectivity import units, weighted
from music_detectors.selectivity.columns import UNITS
from music_detectors.selectivity.effects import effects
from music_detectors.selectivity.ranking import ranks, share_of_units
from music_detectors.selectivity.units import selectivity_units
from support.response_files import UNITS as LAYER_SIZES
from support.response_files import corpus, keep_only, write_responses


def run(files, name="units.tsv", **changed):
    options = {
        "acoustics": files.acoustics(),
        "fraction": 0.125,
        "permutations": 199,
        "seed": 1,
        "condition": "natural",
        "replicate": "1",
    }
    files.write()
    paths = [files.path(n) for n in ("train.h5", "test.h5", "clips.tsv", name)]
    selectivity_units(*paths, **(options | changed))
    return read_table(paths[-1], UNITS)


def plant(files, layer, unit, by, splits=("train", "test")):
    for split in splits:
        target = (files.of_split(split)["role"] == "target").to_numpy()
        files.responses[split][layer][target, unit] += np.float32(by)


def of_roles(files, split, layer):
    """Return the responses to the target and to the other clips in the file, as float64."""
    rows = files.order(split)
    role = files.of_split(split)["role"].to_numpy()[rows]
    responses = files.responses[split][layer][rows].astype(np.float64)
    return responses[role == "target"], responses[role == "other"]


def test_every_unit_of_every_layer_except_the_output_has_a_row(tmp_path):
    table = run(corpus(tmp_path))
    assert list(table.columns) == list(UNITS)
    assert table.groupby("layer", sort=False).size().to_dict() == LAYER_SIZES
    for layer, size in LAYER_SIZES.items():
        of_layer = table[table["layer"] == layer]
        assert list(of_layer["unit"]) == list(range(size))
        assert sorted(of_layer["rank"]) == list(range(1, size + 1))
        assert of_layer["selective"].sum() == max(1, round(size / 8))
        assert (of_layer["selective"] == (of_layer["rank"] <= of_layer["selective"].sum())).all()
    numbers = table.drop(columns=["layer", "selective"])
    assert np.isfinite(numbers.to_numpy(dtype=float)).all()


def test_statistics_compare_target_with_other_clips(tmp_path):
    files = corpus(tmp_path)
    plant(files, "conv3", 2, 0.5)
    table = run(files)
    for layer in LAYER_SIZES:
        of_layer = table[table["layer"] == layer]
        for split, prefix in (("train", ""), ("test", "test_")):
            target, other = of_roles(files, split, layer)
            assert set(of_layer[f"{prefix}n_target"]) == {len(target)}
            assert set(of_layer[f"{prefix}n_other"]) == {len(other)}
            for name, n in (("target", len(target)), ("other", len(other))):
                assert set(of_layer[f"{prefix}n_groups_{name}"]) == {n}
            expected = stats.ttest_ind(target, other, equal_var=False)
            for name in ("welch_t", "cluster_t"):
                t = of_layer[f"{prefix}{name}"]
                np.testing.assert_allclose(t, expected.statistic, rtol=1e-9)
            found = effects(target, other)
            for name in ("mean_target", "mean_other", "d_prime", "auc", "hedges_g"):
                np.testing.assert_allclose(of_layer[f"{prefix}{name}"], found[name], rtol=1e-9)
            g = of_layer[f"{prefix}hedges_g"]
            assert (of_layer[f"{prefix}hedges_g_low"] < g).all()
            assert (g < of_layer[f"{prefix}hedges_g_high"]).all()
        expected = fdrcorrection(of_layer["p_unit"])[1]
        np.testing.assert_allclose(of_layer["p_fdr"], expected, rtol=1e-12)
        assert (of_layer["p_unit"] <= of_layer["p_permutation"]).all()


def test_clips_of_one_recording_are_one_draw(tmp_path):
    files = corpus(tmp_path, n_train=120, n_test=120)
    plant(files, "avgpool", 3, 0.4)
    before = run(files, "before.tsv")
    for split in ("train", "test"):
        rows = files.clips["split"] == split
        # Four clips of a recording, whose responses are the same.
        number = np.arange(rows.sum()) // 24 * 6 + np.arange(rows.sum()) % 6
        files.clips.loc[rows, "group"] = number.astype(str)
        of_split = files.of_split(split)
        first = of_split.groupby("group").cumcount() == 0
        places = of_split.index[first].to_numpy()
        place = dict(zip(of_split.loc[places, "group"], places, strict=True))
        source = [place[group] for group in of_split["group"]]
        for layer in LAYER_SIZES:
            files.responses[split][layer] = files.responses[split][layer][source]
    after = run(files, "after.tsv")
    for prefix in ("", "test_"):
        n = sum(after[f"{prefix}n_groups_{role}"].iloc[0] for role in ("target", "other"))
        assert n == 25 and after[f"{prefix}n_target"].equals(before[f"{prefix}n_target"])
        # Copies halve Welch's error, not the cluster-robust one.
        shrunk = (after[f"{prefix}cluster_t"] / after[f"{prefix}welch_t"]).median()
        assert shrunk == pytest.approx(0.5, abs=0.05)
        width = [
            table[f"{prefix}hedges_g_high"] - table[f"{prefix}hedges_g_low"]
            for table in (before, after)
        ]
        assert (width[1] / width[0]).median() > 1.8


def test_a_split_whose_target_clips_are_of_one_recording_is_refused(tmp_path):
    files = corpus(tmp_path)
    target = (files.clips["role"] == "target") & (files.clips["split"] == "test")
    files.clips.loc[target, "group"] = "album"
    with pytest.raises(
        InputError,
        match=r"test\.h5: \d+ target .* of 1 and \d+ groups \(recordings\), .* at least 2 groups",
    ):
        run(files)


def test_effects_with_covariates_equal_statsmodels(tmp_path):
    files = corpus(tmp_path)
    plant(files, "conv3", 2, 0.5)
    table = run(files)
    for split, prefix in (("train", ""), ("test", "test_")):
        covariates = read_table(files.path(f"acoustics-{split}.tsv"), ACOUSTICS)
        rows = files.order(split)
        role = files.of_split(split)["role"].to_numpy()[rows]
        kept = np.isin(role, ["target", "other"])
        varied = ["duration_seconds", "level_db", "harmonicity"]
        design = np.column_stack(
            [np.ones(kept.sum()), role[kept] == "target", covariates.loc[rows[kept], varied]]
        )
        for layer in LAYER_SIZES:
            of_layer = table[table["layer"] == layer]
            for unit, response in enumerate(files.responses[split][layer][rows[kept]].T):
                fit = OLS(response.astype(np.float64), design).fit(cov_type="HC3", use_t=True)
                row = of_layer.iloc[unit]
                assert row[f"{prefix}partial_t"] == pytest.approx(fit.tvalues[1], rel=1e-8)
                assert row[f"{prefix}partial_p"] == pytest.approx(fit.pvalues[1], rel=1e-8)
                assert row[f"{prefix}partial_difference"] == pytest.approx(fit.params[1], rel=1e-8)


def test_selectivity_due_to_level_vanishes_with_covariates(tmp_path):
    files = corpus(tmp_path, n_train=240, n_test=240).write()
    for split in ("train", "test"):
        covariates = read_table(files.path(f"acoustics-{split}.tsv"), ACOUSTICS)
        role = files.of_split(split)["role"].to_numpy()
        covariates.loc[role == "target", "level_db"] += 15
        for unit, by in ((3, covariates["level_db"] / 5), (8, 3.0 * (role == "target"))):
            files.responses[split]["avgpool"][:, unit] += np.asarray(by, dtype=np.float32)
        write_table(tmp_path / f"louder-{split}.tsv", covariates, ACOUSTICS)
    louder = {split: tmp_path / f"louder-{split}.tsv" for split in ("train", "test")}
    table = run(files, acoustics=louder)
    loud, selective = (table[table["layer"] == "avgpool"].iloc[unit] for unit in (3, 8))
    assert loud["test_hedges_g"] > 1.5 and abs(loud["test_partial_t"]) < 3
    assert selective["test_hedges_g"] > 1.5 and selective["test_partial_t"] > 8


def test_a_clip_that_is_in_no_table_of_covariates_is_refused(tmp_path):
    files = corpus(tmp_path).write()
    present = files.of_split("test")["clip_id"][files.order("test")]
    roles = files.clips.set_index("clip_id").loc[present, "role"]
    clip = roles.index[roles == "target"][0]
    table = read_table(files.path("acoustics-test.tsv"), ACOUSTICS)
    write_table(tmp_path / "less.tsv", table[table["clip_id"] != clip], ACOUSTICS)
    acoustics = files.acoustics() | {"test": tmp_path / "less.tsv"}
    with pytest.raises(
        InputError, match=rf"less\.tsv: damaged .*no covariates of clip {clip}.; rebuild"
    ):
        run(files, acoustics=acoustics)


def test_effects_with_covariates_are_empty_with_too_few_clips(tmp_path, caplog):
    files = corpus(tmp_path, n_test=11)
    with caplog.at_level("WARNING"):
        table = run(files)
    assert "test clips: no effect with covariates: " in caplog.text
    adjusted = [name for name in UNITS if "partial" in name]
    assert len(adjusted) == 9
    for name in UNITS:
        empty = name in adjusted and name.startswith("test_")
        assert table[name].isna().all() if empty else table[name].notna().all()


def test_a_planted_unit_is_selected_and_selective_on_test_clips(tmp_path):
    files = corpus(tmp_path, n_train=120, n_test=120)
    plant(files, "avgpool", 11, 2.0)
    table = run(files)
    chosen = table[(table["layer"] == "avgpool") & (table["unit"] == 11)].iloc[0]
    assert chosen["rank"] == 1 and chosen["selective"]
    assert chosen["p_permutation"] == chosen["p_unit"] == 1 / 200 and chosen["p_fdr"] == 16 / 200
    assert chosen["test_hedges_g_low"] > 0.5 and chosen["test_auc"] > 0.8
    rest = table[~((table["layer"] == "avgpool") & (table["unit"] == 11))]
    assert rest["p_permutation"].min() > 1 / 200


def test_a_unit_that_prefers_other_sounds_ranks_last(tmp_path):
    files = corpus(tmp_path, n_train=120)
    plant(files, "avgpool", 4, -2.0)
    table = run(files)
    rejected = table[(table["layer"] == "avgpool") & (table["unit"] == 4)].iloc[0]
    assert rejected["rank"] == 16 and not rejected["selective"]
    assert rejected["p_permutation"] == rejected["p_unit"] == 1 and rejected["test_auc"] < 0.2


def test_test_clips_do_not_affect_the_selection(tmp_path):
    files = corpus(tmp_path)
    before = run(files, "before.tsv")
    plant(files, "avgpool", 7, 50, splits=("test",))
    after = run(files, "after.tsv")
    selecting = [name for name in UNITS if not name.startswith("test_")]
    assert after[selecting].equals(before[selecting])
    assert (after["test_welch_t"] != before["test_welch_t"]).any()


def test_mixed_clips_are_left_out(tmp_path):
    files = corpus(tmp_path)
    before = run(files, "before.tsv")
    for split in ("train", "test"):
        mixed = (files.of_split(split)["role"] == "mixed").to_numpy()
        for layer in LAYER_SIZES:
            files.responses[split][layer][mixed] += np.float32(99)
    assert run(files, "after.tsv").equals(before)


def test_statistics_do_not_depend_on_the_order_of_clips(tmp_path):
    files = corpus(tmp_path)
    before = run(files, "before.tsv")
    for split, responses in files.responses.items():
        ids = files.of_split(split)["clip_id"].to_numpy()
        order = np.sort(files.order(split))
        write_responses(
            files.path(f"{split}.h5"), list(ids[order]), {k: v[order] for k, v in responses.items()}
        )
    paths = [files.path(name) for name in ("train.h5", "test.h5", "clips.tsv", "after.tsv")]
    selectivity_units(
        *paths,
        acoustics=files.acoustics(),
        fraction=0.125,
        permutations=199,
        seed=1,
        condition="natural",
        replicate="1",
    )
    after = read_table(paths[-1], UNITS)
    # Except permutations, which draw clips by their position.
    for name in ("welch_t", "cluster_t", "auc", "hedges_g", "test_d_prime", "test_hedges_g_low"):
        np.testing.assert_allclose(after[name], before[name], rtol=1e-12)
    assert (after["rank"] == before["rank"]).all()


def test_null_units_have_uniform_p_and_are_rarely_significant(tmp_path):
    files = corpus(tmp_path, seed=3, n_train=300, n_test=300)
    random = np.random.default_rng(4)
    for split in ("train", "test"):
        n = len(files.of_split(split))
        files.responses[split]["avgpool"] = random.normal(0, 1, (n, 600)).astype(np.float32)
    table = run(files)
    of_layer = table[table["layer"] == "avgpool"]
    # One fixed draw of 600 independent units; 0.001 of seeds would fall below by chance.
    assert stats.kstest(of_layer["p_unit"], "uniform").pvalue > 0.001
    assert (of_layer["p_fdr"] < 0.05).sum() <= 1
    assert of_layer["p_permutation"].min() > 0.01
    # Selected on train, the units are nothing special on test clips: the mean of 75 t values has
    # a standard error of 0.12, four of which are allowed; on train clips it is 1.65.
    selective = of_layer[of_layer["selective"]]
    assert selective["welch_t"].mean() > 1.4
    assert abs(selective["test_welch_t"].mean()) < 0.46


def test_constant_units_rank_last_and_are_never_nan(tmp_path):
    files = corpus(tmp_path, n_train=90)
    for split in ("train", "test"):
        files.responses[split]["avgpool"][:, [2, 9]] = np.float32([0, 0.1])
        files.responses[split]["conv2"][:] = 0
    table = run(files)
    assert np.isfinite(table.drop(columns=["layer"]).to_numpy(dtype=float)).all()
    of_layer = table[table["layer"] == "avgpool"].set_index("unit")
    assert of_layer.loc[[2, 9], "rank"].tolist() == [15, 16]
    for unit in (2, 9):
        for prefix in ("", "test_"):
            row = of_layer.loc[unit]
            named = ("welch_t", "cluster_t", "d_prime", "hedges_g", "hedges_g_low", "hedges_g_high")
            assert [row[f"{prefix}{name}"] for name in named] == [0] * 6
            assert row[f"{prefix}auc"] == 0.5
            named = ("partial_difference", "partial_t", "partial_p", "partial_d")
            assert [row[f"{prefix}{name}"] for name in named] == [0, 0, 1, 0]
        for name in UNITS:
            if name.endswith("p_permutation"):
                assert of_layer.loc[unit, name] == 1
    dead = table[table["layer"] == "conv2"]
    assert list(dead["rank"]) == [1, 2, 3, 4] and set(dead["p_fdr"]) == {1.0}


def test_runs_are_reproducible_and_networks_have_different_draws(tmp_path):
    files = corpus(tmp_path)
    one = run(files, "one.tsv")
    run(files, "two.tsv")
    assert files.path("one.tsv").read_bytes() == files.path("two.tsv").read_bytes()
    drawn = [name for name in UNITS if name.endswith("p_permutation")] + ["p_unit", "p_fdr"]
    for change in ({"seed": 2}, {"condition": "full"}, {"replicate": "2"}):
        other = run(files, "other.tsv", **change)
        for name in drawn:
            assert (other[name] != one[name]).any()
        assert other.drop(columns=drawn).equals(one.drop(columns=drawn))


def test_a_replicate_can_be_a_number_or_a_text(tmp_path):
    files = corpus(tmp_path)
    assert run(files, "a.tsv", replicate=3).equals(run(files, "b.tsv", replicate="3"))


def test_units_rank_by_t_then_number_with_constant_units_last():
    t = np.array([0.0, 2.0, -1.0, 2.0, 0.0, 3.0])
    constant = np.array([True, False, False, False, True, False])
    assert list(ranks(t, constant)) == [5, 2, 4, 3, 6, 1]


def test_the_number_of_selective_units_is_rounded_and_at_least_one():
    shares = [share_of_units(0.125, units) for units in (256, 32, 64, 128, 3)]
    assert shares == [32, 4, 8, 16, 1]
    assert share_of_units(0.1, 256) == 26 and share_of_units(1, 7) == 7


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (
            "train",
            "train.h5: 1 target and 12 other clips in the train split, of 1 and 12 groups",
        ),
        (
            "test",
            "test.h5: 1 target and 12 other clips in the test split, of 1 and 12 groups",
        ),
    ],
)
def test_too_few_clips_are_refused_by_split(tmp_path, split, message):
    files = corpus(tmp_path, n_train=30, n_test=30)
    target = (files.clips["split"] == split) & (files.clips["role"] == "target")
    present = files.of_split(split)["clip_id"].to_numpy()[files.order(split)]
    kept = files.clips["clip_id"] == next(
        clip for clip in present if files.clips.set_index("clip_id").loc[clip, "role"] == "target"
    )
    files.clips.loc[target & ~kept, "role"] = "mixed"
    n_other = (files.of_split(split).set_index("clip_id").loc[present, "role"] == "other").sum()
    with pytest.raises(InputError, match=message.replace("12", str(n_other))):
        run(files)
    assert not files.path("units.tsv").exists()


def test_responses_to_clips_of_another_split_are_refused(tmp_path):
    files = corpus(tmp_path).write()
    with pytest.raises(
        InputError,
        match=r"test\.h5: damaged responses \(clip test-\d+ is not among the train clips",
    ):
        selectivity_units(
            *[files.path(n) for n in ("test.h5", "train.h5", "clips.tsv", "units.tsv")],
            acoustics=files.acoustics(),
            fraction=0.125,
            permutations=9,
            seed=1,
            condition="natural",
            replicate=1,
        )


def test_a_response_that_is_not_finite_is_refused(tmp_path):
    files = corpus(tmp_path)
    place = files.order("test")[3]
    files.responses["test"]["conv3"][place, 1] = np.inf
    clip = files.of_split("test")["clip_id"][place]
    with pytest.raises(InputError, match=rf"test\.h5: a response of conv3 to clip {clip} is not"):
        run(files)


def test_selectivity_and_recognition_do_not_import_torch():
    scripts = Path(__file__).parents[2] / "workflow_scripts"
    modules = [
        "music_detectors.selectivity.units",
        "music_detectors.selectivity.selective",
        "music_detectors.recognition.scores",
    ]
    program = f"import sys; import {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=scripts).returncode == 0


@given(st.floats(0.001, 0.5), st.integers(2, 600))
def test_a_share_has_at_least_one_unit_and_at_most_all(fraction, units):
    assert 1 <= share_of_units(fraction, units) <= units


def test_the_studys_numbers_of_units():
    fractions = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)
    assert [share_of_units(fraction, 256) for fraction in fractions] == [8, 16, 32, 64, 128]


def test_of_many_train_clips_labels_are_permuted_among_a_sample(tmp_path, monkeypatch, caplog):
    files = corpus(tmp_path, n_train=240)
    plant(files, "avgpool", 3, 0.4)
    whole = run(files)
    monkeypatch.setattr(units, "MOST_FITTED", 90)
    found = run(files)
    assert any("labels: a random sample of 90 of 200 train" in line for line in caplog.messages)
    assert set(whole["n_permuted"]) == {200} and set(found["n_permuted"]) == {90}
    p = [name for name in UNITS if "p_permutation" in name or name in ("p_unit", "p_fdr")]
    pd.testing.assert_frame_equal(
        found.drop(columns=[*p, "n_permuted"]), whole.drop(columns=[*p, "n_permuted"])
    )
    assert not np.allclose(found[p], whole[p])
    # The p are those of a corpus without the other train clips.
    heard = files.of_split("train").iloc[files.order("train")]
    heard = heard[heard["role"] != "mixed"]
    kept = sampled(heard, files.clips, "train", 90, 1, "permutations")
    keep_only(files.path("train.h5"), heard["clip_id"][kept])
    selectivity_units(
        *(files.path(name) for name in ("train.h5", "test.h5", "clips.tsv", "units.tsv")),
        acoustics=files.acoustics(),
        fraction=0.125,
        permutations=199,
        seed=1,
        condition="natural",
        replicate="1",
    )
    pd.testing.assert_frame_equal(read_table(files.path("units.tsv"), UNITS)[p], found[p])


def test_products_in_float32_give_the_same_p_and_ranks(tmp_path, monkeypatch):
    files = corpus(tmp_path, n_train=1200)
    for unit, by in ((3, 0.3), (7, 0.15), (9, 0.1)):
        plant(files, "avgpool", unit, by)
    # Recordings of three clips, and clips of their own.
    groups = files.clips["group"].to_numpy().copy()
    groups[:900] = [f"of three {place // 3}" for place in range(900)]
    for name in ("alone", "groups"):
        files.clips["group"] = files.clips["clip_id"] if name == "alone" else groups
        exact = run(files)
        monkeypatch.setattr(weighted, "SMALL", 100)
        assert weighted.precision(101) is np.float32
        pd.testing.assert_frame_equal(run(files), exact)
        monkeypatch.undo()
