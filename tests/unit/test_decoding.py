"""Decoding, compared with scikit-learn; planted and null units, confounds, errors."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, Ridge, RidgeCV
from sklearn.metrics import average_precision_score

from music_detectors.acoustics.columns import ACOUSTICS, COVARIATES
from music_detectors.common.average_precision import chance_average_precision
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.decoding import decode
from music_detectors.decoding.columns import DECODING, DECODING_LEFT_OUT
from music_detectors.decoding.decode import decode_target
from music_detectors.decoding.regressions import (
    PENALTIES,
    Part,
    Regressions,
    least_squares,
    ridge,
)
from music_detectors.responses.files import read_responses
from music_detectors.responses.sample import sampled
from music_detectors.selectivity.columns import UNITS
from support.response_files import corpus, keep_only, write_blocks, write_matched, write_responses

LAYER = "avgpool"
N_UNITS = 16


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def units_table(order):
    """Return a units.tsv whose units are ranked in `order`; it has another layer too."""
    parts = []
    for layer, ranked in (("conv1", np.arange(3)), (LAYER, np.asarray(order))):
        rows = {name: 0 if kind is int else 0.5 for name, kind in UNITS.items()}
        table = pd.DataFrame(rows, index=range(len(ranked)))
        table["layer"] = layer
        table["reported"] = layer == LAYER
        table["unit"] = np.arange(len(ranked))
        table.loc[ranked, "rank"] = np.arange(1, len(ranked) + 1)
        parts.append(table.assign(selective=table["rank"] <= 2))
    return pd.concat(parts, ignore_index=True)


def run(files, order=None, name="decoding.tsv", write=True, n_blocks=4, matched=None, **changed):
    if write:
        files.write()
    order = np.arange(N_UNITS) if order is None else order
    write_table(files.path("units.tsv"), units_table(order), UNITS)
    options = {
        "acoustics": files.acoustics(),
        "fixed": {},
        "layer": LAYER,
        "block_size": 6,
        "seed": 1,
        "replicate": 1,
    } | changed
    write_blocks(files.path("blocks.tsv"), files.clips, n_blocks)
    write_matched(files.path("matched.tsv"), files.clips, matched)
    decode_target(
        files.path("units.tsv"),
        files.path("train.h5"),
        files.path("test.h5"),
        files.path("clips.tsv"),
        files.path("classes.tsv"),
        files.path("blocks.tsv"),
        files.path("matched.tsv"),
        files.path(name),
        files.path(f"left-out-{name}"),
        **options,
    )
    return read_table(files.path(name), DECODING)


def of_target(table):
    return table[table["genre"] == ""].reset_index(drop=True)


def ridge_precision(train, label, test, truth):
    """The average precision of scikit-learn's ridge regression, features standardised."""
    mean, spread = train.mean(axis=0), train.std(axis=0)
    model = RidgeCV(PENALTIES).fit((train - mean) / spread, label)
    return average_precision_score(truth, model.predict((test - mean) / spread))


def of_split(files, split):
    """Return responses, covariates and labels of the target and other clips in the file."""
    rows = files.order(split)
    role = files.of_split(split)["role"].to_numpy()[rows]
    kept = np.isin(role, ["target", "other"])
    covariates = read_table(files.path(f"acoustics-{split}.tsv"), ACOUSTICS)
    responses = files.responses[split][LAYER][rows[kept]].astype(np.float64)
    return (
        responses,
        covariates.loc[rows[kept], list(COVARIATES)].to_numpy(),
        role[kept] == "target",
    )


def features(n=80, k=5, seed=0, m=60):
    random = np.random.default_rng(seed)
    mixing = random.normal(0, 1, (k, k)) * 10.0 ** random.uniform(-3, 3, k)
    train, test = random.normal(3, 1, (n, k)) @ mixing, random.normal(3, 1, (m, k)) @ mixing
    return train, (random.random(n) < 0.3).astype(float), test


