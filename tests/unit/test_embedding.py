"""t-SNE of the responses, and the segregation index."""

import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from music_detectors.common.errors import InputError
from music_detectors.common.parts import Parts
from music_detectors.common.tables import read_table
from music_detectors.embedding import embed as embedding
from music_detectors.embedding.bins import BINS, bins_of, coarse_bins
from music_detectors.embedding.columns import EMBEDDING_POINTS, SEGREGATION, SEGREGATION_LEFT_OUT
from music_detectors.embedding.embed import (
    embed_responses,
    segregation_index,
    segregation_test,
    segregation_without,
    usable_perplexity,
    z_scored,
)
from music_detectors.jackknife.columns import BLOCKS
from support.response_files import corpus, keep_only, write_blocks, write_matched


def clouds(n=(150, 150), apart=0.0, seed=0, units=10):
    """Return responses (clips, units) whose groups lie `apart`, and which are target."""
    random = np.random.default_rng(seed)
    is_target = np.arange(sum(n)) < n[0]
    values = random.normal(size=(sum(n), units))
    values[is_target, : units // 2] += apart
    order = random.permutation(sum(n))
    return values[order], is_target[order]


def run(
    files,
    perplexity=5,
    permutations=100,
    seed=1,
    name="",
    condition="natural",
    replicate=1,
    blocks=None,
    matched=None,
):
    points, segregation = files.path(f"{name}points.tsv"), files.path(f"{name}segregation.tsv")
    write_blocks(files.path("blocks.tsv"), files.clips)
    write_matched(files.path("matched.tsv"), files.clips, matched)
    embed_responses(
        files.path("test.h5"),
        files.path("clips.tsv"),
        blocks or files.path("blocks.tsv"),
        files.path("matched.tsv"),
        points,
        segregation,
        files.path(f"{name}left_out.tsv"),
        layer="avgpool",
        perplexity=perplexity,
        permutations=permutations,
        seed=seed,
        condition=condition,
        replicate=replicate,
    )
    return read_table(points, EMBEDDING_POINTS), read_table(segregation, SEGREGATION)


def test_the_index_without_a_block_is_that_of_the_points_that_remain():
    values, is_target = clouds((40, 60), apart=1.0)
    bins, parts = bins_of(values[:, :2], 5), Parts(np.arange(100), is_target)
    blocks = np.arange(100) % 8 + 3
    numbers = list(range(3, 11))
    found = segregation_without(bins, parts, blocks, numbers, 200, np.random.default_rng(3))
    draws = np.random.default_rng(3)
    permuted = [parts.permuted(1, draws)[0] for _ in range(200)]
    for number, row in zip(numbers, found.itertuples(), strict=True):
        kept = blocks != number
        assert row.coarse_index == pytest.approx(segregation_index(bins[kept], is_target[kept]))
        indices = [segregation_index(bins[kept], labels[kept]) for labels in permuted]
        assert row.coarse_permuted_mean == pytest.approx(np.mean(indices))
        assert row.coarse_permuted_sd == pytest.approx(np.std(indices, ddof=1))
        assert (row.n_target, row.n_other) == (is_target[kept].sum(), (~is_target[kept]).sum())


def test_left_out_has_each_block_and_nothing_where_there_is_one_block(tmp_path):
    files = corpus(tmp_path, n_test=60).write()
    _, whole = run(files, replicate=2)
    left_out = read_table(files.path("left_out.tsv"), SEGREGATION_LEFT_OUT)
    assert list(left_out["block"]) == [0, 1, 2]
    assert set(left_out["seed"]) == {2}
    assert left_out["n_target"].sum() == 2 * whole["n_target"].iloc[0]
    # The same permutations, of about as many clips.
    near = left_out["coarse_permuted_mean"].mean()
    assert near == pytest.approx(whole["coarse_permuted_mean"].iloc[0], abs=0.15)
    write_blocks(files.path("one.tsv"), files.clips, 1)
    blocks = files.path("one.tsv")
    run(files, blocks=blocks)
    assert read_table(files.path("left_out.tsv"), SEGREGATION_LEFT_OUT).empty


def test_the_index_of_matched_clips_is_that_of_their_points_alone(tmp_path):
    files = corpus(tmp_path, n_test=90).write()
    points, whole = run(files)
    (every,) = whole.to_dict("records")
    names = ("coarse_index", "coarse_permuted_mean", "coarse_p_permutation", "n_target", "n_other")
    # Where all clips are matched, nothing changes.
    assert all(every[f"matched_{name}"] == every[name] for name in names)
    kept = points["clip_id"][::2].tolist()
    block = read_table(files.path("blocks.tsv"), BLOCKS).set_index("clip_id")["block"]
    again, table = run(files, matched=kept)
    pd.testing.assert_frame_equal(again, points)
    (found,) = table.to_dict("records")
    assert all(found[name] == every[name] for name in names)
    some = points[points["clip_id"].isin(kept)]
    xy, is_target = some[["x", "y"]].to_numpy(), (some["role"] == "target").to_numpy()
    bins = bins_of(xy, coarse_bins(len(xy)))
    assert found["matched_coarse_index"] == pytest.approx(segregation_index(bins, is_target))
    assert (found["matched_n_target"], found["matched_n_other"]) == (
        is_target.sum(),
        (~is_target).sum(),
    )
    left_out = read_table(files.path("left_out.tsv"), SEGREGATION_LEFT_OUT)
    for row in left_out.itertuples():
        rest = (some["clip_id"].map(block) != row.block).to_numpy()
        index = segregation_index(bins[rest], is_target[rest])
        assert row.matched_coarse_index == pytest.approx(index)
    # Without matched clips, there is no index.
    (nothing,) = run(files, matched=[])[1].to_dict("records")
    assert np.isnan(nothing["matched_coarse_index"]) and nothing["matched_n_target"] == 0


def test_z_scores_equal_scipys_and_constant_units_are_zero():
    random = np.random.default_rng(0)
    values = random.normal(5, 3, (40, 4)).astype(np.float32)
    values[:, 2] = np.float32(0.1)
    # Constant except for one clip, far from zero.
    values[:, 3] = 1000
    values[7, 3] = np.nextafter(np.float32(1000), np.float32(2000))
    scored = z_scored(values)
    expected = stats.zscore(values[:, :2].astype(np.float64))
    np.testing.assert_allclose(scored[:, :2], expected, rtol=1e-12, atol=1e-12)
    assert (scored[:, 2] == 0).all()
    assert scored[:, 3].std() == pytest.approx(1) and scored[7, 3] == pytest.approx(39**0.5)


def test_perplexity_is_lowered_for_few_clips():
    assert usable_perplexity(30, 320) == 30
    assert usable_perplexity(30, 61) == 20
    assert usable_perplexity(30, 4) == 1


@given(st.integers(0, 10**6), st.integers(2, 70), st.integers(3, 300))
@settings(max_examples=30, deadline=None)
def test_the_index_equals_that_of_two_histograms(seed, bins, n):
    random = np.random.default_rng(seed)
    xy = (random.normal(size=(n, 2)) * [1, 30]).astype(np.float32)
    is_target = random.random(n) < 0.3
    is_target[:2] = True, False
    along = [np.histogram_bin_edges(values.astype(np.float64), bins) for values in xy.T]
    p, q = (
        np.histogram2d(*xy[of].T.astype(np.float64), bins=along)[0]
        for of in (is_target, ~is_target)
    )
    expected = 1 - np.sqrt(p / p.sum() * q / q.sum()).sum()
    found = segregation_index(bins_of(xy, bins), is_target)
    assert found == pytest.approx(expected, abs=1e-12)
    assert 0 <= found <= 1


def test_the_index_of_equal_and_of_separate_groups():
    bins = np.array([0, 0, 5, 5])
    assert segregation_index(bins, np.array([True, False, True, False])) == pytest.approx(0)
    assert segregation_index(bins, np.array([True, True, False, False])) == 1
    # Half of each in the one bin that is shared.
    shared = np.array([1, 2, 2, 3])
    assert segregation_index(shared, np.array([True, True, False, False])) == pytest.approx(0.5)


def test_coarse_bins_hold_four_clips_and_equal_the_studys_for_audioset():
    assert coarse_bins(320) == 9
    assert coarse_bins(2_500) == 25
    assert coarse_bins(18_000) == coarse_bins(10**6) == BINS == 64
    assert coarse_bins(3) == 2


def single(is_target):
    """Return the parts of clips of as many recordings."""
    return Parts(np.arange(len(is_target)), is_target)


def test_sparse_bins_give_a_high_index_for_any_roles():
    xy, is_target = clouds((40, 120), units=2, seed=1)
    fine = segregation_test(bins_of(xy), single(is_target), 300, np.random.default_rng(0))
    assert fine["index"] > 0.9 and fine["permuted_mean"] > 0.9
    assert fine["p_permutation"] > 0.05


def test_permuted_roles_agree_with_enumeration():
    bins = np.array([0, 0, 0, 1, 1, 2])
    is_target = np.array([True, True, False, False, False, False])

    # Of 15 pairs: both in bin 0 (3), both in 1 (1), 0 and 1 (6), 0 and 2 (3), 1 and 2 (2).
    def index(*pair):
        return segregation_index(bins, np.isin(np.arange(6), pair))

    every = np.repeat(
        [index(0, 1), index(3, 4), index(0, 3), index(0, 5), index(3, 5)], [3, 1, 6, 3, 2]
    )
    found = segregation_test(bins, single(is_target), 40_000, np.random.default_rng(1))
    assert found["index"] == index(0, 1)
    assert found["permuted_mean"] == pytest.approx(every.mean(), abs=0.005)
    assert found["permuted_sd"] == pytest.approx(every.std(), abs=0.005)
    assert found["p_permutation"] == pytest.approx((every >= index(0, 1) - 1e-9).mean(), abs=0.01)


def test_p_is_uniform_for_random_roles():
    xy, is_target = clouds((60, 180), units=2)
    bins = bins_of(xy, coarse_bins(len(xy)))
    p = []
    for seed in range(200):
        roles = np.random.default_rng(seed).permutation(is_target)
        draws = np.random.default_rng(1000 + seed)
        p.append(segregation_test(bins, single(roles), 99, draws)["p_permutation"])
    assert stats.kstest(p, "uniform").pvalue > 0.001
    assert np.mean(np.array(p) <= 0.05) < 0.1


def test_clips_of_one_recording_change_their_roles_together():
    # Recordings of 8 clips that lie close together: 6 of the target, 18 of others.
    random = np.random.default_rng(5)
    group = np.repeat(np.arange(24), 8)
    by_group, by_clip = [], []
    for seed in range(100):
        xy = random.normal(size=(24, 2))[group] + 0.3 * random.normal(size=(192, 2))
        bins = bins_of(xy, coarse_bins(len(xy)))
        for parts, p in ((Parts(group, group < 6), by_group), (single(group < 6), by_clip)):
            draws = np.random.default_rng(seed)
            p.append(segregation_test(bins, parts, 99, draws)["p_permutation"])
    # One of 100 draws at 0.05 has a standard error of 2.2 %; three are allowed.
    assert np.mean(np.array(by_group) <= 0.05) < 0.12
    assert np.mean(np.array(by_clip) <= 0.05) > 0.9


@pytest.mark.parametrize("apart", [0.0, 3.0])
def test_only_groups_that_lie_apart_are_segregated(tmp_path, apart):
    files = corpus(tmp_path, n_train=12, n_test=240)
    values = files.responses["test"]["avgpool"]
    is_target = (files.of_split("test")["role"] == "target").to_numpy()
    values[:] = np.random.default_rng(0).normal(5, 1, values.shape)
    values[is_target, :8] += apart
    points, segregation = run(files.write(), perplexity=20, permutations=199)
    row = segregation.iloc[0]
    assert row["coarse_bins"] == coarse_bins(len(points))
    found = row["coarse_index"] - row["coarse_permuted_mean"]
    assert (found > 0.5) == (apart > 0)
    # Of 199 permutations, the least p is 0.005.
    assert (row["coarse_p_permutation"] < 0.01) == (apart > 0)


def test_tables_contain_target_and_other_test_clips(tmp_path):
    files = corpus(tmp_path).write()
    points, segregation = run(files, replicate=2)
    of_file = files.of_split("test").iloc[files.order("test")]
    kept = of_file[of_file["role"] != "mixed"]
    assert list(points["clip_id"]) == list(kept["clip_id"])
    assert list(points["role"]) == list(kept["role"])
    (row,) = segregation.to_dict("records")
    assert row["seed"] == 2 and set(points["seed"]) == {2}
    assert row["n_target"] == (kept["role"] == "target").sum()
    assert row["n_other"] == (kept["role"] == "other").sum()
    is_target = (points["role"] == "target").to_numpy()
    xy = points[["x", "y"]].to_numpy()
    assert row["segregation_index"] == segregation_index(bins_of(xy), is_target)
    assert row["coarse_index"] == segregation_index(bins_of(xy, row["coarse_bins"]), is_target)
    # Another network has the same responses here, but different permutations.
    _, of_other = run(files, replicate=3)
    assert of_other["segregation_index"][0] == row["segregation_index"]
    assert of_other["coarse_permuted_mean"][0] != row["coarse_permuted_mean"]


def test_runs_are_reproducible_and_depend_on_the_seed(tmp_path):
    files = corpus(tmp_path).write()
    for name in ("a-", "b-"):
        run(files, name=name)
    run(files, name="c-", seed=2)
    run(files, name="d-", condition="shuffled")
    points = [files.path(f"{name}-points.tsv").read_bytes() for name in "ab"]
    assert points[0] == points[1]
    a, b, c, d = (files.path(f"{name}-segregation.tsv").read_bytes() for name in "abcd")
    assert a == b and a not in (c, d)


def test_a_lowered_perplexity_is_logged_and_recorded(tmp_path, caplog):
    files = corpus(tmp_path).write()
    with caplog.at_level(logging.INFO):
        points, segregation = run(files, perplexity=30)
    assert segregation["perplexity"][0] == (len(points) - 1) / 3
    assert "perplexity 6 instead of 30, since there are only 19 clips" in caplog.text


def test_networks_that_never_respond_are_not_segregated(tmp_path):
    files = corpus(tmp_path)
    files.responses["test"]["avgpool"][:] = 0.3
    points, segregation = run(files.write())
    row = segregation.iloc[0]
    assert (points[["x", "y"]] == 0).all(axis=None)
    assert row["segregation_index"] == row["permuted_mean"] == row["permuted_sd"] == 0
    assert row["p_permutation"] == row["coarse_p_permutation"] == 1


def test_too_few_clips_and_infinite_responses_are_refused(tmp_path):
    files = corpus(tmp_path)
    files.clips.loc[files.clips["role"] == "target", "role"] = "mixed"
    with pytest.raises(InputError, match=r"test\.h5: 0 target and .* at least 2 of each"):
        run(files.write())
    files = corpus(tmp_path)
    files.responses["test"]["avgpool"][3, 2] = np.nan
    clip_id = files.of_split("test")["clip_id"][3]
    with pytest.raises(
        InputError, match=rf"test\.h5: a response of avgpool to clip {clip_id} is not finite"
    ):
        run(files.write())


def test_of_many_clips_a_sample_is_placed(tmp_path, monkeypatch, caplog):
    files = corpus(tmp_path).write()
    every, _ = run(files)
    monkeypatch.setattr(embedding, "MOST_EMBEDDED", 12)
    with caplog.at_level(logging.WARNING):
        points, segregation = run(files)
    assert "embedding: a random sample of 12 of 19 test clips, by role" in caplog.messages
    assert len(points) == 12 and set(points["clip_id"]) < set(every["clip_id"])
    assert segregation[["n_target", "n_other"]].sum(axis=1).tolist() == [12]
    assert segregation["n_sampled_from"].tolist() == [19]
    # As if there were no other clips.
    keep_only(files.path("test.h5"), points["clip_id"])
    again, of_sample = run(files)
    pd.testing.assert_frame_equal(again, points)
    assert of_sample["n_sampled_from"].tolist() == [12]
