"""Average precision against scikit-learn and by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import average_precision_score

from music_detectors.common.average_precision import (
    average_precision,
    average_precision_without,
    chance_average_precision,
    positives,
)

# Few different values, so that ties are common.
FEW = st.sampled_from([-1.0, 0.0, 0.25, 0.5, 2.0])


def of_scikit_learn(scores, labels):
    return np.array(
        [
            average_precision_score(column, score) if column.any() else np.nan
            for column, score in zip(labels.T, scores.T, strict=True)
        ]
    )


@st.composite
def cases(draw, elements=FEW):
    shape = draw(st.tuples(st.integers(1, 30), st.integers(1, 5)))
    scores = draw(arrays.arrays(np.float32, shape, elements=elements))
    return scores, draw(arrays.arrays(bool, shape))


def test_by_hand():
    scores = np.array([[0.9], [0.8], [0.7], [0.6], [0.5]])
    labels = np.array([[True], [False], [True], [False], [True]])
    np.testing.assert_allclose(average_precision(scores, labels), (1 + 2 / 3 + 3 / 5) / 3)


def test_clips_of_equal_score_share_one_threshold():
    labels = np.array([[True], [False], [False], [True]])
    # All four at one threshold: the precision there is the share of positives.
    assert average_precision(np.zeros((4, 1)), labels) == [0.5]
    scores = np.array([[2.0], [1.0], [1.0], [1.0]])
    np.testing.assert_allclose(average_precision(scores, labels), (1 + 2 / 4) / 2)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3000, 37), (1, 3), (513, 16), (1500, 1)])
def test_equals_scikit_learn(kind, shape):
    random = np.random.default_rng(3)
    scores = random.normal(size=shape).astype(kind)
    labels = random.random(shape) < random.choice([0.003, 0.1, 0.6], size=shape[1])
    labels[:, 0] = True
    expected = of_scikit_learn(scores.astype(np.float64), labels)
    # Both add the same terms, in different orders.
    np.testing.assert_allclose(average_precision(scores, labels), expected, rtol=0, atol=1e-12)


@given(cases())
@settings(max_examples=60)
def test_equals_scikit_learn_with_ties(case):
    scores, labels = case
    np.testing.assert_allclose(
        average_precision(scores, labels), of_scikit_learn(scores, labels), rtol=0, atol=1e-12
    )


@given(cases(st.floats(-20, 20, width=32)))
def test_only_the_order_of_the_scores_matters(case):
    scores, labels = case
    _, ordinal = np.unique(scores, return_inverse=True)
    np.testing.assert_array_equal(
        average_precision(scores, labels),
        average_precision(ordinal.reshape(scores.shape) ** 3 - 7.5, labels),
    )


# Ranges that cannot be divided into steps: infinite, too wide for float32, too narrow.
EXTREME = st.sampled_from([-np.inf, -3e38, 0.0, 1e-45, 3e-45, 1.0, 3e38, np.inf])


@given(cases(EXTREME))
def test_extreme_scores_are_placed_by_their_order(case):
    scores, labels = case
    _, ordinal = np.unique(scores, return_inverse=True)
    np.testing.assert_array_equal(
        average_precision(scores, labels),
        average_precision(ordinal.reshape(scores.shape).astype(np.float64), labels),
    )


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_clips_does_not_matter(case, random):
    scores, labels = case
    order = list(range(len(scores)))
    random.shuffle(order)
    # The order of the terms of a sum may change with that of the clips: 1e-15 for at most 30 terms.
    np.testing.assert_allclose(
        average_precision(scores[order], labels[order]),
        average_precision(scores, labels),
        rtol=0,
        atol=1e-15,
    )


@given(cases())
def test_lies_between_the_share_of_positives_at_worst_and_one(case):
    scores, labels = case
    assume(labels.any(axis=0).all())
    n, hits = len(labels), labels.sum(axis=0)
    worst = [np.mean(np.arange(1, k + 1) / np.arange(n - k + 1, n + 1)) for k in hits]
    found = average_precision(scores, labels)
    assert (found >= np.array(worst) - 1e-15).all() and (found <= 1).all()


def test_positives_first_give_one_and_infinite_scores_count():
    labels = np.array([[True], [True], [False]])
    scores = np.array([[np.inf], [1.0], [-np.inf]])
    assert average_precision(scores, labels) == [1.0]


def test_views_give_the_same_as_copies():
    random = np.random.default_rng(5)
    scores, labels = random.normal(size=(40, 60)), random.random((40, 60)) < 0.2
    part = (slice(None, None, 2), slice(3, 50, 3))
    np.testing.assert_array_equal(
        average_precision(scores[part], labels[part]),
        average_precision(scores[part].copy(), labels[part].copy()),
    )
    np.testing.assert_array_equal(
        average_precision(scores.T, labels.T), average_precision(scores.T.copy(), labels.T.copy())
    )


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(40, 70), (70, 3), (1, 1), (5, 0), (0, 4)])
def test_scores_class_by_class_and_labels_found_before_give_the_same_bits(kind, shape):
    draw = np.random.default_rng(3)
    scores = draw.standard_normal(shape).round(1).astype(kind)
    labels = draw.random(shape) < 0.3
    blocks = draw.integers(-1, 3, size=len(scores))
    expected = average_precision_without(scores, labels, blocks, 3)
    found = average_precision_without(np.asfortranarray(scores), positives(labels), blocks, 3)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match="are not"):
        average_precision_without(scores, positives(np.zeros((2, 2), bool)), blocks, 3)


def test_arguments_are_not_changed():
    scores, labels = np.array([[0.1], [0.9], [0.5]]), np.array([[True], [False], [True]])
    before = scores.copy()
    average_precision(scores, labels)
    np.testing.assert_array_equal(scores, before)


def test_a_class_without_positives_has_none():
    labels = np.array([[True, False], [False, False]])
    found = average_precision(np.zeros((2, 2), np.float32), labels)
    assert found[0] == 0.5 and np.isnan(found[1])
    assert (
        np.isnan(average_precision(np.zeros((0, 4)), np.zeros((0, 4), bool))).tolist() == [True] * 4
    )
    assert average_precision(np.zeros((3, 0)), np.zeros((3, 0), bool)).shape == (0,)


@pytest.mark.parametrize("place", [(0, 0), (4, 18), (2, 16)])
def test_a_score_that_is_nan_is_refused(place):
    scores = np.zeros((5, 19))
    scores[place] = np.nan
    with pytest.raises(ValueError, match="a score is NaN"):
        average_precision(scores, np.ones((5, 19), bool))


def test_shapes_and_types_are_checked():
    with pytest.raises(ValueError, match=r"scores \(3, 2\) and labels \(2, 3\)"):
        average_precision(np.zeros((3, 2)), np.zeros((2, 3), bool))
    with pytest.raises(ValueError, match=r"\(3,\)"):
        average_precision(np.zeros(3), np.zeros(3, bool))
    with pytest.raises(ValueError, match="int64, not bool"):
        average_precision(np.zeros((3, 2)), np.zeros((3, 2), np.int64))


def test_chance_is_the_mean_over_every_order_of_the_clips():
    for n, n_positive in ((1, 1), (4, 1), (5, 2), (6, 3), (5, 5)):
        found = []
        for hits in itertools.combinations(range(n), n_positive):
            labels = np.isin(np.arange(n), hits)[:, None]
            found.append(average_precision(-np.arange(n, dtype=float)[:, None], labels)[0])
        assert chance_average_precision(np.array([n_positive]), n)[0] == pytest.approx(
            np.mean(found), abs=1e-12
        )


@pytest.mark.parametrize("scores", [[3, 3, 3, 3, 3, 3], [5, 1, 1, 1, 0, 0], [2, 2, 2, 1, 1, 9]])
@pytest.mark.parametrize("hits", [1, 2, 4, 6])
def test_chance_with_ties_is_the_mean_over_every_assignment_of_the_labels(scores, hits):
    column = np.array(scores, dtype=np.float32)[:, None]
    assigned = [np.isin(np.arange(6), chosen) for chosen in itertools.combinations(range(6), hits)]
    expected = np.mean([of_scikit_learn(column, labels[:, None])[0] for labels in assigned])
    found = chance_average_precision(np.array([hits]), 6, column)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    if len(set(scores)) == 1:
        np.testing.assert_allclose(found, hits / 6, rtol=0, atol=1e-12)


def test_chance_needs_positives():
    assert np.isnan(chance_average_precision(np.array([0]), 9)).all()
    assert np.isnan(chance_average_precision(np.array([0, 0]), 0)).all()
