"""The tables of lesions against brute force, scikit-learn, planted and null networks."""

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save
from sklearn.metrics import average_precision_score

from music_detectors.common.average_precision import chance_average_precision
from music_detectors.common.errors import InputError
from music_detectors.common.sealed import metadata, sealed
from music_detectors.common.tables import read_table, write_table
from music_detectors.jackknife.columns import BLOCKS
from music_detectors.lesions.columns import LESION_CLASSES, LESIONS, LESIONS_LEFT_OUT
from music_detectors.lesions.orders import MATCHED_DRAWS, NAMED, matched_units, random_orders
from music_detectors.lesions.units import lesion_units
from music_detectors.recognition.columns import RECOGNITION_SUMMARY
from music_detectors.recognition.scores import score_recognition, summarise_recognition
from music_detectors.selectivity.columns import UNITS
from music_detectors.training.columns import NETWORK_CLIPS
from support import figure_tables
from support.response_files import (
    N_BLOCKS,
    WITHHOLD,
    Corpus,
    classes,
    clips,
    write_responses,
)

AVGPOOL, FC1, CLASSES = 16, 5, 6
DRAWS = 20
FRACTIONS = [0.5, 0.25]
NATURAL, TARGET = [0, 4], [1, 2]  # with positives; the owl (5) is natural and has none


class Network:
    """A small readout with responses of its own, on disk beside the tables of a corpus."""

    def __init__(self, folder, seed=0, answers=None, parameters=None, **sizes):
        random = np.random.default_rng(seed)
        self.folder, self.clips = folder, clips(**sizes)
        self.parameters = parameters or {
            "fc1.weight": random.normal(0, 0.6, (FC1, AVGPOOL)),
            "fc1.bias": random.normal(0, 0.6, FC1),
            "fc2.weight": random.normal(0, 1, (CLASSES, FC1)),
            "fc2.bias": random.normal(0, 1, CLASSES),
        }
        self.parameters = {k: v.astype(np.float32) for k, v in self.parameters.items()}
        self.responses = {}
        for split, n in self.clips.groupby("split").size().items():
            given = random.normal(0.3, 1, (n, AVGPOOL)) if answers is None else answers[split]
            pooled = np.maximum(given, 0).astype(np.float32)
            self.responses[split] = {"avgpool": pooled, **self.outputs(pooled)}
        table = figure_tables.units("natural", seed, (("avgpool", AVGPOOL), ("fc1", FC1)))
        self.units = table

    def outputs(self, pooled, silenced=(), layer="avgpool", to=0):
        """Run the readout on `pooled` with units at zero or `to`, in the simplest way."""
        p = self.parameters
        pooled = pooled.copy()
        if layer == "avgpool":
            pooled[:, silenced] = to
        fc1 = np.maximum(pooled @ p["fc1.weight"].T + p["fc1.bias"], 0)
        if layer == "fc1":
            fc1[:, silenced] = to
        return {"fc1": fc1, "fc2": fc1 @ p["fc2.weight"].T + p["fc2.bias"]}

    def write(self):
        self.folder.mkdir(exist_ok=True)
        self.files = Corpus(self.folder, self.clips, self.responses).write()
        content = sealed(save(self.parameters, metadata({"model": "kim2024"}, self.folder)))
        (self.folder / "weights.safetensors").write_bytes(content)
        write_table(self.folder / "units.tsv", self.units, UNITS)
        return self

    def tested(self):
        """Return the test clips that have responses, and their pooled responses."""
        order = self.files.order("test")
        table = self.files.of_split("test").iloc[order]
        return table, self.responses["test"]["avgpool"][order]


def run(networks, layer="avgpool", fractions=FRACTIONS, draws=DRAWS, seed=1):
    """Return the lesions of the study and the classes, those of all `networks` in turn."""
    found = [
        run_one(network, replicate, layer, fractions, draws, seed)
        for replicate, network in enumerate(networks, 1)
    ]
    return tuple(pd.concat(tables, ignore_index=True) for tables in zip(*found, strict=True))


