"""average_precision.tsv against scikit-learn on the clips and labels it should use."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score

from music_detectors.common.average_precision import chance_average_precision
from music_detectors.common.errors import InputError
from music_detectors.common.left_out import left_out as left_out_of
from music_detectors.common.tables import read_table, write_table
from music_detectors.recognition.columns import (
    AVERAGE_PRECISION,
    RECOGNITION_LEFT_OUT,
    RECOGNITION_SUMMARY,
)
from music_detectors.recognition.scores import (
    interval,
    score_recognition,
    summarise_recognition,
)
from support.response_files import (
    N_BLOCKS,
    WITHHOLD,
    blocks,
    classes,
    corpus,
    write_responses,
)

LAST = ("network_clips.tsv", "blocks.tsv", "ap.tsv", "blocks-ap.tsv")
GROUPS = ["natural", "target", "target", "withheld", "natural", "natural"]


def network_clips(files, shuffled=False):
    """The present train clips with natural labels, every fifth for validation."""
    present = files.of_split("train").iloc[np.sort(files.order("train"))]
    natural = present[present["labels"].isin(["/m/speech", "/m/rain"])].reset_index(drop=True)
    labels = natural["labels"].to_numpy()
    return pd.DataFrame(
        {
            "clip_id": natural["clip_id"],
            "part": np.where(natural.index % 5 == 2, "validation", "training"),
            "labels": labels[::-1] if shuffled else labels,
        }
    )


def run(files, given=None):
    files.write()
    files.write_network_clips(network_clips(files) if given is None else given)
    names = ("train.h5", "test.h5", "clips.tsv", "classes.tsv", "branches.tsv")
    score_recognition(*[files.path(name) for name in (*names, *LAST)], withhold=WITHHOLD)
    return read_table(files.path("ap.tsv"), AVERAGE_PRECISION)


def outputs_of(files, split, clip_ids):
    place = {clip: row for row, clip in enumerate(files.of_split(split)["clip_id"])}
    return files.responses[split]["fc2"][[place[clip] for clip in clip_ids]]


def check(table, part, outputs, labels):
    """Compare the rows of `part` with scikit-learn, class by class."""
    rows = table[table["clips"] == part].reset_index(drop=True)
    assert list(rows["mid"]) == list(classes()["mid"]) and list(rows["index"]) == list(range(6))
    assert list(rows["name"]) == list(classes()["name"]) and list(rows["group"]) == GROUPS
    for row in rows.itertuples():
        truth = np.array([row.mid in mids.split(";") for mids in labels])
        assert row.n_clips == len(labels) and row.n_positive == truth.sum()
        assert row.prevalence == truth.mean()
        if truth.any():
            scores = outputs[:, [row.index]]
            chance = chance_average_precision(np.array([truth.sum()]), len(truth), scores)
            assert row.chance == chance[0]
            expected = average_precision_score(truth, outputs[:, row.index])
            assert row.average_precision == pytest.approx(expected, abs=1e-12)
        else:
            assert np.isnan(row.average_precision)


def test_test_clips_are_scored_with_their_own_labels(tmp_path):
    files = corpus(tmp_path)
    table = run(files)
    tested = files.of_split("test").iloc[files.order("test")]
    check(table, "test", outputs_of(files, "test", tested["clip_id"]), list(tested["labels"]))
    assert list(table["clips"].unique()) == ["training", "validation", "test"]


@pytest.mark.parametrize("shuffled", [False, True])
def test_clips_trained_on_are_scored_with_the_labels_trained_on(tmp_path, shuffled):
    files = corpus(tmp_path)
    given = network_clips(files, shuffled)
    assert (given["labels"] == network_clips(files)["labels"]).all() == (not shuffled)
    table = run(files, given)
    for part in ("training", "validation"):
        of_part = given[given["part"] == part]
        outputs = outputs_of(files, "train", of_part["clip_id"])
        check(table, part, outputs, list(of_part["labels"]))


def test_a_perfect_network_is_scored_one_and_memorised_labels_show(tmp_path):
    files = corpus(tmp_path)
    given = network_clips(files, shuffled=True)
    known = list(classes()["mid"])
    place = {clip: row for row, clip in enumerate(files.of_split("train")["clip_id"])}
    files.responses["train"]["fc2"][:] = 0
    for clip, mid in zip(given["clip_id"], given["labels"], strict=True):
        files.responses["train"]["fc2"][place[clip], known.index(mid)] = 1
    memorised = run(files, given)
    scored = memorised[(memorised["clips"] == "training") & (memorised["n_positive"] > 0)]
    assert len(scored) == 2 and set(scored["average_precision"]) == {1.0}
    honest = run(files)
    scored = honest[(honest["clips"] == "training") & (honest["n_positive"] > 0)]
    assert scored["average_precision"].max() < 1


def test_a_network_without_validation_clips_has_empty_scores_there(tmp_path):
    files = corpus(tmp_path)
    given = network_clips(files).assign(part="training")
    table = run(files, given)
    rows = table[table["clips"] == "validation"]
    assert set(rows["n_clips"]) == {0} and set(rows["n_positive"]) == {0}
    assert rows[["average_precision", "chance", "prevalence"]].isna().all(axis=None)


def test_the_same_run_gives_the_same_bytes(tmp_path):
    files = corpus(tmp_path)
    run(files)
    once = files.path("ap.tsv").read_bytes()
    run(files)
    assert files.path("ap.tsv").read_bytes() == once


def test_a_clip_trained_on_without_a_response_is_refused(tmp_path):
    files = corpus(tmp_path)
    extra = pd.DataFrame({"clip_id": ["train-9999"], "part": ["training"], "labels": ["/m/rain"]})
    with pytest.raises(
        InputError,
        match=r"train\.h5: damaged responses \(has no response to clip train-9999 of .*net",
    ):
        run(files, pd.concat([network_clips(files), extra], ignore_index=True))


def test_labels_without_a_class_are_refused(tmp_path):
    files = corpus(tmp_path)
    given = network_clips(files)
    given.loc[0, "labels"] = "/m/gone"
    clip = given.loc[0, "clip_id"]
    with pytest.raises(
        InputError,
        match=rf"network_clips\.tsv: damaged table .clip {clip} has the label '/m/gone', which",
    ):
        run(files, given)


def test_responses_of_the_other_split_are_refused(tmp_path):
    files = corpus(tmp_path).write()
    files.write_network_clips(network_clips(files))
    names = ("test.h5", "test.h5", "clips.tsv", "classes.tsv", "branches.tsv")
    with pytest.raises(
        InputError,
        match=r"test\.h5: damaged responses \(clip test-\d+ is not among the train clips",
    ):
        score_recognition(*[files.path(name) for name in (*names, *LAST)], withhold=WITHHOLD)


def test_there_must_be_one_numeric_output_per_class(tmp_path):
    files = corpus(tmp_path)
    files.responses["test"]["fc2"][files.order("test")[0], 4] = np.nan
    with pytest.raises(InputError, match=r"test\.h5: a score is NaN; train the network again"):
        run(files)
    files = corpus(tmp_path).write()
    files.write_network_clips(network_clips(files))
    write_responses(files.path("test.h5"), ["test-0001"], {"fc2": np.zeros((1, 9))})
    names = ("train.h5", "test.h5", "clips.tsv", "classes.tsv", "branches.tsv")
    with pytest.raises(
        InputError, match=r"test\.h5: damaged responses \(9 outputs for 6 classes\); rebuild it"
    ):
        score_recognition(*[files.path(name) for name in (*names, *LAST)], withhold=WITHHOLD)


def summarised(folder, tables, networks, untaught=None):
    left_out = [folder / "blocks-ap.tsv"] * len(tables)
    summary, without = folder / "summary.tsv", folder / "left_out.tsv"
    summarise_recognition(
        tables, left_out, summary, without, networks=networks, untaught=untaught or {}
    )
    return read_table(summary, RECOGNITION_SUMMARY)


def test_scores_without_a_block_equal_scikit_learn(tmp_path):
    files = corpus(tmp_path, n_test=60)
    table = run(files)
    summarised(tmp_path, [tmp_path / "ap.tsv"], [["natural", 3]])
    left_out = read_table(tmp_path / "left_out.tsv", RECOGNITION_LEFT_OUT)
    assert set(left_out["condition"]) == {"natural"} and set(left_out["seed"]) == {3}
    tested = files.of_split("test").iloc[files.order("test")].merge(blocks(files.of_split("test")))
    outputs = outputs_of(files, "test", tested["clip_id"])
    for block in range(N_BLOCKS):
        kept = (tested["block"] != block).to_numpy()
        for group, mids in (("natural", (0, 4)), ("target", (1, 2)), ("withheld", (3,))):
            truth = np.array(
                [[classes()["mid"][m] in own.split(";") for m in mids] for own in tested["labels"]]
            )[kept]
            expected = np.mean(
                [
                    average_precision_score(truth[:, i], outputs[kept][:, m])
                    for i, m in enumerate(mids)
                ]
            )
            scores = outputs[kept][:, list(mids)]
            chance = chance_average_precision(truth.sum(axis=0), int(kept.sum()), scores).mean()
            (row,) = left_out[
                (left_out["block"] == block) & (left_out["group"] == group)
            ].itertuples()
            assert row.n_classes == len(mids) and row.clips == "test"
            assert row.mean_average_precision == pytest.approx(expected, abs=1e-12)
            assert row.chance == pytest.approx(chance, abs=1e-12)
    assert len(left_out) == 3 * N_BLOCKS and len(table)


def test_the_interval_is_that_of_the_jackknife(tmp_path):
    files = corpus(tmp_path, n_test=60)
    run(files)
    table = summarised(tmp_path, [tmp_path / "ap.tsv"], [["natural", 1]])
    left_out = read_table(tmp_path / "left_out.tsv", RECOGNITION_LEFT_OUT)
    ends = table[["mean_average_precision_low", "mean_average_precision_high"]]
    assert ends[table["clips"] != "test"].isna().all(axis=None)
    for row in table[table["clips"] == "test"].itertuples():
        values = left_out.loc[left_out["group"] == row.group, "mean_average_precision"]
        error = np.sqrt((N_BLOCKS - 1) ** 2 / N_BLOCKS * values.var(ddof=1))
        expected = stats.t.interval(0.95, N_BLOCKS - 1, row.mean_average_precision, error)
        found = row.mean_average_precision_low, row.mean_average_precision_high
        np.testing.assert_allclose(found, np.clip(expected, 0, 1), atol=1e-12)


def test_the_interval_of_a_mean_covers_it_at_its_rate(tmp_path):
    """Clips of random scores: the interval holds the mean over many such sets of clips."""
    random = np.random.default_rng(0)
    truth = np.arange(80) % 4 == 0
    of_clips = np.arange(80) // 4 % 20
    precision, covered = [], []
    for _ in range(400):
        scores = random.normal(0, 1, 80) + truth
        found = left_out_of(scores[:, None], truth[:, None], of_clips, list(range(20)))
        mean = average_precision_score(truth, scores)
        precision.append(mean)
        covered.append(interval(mean, found.average_precision[:, 0]))
    low, high = np.array([list(ends.values()) for ends in covered]).T
    inside = (low < np.mean(precision)) & (np.mean(precision) < high)
    # 95% within three standard errors of 400 draws, and a little for 20 blocks.
    assert 0.90 <= inside.mean() <= 0.985


@pytest.mark.parametrize("untaught", [{}, {"natural": "labels mean nothing"}])
def test_a_network_that_did_not_learn_is_named(tmp_path, untaught, caplog):
    run(corpus(tmp_path))
    scored = read_table(tmp_path / "ap.tsv", AVERAGE_PRECISION)
    tables, gains = [], [0.3, 0.4, 0.16, 0.14]
    for number, gain in enumerate(gains):
        validated = (scored["clips"] == "validation") & (scored["n_positive"] > 0)
        precision = scored["average_precision"].where(~validated, scored["chance"] + gain)
        tables.append(tmp_path / f"{number}.tsv")
        write_table(tables[-1], scored.assign(average_precision=precision), AVERAGE_PRECISION)
    networks = [["natural", seed] for seed in (1, 2, 3, 4)]
    table = summarised(tmp_path, tables, networks, untaught)
    learnt = table.groupby("seed")["learnt"].unique().map(list)
    # Half of the median gain, 0.23, is 0.115.
    if untaught:
        assert list(learnt) == [["labels mean nothing"]] * 4 and not caplog.records
        return
    assert list(learnt) == [["yes"]] * 4
    gain = 0.1
    precision = scored["average_precision"].where(~validated, scored["chance"] + gain)
    write_table(tables[-1], scored.assign(average_precision=precision), AVERAGE_PRECISION)
    table = summarised(tmp_path, tables, networks)
    assert list(table.groupby("seed")["learnt"].first()) == ["yes"] * 3 + ["no"]
    assert "natural/seed-4 did not learn" in caplog.text


def test_without_validation_clips_it_is_not_asked_whether_a_network_learnt(tmp_path):
    run(corpus(tmp_path))
    scored = read_table(tmp_path / "ap.tsv", AVERAGE_PRECISION)
    none = scored["clips"] == "validation"
    scored.loc[none, "n_positive"] = 0
    scored.loc[none, ["average_precision", "chance"]] = np.nan
    write_table(tmp_path / "ap.tsv", scored, AVERAGE_PRECISION)
    table = summarised(tmp_path, [tmp_path / "ap.tsv"], [["natural", 1]])
    assert set(table["learnt"]) == {"no validation clips"}


def test_summary_takes_means_over_the_classes_with_positives(tmp_path):
    files = corpus(tmp_path)
    scored = run(files)
    networks = [["natural", 2], ["full", 1]]
    second = scored.assign(average_precision=scored["average_precision"] / 2)
    write_table(tmp_path / "second.tsv", second, AVERAGE_PRECISION)
    table = summarised(tmp_path, [tmp_path / "ap.tsv", tmp_path / "second.tsv"], networks)
    assert (
        list(zip(table["condition"], table["seed"], strict=True))
        == [("natural", 2)] * 9 + [("full", 1)] * 9
    )
    assert list(zip(table["clips"], table["group"], strict=True))[:9] == [
        (part, group)
        for part in ("training", "validation", "test")
        for group in ("natural", "target", "withheld")
    ]
    of_test = scored[scored["clips"] == "test"]
    natural = of_test[of_test["mid"].isin(["/m/speech", "/m/rain"])]
    row = table[(table["clips"] == "test") & (table["group"] == "natural")].iloc[0]
    # The owl is natural too, and no clip is an owl's.
    assert row["n_classes"] == 2
    assert row["mean_average_precision"] == pytest.approx(natural["average_precision"].mean())
    assert row["chance"] == pytest.approx(natural["chance"].mean())
    assert row["prevalence"] == pytest.approx(natural["prevalence"].mean())
    trained = table[(table["clips"] == "training") & (table["group"] == "target")].iloc[0]
    assert trained["n_classes"] == 0 and np.isnan(trained["mean_average_precision"])
    halved = table["mean_average_precision"].to_numpy()
    np.testing.assert_allclose(halved[9:], halved[:9] / 2)


def test_a_group_without_classes_has_no_row(tmp_path):
    table = run(corpus(tmp_path))
    write_table(tmp_path / "ap.tsv", table[table["group"] != "withheld"], AVERAGE_PRECISION)
    summary = summarised(tmp_path, [tmp_path / "ap.tsv"], [["natural", 1]])
    assert set(summary["group"]) == {"natural", "target"} and len(summary) == 6
