"""Average precision without a block of clips: that of the clips that are left."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import average_precision_score

from music_detectors.common.average_precision import (
    average_precision,
    average_precision_without,
    chance_average_precision,
)
from music_detectors.common.left_out import left_out

BLOCKS = [0, 2, 3, 7]
# Few different values, so that ties are common, within a block and between blocks.
FEW = st.sampled_from([-np.inf, -1.0, 0.0, 0.25, 0.5, 2.0, np.inf])


def of_scikit_learn(scores, labels):
    return np.array(
        [
            average_precision_score(label, np.unique(score, return_inverse=True)[1])
            if label.any()
            else np.nan
            for label, score in zip(labels.T, scores.T, strict=True)
        ]
    )


@st.composite
def cases(draw):
    shape = draw(st.tuples(st.integers(1, 30), st.integers(1, 5)))
    scores = draw(arrays.arrays(draw(st.sampled_from([np.float32, float])), shape, elements=FEW))
    blocks = draw(arrays.arrays(np.int64, shape[0], elements=st.sampled_from([-1, *BLOCKS])))
    return scores, draw(arrays.arrays(bool, shape)), blocks


@given(cases())
@settings(max_examples=60)
def test_each_block_equals_scikit_learn_on_the_clips_that_are_left(case):
    scores, labels, of_clips = case
    found = left_out(scores, labels, of_clips, BLOCKS)
    for row, n_clips, block in zip(found.average_precision, found.n_clips, BLOCKS, strict=True):
        kept = of_clips != block
        expected = of_scikit_learn(scores[kept], labels[kept])
        # Both add the same terms, in different orders.
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-12)
        assert n_clips == kept.sum()


def test_many_clips_and_classes_equal_the_analysis_of_those_that_are_left():
    random = np.random.default_rng(2)
    scores = random.normal(size=(3000, 37)).astype(np.float32)
    labels = random.random(scores.shape) < random.choice([0.003, 0.1, 0.6], size=37)
    blocks = random.integers(-1, 6, 3000)
    everything, without = average_precision_without(scores, labels, blocks, 6)
    np.testing.assert_array_equal(everything, average_precision(scores, labels))
    for block, row in enumerate(without):
        kept = blocks != block
        np.testing.assert_array_equal(row, average_precision(scores[kept], labels[kept]))


@given(cases(), st.data())
@settings(max_examples=60)
def test_clips_outside_are_left_out_with_each_block(case, data):
    scores, labels, of_clips = case
    n = len(scores)
    outside = data.draw(arrays.arrays(bool, n))
    places = np.array([BLOCKS.index(block) if block >= 0 else -1 for block in of_clips])
    # The last block has no clips.
    everywhere, without = average_precision_without(scores, labels, places, 5, outside)
    np.testing.assert_array_equal(everywhere, average_precision(scores, labels))
    for block, row in enumerate(without):
        kept = ~outside & (places != block)
        expected = average_precision(scores[kept], labels[kept])
        # Both add the same terms, rounded at other places.
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-14)


@given(cases())
@settings(max_examples=60)
def test_chance_without_a_block_is_that_of_the_clips_that_are_left(case):
    scores, labels, of_clips = case
    found = left_out(scores, labels, of_clips, BLOCKS)
    for row, block in zip(found.chance, BLOCKS, strict=True):
        kept = of_clips != block
        expected = chance_average_precision(
            labels[kept].sum(axis=0), int(kept.sum()), scores[kept] if kept.any() else None
        )
        # Both add the same terms, in different orders.
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-14)


def test_means_are_over_the_classes_that_have_a_positive_left():
    random = np.random.default_rng(3)
    scores = random.normal(size=(40, 4))
    labels = random.random((40, 4)) < 0.3
    of_clips = np.arange(40) % 4 * 2
    labels[:, 1] = of_clips == 2  # without block 2, no positive of class 1 is left
    labels[:, 3] = False
    table = left_out(scores, labels, of_clips, [0, 2, 4, 6]).means(
        np.array([True, True, False, True])
    )
    assert table["block"].tolist() == [0, 2, 4, 6]
    assert table["n_classes"].tolist() == [2, 1, 2, 2]
    assert (table["n_clips"] == 30).all()
    for row in table.itertuples():
        kept = of_clips != row.block
        counted = [0] if row.block == 2 else [0, 1]
        expected = of_scikit_learn(scores[kept][:, counted], labels[kept][:, counted]).mean()
        assert row.mean_average_precision == pytest.approx(expected, abs=1e-12)
        chance = chance_average_precision(labels[kept][:, counted].sum(axis=0), 30).mean()
        assert row.chance == pytest.approx(chance, abs=1e-12)


def test_a_mean_over_no_class_is_empty():
    labels = np.array([[True], [False], [False]])
    table = left_out(np.eye(3)[:, :1], labels, np.array([0, 1, 1]), [0, 1]).means(np.array([True]))
    assert table["n_classes"].tolist() == [0, 1]
    assert table["mean_average_precision"].isna().tolist() == [True, False]
    assert table["chance"].isna().tolist() == [True, False]


def test_chance_takes_the_ties_that_are_left_into_account():
    random = np.random.default_rng(4)
    scores = random.integers(0, 3, (24, 2)).astype(float)
    scores[:, 1] = random.permutation(24)
    labels = random.random((24, 2)) < 0.4
    of_clips = np.arange(24) % 3
    found = left_out(scores, labels, of_clips, [0, 1, 2])
    for block in range(3):
        kept = of_clips != block
        for place in range(2):
            draws = np.array([random.permutation(labels[kept, place]) for _ in range(3000)])
            repeated = np.repeat(scores[kept, place, None], 3000, axis=1)
            precision = average_precision(repeated, np.ascontiguousarray(draws.T))
            # The standard error of the mean of the draws is below 0.003.
            assert found.chance[block, place] == pytest.approx(precision.mean(), abs=0.012)


def test_blocks_that_do_not_fit_are_refused():
    scores, labels = np.zeros((3, 1)), np.ones((3, 1), bool)
    with pytest.raises(ValueError, match="not those of 3 clips"):
        average_precision_without(scores, labels, np.zeros(2, int), 1)
    with pytest.raises(ValueError, match="not from -1 to 1"):
        average_precision_without(scores, labels, np.array([0, 2, 1]), 2)
    with pytest.raises(ValueError, match="not that of 3 clips"):
        average_precision_without(scores, labels, np.array([0, 1, 1]), 2, np.array([True]))