def run_one(
    network, replicate=1, layer="avgpool", fractions=(FRACTIONS[0],), draws=DRAWS, seed=1, **changed
):
    folder = network.folder
    rest = {name: value for name, value in changed.items() if name != "claimed"}
    lesion_units(
        "kim2024",
        *[folder / name for name in ("weights.safetensors", "train.h5", "test.h5")],
        *[folder / f"{name}.tsv" for name in ("units", "clips", "classes", "branches")],
        "no spectrograms",
        folder / "blocks.tsv",
        folder / "lesions.tsv",
        folder / "lesion_classes.tsv",
        folder / "left_out.tsv",
        claimed=changed.get("claimed", fractions[0]),
        replicate=replicate,
        layer=layer,
        fractions=fractions,
        random_draws=draws,
        seed=seed,
        condition="natural",
        withhold=WITHHOLD,
        device="cpu",
        threads=1,
        memory_mb=1,
        **{"journal": folder / "journal.h5", "code": ""} | rest,
    )
    return (
        of_the_study(read_table(folder / "lesions.tsv", LESIONS)),
        read_table(folder / "lesion_classes.tsv", LESION_CLASSES),
    )


def of_the_study(table):
    """Return the lesions of the study, which set units to zero, scored on all clips."""
    matched = table["lesion"].str.startswith("matched")
    return table[(table["set_to"] != "mean") & (table["clips"] == "all") & ~matched]


def silenced_by(network, seed, layer, fraction):
    """Return the units that each lesion takes, by the simplest definition."""
    n = {"avgpool": AVGPOOL, "fc1": FC1}[layer]
    k = max(1, round(fraction * n))
    of_layer = network.units[network.units["layer"] == layer]
    unit = dict(zip(of_layer["rank"], of_layer["unit"], strict=True))
    order = network.files.order("train")
    strength = np.abs(network.responses["train"][layer][order].astype(float)).mean(axis=0)
    above = (n - k) // 2
    return {
        "none": [],
        "top": [unit[rank] for rank in range(1, k + 1)],
        "bottom": [unit[rank] for rank in range(n - k + 1, n + 1)],
        "middle": [unit[rank] for rank in range(above + 1, above + k + 1)],
        "norm": list(np.argsort(-strength)[:k]),
    } | {
        name: list(order[:k])
        for name, order in random_orders(DRAWS, n, 1, ("natural", seed, layer)).items()
    }


@pytest.mark.parametrize("layer", ["avgpool", "fc1"])
def test_every_row_equals_brute_force_and_scikit_learn(tmp_path, layer):
    networks = [Network(tmp_path / f"{seed}", seed).write() for seed in (1, 2)]
    table, by_class = run(networks, layer)
    units = {"avgpool": (8, 4), "fc1": (2, 1)}[layer]
    assert len(table) == 2 * (1 + 2 * (4 + DRAWS)) * 2
    assert len(by_class) == 2 * (1 + 2 * 4) * CLASSES
    for seed, network in enumerate(networks, 1):
        tested, pooled = network.tested()
        truth = np.array(
            [[mid in mids.split(";") for mid in classes()["mid"]] for mids in tested["labels"]]
        )
        for fraction, k in zip(FRACTIONS, units, strict=True):
            expected = {
                name: average_precision_score(
                    truth[:, :5], network.outputs(pooled, taken, layer)["fc2"][:, :5], average=None
                )
                for name, taken in silenced_by(network, seed, layer, fraction).items()
            }
            random = np.array([v for name, v in expected.items() if name.startswith("random")])
            for name, precision in expected.items():
                rows = table[
                    (table["seed"] == seed)
                    & (table["lesion"] == name)
                    & (table["fraction"] == (0 if name == "none" else fraction))
                ].set_index("group")
                assert set(rows["layer"]) == {layer} and set(rows["n_clips"]) == {len(tested)}
                assert set(rows["n_units"]) == {0 if name == "none" else k}
                for group, chosen in (("natural", NATURAL), ("target", TARGET)):
                    mean = precision[chosen].mean()
                    row = rows.loc[group]
                    assert row["n_classes"] == 2
                    assert row["mean_average_precision"] == pytest.approx(mean, abs=1e-12)
                    change = mean - expected["none"][chosen].mean()
                    assert row["change"] == pytest.approx(change, abs=1e-12)
                    if name == "none" or name.startswith("random"):
                        assert np.isnan(row["percentile"])
                    else:
                        # Lesions of the same units have the same mean, up to rounding here.
                        share = np.mean(random[:, chosen].mean(axis=1) <= mean + 1e-12)
                        assert row["percentile"] == pytest.approx(share)
                if name.startswith("random"):
                    continue
                rows = by_class[
                    (by_class["seed"] == seed)
                    & (by_class["lesion"] == name)
                    & (by_class["fraction"] == (0 if name == "none" else fraction))
                ]
                assert list(rows["mid"]) == list(classes()["mid"])
                assert list(rows["n_positive"]) == list(truth.sum(axis=0))
                owl = rows[rows["mid"] == "/m/owl"].iloc[0]
                assert owl[["average_precision", "change", "random_mean"]].isna().all()
                found = rows.iloc[:5]
                np.testing.assert_allclose(found["average_precision"], precision, atol=1e-12)
                np.testing.assert_allclose(
                    found["change"], precision - expected["none"], atol=1e-12
                )
                if name == "none":
                    assert found[["random_mean", "random_sd"]].isna().all(axis=None)
                else:
                    np.testing.assert_allclose(found["random_mean"], random.mean(axis=0))
                    np.testing.assert_allclose(
                        found["random_sd"], random.std(axis=0, ddof=1), atol=1e-12
                    )
    assert list(by_class["group"].iloc[:6]) == [
        "natural",
        "target",
        "target",
        "withheld",
        "natural",
        "natural",
    ]