@pytest.mark.parametrize(("n", "k"), [(80, 5), (30, 29), (20, 40)])
def test_least_squares_equals_scikit_learn(n, k):
    random = np.random.default_rng(n)
    train, test = random.gamma(1, 1, (n, k)), random.gamma(1, 1, (60, k))
    label = (random.random(n) < 0.4).astype(float)
    expected = LinearRegression().fit(train, label).predict(test)
    np.testing.assert_allclose(least_squares(train, label, test), expected, rtol=1e-7, atol=1e-8)


def test_least_squares_allows_constant_and_identical_units():
    train, label, test = features()
    plain = least_squares(train, label, test)
    more = [np.column_stack([x, np.full(len(x), 0.1), x[:, 1]]) for x in (train, test)]
    np.testing.assert_allclose(least_squares(more[0], label, more[1]), plain, rtol=1e-6)


@pytest.mark.parametrize(("n", "k", "seed"), [(80, 5, 0), (80, 25, 1), (30, 60, 2), (500, 16, 3)])
def test_ridge_and_its_penalty_equal_scikit_learn(n, k, seed):
    train, label, test = features(n, k, seed)
    label = (train @ np.random.default_rng(seed).normal(0, 1, k) > 0).astype(float)
    mean, spread = train.mean(axis=0), train.std(axis=0)
    z, z_test = (train - mean) / spread, (test - mean) / spread
    scores, penalty = ridge(train, label, test, np.arange(n))
    assert penalty == RidgeCV(PENALTIES).fit(z, label).alpha_
    expected = Ridge(penalty).fit(z, label).predict(z_test)
    np.testing.assert_allclose(scores, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("k", "seed"), [(6, 0), (40, 1), (120, 2)])
def test_the_penalty_is_chosen_with_whole_groups_left_out(k, seed):
    random = np.random.default_rng(seed)
    # Groups of one to seven clips that resemble each other, more features than clips at last.
    groups = random.permutation(np.repeat(np.arange(20), random.integers(1, 8, 20)))
    train = random.normal(size=(20, k))[groups] + 0.3 * random.normal(size=(len(groups), k))
    label = (groups % 3 == 0).astype(float)
    z = (train - train.mean(axis=0)) / train.std(axis=0)

    def errors(penalty, own):
        fit = Ridge(penalty).fit(z[groups != own], label[groups != own])
        return np.square(label[groups == own] - fit.predict(z[groups == own])).sum()

    press = [sum(errors(penalty, own) for own in range(20)) for penalty in PENALTIES]
    _, penalty = ridge(train, label, train, groups)
    assert penalty == PENALTIES[np.argmin(press)]
    # Single clips left out are predicted from others of their group, with too small a penalty.
    assert penalty > ridge(train, label, train, np.arange(len(groups)))[1]


def test_the_penalty_is_large_when_features_are_random():
    train, label, test = features(60, 30, 4)
    _, of_noise = ridge(train, label, test, np.arange(60))
    _, of_signal = ridge(train, 5 * (train[:, 0] - train[:, 1]), test, np.arange(60))
    assert of_noise >= 100 * of_signal


def test_parts_that_share_an_origin_are_fitted_as_one():
    random = np.random.default_rng(5)
    others, targets = random.gamma(1, 1, (60, 7)), random.gamma(2, 1, (25, 7))
    # A unit that only targets drive, one that answers all but a few of them alike, and one whose
    # small answers stand beside a large one of a target that is not fitted.
    others[:, 0] = 0
    others[:, 1] = targets[:20, 1] = 0.1
    others[:, 2] *= 1e-6
    targets[:20, 2] *= 1e-6
    rows, test = np.arange(20), random.gamma(1, 1, (30, 7))
    label = np.repeat([0.0, 1.0], [60, 20])
    of_others = Part(others)
    of_targets = Part(targets, of_others.origin)
    together = Regressions([of_others, of_targets.only(rows)], label)
    at_once = np.vstack([others, targets[rows]])
    groups = np.arange(80) // 2
    found, (expected, penalty) = together.ridge(groups), ridge(at_once, label, test, groups)
    assert found.penalty == penalty
    np.testing.assert_allclose(found.scores(test), expected, rtol=1e-7, atol=1e-9)
    for columns in (slice(0, 3), slice(2, 7)):
        found = together.least_squares(columns).scores(test)
        expected = least_squares(at_once[:, columns], label, test[:, columns])
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def test_ridge_leaves_constant_features_out():
    train, label, test = features()
    more = [np.column_stack([x, np.full(len(x), 0.1), np.zeros(len(x))]) for x in (train, test)]
    groups = np.arange(len(train))
    found = ridge(more[0], label, more[1], groups)[0]
    np.testing.assert_allclose(found, ridge(train, label, test, groups)[0])
    scores, _ = ridge(np.ones((4, 2)), np.array([0.0, 1, 1, 0]), np.zeros((3, 2)), np.arange(4))
    assert scores.tolist() == [0.5, 0.5, 0.5]


