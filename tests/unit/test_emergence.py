"""Recognition, selectivity, decoding and embedding of networks after some epochs of training."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import RidgeCV
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES
from music_detectors.decoding.regressions import PENALTIES
from music_detectors.emergence import measure as emergence
from music_detectors.emergence.columns import EMERGENCE, EMERGENCE_LEFT_OUT, EMERGENCE_POINTS
from music_detectors.emergence.measure import measure_emergence
from music_detectors.jackknife.blocks import read_blocks
from music_detectors.responses.files import Layers, create_responses, snapshot_layer
from support.response_files import N_BLOCKS, WITHHOLD, classes, corpus

UNITS, SELECTIVE = 16, 2
# How much more two of the units respond to the target after each epoch.
EPOCHS = {0: 0.0, 3: 1.0, 10: 3.0}


def write(path, clip_ids, responses):
    """Write the `responses` by epoch, of a layer and of the outputs, as a file of snapshots."""
    names = [snapshot_layer(epoch, layer) for epoch in responses for layer in ("avgpool", "fc2")]
    units = dict(zip(names, [UNITS, len(classes())] * len(responses), strict=True))
    layers = Layers(tuple(names), names[-2], names[-1])
    with create_responses(path, clip_ids, units, layers, "0" * 64, "original") as file:
        for name, values in zip(names, sum(responses.values(), ()), strict=True):
            file[name][:] = values


def planted(clips, seed, epochs=EPOCHS):
    """Return responses by epoch: units 3 and 14 prefer the target, outputs know their class."""
    random = np.random.default_rng([seed, len(clips)])
    is_target = (clips["role"] == "target").to_numpy()
    knows = np.array([[mid in labels.split(";") for mid in classes()["mid"]]
                      for labels in clips["labels"]])  # fmt: skip
    responses = {}
    for epoch, effect in epochs.items():
        values = random.gamma(4, 0.25, (len(clips), UNITS))
        values[:, [3, 14]] += effect * is_target[:, None]
        outputs = random.normal(0, 1, knows.shape) + effect * knows
        responses[epoch] = (values.astype(np.float32), outputs.astype(np.float32))
    return responses


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The tables of two networks, with the clips and responses that they are about."""
    files = corpus(tmp_path_factory.mktemp("emergence"), n_train=120, n_test=96).write()
    given = {
        (split, seed): planted(files.of_split(split), seed)
        for split in ("train", "test")
        for seed in (1, 2)
    }
    for (split, seed), responses in given.items():
        write(files.path(f"{split}-{seed}.h5"), list(files.of_split(split)["clip_id"]), responses)
    return files, given, *run(files)


def run(files, seeds=(1, 2), **changed):
    """Return emergence.tsv and points.tsv, the rows of the networks `seeds` in turn."""
    settings = {"fraction": SELECTIVE / UNITS, "perplexity": 10, "permutations": 50, "seed": 7}
    tables = []
    for replicate in seeds:
        measure_emergence(
            files.path(f"train-{replicate}.h5"),
            files.path(f"test-{replicate}.h5"),
            *[
                files.path(f"{name}.tsv")
                for name in ("clips", "classes", "branches", "blocks", "matched", "a", "l", "b")
            ],
            **(settings | changed),
            withhold=WITHHOLD,
            condition="natural",
            replicate=replicate,
        )
        table = read_table(files.path("a.tsv"), EMERGENCE)
        tables.append((table, read_table(files.path("b.tsv"), EMERGENCE_POINTS)))
    return tuple(pd.concat(own, ignore_index=True) for own in zip(*tables, strict=True))


def parts(measured, seed, epoch):
    """Return roles, labels, responses and outputs of each split."""
    files, given = measured[:2]
    return {
        split: (files.of_split(split), *given[split, seed][epoch]) for split in ("train", "test")
    }


def rows(measured):
    return [(row, parts(measured, row["seed"], row["epoch"])) for _, row in measured[2].iterrows()]


def test_there_is_a_row_for_every_network_and_epoch(measured):
    table = measured[2]
    found = list(zip(table["seed"], table["epoch"], strict=True))
    assert found == [(seed, epoch) for seed in (1, 2) for epoch in EPOCHS]
    # Of six test clips in turn, two are of the target, three others and one is mixed.
    assert set(table["n_target"]) == {32} and set(table["n_other"]) == {48}


def test_recognition_is_over_the_classes_that_are_not_withheld_and_occur(measured):
    # Chance is the same for every network and epoch.
    assert measured[2]["chance"].nunique() == 1
    for row, of_split in rows(measured):
        clips, _, outputs = of_split["test"]
        precision, chance = [], []
        for place, (mid, name) in enumerate(zip(classes()["mid"], classes()["name"], strict=True)):
            if name in ("Music", "Jazz", "Singing", "Owl"):
                continue
            truth = [mid in labels.split(";") for labels in clips["labels"]]
            precision.append(average_precision_score(truth, outputs[:, place]))
            if row.name == 0:
                scores = np.random.default_rng(place).random((500, len(truth)))
                chance.append(np.mean([average_precision_score(truth, one) for one in scores]))
        assert row["natural_map"] == pytest.approx(np.mean(precision), rel=1e-12)
        # The mean of 500 draws for each class has a standard error of about 0.001.
        assert row.name or row["chance"] == pytest.approx(np.mean(chance), abs=0.005)