def on_train_clips(network, layer):
    """Return mean response, mean absolute response, and SD times outgoing weights, (units,)."""
    order = network.files.order("train")
    responses = network.responses["train"][layer][order].astype(float)
    weights = network.parameters["fc1.weight" if layer == "avgpool" else "fc2.weight"]
    drive = responses.std(axis=0) * np.sqrt(np.square(weights.astype(float)).sum(axis=0))
    return responses.mean(axis=0), np.abs(responses).mean(axis=0), drive


@pytest.mark.parametrize("layer", ["avgpool", "fc1"])
def test_other_clips_matched_units_and_means_equal_scikit_learn(tmp_path, layer):
    network = Network(tmp_path / "1", 1, n_test=60).write()
    run_one(network, layer=layer, fractions=[0.25])
    table = read_table(tmp_path / "1" / "lesions.tsv", LESIONS)
    tested, pooled = network.tested()
    other = (tested["role"] == "other").to_numpy()
    truth = np.array(
        [[mid in mids.split(";") for mid in classes()["mid"]] for mids in tested["labels"]]
    )
    mean, response, drive = on_train_clips(network, layer)
    taken = silenced_by(network, 1, layer, 0.25)
    for kind, quantity in (("response", response), ("drive", drive)):
        names = ("natural", 1, layer)
        taken |= matched_units(np.array(taken["top"]), quantity, kind, MATCHED_DRAWS, 1, names)
    at_mean = [name for name in taken if name in NAMED or "drive" in name]
    assert len(table) == 3 * (len(taken) + len(at_mean))
    for name, units in taken.items():
        for set_to in ("zero", "mean") if name in at_mean else ("zero",):
            to = mean[units] if set_to == "mean" else 0
            outputs = network.outputs(pooled, units, layer, to)["fc2"][other][:, NATURAL]
            precision = average_precision_score(truth[other][:, NATURAL], outputs, average="macro")
            is_intact = name == "none"
            rows = table[
                (table["lesion"] == name)
                & (table["set_to"] == ("" if is_intact else set_to))
                & (table["clips"] == "other")
            ]
            (row,) = rows.itertuples()
            assert row.group == "natural" and row.n_clips == other.sum() and row.n_classes == 2
            assert row.mean_average_precision == pytest.approx(precision, abs=1e-12)
            if is_intact:
                assert np.isnan([row.response, row.drive]).all()
            else:
                assert row.response == pytest.approx(response[units].mean(), rel=1e-5)
                assert row.drive == pytest.approx(drive[units].mean(), rel=1e-5)
            assert np.isnan(row.percentile) == (name not in NAMED or set_to == "mean")
    hits = truth[other][:, NATURAL].sum(axis=0)
    chance = chance_average_precision(hits, int(other.sum())).mean()
    np.testing.assert_allclose(table.loc[table["clips"] == "other", "chance"], chance)


def test_fractions_without_a_claim_have_fewer_draws(tmp_path):
    network = Network(tmp_path / "1", 1).write()
    both, by_class = run_one(network, fractions=[0.5, 0.25], draws=100, claimed=0.25)
    random = both[both["lesion"].str.startswith("random-") & (both["group"] == "natural")]
    assert random["fraction"].value_counts().to_dict() == {0.25: 100, 0.5: 25}
    other, other_classes = run_one(network, fractions=[0.5, 0.25], draws=100, claimed=0.5)
    keys = ["lesion", "fraction", "group", "clips"]
    shared = both.merge(other, on=keys, suffixes=("", "_other"))
    assert len(shared[shared["lesion"].str.startswith("random-")]) == 2 * 2 * 25
    table = read_table(network.folder / "lesions.tsv", LESIONS)
    matched = table[table["lesion"].str.startswith("matched-drive-")]
    assert matched.groupby("fraction")["lesion"].nunique().to_dict() == {0.25: 5, 0.5: 20}
    for name in ("response", "mean_average_precision"):
        np.testing.assert_array_equal(shared[name], shared[f"{name}_other"])
    # Their mean is that of the fewer lesions.
    at_half = by_class["fraction"] == 0.5
    assert (by_class["random_mean"] != other_classes["random_mean"])[at_half].any()


