"""The target among sets of classes, in networks selective for it, for classes, or for nothing."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import BRANCHES, CLASSES, CLIPS
from music_detectors.embedding.columns import EMBEDDING_POINTS
from music_detectors.jackknife.columns import BLOCKS
from music_detectors.responses.files import read_responses
from music_detectors.responses.sample import sampled
from music_detectors.selectivity.effects import hedges_g, moments, welch_t
from music_detectors.specificity import measure as specificity
from music_detectors.specificity.columns import SETS, SPECIFICITY, SPECIFICITY_LEFT_OUT
from music_detectors.specificity.effects import effects_of
from music_detectors.specificity.join import among_random, summarise_specificity
from music_detectors.specificity.measure import HELD_OUT_SETS, RANDOM_SETS, measure_specificity
from music_detectors.specificity.sets import Labels, counted_labels, of_sets, random_sets
from support.response_files import write_matched, write_responses

N_CLASSES, N_TARGET, CLIPS_A_CLASS, BLOCKS_OF_TEST = 30, 6, 8, 4
MIDS = [f"/m/{place:02d}" for place in range(N_CLASSES)]
ANIMALS = MIDS[10:14]
WITHHELD = {"no-animal": ["Animal"]}


def corpus(folder, groups=1):
    """Write a corpus of clips with one label each; some `groups` clips are of one recording."""
    rows = [
        (f"{split}-{mid[3:]}-{clip}", split, mid, f"{split}-{mid[3:]}-{clip // groups}")
        for split in ("train", "test")
        for clip in range(CLIPS_A_CLASS)
        for mid in MIDS
    ]
    clips = pd.DataFrame(rows, columns=["clip_id", "split", "labels", "group"])
    clips = clips.assign(
        shard="00000",
        source="file",
        reference="a.wav",
        start_seconds=0.0,
        end_seconds=np.nan,
        role=np.where(clips["labels"].isin(MIDS[:N_TARGET]), "target", "other"),
        listed=False,
    )
    names = pd.DataFrame({"id": MIDS, "name": MIDS, "classes": MIDS})
    animal = pd.DataFrame([{"id": "/m/animal", "name": "Animal", "classes": ";".join(ANIMALS)}])
    classes = pd.DataFrame(
        {
            "index": range(N_CLASSES),
            "mid": MIDS,
            "name": MIDS,
            "branch": "",
            "target": np.arange(N_CLASSES) < N_TARGET,
            "genre": False,
        }
    )
    test = clips[clips["split"] == "test"]
    blocks = pd.DataFrame(
        {
            "clip_id": test["clip_id"],
            "role": test["role"],
            "draw": test["group"],
            "block": np.arange(len(test)) // N_CLASSES % BLOCKS_OF_TEST,
        }
    )
    made = SimpleNamespace(folder=folder, clips=clips, blocks=blocks)
    write_table(folder / "clips.tsv", clips, CLIPS)
    write_table(folder / "classes.tsv", classes, CLASSES)
    write_table(folder / "branches.tsv", pd.concat([names, animal]), BRANCHES)
    write_table(folder / "blocks.tsv", blocks, BLOCKS)
    return made


def responses_of(kind, clips, rng, units=60):
    """Return responses (clips, units) float32 of a network that is selective for `kind`."""
    label = clips["labels"].map({mid: place for place, mid in enumerate(MIDS)}).to_numpy()
    values = rng.normal(size=(len(clips), units))
    if kind == "target":
        values[:, :10] += 1.5 * (label < N_TARGET)[:, None]
    elif kind == "classes":
        # Each unit prefers a class of its own, two units for each class.
        values += 4.0 * (label[:, None] == np.arange(units) % N_CLASSES)
    return values.astype(np.float32)


def write_network(made, name, kind, seed):
    rng = np.random.default_rng(seed)
    for split in ("train", "test"):
        of_split = made.clips[made.clips["split"] == split].reset_index(drop=True)
        order = rng.permutation(len(of_split)) if split == "train" else np.arange(len(of_split))
        values = responses_of(kind, of_split, np.random.default_rng([seed, len(split)]))
        path = made.folder / f"{name}-{split}.h5"
        write_responses(path, list(of_split["clip_id"][order]), {"avgpool": values[order]})


def measured(made, kind="target", seeds=(1,), blocks="blocks.tsv", matched=None, **changed):
    """Return the tables networks, left_out and sets of networks that are selective for `kind`."""
    folder = made.folder
    test = made.clips[made.clips["split"] == "test"]
    rng = np.random.default_rng(5)
    for seed in seeds:
        if not (folder / f"{kind}-{seed}-test.h5").exists():
            write_network(made, f"{kind}-{seed}", kind, 1 if kind == "target" else seed)
        points = pd.DataFrame(
            {
                "seed": seed,
                "clip_id": test["clip_id"],
                "role": test["role"],
                "x": rng.normal(size=len(test)) + 3 * (test["role"] == "target"),
                "y": rng.normal(size=len(test)),
            }
        )
        write_table(folder / f"points-{seed}.tsv", points, EMBEDDING_POINTS)
    write_matched(folder / "matched.tsv", made.clips, matched)
    for seed in seeds:
        measure(made, kind, seed, blocks, **changed)
    join(folder, seeds)
    tables = (SPECIFICITY, SPECIFICITY_LEFT_OUT, SETS)
    return [
        read_table(folder / f"out-{name}.tsv", columns)
        for name, columns in zip(("networks", "left_out", "sets"), tables, strict=True)
    ]


def measure(made, kind, replicate, blocks="blocks.tsv", **changed):
    """Measure one network with its stored responses and points."""
    folder = made.folder
    settings = {"withheld_others": WITHHELD, "layer": "avgpool", "fraction": 1 / 6, "seed": 1}
    measure_specificity(
        *(folder / f"{kind}-{replicate}-{split}.h5" for split in ("train", "test")),
        *(
            folder / name
            for name in ("clips.tsv", "classes.tsv", "branches.tsv", blocks, "matched.tsv")
        ),
        folder / f"points-{replicate}.tsv",
        *(folder / f"{name}-{replicate}.tsv" for name in ("measures", "sets")),
        **settings | changed,
        replicate=replicate,
    )


def join(folder, seeds):
    """Join the tables of the networks `seeds`."""
    summarise_specificity(
        *([folder / f"{name}-{seed}.tsv" for seed in seeds] for name in ("measures", "sets")),
        *(folder / f"out-{name}.tsv" for name in ("networks", "left_out", "sets")),
        alpha=0.05,
    )


def of_target(table):
    return table[table["withheld_by"] == ""]


def test_a_network_selective_for_the_target_as_a_whole(tmp_path):
    networks, _, sets = measured(corpus(tmp_path), "target", seeds=(1, 2))
    own = of_target(networks)
    # Ten units with a difference of 1.5 SD: the mean of ten has 1.5 x sqrt(10) = 4.7 SD.
    assert own["effect"].between(4.2, 5.3).all()
    assert own["held_out"].between(4.2, 5.3).all()
    assert (own["p"] == 1 / (1 + RANDOM_SETS)).all()
    assert (own["effect"] > own["random_effect"] + 2).all()
    assert own["decoding"].min() > 0.9
    assert (own["segregation_p"] == 1 / (1 + RANDOM_SETS)).all()
    assert len(sets) == RANDOM_SETS
    assert sets["held_out"].notna().sum() == HELD_OUT_SETS


def test_a_network_selective_for_single_classes_knows_no_target(tmp_path):
    networks, _, sets = measured(corpus(tmp_path), "classes", seeds=(1, 2, 3))
    own = of_target(networks)
    # Twelve units prefer a target class each, and ten are chosen: well above nothing.
    assert own["effect"].min() > 1
    assert own["same_classes"].min() > 1
    # Units that were chosen for some classes do not answer the others. With 16 against 40 clips a
    # fold and ten divisions or more, g varies by about 0.1.
    assert own["held_out"].abs().max() < 0.3
    assert own["decoding"].max() < 0.3
    assert sets["effect"].mean() == pytest.approx(own["effect"].mean(), abs=0.3)
    assert sets["held_out"].abs().mean() < 0.3
    assert (own["effect"] < own["random_effect"] + 0.2).all()
    assert own["p"].iloc[0] > 0.05


def test_a_network_selective_for_nothing(tmp_path):
    networks, _, _ = measured(corpus(tmp_path), "nothing", seeds=(1, 2, 3))
    own = of_target(networks)
    assert own["effect"].abs().max() < 0.6
    assert abs(own["held_out"].mean()) < 0.2
    assert own["p"].iloc[0] > 0.05
    # The branches that another condition withholds are taken as the target too.
    others = networks[networks["withheld_by"] == "no-animal"]
    assert others["n_target"].tolist() == [len(ANIMALS) * CLIPS_A_CLASS] * 3
    assert others["effect"].abs().max() < 0.7
    assert others[["held_out", "p"]].isna().all(axis=None)


def test_p_is_that_of_any_set_of_classes_in_networks_that_prefer_single_classes(tmp_path):
    made = corpus(tmp_path)
    of_split = [made.clips[made.clips["split"] == split] for split in ("train", "test")]
    labels = Labels(
        tuple(counted_labels(clips, MIDS, {}, "clips.tsv") for clips in of_split),
        tuple(clips["group"].to_numpy() for clips in of_split),
    )
    target = np.arange(N_CLASSES) < N_TARGET
    rng = np.random.default_rng(0)
    sets = of_sets(labels, np.vstack([target, random_sets(labels, target, 100, rng)]))
    p = []
    for _ in range(12):
        train, test = (responses_of("classes", clips, rng) for clips in of_split)
        effects = effects_of(sets, train, test, 10, np.zeros(len(test)), [])
        p.append(among_random(effects, 0.05)[1])
    # Of 12 uniform values, fewer than four lie below 0.05 but once in 500 draws.
    assert sum(value <= 0.05 for value in p) < 4
    assert 0.2 < np.mean(p) < 0.8


def test_a_block_left_out_is_the_analysis_of_the_clips_that_remain(tmp_path):
    made = corpus(tmp_path)
    networks, left_out, _ = measured(made, "classes", seeds=(1, 2))
    assert left_out["block"].unique().tolist() == list(range(BLOCKS_OF_TEST))
    remaining = made.blocks[made.blocks["block"] != 2]
    kept = made.clips["clip_id"].isin(remaining["clip_id"]) | (made.clips["split"] == "train")
    (tmp_path / "less").mkdir()
    less = corpus(tmp_path / "less")
    test = less.clips[less.clips["split"] == "test"]
    rows = test["clip_id"].isin(remaining["clip_id"]).to_numpy()
    for seed in (1, 2):
        write_network(less, f"classes-{seed}", "classes", seed)
        values = responses_of("classes", test, np.random.default_rng([seed, len("test")]))
        path = less.folder / f"classes-{seed}-test.h5"
        write_responses(path, list(test["clip_id"][rows]), {"avgpool": values[rows]})
    less.clips = less.clips[kept.to_numpy()]
    again, _, _ = measured(less, "classes", seeds=(1, 2))
    without = left_out[left_out["block"] == 2].drop(columns="block").reset_index(drop=True)
    # Bins of the embedding stay those of all clips, and numbers of clips are those of the corpus.
    measures = ["effect", "random_effect", "p", "same_classes", "held_out", "decoding"]
    pd.testing.assert_frame_equal(without[measures], again[measures], rtol=1e-9)
    assert not np.allclose(without["effect"], networks["effect"])


def test_the_effect_is_that_of_the_selective_units_where_clips_have_one_label(tmp_path):
    made = corpus(tmp_path)
    networks, _, _ = measured(made, "classes")
    of_split = [made.clips[made.clips["split"] == split] for split in ("train", "test")]
    train, test = (
        responses_of("classes", clips, np.random.default_rng([1, len(split)]))
        for clips, split in zip(of_split, ("train", "test"), strict=True)
    )
    is_target = [(clips["role"] == "target").to_numpy() for clips in of_split]
    t = welch_t(moments(train[is_target[0]]), moments(train[~is_target[0]]))
    response = test[:, np.argsort(-t)[:10]].astype(float).mean(axis=1)[:, None]
    expected = hedges_g(moments(response[is_target[1]]), moments(response[~is_target[1]]))
    assert of_target(networks)["effect"].iloc[0] == pytest.approx(expected[0], rel=1e-9)


def test_sets_and_folds_are_the_same_for_every_condition(tmp_path):
    made = corpus(tmp_path)
    first, second = (measured(made, kind)[2] for kind in ("target", "classes"))
    assert first["classes"].tolist() == second["classes"].tolist()
    other = measured(made, "classes", seed=2)[2]
    assert first["classes"].tolist() != other["classes"].tolist()


def test_one_block_leaves_nothing_out(tmp_path):
    made = corpus(tmp_path)
    write_table(tmp_path / "one.tsv", made.blocks.assign(block=0), BLOCKS)
    networks, left_out, _ = measured(made, "target", blocks="one.tsv")
    assert len(networks) == 2
    assert left_out.empty


def test_a_further_network_leaves_the_tables_of_the_others(tmp_path):
    made = corpus(tmp_path)
    measured(made, "classes", seeds=(1, 2))
    before = [(tmp_path / f"{name}-1.tsv").read_bytes() for name in ("measures", "sets")]
    networks = measured(made, "classes", seeds=(1, 2, 3))[0]
    assert [(tmp_path / f"{name}-1.tsv").read_bytes() for name in ("measures", "sets")] == before
    assert of_target(networks)["seed"].tolist() == [1, 2, 3]


def test_a_network_without_responses_to_a_clip_is_refused(tmp_path):
    made = corpus(tmp_path)
    measured(made, "target", seeds=(1, 2))
    path = tmp_path / "target-2-test.h5"
    ids, responses = read_responses(path, ["avgpool"])
    write_responses(path, ids[1:], {"avgpool": responses["avgpool"][1:]})
    points = read_table(tmp_path / "points-2.tsv", EMBEDDING_POINTS)
    with pytest.raises(InputError, match=r"points-2\.tsv.*a clip without responses"):
        measure(made, "target", 2)
    write_table(tmp_path / "points-2.tsv", points[points["clip_id"] != ids[0]], EMBEDDING_POINTS)
    measure(made, "target", 2)
    with pytest.raises(InputError, match=r"sets-2\.tsv.*other sets of classes.*sets-1\.tsv"):
        join(tmp_path, (1, 2))


def test_a_response_that_is_not_finite_names_the_clip(tmp_path):
    made = corpus(tmp_path)
    write_network(made, "target-1", "target", 1)
    test = made.clips[made.clips["split"] == "test"].reset_index(drop=True)
    values = responses_of("target", test, np.random.default_rng(0))
    values[7, 3] = np.nan
    write_responses(tmp_path / "target-1-test.h5", list(test["clip_id"]), {"avgpool": values})
    with pytest.raises(InputError, match=rf"to clip {test['clip_id'][7]} is not finite"):
        measured(made)


def test_an_embedding_without_points_is_refused(tmp_path):
    made = corpus(tmp_path)
    measured(made)
    write_table(
        tmp_path / "points-1.tsv",
        pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in EMBEDDING_POINTS.items()}),
        EMBEDDING_POINTS,
    )
    with pytest.raises(InputError, match=r"points-1\.tsv.*has no point"):
        measure(made, "target", 1)


def test_matched_clips_are_measured_alone(tmp_path):
    made = corpus(tmp_path)
    whole, _, _ = measured(made)
    names = [name.removeprefix("matched_") for name in SPECIFICITY if name.startswith("matched_")]
    for name in names:
        # Where all clips are matched, nothing changes.
        np.testing.assert_array_equal(whole[f"matched_{name}"], whole[name])
    kept = made.clips["clip_id"][made.clips.index % 3 > 0]
    found, of_blocks, _ = measured(made, matched=kept)
    pd.testing.assert_frame_equal(found[list(whole)[:18]], whole[list(whole)[:18]])
    (nothing,) = of_target(measured(made, matched=[])[0]).to_dict("records")
    assert np.isnan(nothing["matched_effect"]) and nothing["matched_n_target"] == 0
    fewer = made.clips.merge(kept)
    network = SimpleNamespace(folder=made.folder, clips=fewer, blocks=made.blocks)
    write_table(tmp_path / "clips.tsv", fewer, CLIPS)
    for split in ("train", "test"):
        path = tmp_path / f"target-1-{split}.h5"
        ids, responses = read_responses(path, ["avgpool"])
        rows = np.isin(ids, kept)
        some = [clip_id for clip_id, own in zip(ids, rows, strict=True) if own]
        write_responses(path, some, {"avgpool": responses["avgpool"][rows]})
    alone, _, _ = measured(network)
    for name in ("n_target", "n_other", "effect"):
        np.testing.assert_allclose(found[f"matched_{name}"], alone[name], rtol=1e-6)
    (own,) = of_target(found).to_dict("records")
    assert own["matched_n_target"] < own["n_target"]
    assert own["matched_held_out"] == pytest.approx(own["held_out"], abs=0.5)
    assert own["matched_p"] <= 0.01 and own["matched_decoding"] > 0.8
    assert of_target(of_blocks)["matched_effect"].between(3.5, 6).all()


def test_of_many_clips_a_sample_is_measured(tmp_path, monkeypatch, caplog):
    made = corpus(tmp_path)
    whole = measured(made)[0]
    test = made.clips[made.clips["split"] == "test"]
    kept = sampled(test, made.clips, "test", 180, 1, "sets")
    points = read_table(tmp_path / "points-1.tsv", EMBEDDING_POINTS)
    write_table(tmp_path / "points-1.tsv", points[kept], EMBEDDING_POINTS)
    monkeypatch.setattr(specificity, "MOST_FITTED", 180)
    measure(made, "target", 1)
    for split in ("train", "test"):
        message = f"sets of classes: a random sample of 180 of 240 {split} clips, by role"
        assert message in caplog.messages
    join(tmp_path, [1])
    found = read_table(tmp_path / "out-networks.tsv", SPECIFICITY)
    own = of_target(found)
    assert own[["n_target", "n_other"]].sum(axis=1).tolist() == [180]
    assert own["effect"].iloc[0] == pytest.approx(of_target(whole)["effect"].iloc[0], abs=0.6)
