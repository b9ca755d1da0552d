"""Sets of classes as the target: sides of clips, random sets, folds of classes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from music_detectors.common.errors import InputError
from music_detectors.specificity.sets import (
    FOLDS,
    NONE,
    OTHER,
    TARGET,
    Labels,
    counted_labels,
    folds_of,
    held_out,
    of_sets,
    random_sets,
)


def labelled(train, test, n_classes, groups=None):
    """Return the labels of clips that are given as lists of classes."""
    splits = []
    for clips in (train, test):
        rows = np.zeros((len(clips), n_classes), dtype=np.int32)
        for row, own in zip(rows, clips, strict=True):
            row[own] = 1
        splits.append(csr_array(rows))
    groups = groups or [
        [f"{name}{clip}" for clip in range(len(clips))]
        for name, clips in (("train", train), ("test", test))
    ]
    return Labels(tuple(splits), tuple(np.array(of_split) for of_split in groups))


def some_labels(draw, n_classes=12, alone=3):
    """Return labels of clips: `alone` clips of each class, and others with two labels."""
    rng = np.random.default_rng(draw)
    splits = []
    for _ in range(2):
        pairs = [[*rng.choice(n_classes, 2, replace=False)] for _ in range(20)]
        splits.append([[place] for place in range(n_classes) for _ in range(alone)] + pairs)
    return labelled(*splits, n_classes)


def chosen(n_classes, *places):
    return np.isin(np.arange(n_classes), places)


def test_labels_whose_branch_holds_another_label_of_the_clip_do_not_count():
    mids = ["music", "guitar", "rock", "dog"]
    branches = {"music": ["music", "guitar", "rock"], "guitar": ["guitar"]}
    clips = pd.DataFrame(
        {
            "clip_id": list("abcd"),
            "labels": ["music;guitar", "music", "rock;guitar;music", "dog;music"],
        }
    )
    counted = counted_labels(clips, mids, branches, "clips.tsv").toarray()
    assert counted.tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0], [1, 0, 0, 1]]


def test_a_label_that_is_no_class_names_the_clip():
    clips = pd.DataFrame({"clip_id": ["a", "b"], "labels": ["dog", "dog;cat"]})
    with pytest.raises(InputError, match=r"clips\.tsv.*clip b has the label 'cat'"):
        counted_labels(clips, ["dog"], {}, "clips.tsv")


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_a_clip_is_on_the_side_that_has_all_its_labels(draw):
    labels = some_labels(draw)
    rng = np.random.default_rng(draw)
    sets = rng.random((4, 12)) < 0.4
    sides = of_sets(labels, sets)
    for split, found in zip(labels.splits, (sides.train, sides.test), strict=True):
        for own, of_set in zip(sets, found, strict=True):
            for clip, side in zip(split.toarray().astype(bool), of_set, strict=True):
                inside = {bool(own[place]) for place in np.flatnonzero(clip)}
                assert side == {(True,): TARGET, (False,): OTHER}.get(tuple(inside), NONE)


def test_random_sets_differ_have_as_many_classes_and_enough_clips():
    labels, target = some_labels(0), chosen(12, 0, 1, 2)
    sets = random_sets(labels, target, 100, np.random.default_rng(1))
    assert sets.shape == (100, 12)
    assert (sets.sum(axis=1) == 3).all()
    assert len(np.unique(np.vstack([sets, target]), axis=0)) == 101
    assert of_sets(labels, sets).measurable().all()
    again = random_sets(labels, target, 100, np.random.default_rng(1))
    assert np.array_equal(sets, again)


def test_every_class_is_drawn_about_as_often():
    sets = random_sets(some_labels(0), chosen(12, 0, 1, 2), 200, np.random.default_rng(1))
    # 50 of 200 sets on average, with a standard deviation below 6.1.
    assert np.abs(sets.sum(axis=0) - 50).max() < 4 * 6.1


def test_all_other_sets_are_drawn_where_there_are_no_more():
    sets = random_sets(some_labels(0), chosen(12, 4), 500, np.random.default_rng(1))
    assert sorted(np.flatnonzero(own)[0] for own in sets) == [0, 1, 2, 3, *range(5, 12)]


def test_classes_without_two_clips_in_a_split_are_never_drawn():
    clips = [[place] for place in range(6) for _ in range(3)]
    labels = labelled(clips, [own for own in clips if own != [5]], 6)
    sets = random_sets(labels, chosen(6, 0, 1), 500, np.random.default_rng(0))
    assert len(sets) == 9
    assert not sets[:, 5].any()


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_no_class_is_on_both_sides_of_a_fold_and_each_is_held_out_once(draw):
    labels, target = some_labels(draw), chosen(12, 0, 1, 2, 3, 4, 5)
    held, same = held_out(labels, target, 2, np.random.default_rng(draw))
    assert folds_of(labels, target) == (FOLDS, "classes", "classes")
    assert len(held) == len(same) == 2 * FOLDS
    train, test = (split.toarray().astype(bool) for split in labels.splits)
    times = np.zeros(12)
    for used, measured, rest in zip(held.train, held.test, same.test, strict=True):
        of_train, of_held = train[used >= OTHER].any(axis=0), test[measured >= OTHER].any(axis=0)
        assert not (of_train & of_held).any()
        assert not (test[rest >= OTHER].any(axis=0) & of_held).any()
        assert not train[used == TARGET][:, ~target].any()
        assert not train[used == OTHER][:, target].any()
        times += of_held
    assert (times == 2).all()
    assert held.measurable().all()
    assert np.array_equal(held.train, same.train)


def test_recordings_are_held_out_where_the_target_has_one_class():
    clips = [[place] for place in range(4) for _ in range(12)]
    groups = [[f"recording {i // 2}" for i in range(len(clips))]] * 2
    labels = labelled(clips, clips, 4, groups)
    target = chosen(4, 0)
    assert folds_of(labels, target) == (3, "groups", "classes")
    held, _ = held_out(labels, target, 3, np.random.default_rng(0))
    assert held.measurable().all()
    for used, measured in zip(held.train, held.test, strict=True):
        of_train, of_test = (
            {groups[0][place] for place in np.flatnonzero(sides == TARGET)}
            for sides in (used, measured)
        )
        assert of_train and of_test and not of_train & of_test


def test_there_are_no_folds_of_one_recording():
    clips = [[place] for place in range(4) for _ in range(4)]
    groups = [["one" if place == 0 else f"{place} {i}" for i, (place,) in enumerate(clips)]] * 2
    labels = labelled(clips, clips, 4, groups)
    assert folds_of(labels, chosen(4, 0)) == (0, "groups", "classes")
    held, same = held_out(labels, chosen(4, 0), 2, np.random.default_rng(0))
    assert len(held) == len(same) == 0