def test_every_row_equals_scikit_learn(tmp_path):
    files = corpus(tmp_path, n_train=120, n_test=90)
    order = np.random.default_rng(5).permutation(N_UNITS)
    for split in ("train", "test"):
        target = (files.of_split(split)["role"] == "target").to_numpy()
        files.responses[split][LAYER][target] += np.linspace(0, 0.6, N_UNITS, dtype=np.float32)
    table = of_target(run(files, order))
    kinds = ["units"] * 3 + ["covariates", "units and covariates", "all units"]
    assert list(table["features"]) == kinds
    np.testing.assert_array_equal(table["first_rank"], [1, 7, 13, np.nan, 1, 1])
    np.testing.assert_array_equal(table["last_rank"], [6, 12, 16, np.nan, 6, 16])
    assert list(table["n_features"]) == [6, 6, 4, 16, 22, 16]
    (train, with_train, label), (test, with_test, truth) = (
        of_split(files, split) for split in ("train", "test")
    )
    assert set(table["n_train"]) == {len(label)} and set(table["n_test"]) == {len(truth)}
    # Some clips have the same responses, so their scores tie, which lowers chance a little.
    chance = chance_average_precision(truth.sum(), len(truth))
    np.testing.assert_allclose(table["chance"], chance, rtol=2e-4)
    for place, start in enumerate((0, 6, 12)):
        block = order[start : start + 6]
        scores = LinearRegression().fit(train[:, block], label).predict(test[:, block])
        expected = average_precision_score(truth, scores)
        assert table["average_precision"][place] == pytest.approx(expected, rel=1e-9)
    varied = np.ptp(with_train, axis=0) > 0
    with_train, with_test = with_train[:, varied], with_test[:, varied]
    top = order[:6]
    both = np.hstack([train[:, top], with_train]), np.hstack([test[:, top], with_test])
    for place, (x, y) in enumerate(((with_train, with_test), both, (train, test)), 3):
        expected = ridge_precision(x, label, y, truth)
        assert table["average_precision"][place] == pytest.approx(expected, rel=1e-9)


def test_features_of_fixed_models_join_all_units(tmp_path):
    files = corpus(tmp_path, n_train=120, n_test=90)
    random = np.random.default_rng(8)
    # The other model has its clips in another order, and features that tell the target.
    features = {}
    for split in ("train", "test"):
        of_clips = files.of_split(split)
        features[split] = random.normal(0, 1, (len(of_clips), 5)).astype(np.float32)
        features[split][(of_clips["role"] == "target").to_numpy()] += np.float32(1.5)
        write_responses(
            files.path(f"bank-{split}.h5"), list(of_clips["clip_id"]), {LAYER: features[split]}
        )
    paths = files.path("bank-train.h5"), files.path("bank-test.h5")
    table = of_target(run(files, fixed={"bank": paths})).set_index("features")
    parts = []
    for split in ("train", "test"):
        responses, _, label = of_split(files, split)
        rows = files.order(split)
        kept = np.isin(files.of_split(split)["role"].to_numpy()[rows], ["target", "other"])
        parts += [np.hstack([responses, features[split][rows[kept]]]), label]
    joint = table.loc["all units and bank"]
    assert joint["average_precision"] == pytest.approx(ridge_precision(*parts), rel=1e-9)
    assert joint["n_features"] == N_UNITS + 5
    assert joint["average_precision"] > table.loc["all units", "average_precision"] + 0.1


