"""Blocks of test clips, and the variance over networks and sounds."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from validity import tail

from music_detectors.audio.columns import STATUS
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.jackknife.assign import assign_blocks, draws_of
from music_detectors.jackknife.blocks import blocks_in, of_sounds, read_blocks
from music_detectors.jackknife.columns import BLOCKS
from music_detectors.jackknife.variance import (
    Source,
    crossed_variance,
    jackknife_variance,
    reach_of,
    variance_of,
)


def corpus(rows):
    """Return clips.tsv of test clips with the given role, group and labels."""
    return pd.DataFrame(
        [
            {
                **{name: "x" for name in CLIPS},
                "clip_id": f"c{number}",
                "split": "test",
                "start_seconds": 0.0,
                "end_seconds": np.nan,
                "listed": False,
                "role": role,
                "group": group,
                "labels": labels,
            }
            for number, (role, group, labels) in enumerate(rows)
        ]
    )


def assigned(folder, table, sounds="groups", unusable=(), seed=1):
    """Return the table of blocks, indexed by clip."""
    write_table(folder / "clips.tsv", table, CLIPS)
    status = pd.DataFrame(
        {
            "clip_id": table["clip_id"],
            "status": ["failed" if name in unusable else "ok" for name in table["clip_id"]],
            **{name: "" for name, kind in STATUS.items() if kind is str and name[0] in "rm"},
            "source": "file",
            "attempts": 1,
            "n_samples": 1,
            "rms_db": -20.0,
        }
    )
    write_table(folder / "status.tsv", status, STATUS)
    assign_blocks(
        folder / "clips.tsv",
        [folder / "status.tsv"],
        folder / "blocks.tsv",
        sounds=sounds,
        seed=seed,
    )
    return read_table(folder / "blocks.tsv", BLOCKS).set_index("clip_id")


def plain(n_target, n_other, per_group=1):
    return corpus(
        [
            (role, f"{role}-{number // per_group}", role[0])
            for role, n in (("target", n_target), ("other", n_other))
            for number in range(n)
        ]
    )


@pytest.mark.parametrize(
    "n_target, n_other, per_group, expected", [(7, 20, 1, 7), (100, 60, 1, 40), (60, 30, 5, 6)]
)
def test_there_are_as_many_blocks_as_draws_of_the_rarer_role_and_at_most_forty(
    tmp_path, n_target, n_other, per_group, expected
):
    table = assigned(tmp_path, plain(n_target, n_other, per_group))
    assert sorted(table["block"].unique()) == list(range(expected))
    for _, of_role in table.groupby("role"):
        numbers = of_role.groupby("block")["draw"].nunique()
        assert len(numbers) == expected and np.ptp(numbers) <= 1
    assert (table.groupby("draw")["block"].nunique() == 1).all()


def test_groups_of_several_roles_are_one_draw_and_each_block_has_each_role(tmp_path):
    rng = np.random.default_rng(2)
    rows = [
        (rng.choice(["target", "other", "mixed"]), f"g{rng.integers(25)}", "a") for _ in range(200)
    ]
    table = assigned(tmp_path, corpus(rows))
    assert (table.groupby("draw")["block"].nunique() == 1).all()
    n = table["block"].nunique()
    by_role = table[table["role"] != "mixed"].groupby("role")
    assert n == by_role["draw"].nunique().min() > 10
    assert (by_role["block"].nunique() == n).all()


@pytest.mark.parametrize("seed", range(5))
def test_few_groups_with_both_roles_still_reach_every_block(tmp_path, seed):
    rows = [("target", f"t{n}", "a") for n in range(3)] + [
        ("other", f"o{n}", "a") for n in range(4)
    ]
    rows += [(role, f"b{n}", "a") for n in range(4) for role in ("target", "mixed", "other")]
    table = assigned(tmp_path, corpus(rows), seed=seed)
    assert table["block"].nunique() == 7
    assert (table[table["role"] != "mixed"].groupby("role")["block"].nunique() == 7).all()


def test_clips_of_one_group_are_apart_where_clips_are_the_draws(tmp_path):
    table = assigned(tmp_path, plain(20, 30, per_group=10), sounds="clips")
    assert table["block"].nunique() == 20
    assert (table["draw"] == table.index).all()


def test_the_class_of_a_group_is_the_rarest_label_of_its_clips():
    table = corpus(
        [
            ("target", "g1", "m;rock"),
            ("target", "g1", "m;jazz"),
            ("target", "g2", "m;rock"),
            ("other", "g3", "b;a"),
            ("other", "g4", "b;a"),
        ]
    )
    assert draws_of(table, "classes").tolist() == ["jazz", "jazz", "rock", "a", "a"]


def test_a_target_of_one_class_is_one_block_that_is_never_left_out(tmp_path):
    rows = [("target", f"t{n}", "music") for n in range(9)]
    rows += [("other", f"o{n}", f"class {n % 4}") for n in range(12)]
    table = assigned(tmp_path, corpus(rows), sounds="classes")
    assert set(table["block"]) == {0}
    assert blocks_in(table["block"].to_numpy()) == []


def test_clips_without_usable_audio_and_train_clips_have_no_block(tmp_path):
    clips = plain(10, 10)
    clips.loc[[3, 15], "split"] = "train"
    table = assigned(tmp_path, clips, unusable=["c0", "c12"])
    assert set(clips["clip_id"]) - set(table.index) == {"c0", "c3", "c12", "c15"}
    assert table["block"].nunique() == 8
    with pytest.raises(InputError, match=r"blocks.tsv.*no block of clip c12"):
        read_blocks(tmp_path / "blocks.tsv", ["c1", "c12"])
    read = read_blocks(tmp_path / "blocks.tsv", ["c5", "c1"])
    assert read.tolist() == table.loc[["c5", "c1"], "block"].tolist()


def test_a_role_without_a_usable_clip_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no target test clip has usable audio"):
        assigned(tmp_path, plain(1, 5), unusable=["c0"])


def test_a_status_without_a_test_clip_is_an_error(tmp_path):
    assigned(tmp_path, plain(3, 3))
    write_table(tmp_path / "clips.tsv", plain(3, 4), CLIPS)
    with pytest.raises(InputError, match=r"status.tsv.*c6"):
        assign_blocks(
            tmp_path / "clips.tsv",
            [tmp_path / "status.tsv"],
            tmp_path / "blocks.tsv",
            sounds="groups",
            seed=1,
        )


def test_blocks_follow_from_the_seed_and_not_from_the_order_of_clips(tmp_path):
    clips = plain(30, 50)
    first = assigned(tmp_path, clips)["block"]
    again = assigned(tmp_path, clips.sample(frac=1, random_state=1))["block"]
    assert again.loc[first.index].equals(first)
    assert not assigned(tmp_path, clips, seed=2)["block"].equals(first)


def test_sounds_of_a_probe_set_are_dealt_by_category():
    categories = ["Speech"] * 9 + ["Music"] * 6 + ["Song"] * 6 + ["Water"] * 20
    is_target = np.isin(categories, ["Music", "Song"])
    blocks = of_sounds(categories, is_target, np.random.default_rng(1))
    assert blocks_in(blocks) == list(range(12))
    for chosen in (is_target, ~is_target):
        assert np.ptp(np.bincount(blocks[chosen], minlength=12)) <= 1
    for name in set(categories):
        counts = np.bincount(blocks[np.array(categories) == name], minlength=12)
        assert np.ptp(counts) <= 1


def test_jackknife_of_a_mean_is_its_squared_error():
    values = np.random.default_rng(1).normal(size=(30, 3))
    without = np.stack([np.delete(values, n, axis=0).mean(axis=0) for n in range(30)])
    assert jackknife_variance(without) == pytest.approx(values.var(axis=0, ddof=1) / 30, rel=1e-10)


def two_way(rng, n_networks, n_sounds, of_networks, of_sounds_, of_both):
    """Return responses (networks, sounds) with the given SD of networks, sounds and both."""
    return (
        of_networks * rng.normal(size=(n_networks, 1))
        + of_sounds_ * rng.normal(size=n_sounds)
        + of_both * rng.normal(size=(n_networks, n_sounds))
    )


def test_variances_equal_those_of_the_two_way_analysis():
    responses = two_way(np.random.default_rng(1), 6, 40, 0.3, 1.0, 0.5)
    n_networks, n_sounds = responses.shape
    without = np.stack([np.delete(responses, n, axis=1).mean(axis=1) for n in range(n_sounds)])
    found = crossed_variance(responses.mean(axis=1), without)
    centred = responses - responses.mean(axis=1)[:, None] - responses.mean(axis=0)
    residual = np.square(centred + responses.mean()).sum() / (n_networks - 1) / (n_sounds - 1)
    networks = n_sounds * responses.mean(axis=1).var(ddof=1)
    sounds = n_networks * responses.mean(axis=0).var(ddof=1)
    size = responses.size
    assert found.networks == pytest.approx((networks / size, n_networks - 1), rel=1e-9)
    assert found.sounds.variance == pytest.approx(sounds / size, rel=1e-9)
    assert found.interaction == pytest.approx(residual / size, rel=1e-9)


def test_expected_variance_is_that_of_new_networks_and_new_sounds():
    rng = np.random.default_rng(3)
    means, found = [], []
    for _ in range(2000):
        responses = two_way(rng, 5, 20, 0.2, 1.0, 0.4)
        without = np.stack([np.delete(responses, n, axis=1).mean(axis=1) for n in range(20)])
        means.append(responses.mean())
        *sources, interaction = crossed_variance(responses.mean(axis=1), without)
        found.append(variance_of(sources, interaction))
    # The SD of either side is about 3 % of it.
    assert np.mean(found) == pytest.approx(np.var(means), rel=0.1)
    assert np.var(means) == pytest.approx(0.2**2 / 5 + 1 / 20 + 0.4**2 / 100, rel=0.1)


def test_few_blocks_that_matter_are_few_degrees_of_freedom():
    rng = np.random.default_rng(5)
    estimates = rng.normal(size=5)
    even = crossed_variance(estimates, rng.normal(size=(40, 1)) + np.zeros(5))
    assert 20 < even.sounds.df <= 39
    # Only 6 of 40 blocks have sounds that matter, as for a genre of few clips.
    few = np.zeros((40, 1))
    few[:6, 0] = rng.normal(size=6)
    assert crossed_variance(estimates, few + np.zeros(5)).sounds.df < 16


@pytest.mark.parametrize("p", [0.025, 0.05 / 30, 1e-5])
def test_squared_reaches_of_students_t_add_up(p):
    networks, sounds = Source(0.02, 4.0), Source(0.01, 31.5)
    of_each = [reach_of([source], p) for source in (networks, sounds)]
    assert of_each[0] == pytest.approx(np.sqrt(0.02) * stats.t.isf(p, 4), rel=1e-10)
    both = reach_of([networks, sounds], p)
    assert both == pytest.approx(np.hypot(*of_each), rel=1e-10)
    less = reach_of([networks, sounds], p, 0.004)
    assert both**2 - less**2 == pytest.approx(0.004 * stats.norm.isf(p) ** 2, rel=1e-9)
    # Never less than over one of them, and the normal quantile with many degrees of freedom.
    assert reach_of([networks, sounds], p, 1.0) == max(of_each)
    many = [Source(0.02, 1e9), Source(0.01, 1e9)]
    reach = stats.norm.isf(p) * np.sqrt(variance_of(many, 0.004))
    assert reach_of(many, p, 0.004) == pytest.approx(reach, rel=1e-6)


@pytest.mark.parametrize("n_networks", [5, 10, 20])
@pytest.mark.parametrize("of_both", [0.0, 0.1, 0.3])
def test_an_end_errs_no_more_often_than_it_should_however_far_out(n_networks, of_both):
    ones = []
    for share in (0.02, 0.2, 0.5, 0.8, 0.98):
        for p in (0.025, 0.025 / 15, 0.025 / 15 / 12):
            found = tail(n_networks, share, p, of_both=of_both, runs=20_000)
            assert found.end <= 1 + 3 * found.error
            ones.append(found.one_t)
    # One t for both errors would err too often, with few networks several times.
    assert max(ones) > (3 if n_networks == 5 else 1.1)


def test_without_blocks_or_with_one_network_the_error_is_unknown():
    estimates = np.array([1.0, 2.0])
    for left_out in (np.empty((0, 2)), np.empty((1, 2))):
        found = crossed_variance(estimates, left_out)
        assert found.networks == (0.25, 1)
        assert np.isnan([*found.sounds, found.interaction]).all()
        assert np.isnan(reach_of(found[:2], 0.025, found.interaction))
    single = crossed_variance(estimates[:1], np.ones((4, 1)))
    assert np.isnan([single.networks.variance, single.interaction]).all()
    assert single.sounds.variance == 0
