"""Roles that are permuted by group: counts, groups with both roles, and single clips."""

import numpy as np

from music_detectors.common.parts import Parts

GROUPS = ["a", "a", "b", "c", "a", "c", "d", "e", "e"]
TARGET = np.array([True, True, False, True, True, False, False, True, False])


def test_clips_of_a_group_with_one_role_are_one_part():
    parts = Parts(GROUPS, TARGET)
    # c and e have clips of both roles.
    assert parts.of_clip.tolist() == [0, 0, 1, 2, 0, 3, 4, 5, 6]
    assert parts.n_clips.tolist() == [3, 1, 1, 1, 1, 1, 1]
    assert parts.is_target.tolist() == [True, False, True, False, False, True, False]
    assert parts.pairs.tolist() == [[2, 3], [5, 6]]
    assert (parts.n_target, parts.n_other) == (3, 4)
    assert not parts.are_clips and Parts(range(9), TARGET).are_clips
    # Numbers and texts name groups alike.
    numbers = Parts(np.array([7, 7, 1, 4, 7, 4, 0, 9, 9]), TARGET)
    np.testing.assert_array_equal(numbers.of_clip, parts.of_clip)


def test_permuted_roles_keep_the_number_of_groups_of_each_role():
    parts = Parts(GROUPS, TARGET)
    labels = parts.permuted(4000, np.random.default_rng(1))
    assert labels.shape == (4000, 7) and (labels.sum(axis=1) == 3).all()
    # One of a, b, d is target; c and e have a target part each, either of their two.
    # 4,000 draws at 1/2 have a standard error of 0.008; five are allowed.
    np.testing.assert_allclose(labels[:, [0, 1, 4]].mean(axis=0), 1 / 3, atol=0.04)
    np.testing.assert_allclose(labels[:, [2, 3, 5, 6]].mean(axis=0), 1 / 2, atol=0.04)
    assert (labels[:, 2] != labels[:, 3]).all() and (labels[:, 5] != labels[:, 6]).all()


def test_single_clips_are_chosen_uniformly():
    parts = Parts(range(12), np.arange(12) < 3)
    labels = parts.permuted(4000, np.random.default_rng(1))
    assert (labels.sum(axis=1) == 3).all()
    # 4,000 draws at 1/4: a standard error of 0.0068, five of which are allowed.
    np.testing.assert_allclose(labels.mean(axis=0), 0.25, atol=0.035)
    pairs = labels.T.astype(int) @ labels
    np.testing.assert_allclose(pairs[np.triu_indices(12, 1)] / 4000, 3 / 12 * 2 / 11, atol=0.017)


def test_without_a_group_of_one_role_only_pairs_are_permuted():
    parts = Parts(["a", "a", "b", "b"], np.array([True, False, False, True]))
    labels = parts.permuted(50, np.random.default_rng(2))
    assert (labels[:, 0] != labels[:, 1]).all() and (labels[:, 2] != labels[:, 3]).all()
    assert len(np.unique(labels, axis=0)) == 4