def test_a_fixed_model_without_a_clip_is_refused(tmp_path):
    files = corpus(tmp_path)
    for split in ("train", "test"):
        ids = list(files.of_split(split)["clip_id"])[:-3]
        write_responses(files.path(f"bank-{split}.h5"), ids, {LAYER: np.zeros((len(ids), 2), "f4")})
    paths = files.path("bank-train.h5"), files.path("bank-test.h5")
    with pytest.raises(InputError, match=r"bank-train\.h5: damaged responses .has no response to"):
        run(files, fixed={"bank": paths})


def test_each_genre_is_decoded_among_other_clips(tmp_path):
    files = corpus(tmp_path, n_train=180, n_test=120)
    for split in ("train", "test"):
        jazz = files.of_split(split)["labels"].str.contains("jazz").to_numpy()
        files.responses[split][LAYER][jazz, 2] += np.float32(3)
    whole = run(files)
    table = whole[whole["genre"] == "/m/jazz"].reset_index(drop=True)
    assert set(whole["genre"]) == {"", "/m/jazz"}
    assert list(table["features"]) == ["units"] * 3 + ["all units"]
    parts = []
    for split in ("train", "test"):
        of_clips = files.of_split(split).iloc[files.order(split)]
        is_jazz = (of_clips["role"] == "target") & of_clips["labels"].str.contains("jazz")
        kept = (is_jazz | (of_clips["role"] == "other")).to_numpy()
        responses = files.responses[split][LAYER][files.order(split)].astype(np.float64)
        parts += [responses[kept], is_jazz.to_numpy()[kept]]
    train, label, test, truth = parts
    assert set(table["n_train"]) == {len(label)} and set(table["n_test"]) == {len(truth)}
    # Some clips have the same responses, so their scores tie, which lowers chance a little.
    chance = chance_average_precision(truth.sum(), len(truth))
    np.testing.assert_allclose(table["chance"], chance, rtol=2e-4)
    scores = LinearRegression().fit(train[:, :6], label).predict(test[:, :6])
    first, *_, last = table["average_precision"]
    assert first == pytest.approx(average_precision_score(truth, scores), rel=1e-9)
    assert last == pytest.approx(ridge_precision(train, label, test, truth), rel=1e-9)
    assert first > 0.8 > table["average_precision"][1]


def test_left_out_rows_are_those_of_the_clips_that_remain(tmp_path):
    files = corpus(tmp_path, n_train=180, n_test=120)
    whole = run(files)
    without = read_table(files.path("left-out-decoding.tsv"), DECODING_LEFT_OUT)
    blocks = write_blocks(files.path("blocks.tsv"), files.clips, 4)
    keys = ["seed", "genre", "features", "first_rank"]
    # The third block of units is in no claim, and of genres only the first is.
    last = np.where(whole["genre"] == "", 7, 1)
    claimed = whole[~(whole["first_rank"] > last)]
    assert len(claimed) < len(whole) and len(without) == 4 * len(claimed)
    order = files.order("test")
    for block in (0, 3):
        kept = files.of_split("test")["clip_id"].map(blocks).to_numpy()[order] != block
        write_responses(
            files.path("test.h5"),
            list(files.of_split("test")["clip_id"].to_numpy()[order][kept]),
            {layer: values[order][kept] for layer, values in files.responses["test"].items()},
        )
        again = run(files, write=False, name="again.tsv")
        expected = claimed[keys].merge(again, on=keys, how="left")
        found = without[without["block"] == block]
        found = claimed[keys].merge(found, on=keys, how="left")
        for name in ("n_test", "average_precision", "chance"):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)
        assert (found["n_test"] < whole["n_test"].min()).any()
    run(files, n_blocks=1)
    assert read_table(files.path("left-out-decoding.tsv"), DECODING_LEFT_OUT).empty


