import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from music_detectors.common.errors import InputError
from music_detectors.common.seeds import generator
from music_detectors.corpus.branches import Branches
from music_detectors.corpus.names import Names
from music_detectors.training.conditions import (
    Condition,
    joined_labels,
    permuted,
    redrawn,
    training_clips,
    validation_part,
)

MIDS = ["/m/a", "/m/b", "/m/c", "/m/d"]
SIZES = ("min_size", "max_size")
LABELS = arrays(bool, st.tuples(st.integers(1, 30), st.integers(1, 8)))


# A branch with classes c and d, one without a class, and every class by itself.
BRANCHES = Branches(
    Names({"/m/top": "Top", "/m/none": "None", **{mid: mid for mid in MIDS}}, "branches.tsv"),
    {"/m/top": ("/m/c", "/m/d"), "/m/none": (), **{mid: (mid,) for mid in MIDS}},
)


def labels_of(number):
    """Every fourth clip has the label d, and every other one labels of a and b."""
    return ";".join(MIDS[: 1 + number % 2]) if number % 4 else "/m/a;/m/d"


def tables(n=40):
    """The clip table in another order than the index, and with clips that the index lacks."""
    clips = pd.DataFrame(
        {
            "clip_id": [f"clip-{number:02d}" for number in range(n)],
            "labels": [labels_of(number) for number in range(n)],
            "listed": [number % 5 == 0 for number in range(n)],
            "group": [f"recording-{number}" for number in range(n)],
        }
    )
    index = clips[["clip_id"]].iloc[n // 8 :].reset_index(drop=True)
    return index, clips.iloc[::-1].reset_index(drop=True)


def condition(name="natural", withhold=("Top",), labels="given"):
    return Condition(name, "kim2024", withhold, labels, epochs=1, keep="best")


def chosen(seed=1, replicate=1, fraction=0.1, **how):
    return training_clips(condition(**how), *tables(), BRANCHES, MIDS, fraction, seed, replicate)


def validating(clips):
    return {clips.clip_ids[place] for place in np.flatnonzero(clips.validation)}


def numbered(numbers):
    return [f"clip-{number:02d}" for number in numbers]


def test_a_condition_leaves_out_the_branches_it_names_and_the_listed_clips():
    unlisted = [number for number in range(5, 40) if number % 5]
    assert chosen().clip_ids == numbered(number for number in unlisted if number % 4)
    assert chosen(withhold=["/m/d"]).clip_ids == chosen().clip_ids
    assert chosen(withhold=["/m/b"]).clip_ids == numbered(
        number for number in unlisted if number % 2 == 0
    )
    # A branch without a class withholds nothing; without branches, listed clips stay in too.
    assert chosen(withhold=["None"]).clip_ids == chosen(withhold=[]).clip_ids
    assert chosen(withhold=[]).clip_ids == numbered(range(5, 40))
    with pytest.raises(InputError, match=r"conditions\.natural\.withhold: 'Tip' .* mean 'Top'"):
        chosen(withhold=["Tip"])
    index, _ = tables()
    clips = chosen()
    assert index["clip_id"].iloc[clips.rows].tolist() == clips.clip_ids


def test_labels_are_joined_by_clip():
    clips = chosen()
    assert joined_labels(clips.labels, MIDS) == [
        labels_of(int(clip_id[-2:])) for clip_id in clips.clip_ids
    ]


def test_conditions_of_the_same_clips_share_the_validation_clips():
    natural, shuffled = chosen(), chosen(labels="permuted", name="shuffled")
    np.testing.assert_array_equal(natural.validation, shuffled.validation)
    assert natural.validation.sum() == 2
    # All conditions share one order, so the validation clips of a larger condition begin the same.
    full = chosen(withhold=[], name="full")
    both = validating(full) & set(natural.clip_ids)
    assert both <= validating(natural) or validating(natural) <= both


def test_validation_clips_follow_from_seed_and_replicate():
    parts = [
        tuple(chosen(seed=seed, replicate=replicate).validation)
        for seed, replicate in ((1, 1), (1, 1), (1, 2), (2, 1))
    ]
    assert parts[0] == parts[1]
    assert len(set(parts)) == 3


@given(
    admitted=arrays(bool, st.integers(3, 60)).filter(lambda a: a.sum() >= 3),
    fraction=st.floats(0.001, 0.999),
)
def test_validation_has_its_share_at_least_one_clip_and_leaves_two(admitted, fraction):
    n = admitted.sum()
    groups = [f"group-{clip}" for clip in range(len(admitted))]
    part = validation_part(admitted, groups, fraction, generator(1, "validation"))
    # Clip by clip: the first of a random order of all clips.
    order = generator(1, "validation").permutation(len(admitted))
    first = order[admitted[order]][: min(max(round(fraction * n), 1), n - 2)]
    np.testing.assert_array_equal(np.flatnonzero(admitted)[part], np.sort(first))


@given(
    groups=st.lists(st.sampled_from("abcdefg"), min_size=3, max_size=60),
    fraction=st.floats(0.001, 0.999),
    data=st.data(),
)
def test_validation_keeps_groups_whole_and_comes_near_its_share(groups, fraction, data):
    admitted = np.array(data.draw(st.lists(st.booleans(), **dict.fromkeys(SIZES, len(groups)))))
    own = np.array(groups)[admitted]
    assume(len(own) >= 3 and len(set(own)) >= 2)
    part = validation_part(admitted, groups, fraction, generator(1, "validation"))
    assert part.shape == own.shape
    assert not set(own[part]) & set(own[~part])
    assert part.any() and (~part).sum() >= 2
    # Moving any group to the other side would not bring the share nearer, if enough clips stay.
    wanted = min(max(round(fraction * len(own)), 1), len(own) - 2)
    miss = abs(part.sum() - wanted)
    for group in set(own[~part]):
        size = (own == group).sum()
        if (~part).sum() - size >= 2:
            assert abs(part.sum() + size - wanted) >= miss


@pytest.mark.parametrize(
    ("sizes", "fraction", "validating"),
    [([10, 10], 0.1, 10), ([2, 20, 20], 0.05, 2), ([1, 1, 1, 9], 0.25, 3), ([2, 1], 0.9, 1)],
)
def test_a_few_large_groups_are_split_as_nearly_as_they_allow(sizes, fraction, validating):
    groups = np.repeat([f"group-{place}" for place in range(len(sizes))], sizes)
    admitted = np.ones(len(groups), dtype=bool)
    for seed in range(20):
        part = validation_part(admitted, groups, fraction, generator(seed, "validation"))
        assert part.sum() == validating


def test_clips_of_one_group_cannot_be_split():
    index, clips = tables()
    clips["group"] = "the same concert"
    with pytest.raises(InputError, match=r"natural: its 21 usable .* 'the same concert', and"):
        training_clips(condition(), index, clips, BRANCHES, MIDS, 0.1, 1, 1)


@given(LABELS)
def test_redrawn_labels_keep_each_clips_number(labels):
    result = redrawn(labels, generator(1, "labels"))
    np.testing.assert_array_equal(result.sum(axis=1), labels.sum(axis=1))


def test_redrawn_labels_come_from_all_classes_equally():
    labels = np.zeros((6000, 6), dtype=bool)
    labels[:, :2] = True
    share = redrawn(labels, generator(1, "labels")).mean(axis=0)
    # A third each; five standard errors of a share of 6,000.
    np.testing.assert_allclose(share, 1 / 3, atol=5 * np.sqrt(2 / 9 / 6000))


@given(LABELS)
def test_permuted_labels_are_the_same_sets_in_other_places(labels):
    result = permuted(labels, generator(1, "labels"))
    assert sorted(map(tuple, result)) == sorted(map(tuple, labels))


def test_labels_are_shuffled_by_condition_and_replicate():
    given_labels = chosen().labels
    shuffled = [
        chosen(labels=how, name=name, replicate=replicate).labels
        for how, name, replicate in (
            ("permuted", "shuffled", 1),
            ("permuted", "shuffled", 2),
            ("permuted", "other", 1),
            ("redrawn", "shuffled", 1),
        )
    ]
    assert len({labels.tobytes() for labels in (given_labels, *shuffled)}) == 5
    again = chosen(labels="permuted", name="shuffled").labels
    np.testing.assert_array_equal(again, shuffled[0])


def test_too_few_clips_name_the_condition():
    index, clips = tables()
    clips["listed"] = ~clips["clip_id"].isin(["clip-07", "clip-09"])
    with pytest.raises(InputError, match=r"^conditions\.natural: 2 usable clips"):
        training_clips(condition(), index, clips, BRANCHES, MIDS, 0.1, 1, 1)
    clips["listed"] = True
    with pytest.raises(InputError, match=r"natural: 0 usable clips are left .*withhold less"):
        training_clips(condition(), index, clips, BRANCHES, MIDS, 0.1, 1, 1)


def test_a_clip_that_the_table_lacks():
    index, clips = tables()
    with pytest.raises(InputError, match="clip clip-39 is not in the table of clips"):
        training_clips(condition(), index, clips[1:], BRANCHES, MIDS, 0.1, 1, 1)