def test_without_a_block_equals_the_analysis_of_the_clips_that_are_left(tmp_path):
    network = Network(tmp_path / "1", 1, n_test=60).write()
    run_one(network, fractions=[0.25], draws=25)
    left_out = read_table(tmp_path / "1" / "left_out.tsv", LESIONS_LEFT_OUT)
    whole = tmp_path / "whole"
    for block in range(N_BLOCKS):
        network.folder = whole
        of_block = dict(zip(*read_blocks_of(tmp_path / "1"), strict=True))
        kept = network.clips["clip_id"].map(of_block) != block
        network.write()
        order = network.files.order("test")
        ids = network.files.of_split("test")["clip_id"].to_numpy()[order]
        # Responses of the same clips, in the same order, but those of the block.
        rows = kept[network.clips["clip_id"].isin(ids)].index
        left = np.isin(ids, network.clips.loc[rows[kept[rows]], "clip_id"])
        values = {
            layer: of_layer[order][left] for layer, of_layer in network.responses["test"].items()
        }
        write_responses(whole / "test.h5", list(ids[left]), values)
        run_one(network, fractions=[0.25], draws=25)
        expected = read_table(whole / "lesions.tsv", LESIONS)
        expected = expected[(expected["group"] == "natural") & (expected["clips"] == "other")]
        later = [f"random-{draw:04d}" for draw in range(MATCHED_DRAWS + 1, 26)]
        expected = expected[~expected["lesion"].isin(later)]
        expected["lesion"] = expected["lesion"].str.replace(r"-\d+$", "", regex=True)
        numbers = ["mean_average_precision", "chance", "response", "drive", "n_units"]
        numbers += ["n_clips", "n_classes", "fraction"]
        expected = expected.groupby(["lesion", "set_to"])[numbers].mean()
        found = left_out[left_out["block"] == block].set_index(["lesion", "set_to"])
        assert not found.index.duplicated().any()
        assert set(expected.index) == set(found.index)
        for column in numbers:
            np.testing.assert_allclose(found[column], expected.loc[found.index, column], rtol=1e-12)
    assert set(left_out["block"]) == set(range(N_BLOCKS))
    assert set(left_out["seed"]) == {1}


def read_blocks_of(folder):
    table = read_table(folder / "blocks.tsv", BLOCKS)
    return table["clip_id"], table["block"]


def test_without_blocks_there_are_no_rows(tmp_path):
    network = Network(tmp_path / "1").write()
    table = read_table(network.folder / "blocks.tsv", BLOCKS)
    write_table(network.folder / "blocks.tsv", table.assign(block=0), BLOCKS)
    run_one(network)
    assert read_table(network.folder / "left_out.tsv", LESIONS_LEFT_OUT).empty


def test_more_than_half_of_the_units_cannot_be_matched(tmp_path):
    network = Network(tmp_path / "1").write()
    run_one(network, fractions=[0.75])
    table = read_table(network.folder / "lesions.tsv", LESIONS)
    assert not table["lesion"].str.startswith("matched").any()
    left_out = read_table(network.folder / "left_out.tsv", LESIONS_LEFT_OUT)
    assert set(left_out["lesion"]) == {"none", "random", *NAMED}


def test_without_a_lesion_the_mean_equals_that_of_recognition(tmp_path):
    network = Network(tmp_path / "1").write()
    table, _ = run([network])
    given = network.files.of_split("train").iloc[network.files.order("train")]
    given = given[["clip_id", "labels"]].assign(part="training")
    write_table(network.folder / "network_clips.tsv", given, NETWORK_CLIPS)
    tables = ("clips.tsv", "classes.tsv", "branches.tsv", "network_clips.tsv", "blocks.tsv")
    scored, of_blocks = network.folder / "ap.tsv", network.folder / "blocks-ap.tsv"
    paths = [network.folder / name for name in ("train.h5", "test.h5", *tables)]
    score_recognition(*paths, scored, of_blocks, withhold=WITHHOLD)
    path, without = network.folder / "summary.tsv", network.folder / "without.tsv"
    summarise_recognition(
        [scored], [of_blocks], path, without, networks=[("natural", 1)], untaught={}
    )
    summary = read_table(path, RECOGNITION_SUMMARY)
    summary = summary[summary["clips"] == "test"].set_index("group")
    for row in table[table["lesion"] == "none"].itertuples():
        expected = summary.loc[row.group]
        assert row.mean_average_precision == pytest.approx(
            expected["mean_average_precision"], abs=1e-15
        )
        assert row.n_classes == expected["n_classes"] and row.change == 0