def test_a_genre_with_too_few_clips_has_no_rows(tmp_path):
    files = corpus(tmp_path)
    jazz = files.clips["labels"].str.contains("jazz") & (files.clips["role"] == "target")
    of_train = files.clips.index[jazz & (files.clips["split"] == "train")]
    files.clips.loc[of_train[1:], "role"] = "mixed"
    assert set(run(files)["genre"]) == {""}


def test_selective_units_decode_the_target_and_null_units_are_at_chance(tmp_path):
    files = corpus(tmp_path, seed=6, n_train=600, n_test=600)
    for split in ("train", "test"):
        target = (files.of_split(split)["role"] == "target").to_numpy()
        files.responses[split][LAYER][target, :6] += np.float32(1.2)
    table = run(files)
    precision = table["average_precision"]
    assert precision[0] > 0.9
    # About 180 of 500 clips are target: the AP of random scores varies by some 0.03.
    for null in (1, 2, 3):
        assert precision[null] == pytest.approx(table["chance"][0], abs=0.1)
    assert precision[4] == pytest.approx(precision[0], abs=0.03)
    assert precision[5] > 0.9


def test_covariates_that_differ_between_groups_decode_the_target(tmp_path):
    files = corpus(tmp_path, n_train=240, n_test=240).write()
    for split in ("train", "test"):
        path = files.path(f"acoustics-{split}.tsv")
        covariates = read_table(path, ACOUSTICS)
        target = (files.of_split(split)["role"] == "target").to_numpy()
        covariates.loc[target, "level_db"] += 25
        write_table(path, covariates, ACOUSTICS)
    table = of_target(run(files, write=False)).set_index("features")
    assert table.loc["covariates", "average_precision"] > 0.9
    assert table.loc["units and covariates", "average_precision"] > 0.9
    assert table.loc["units", "average_precision"].max() < 0.7


def test_clips_without_sound_are_left_out(tmp_path):
    files = corpus(tmp_path, n_train=90, n_test=60).write()
    silent = {}
    for split in ("train", "test"):
        path = files.path(f"acoustics-{split}.tsv")
        covariates = read_table(path, ACOUSTICS)
        # The first two clips in the file that are target or other.
        ids = files.of_split(split)
        in_file = ids.iloc[files.order(split)]
        silent[split] = in_file.loc[in_file["role"] != "mixed", "clip_id"].iloc[:2].tolist()
        covariates.loc[covariates["clip_id"].isin(silent[split]), "flatness"] = np.nan
        write_table(path, covariates, ACOUSTICS)
    table = run(files, write=False)
    for split in ("train", "test"):
        _, covariates, _ = of_split(files, split)
        assert set(of_target(table)[f"n_{split}"]) == {len(covariates) - 2}
        mixed = files.clips["clip_id"].isin(silent[split])
        files.clips.loc[mixed, "role"] = "mixed"
    files.write()
    pd.testing.assert_frame_equal(run(files, write=False), table)


def test_rows_name_their_network_and_runs_are_reproducible(tmp_path):
    files = corpus(tmp_path)
    table = run(files, replicate=5)
    assert list(of_target(table)["seed"]) == [5] * 6
    pd.testing.assert_frame_equal(run(files, name="first.tsv").assign(seed=5), table)
    run(files, name="again.tsv", replicate=5)
    assert files.path("decoding.tsv").read_bytes() == files.path("again.tsv").read_bytes()


def test_a_block_larger_than_the_layer(tmp_path):
    table = of_target(run(corpus(tmp_path), block_size=32))
    assert list(table["n_features"]) == [16, 16, 32, 16]
    assert list(table["last_rank"].fillna(-1)) == [16, -1, 16, 16]


def test_dead_units_are_at_chance(tmp_path):
    files = corpus(tmp_path)
    for split in ("train", "test"):
        files.responses[split][LAYER][:] = 0
    table = run(files)
    truth = of_split(files, "test")[2]
    # Equal scores have one threshold, whose precision is the share of positives.
    assert (table["average_precision"][:3] == truth.mean()).all()


