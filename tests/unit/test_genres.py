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
from music_detectors.genres.responses import (
    by_genre,
    deviation_errors,
    errors_of,
    genre_responses,
    with_tests,
    without_blocks,
)
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
        assert row.auc == pytest.approx(stats.mannwhitneyu(own, other).statistic / (20 * 60))
        difference = own.mean() - other.mean()
        assert row.d_prime == pytest.approx(difference / np.sqrt((own.var() + other.var()) / 2))
        pooled = np.sqrt((19 * own.var() + 59 * other.var()) / 78)
        assert row.hedges_g == pytest.approx((1 - 3 / (4 * 78 - 1)) * difference / pooled, rel=1e-4)


def test_corrections_equal_statsmodels():
    g, errors = (
        np.array([0.5, 1.2, -0.3, 0.9, 2.0]),
        np.array([[0.4], [0.3], [0.2], [0.0], [np.nan]]),
    )
    n_blocks = np.array([8, 12, 40, 7, 3])
    table = with_tests(pd.DataFrame({"seed": 1, "hedges_g": g, "n_blocks": n_blocks}), errors)
    tested = table.iloc[:3]
    np.testing.assert_allclose(tested["t"], g[:3] / errors[:3, 0])
    p = 2 * stats.t.sf(np.abs(g[:3] / errors[:3, 0]), n_blocks[:3] - 1)
    np.testing.assert_allclose(tested["p"], p)
    np.testing.assert_allclose(tested["p_fdr"], multipletests(p, method="fdr_bh")[1])
    np.testing.assert_allclose(tested["p_holm"], multipletests(p, method="holm")[1])
    assert table.iloc[3:][["t", "p", "p_fdr", "p_holm"]].isna().all(axis=None)


def grouped_genres(effects, draws, per_group=4, groups=10):
    """Return the table of genres whose recordings have `per_group` clips that resemble each other.

    Others are as many recordings of each genre's size; blocks are of recordings.
    """
    of_group = np.repeat(np.arange(groups * (1 + len(effects))), per_group)
    genre = of_group // groups - 1
    shift = np.array([0.0, *effects])[genre + 1]
    values = shift + draws.normal(size=of_group.max() + 1)[of_group] + draws.normal(size=len(genre))
    carries = genre[:, None] == np.arange(len(effects))
    without = without_blocks(values[:, None], genre < 0, carries, of_group % groups)
    n_blocks = np.full(len(effects), groups)
    clips = pd.DataFrame(
        {
            "role": np.where(genre < 0, "other", "target"),
            "labels": [f"/m/{number}" for number in genre],
            "response": values,
        }
    )
    named = pd.DataFrame({"mid": [f"/m/{k}" for k in range(len(effects))], "name": "genre"})
    table = by_genre(clips, named).assign(seed=1, n_blocks=n_blocks)
    return with_tests(table, errors_of(without["hedges_g"], n_blocks))


def test_only_planted_genres_are_found():
    table = grouped_genres([3.0, 0, 0, 3.0, 0], np.random.default_rng(3), groups=30)
    assert list(table["p_holm"] < 0.05) == [True, False, False, True, False]


def test_clips_of_one_recording_are_no_independent_draws():
    """Half of the variance is that of the recording; taken as independent, clips err often."""
    draws = np.random.default_rng(4)
    runs = [grouped_genres([0.0] * 3, draws) for _ in range(300)]
    called = np.array([table["p"] < 0.05 for table in runs])
    # At 5 % of 900 tests, of which three share their other clips, more than 80 are improbable.
    assert 15 <= called.sum() <= 80
    assert sum((table["p_holm"] < 0.05).any() for table in runs) <= 30


def test_genres_with_too_few_clips_have_no_statistics():
    clips, genres = heard([1, 1, 1])
    few = clips[~((clips["labels"] == "/m/music;/m/1") & (clips.index != 20))]
    few = few[few["labels"] != "/m/music;/m/2"]
    table = by_genre(few, genres)
    assert list(table["n_clips"]) == [20, 1, 0]
    assert table["response"].notna().tolist() == [True, True, False]
    for name in ("d_prime", "hedges_g", "auc"):
        assert table[name].notna().tolist() == [True, False, False]


def test_units_that_never_respond_show_no_difference():
    clips, genres = heard([0, 0])
    clips["response"] = 0.1
    table = by_genre(clips, genres)
    assert (table[["d_prime", "hedges_g"]] == 0).all(axis=None)
    assert (table["auc"] == 0.5).all()


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