def planted(folder, carrier=3):
    """A network in which only one pooled unit signals rain; others signal the other classes."""
    table = clips(n_train=72, n_test=72)
    labelled = {
        split: np.array(
            [
                [mid in labels.split(";") for mid in classes()["mid"]]
                for labels in table.loc[table["split"] == split, "labels"]
            ]
        )
        for split in ("train", "test")
    }
    random = np.random.default_rng(5)
    answers = {}
    for split, truth in labelled.items():
        noise = random.uniform(0, 0.4, (len(truth), AVGPOOL))
        noise[:, carrier] += truth[:, 4]
        for c in range(4):
            noise[:, 8 + c] += truth[:, c]
        answers[split] = noise
    fc1 = np.zeros((CLASSES, AVGPOOL))
    fc1[4, carrier] = 1
    for c in range(4):
        fc1[c, 8 + c] = 1
    # Useless units drive the class that has no clip.
    fc1[5, [0, 1, 2]] = 1
    parameters = {
        "fc1.weight": fc1,
        "fc1.bias": np.zeros(CLASSES),
        "fc2.weight": np.eye(CLASSES),
        "fc2.bias": np.zeros(CLASSES),
    }
    network = Network(folder, answers=answers, parameters=parameters, n_train=72, n_test=72)
    of_layer = network.units["layer"] == "avgpool"
    rank = np.roll(np.arange(1, AVGPOOL + 1), carrier)
    network.units.loc[of_layer, "rank"] = rank
    return network.write()


def test_the_lesion_of_the_planted_unit_has_the_planted_effect(tmp_path):
    network = planted(tmp_path / "1")
    table, by_class = run([network], fractions=[1 / 16], draws=200)
    natural = table[table["group"] == "natural"].set_index("lesion")
    # The unit of rank 1 itself is taken; one in sixteen random lesions takes it too.
    assert natural.loc["none", "mean_average_precision"] == 1
    assert natural.loc["top", "n_units"] == 1
    assert natural.loc["top", "change"] < -0.2
    assert natural.loc["top", "percentile"] < 0.25
    assert natural.loc["middle", "change"] == natural.loc["bottom", "change"] == 0
    assert natural.loc["bottom", "percentile"] == 1
    top = by_class[by_class["lesion"] == "top"].set_index("mid")
    assert top.loc["/m/rain", "change"] < -0.4
    assert (top.loc[["/m/speech", "/m/music", "/m/jazz"], "change"] == 0).all()
    hit = [
        name
        for name, order in random_orders(200, AVGPOOL, 1, ("natural", 1, "avgpool")).items()
        if order[0] == 3
    ]
    assert (natural.loc[hit, "change"] == natural.loc["top", "change"]).all() and 5 < len(hit) < 25


def test_in_null_networks_the_top_lesion_has_any_place(tmp_path):
    shares = []
    for seed in range(40):
        network = Network(tmp_path / f"{seed}", seed, n_test=60)
        of_layer = network.units["layer"] == "avgpool"
        random = np.random.default_rng([seed, 9])
        network.units.loc[of_layer, "rank"] = random.permutation(AVGPOOL) + 1
        table, _ = run([network.write()], fractions=[0.25])
        top = table[(table["lesion"] == "top") & (table["group"] == "natural")]
        shares.append(top["percentile"].iloc[0])
    # Of 40 uniform values, the mean has a standard deviation of 0.046.
    assert np.mean(shares) == pytest.approx(0.5, abs=0.16)
    assert 0 < np.mean(np.array(shares) <= 0.2) < 0.4