def test_files_that_do_not_fit_are_refused(tmp_path):
    files = corpus(tmp_path).write()
    with pytest.raises(
        InputError, match=r"units\.tsv: damaged table .ranks 15 units, but there are .* 16"
    ):
        run(files, order=np.arange(15))
    with pytest.raises(InputError, match=r"units\.tsv: damaged table .has no unit of fc1"):
        run(files, layer="fc1")
    files.responses["test"][LAYER][files.order("test")[0], 3] = np.nan
    clip = files.of_split("test")["clip_id"][files.order("test")[0]]
    with pytest.raises(InputError, match=rf"test\.h5: the response to clip {clip} is not finite"):
        run(files)


def test_too_few_train_clips_are_refused(tmp_path):
    files = corpus(tmp_path)
    in_file = files.of_split("train").iloc[files.order("train")]
    target = in_file.loc[in_file["role"] == "target", "clip_id"].tolist()
    files.clips.loc[files.clips["clip_id"].isin(target[1:]), "role"] = "mixed"
    with pytest.raises(
        InputError, match=r"train\.h5: 1 target and \d+ other train clips with sound"
    ):
        run(files)


def test_matched_clips_are_decoded_by_a_model_of_matched_clips_alone(tmp_path):
    files = corpus(tmp_path, n_train=240, n_test=180)
    whole = run(files)
    names = ("n_test", "average_precision", "chance")
    for name in names:
        # Where all clips are matched, nothing changes.
        np.testing.assert_array_equal(whole[f"matched_{name}"], whole[name])
    kept = [clip_id for number, clip_id in enumerate(files.clips["clip_id"]) if number % 7]
    found = run(files, matched=kept)
    pd.testing.assert_frame_equal(found[list(whole)[:10]], whole[list(whole)[:10]])
    # The same model, of files that have no other clips.
    fewer = {}
    for split in ("train", "test"):
        order = files.order(split)
        ids = files.of_split(split)["clip_id"].to_numpy()[order]
        rows = np.isin(ids, kept)
        fewer[split] = {layer: v[order][rows] for layer, v in files.responses[split].items()}
        write_responses(files.path(f"{split}.h5"), list(ids[rows]), fewer[split])
    alone = of_target(run(files, write=False, name="alone.tsv"))
    matched = of_target(found)
    for name in names:
        np.testing.assert_allclose(matched[f"matched_{name}"], alone[name], rtol=1e-9)
    assert (matched["matched_n_test"] < matched["n_test"]).all()
    without, of_alone = (
        of_target(read_table(files.path(f"left-out-{name}.tsv"), DECODING_LEFT_OUT))
        for name in ("decoding", "alone")
    )
    np.testing.assert_allclose(
        without["matched_average_precision"], of_alone["average_precision"], rtol=1e-9
    )


def test_without_matched_clips_there_is_no_score_of_them(tmp_path):
    found = run(corpus(tmp_path), matched=[])
    assert found["matched_average_precision"].isna().all()
    assert (found["matched_n_test"] == 0).all() and found["average_precision"].notna().all()


def test_of_many_train_clips_a_sample_is_used(tmp_path, monkeypatch, caplog):
    files = corpus(tmp_path, n_train=240, n_test=120)
    whole = run(files)
    monkeypatch.setattr(decode, "MOST_FITTED", 90)
    found = run(files)
    assert "decoding: a random sample of 90 of 200 train clips, by role" in caplog.messages
    assert set(of_target(found)["n_train"]) == {90}
    assert (found["n_test"] == whole["n_test"]).all()
    assert not np.allclose(found["average_precision"], whole["average_precision"])
    # As if there were no other train clips.
    train = files.of_split("train")
    heard = train[train["clip_id"].isin(read_responses(files.path("train.h5"), [])[0])]
    heard = heard[heard["role"] != "mixed"]
    kept = sampled(heard, files.clips, "train", 90, 1, "decoding")
    keep_only(files.path("train.h5"), heard["clip_id"][kept])
    pd.testing.assert_frame_equal(run(files, write=False), found)
