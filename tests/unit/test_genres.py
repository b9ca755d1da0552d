"""The response of the selective units to each genre."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES
from music_detectors.genres.columns import GENRES, GENRES_LEFT_OUT
from music_detectors.genres.responses import by_genre, deviation_errors, genre_responses
from music_detectors.selectivity.columns import CLIP_RESPONSES
from support.response_files import classes, corpus, write_blocks


def heard(effects, n=20, n_other=60, seed=0):
    """Return test clips of one genre per item of `effects`, its effect over other clips."""
    random = np.random.default_rng(seed)
    parts = [
        pd.DataFrame(
            {"role": "target", "labels": f"/m/music;/m/{g}", "response": random.normal(by, 1, n)}
        )
        for g, by in enumerate(effects)
    ]
    other = {"role": "other", "labels": "/m/rain", "response": random.normal(0, 1, n_other)}
    mixed = {"role": "mixed", "labels": "/m/0;/m/rain", "response": np.full(5, 1e6)}
    clips = pd.concat([*parts, pd.DataFrame(other), pd.DataFrame(mixed)], ignore_index=True)
    places = range(len(effects))
    genres = pd.DataFrame(
        {"mid": [f"/m/{g}" for g in places], "name": [f"Genre {g}" for g in places]}
    )
    return clips, genres


def responses(files, networks=1):
    """Write clip_responses.tsv of some networks; return their paths and tables."""
    paths, tables = [], []
    for seed in range(1, networks + 1):
        random = np.random.default_rng(seed)
        table = files.clips[["clip_id", "split", "role"]].copy()
        table["response"] = random.gamma(2, 1, len(table))
        table["all_units"] = 1.0
        paths.append(files.path(f"{seed}.tsv"))
        tables.append(table)
        write_table(paths[-1], table, CLIP_RESPONSES)
    return paths, tables


def run(files, paths, listed=None, n=3):
    write_table(files.path("classes.tsv"), classes() if listed is None else listed, CLASSES)
    write_blocks(files.path("blocks.tsv"), files.clips, n)
    genre_responses(
        paths,
        files.path("clips.tsv"),
        files.path("classes.tsv"),
        files.path("blocks.tsv"),
        files.path("genres.tsv"),
        files.path("left_out.tsv"),
        replicates=list(range(1, len(paths) + 1)),
    )
    return read_table(files.path("genres.tsv"), GENRES)


def test_statistics_equal_scipys_and_corrections_statsmodels():
    clips, genres = heard([0, 0.5, 1, -1, 0.2, 2])
    table = by_genre(clips, genres)
    other = clips.loc[clips["role"] == "other", "response"]
    for row in table.itertuples():
        own = clips.loc[(clips["role"] == "target") & clips["labels"].str.endswith(row.mid)]
        own = own["response"]
        assert (row.n_clips, row.n_other) == (20, 60)
        assert row.response == pytest.approx(own.mean())
        assert row.other_response == pytest.approx(other.mean())
        welch = stats.ttest_ind(own, other, equal_var=False)
        assert row.welch_t == pytest.approx(welch.statistic)
        assert row.p == pytest.approx(welch.pvalue)
        assert row.auc == pytest.approx(stats.mannwhitneyu(own, other).statistic / (20 * 60))
        difference = own.mean() - other.mean()
        assert row.d_prime == pytest.approx(difference / np.sqrt((own.var() + other.var()) / 2))
        pooled = np.sqrt((19 * own.var() + 59 * other.var()) / 78)
        assert row.hedges_g == pytest.approx((1 - 3 / (4 * 78 - 1)) * difference / pooled, rel=1e-4)
    np.testing.assert_allclose(table["p_fdr"], multipletests(table["p"], method="fdr_bh")[1])
    np.testing.assert_allclose(table["p_holm"], multipletests(table["p"], method="holm")[1])


def test_only_planted_genres_are_found():
    clips, genres = heard([1.5, 0, 0, 1.5, 0], n=40, n_other=200)
    table = by_genre(clips, genres)
    assert list(table["p_holm"] < 0.05) == [True, False, False, True, False]
    assert (table["hedges_g"][[0, 3]] > 1).all()


def test_null_genres_are_significant_at_most_at_the_nominal_rate():
    called = [(by_genre(*heard([0] * 10, n=12, seed=s))["p_holm"] < 0.05).any() for s in range(200)]
    # At 5 % the chance of more than 22 is 1e-4.
    assert sum(called) <= 22


def test_genres_with_too_few_clips_are_neither_tested_nor_counted_in_the_correction():
    clips, genres = heard([1, 1, 1])
    few = clips[~((clips["labels"] == "/m/music;/m/1") & (clips.index != 20))]
    few = few[few["labels"] != "/m/music;/m/2"]
    table = by_genre(few, genres)
    assert list(table["n_clips"]) == [20, 1, 0]
    assert table["response"].notna().tolist() == [True, True, False]
    for name in ("welch_t", "p", "p_fdr", "p_holm", "d_prime", "hedges_g", "auc"):
        assert table[name].notna().tolist() == [True, False, False]
    assert table["p_holm"][0] == table["p"][0]


def test_units_that_never_respond_show_no_difference():
    clips, genres = heard([0, 0])
    clips["response"] = 0.1
    table = by_genre(clips, genres)
    assert (table[["welch_t", "d_prime", "hedges_g"]] == 0).all(axis=None)
    assert (table["p_holm"] == 1).all() and (table["auc"] == 0.5).all()


def test_only_target_test_clips_count(tmp_path):
    files = corpus(tmp_path).write()
    paths, tables = responses(files, networks=2)
    table = run(files, paths)
    assert list(table["seed"]) == [1, 2]
    assert set(table["name"]) == {"Jazz"}
    for row, heard_by in zip(table.itertuples(), tables, strict=True):
        joined = heard_by.merge(files.clips[["clip_id", "labels"]])
        test = joined[joined["split"] == "test"]
        jazz = test[(test["role"] == "target") & test["labels"].str.contains("jazz")]
        assert row.n_clips == len(jazz) > 0
        assert row.response == pytest.approx(jazz["response"].mean())
        other = test[test["role"] == "other"]
        assert row.n_other == len(other)
        assert row.other_response == pytest.approx(other["response"].mean())


def test_without_a_block_effects_are_those_of_the_clips_that_remain(tmp_path):
    files = corpus(tmp_path, n_train=36, n_test=150).write()
    paths, tables = responses(files, networks=2)
    listed = classes().assign(genre=lambda t: t["name"].isin(["Music", "Jazz", "Owl"]))
    whole = run(files, paths, listed, n=6)
    without = read_table(files.path("left_out.tsv"), GENRES_LEFT_OUT)
    assert len(without) == 6 * len(whole) == 6 * 2 * 3
    blocks = write_blocks(files.path("blocks.tsv"), files.clips, 6)
    for block in (0, 5):
        kept = [table[table["clip_id"].map(blocks) != block] for table in tables]
        for path, table in zip(paths, kept, strict=True):
            write_table(path, table, CLIP_RESPONSES)
        expected = run(files, paths, listed, n=6)
        found = without[without["block"] == block].reset_index(drop=True)
        for name in ("seed", "mid", "name", "n_clips", "n_other"):
            assert found[name].tolist() == expected[name].tolist()
        np.testing.assert_allclose(found["hedges_g"], expected["hedges_g"], rtol=1e-12)
    # No clip is an owl's, so its effect and error are missing, and it counts for no mean.
    assert whole["n_blocks"].tolist() == [6, 6, 0] * 2
    for seed in (1, 2):
        own = without[without["seed"] == seed].pivot(
            index="block", columns="name", values="hedges_g"
        )
        deviation = own["Jazz"] - (own["Jazz"] + own["Music"]) / 2
        error = np.sqrt(6 * (5 / 6) ** 2 * deviation.var(ddof=1))
        found = whole[whole["seed"] == seed].set_index("name")["deviation_error"]
        assert found["Jazz"] == pytest.approx(error, rel=1e-12)
        assert np.isnan(found["Owl"])
        of_blocks = without.loc[without["seed"] == seed, ["name", "deviation_error", "n_blocks"]]
        assert set(of_blocks.loc[of_blocks["name"] == "Jazz", "deviation_error"]) == {found["Jazz"]}


def test_the_error_of_a_genre_of_few_clips_is_that_of_their_mean():
    random = np.random.default_rng(6)
    clips = random.standard_normal(8)
    # One clip in each of 8 of 40 blocks; the other genre's effect is always 0.
    effect = np.full(40, clips.mean())
    effect[:8] = (clips.sum() - clips) / 7
    left_out = np.stack([effect, np.zeros(40)], axis=1)[:, :, None]
    errors = deviation_errors(left_out, np.array([8, 40]))
    assert errors[0, 0] == pytest.approx(stats.sem(clips) / 2, rel=1e-12)
    # A genre in few blocks has no error and does not count for the mean.
    errors = deviation_errors(left_out, np.array([4, 40]))
    assert np.isnan(errors[0, 0]) and errors[1, 0] == 0


def test_networks_that_have_heard_other_clips_are_refused(tmp_path):
    files = corpus(tmp_path).write()
    paths, tables = responses(files, networks=2)
    write_table(
        paths[1],
        tables[1][~((tables[1]["split"] == "test") & (tables[1].index % 5 == 0))],
        CLIP_RESPONSES,
    )
    with pytest.raises(InputError, match=r"2\.tsv: damaged table .its test clips are not those of"):
        run(files, paths)


def test_a_corpus_without_genres_has_an_empty_table(tmp_path):
    files = corpus(tmp_path).write()
    paths, _ = responses(files, networks=2)
    table = run(files, paths, classes().assign(genre=False))
    assert table.empty
    assert files.path("genres.tsv").read_text() == "\t".join(GENRES) + "\n"
    assert read_table(files.path("left_out.tsv"), GENRES_LEFT_OUT).empty


def test_unusable_tables_are_named(tmp_path):
    files = corpus(tmp_path).write()
    paths, (table,) = responses(files)
    write_table(paths[0], table[table["role"] != "other"], CLIP_RESPONSES)
    with pytest.raises(InputError, match=r"1\.tsv: 0 other clips in the test split"):
        run(files, paths)
    table.loc[table["split"] == "test", "clip_id"] += "x"
    write_table(paths[0], table, CLIP_RESPONSES)
    with pytest.raises(
        InputError, match=r"1\.tsv: damaged table \(clip test-\d+x is not among the test clips"
    ):
        run(files, paths)