def test_the_same_run_gives_the_same_bytes_and_settings_are_independent(tmp_path):
    network = Network(tmp_path / "1", 1).write()
    first, _ = run_one(network, fractions=FRACTIONS)
    paths = [tmp_path / "1" / name for name in ("lesions.tsv", "lesion_classes.tsv")]
    once = [path.read_bytes() for path in paths]
    run_one(network, fractions=FRACTIONS)
    assert [path.read_bytes() for path in paths] == once
    for changed in ({"seed": 2}, {"replicate": 2}):
        other = run_one(network, fractions=FRACTIONS, **changed)[0]
        random = other["lesion"].str.startswith("random")
        assert (other["change"] != first["change"])[random].any()
        assert (other["change"] == first["change"])[~random].all()


def test_a_fraction_has_the_same_rows_beside_others_as_by_itself(tmp_path):
    network = Network(tmp_path / "1").write()
    together = run_one(network, fractions=FRACTIONS)
    left_out = read_table(network.folder / "left_out.tsv", LESIONS_LEFT_OUT)
    for fraction in FRACTIONS:
        alone = run_one(network, fractions=[fraction], claimed=FRACTIONS[0])
        for some, table in zip(alone, together, strict=True):
            rows = table[table["fraction"].isin([0, fraction])].reset_index(drop=True)
            pd.testing.assert_frame_equal(some.reset_index(drop=True), rows)
        without = read_table(network.folder / "left_out.tsv", LESIONS_LEFT_OUT)
        assert without.equals(left_out) == (fraction == FRACTIONS[0])
    # Without each block, lesions of the fraction that claims use.
    assert set(left_out["fraction"]) == {0, FRACTIONS[0]}
    run_one(network, fractions=FRACTIONS, claimed=FRACTIONS[1])
    left_out = read_table(network.folder / "left_out.tsv", LESIONS_LEFT_OUT)
    assert set(left_out["fraction"]) == {0, FRACTIONS[1]}


def test_the_pooling_layer_is_lesioned_in_place_of_convolutions(tmp_path):
    networks = [Network(tmp_path / "1").write()]
    table, by_class = run(networks, "avgpool")
    again, classes_again = run(networks, "conv2")
    pd.testing.assert_frame_equal(table, again)
    pd.testing.assert_frame_equal(by_class, classes_again)
    assert set(run(networks, "fc1")[0]["layer"]) == {"fc1"}


def test_lesions_of_a_network_that_never_responds_change_nothing(tmp_path):
    silent = {"train": np.zeros((36, AVGPOOL)), "test": np.zeros((24, AVGPOOL))}
    table, _ = run([Network(tmp_path / "1", answers=silent).write()])
    assert (table["change"] == 0).all()
    assert set(table["percentile"].dropna()) == {1.0}


def test_a_group_without_positives_has_empty_means(tmp_path):
    network = Network(tmp_path / "1")
    network.clips["labels"] = "/m/music"
    table, by_class = run([network.write()])
    natural = table[table["group"] == "natural"]
    assert set(natural["n_classes"]) == {0}
    assert natural[["mean_average_precision", "change", "percentile"]].isna().all(axis=None)
    assert set(table.loc[table["group"] == "target", "n_classes"]) == {1}
    assert (by_class.loc[by_class["mid"] == "/m/music", "average_precision"] == 1).all()


def test_files_that_do_not_belong_together_are_named(tmp_path):
    network = Network(tmp_path / "1").write()
    write_table(tmp_path / "1/units.tsv", network.units.iloc[1:], UNITS)
    with pytest.raises(
        InputError, match=r"units\.tsv: damaged table .does not rank the 16 units of avgpool"
    ):
        run([network])
    network.write()
    network.responses["train"]["avgpool"][network.files.order("train")[0], 3] = np.inf
    network.write()
    with pytest.raises(
        InputError, match=r"train\.h5: damaged responses .its responses of avgpool are not"
    ):
        run([network])
    network = Network(tmp_path / "2")
    for responses in network.responses.values():
        responses["fc2"] = responses["fc2"][:, :4]
    for name in ("fc2.weight", "fc2.bias"):
        network.parameters[name] = network.parameters[name][:4]
    with pytest.raises(InputError, match=r"test\.h5: damaged responses .4 outputs for 6 classes"):
        run([network.write()])


def test_clips_of_the_other_split_are_refused(tmp_path):
    network = Network(tmp_path / "1").write()
    (tmp_path / "1/test.h5").rename(tmp_path / "1/spare.h5")
    (tmp_path / "1/test.h5").write_bytes((tmp_path / "1/train.h5").read_bytes())
    with pytest.raises(
        InputError, match=r"test\.h5: damaged responses .clip train-\d+ is not among the test clips"
    ):
        run([network])