def test_selective_units_are_chosen_on_train_clips_and_measured_on_test_clips(measured):
    for row, of_split in rows(measured):
        groups = {
            split: [values[clips["role"] == role] for role in ("target", "other")]
            for split, (clips, values, _) in of_split.items()
        }
        t = stats.ttest_ind(*(group.astype(float) for group in groups["train"]), equal_var=False)
        chosen = np.argsort(-t.statistic)[:SELECTIVE]
        target, other = (group[:, chosen].astype(float).mean(axis=1) for group in groups["test"])
        assert row["ratio"] == pytest.approx(target.mean() / other.mean(), rel=1e-12)
        n = len(target) + len(other) - 2
        pooled = (
            (len(target) - 1) * target.var(0, ddof=1) + (len(other) - 1) * other.var(0, ddof=1)
        ) / n
        d = (target.mean(0) - other.mean(0)) / np.sqrt(pooled)
        # The usual approximation of the exact correction; it is off by less than 1e-4 here.
        assert row["hedges_g"] == pytest.approx(d * (1 - 3 / (4 * n - 1)), rel=1e-4)
    ratios = measured[2].groupby("epoch")["ratio"].mean()
    assert ratios[0] < 1.2 < ratios[3] < ratios[10]


def test_the_target_is_decoded_from_all_units(measured):
    for row, of_split in rows(measured):
        scaler = StandardScaler()
        used = {
            split: (clips["role"] != "mixed").to_numpy() for split, (clips, *_) in of_split.items()
        }
        x = {split: of_split[split][1][used[split]].astype(float) for split in used}
        y = {
            split: (of_split[split][0]["role"] == "target").to_numpy()[used[split]]
            for split in used
        }
        model = RidgeCV(PENALTIES).fit(scaler.fit_transform(x["train"]), y["train"].astype(float))
        scores = model.predict(scaler.transform(x["test"]))
        assert row["decoding"] == pytest.approx(
            average_precision_score(y["test"], scores), rel=1e-9
        )
    table = measured[2]
    assert table.loc[table["epoch"] == 10, "decoding"].min() > 0.95
    assert table["decoding_chance"].between(0.4, 0.45).all()


def test_segregation_is_that_of_the_points(measured):
    table, points = measured[2:]
    placed_for = list(
        points[["seed", "epoch"]].drop_duplicates().itertuples(index=False, name=None)
    )
    assert placed_for == [(seed, epoch) for seed in (1, 2) for epoch in EPOCHS]
    for (seed, epoch), placed in points.groupby(["seed", "epoch"]):
        assert list(placed["role"].value_counts()[["other", "target"]]) == [48, 32]
        # 80 clips, four per bin: 4 bins along each axis.
        edges = [np.linspace(placed[axis].min(), placed[axis].max(), 5) for axis in "xy"]
        shares = []
        for role in ("target", "other"):
            of_role = placed[placed["role"] == role]
            shares.append(np.histogram2d(of_role["x"], of_role["y"], bins=edges)[0] / len(of_role))
        index = 1 - np.sqrt(shares[0] * shares[1]).sum()
        random = np.random.default_rng(2)
        by_chance = []
        for _ in range(300):
            target = random.permutation((placed["role"] == "target").to_numpy())
            shares = [
                np.histogram2d(placed["x"][chosen], placed["y"][chosen], bins=edges)[0]
                / chosen.sum()
                for chosen in (target, ~target)
            ]
            by_chance.append(1 - np.sqrt(shares[0] * shares[1]).sum())
        chance = np.mean(by_chance)
        found = table.loc[(table["seed"] == seed) & (table["epoch"] == epoch), "segregation"].item()
        # The mean of 50 permutations has a standard error of about 0.005.
        assert found == pytest.approx((index - chance) / (1 - chance), abs=0.03)
    segregation = table.groupby("epoch")["segregation"].mean()
    assert segregation[0] < 0.2 < segregation[10]


def test_the_same_run_gives_the_same_bytes_and_another_seed_other_points(measured):
    files = measured[0]
    run(files)
    once = [files.path(name).read_bytes() for name in ("a.tsv", "b.tsv")]
    run(files)
    assert [files.path(name).read_bytes() for name in ("a.tsv", "b.tsv")] == once
    table, _ = run(files, seed=8)
    unchanged = ["natural_map", "ratio", "hedges_g", "decoding"]
    assert table[unchanged].equals(measured[2][unchanged])
    assert not table["segregation"].equals(measured[2]["segregation"])


def small(folder, n_train=36, n_test=24, change=None):
    """Write a small corpus with the responses of one network, after `change` of its clips."""
    files = corpus(folder, n_train=n_train, n_test=n_test)
    if change:
        change(files.clips)
    files.write()
    for split in ("train", "test"):
        clips = files.of_split(split)
        write(files.path(f"{split}-1.h5"), list(clips["clip_id"]), planted(clips, 1))
    return files


def test_constant_responses_have_no_effect_and_do_not_stop_the_analysis(tmp_path):
    files = small(tmp_path)
    for split in ("train", "test"):
        clips = files.of_split(split)
        nothing = {0: (np.zeros((len(clips), UNITS), "f4"), np.zeros((len(clips), 6), "f4"))}
        write(files.path(f"{split}-1.h5"), list(clips["clip_id"]), nothing)
    table, _ = run(files, [1])
    assert np.isnan(table["ratio"][0]) and table["hedges_g"][0] == 0
    assert table["segregation"].isna()[0] or abs(table["segregation"][0]) < 1e-9


def test_clips_of_one_role_only_are_refused(tmp_path):
    def no_target(clips):
        clips.loc[clips["split"] == "train", "role"] = "other"

    files = small(tmp_path, change=no_target)
    with pytest.raises(InputError, match=r"train-1\.h5: 0 target and 36 other clips in the train"):
        run(files, [1])


def test_responses_that_are_not_of_snapshots_are_refused(tmp_path):
    files = small(tmp_path)
    files.path("train.h5").replace(files.path("train-1.h5"))
    with pytest.raises(
        InputError, match=r"train-1\.h5: damaged responses \(not those of a network"
    ):
        run(files, [1])


def test_responses_that_are_not_finite_are_refused(tmp_path):
    files = small(tmp_path)
    clips = files.of_split("test")
    responses = planted(clips, 1)
    responses[3][1][4, 2] = np.inf
    write(files.path("test-1.h5"), list(clips["clip_id"]), responses)
    with pytest.raises(InputError, match=rf"response to clip {clips['clip_id'][4]} is not finite"):
        run(files, [1])


def test_outputs_of_another_corpus_are_refused(tmp_path):
    files = small(tmp_path)
    write_table(files.path("classes.tsv"), classes()[:-1], CLASSES)
    with pytest.raises(
        InputError, match=r"test-1\.h5: damaged responses \(6 outputs for 5 classes"
    ):
        run(files, [1])


def test_without_a_block_equals_the_analysis_of_the_clips_that_are_left(measured, tmp_path):
    files, given = measured[:2]
    whole, _ = run(files, seeds=(1,))
    found = read_table(files.path("l.tsv"), EMERGENCE_LEFT_OUT)
    assert set(found["epoch"]) == {0, 10} and set(found["seed"]) == {1}
    test = files.of_split("test")
    block = np.array(read_blocks(files.path("blocks.tsv"), list(test["clip_id"])))
    fewer = tmp_path / "test-1.h5"
    for number in range(N_BLOCKS):
        kept = block != number
        responses = {
            epoch: tuple(values[kept] for values in of_epoch)
            for epoch, of_epoch in given["test", 1].items()
        }
        write(fewer, list(test["clip_id"][kept]), responses)
        measure_emergence(
            files.path("train-1.h5"),
            fewer,
            *[
                files.path(f"{name}.tsv")
                for name in ("clips", "classes", "branches", "blocks", "matched")
            ],
            *[tmp_path / name for name in ("a", "l", "b")],
            fraction=SELECTIVE / UNITS,
            perplexity=10,
            permutations=5,
            seed=7,
            withhold=WITHHOLD,
            condition="natural",
            replicate=1,
        )
        expected = read_table(tmp_path / "a", EMERGENCE).set_index("epoch").loc[[0, 10]]
        of_block = found[found["block"] == number].set_index("epoch").loc[[0, 10]]
        apart = {"seed", "epoch", "segregation", "matched_segregation"}
        for column in set(EMERGENCE) - apart:
            np.testing.assert_allclose(of_block[column], expected[column], rtol=1e-9)
    # The points stay where they are, so the index changes little with a quarter of the clips.
    means = found.groupby("epoch")["segregation"].mean()
    np.testing.assert_allclose(
        means, whole.set_index("epoch").loc[[0, 10], "segregation"], atol=0.15
    )


def test_of_many_clips_samples_are_embedded_and_fitted(measured, monkeypatch, caplog):
    files, _, whole, _ = measured
    monkeypatch.setattr(emergence, "MOST_OVER_TRAINING", 40)
    monkeypatch.setattr(emergence, "MOST_FITTED", 60)
    found, points = run(files, seeds=(1,))
    lines = " ".join(caplog.messages)
    assert "embedding over training: a random sample of 40 of 80 test clips" in lines
    assert "decoding over training: a random sample of 60 of" in lines
    assert set(found["n_target"] + found["n_other"]) == {40}
    assert (points.groupby("epoch").size() == 40).all()
    own = whole[whole["seed"] == 1].reset_index(drop=True)
    same = ["natural_map", "ratio", "hedges_g"]
    pd.testing.assert_frame_equal(found[same], own[same])
    assert not np.allclose(found["decoding"], own["decoding"])
