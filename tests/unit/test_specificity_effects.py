"""Effects of many sets of classes at once, against the same computed one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import gammaln
from sklearn.metrics import average_precision_score

from music_detectors.decoding.regressions import ridge
from music_detectors.embedding.embed import segregation_index
from music_detectors.specificity.effects import decoded, effects_of
from music_detectors.specificity.join import among_random
from music_detectors.specificity.segregation import segregations
from music_detectors.specificity.sets import NONE, OTHER, TARGET, Sides

NO_BLOCKS = np.zeros(40, dtype=int)


def random_sides(rng, choices=6, n_train=60, n_test=40):
    return Sides(*(rng.integers(NONE, 2, (choices, n)).astype(np.int8) for n in (n_train, n_test)))


def hedges(target, other):
    n = len(target) + len(other) - 2
    pooled = np.sqrt(
        ((len(target) - 1) * target.var(ddof=1) + (len(other) - 1) * other.var(ddof=1)) / n
    )
    correction = np.exp(gammaln(n / 2) - gammaln((n - 1) / 2)) / np.sqrt(n / 2)
    return correction * (target.mean() - other.mean()) / pooled


@pytest.mark.parametrize("draw", range(3))
def test_effects_are_those_of_the_units_that_a_t_test_chooses(draw):
    rng = np.random.default_rng(draw)
    sides = random_sides(rng)
    train, test = (np.exp(rng.normal(size=(n, 12))).astype(np.float32) for n in (60, 40))
    train[:, 3] = 5.0
    blocks = rng.integers(0, 3, 40)
    found = effects_of(sides, train, test, 4, blocks, [0, 1, 2])
    for choice in range(len(sides)):
        of_train, of_test = sides.train[choice], sides.test[choice]
        varied = np.delete(train.astype(float), 3, axis=1)
        t = stats.ttest_ind(
            *(varied[of_train == side] for side in (TARGET, OTHER)), equal_var=False
        ).statistic
        best = np.delete(np.arange(12), 3)[np.argsort(-t)[:4]]
        response = test[:, best].astype(float).mean(axis=1)
        for row, kept in enumerate([blocks >= 0, *(blocks != b for b in range(3))]):
            expected = hedges(*(response[kept & (of_test == side)] for side in (TARGET, OTHER)))
            assert found[row, choice] == pytest.approx(expected, rel=1e-9)


def test_units_that_are_constant_for_a_choice_are_chosen_last():
    rng = np.random.default_rng(0)
    sides = random_sides(rng, choices=1)
    used = sides.train[0] >= OTHER
    train = rng.random((60, 4))
    # The others respond less to the target.
    train[sides.train[0] == TARGET] -= 0.5
    train[used, 2] = 0.3
    test = np.zeros((40, 4))
    test[:, 2] = rng.random(40)
    test[:, [0, 1, 3]] = (sides.test[0] == TARGET)[:, None]
    found = effects_of(sides, train, test, 1, NO_BLOCKS, [])
    assert np.isinf(found[0, 0])


def test_a_constant_response_has_no_effect():
    rng = np.random.default_rng(0)
    sides = random_sides(rng)
    found = effects_of(sides, rng.random((60, 4)), np.full((40, 4), 0.1), 2, NO_BLOCKS, [])
    assert (found == 0).all()


def test_a_side_without_two_clips_has_no_effect_nor_decoding():
    rng = np.random.default_rng(0)
    sides = random_sides(rng, choices=2)
    sides.test[0][sides.test[0] == TARGET] = OTHER
    sides.test[0][5] = TARGET
    blocks = np.where(sides.test[1] == TARGET, 1, 0)
    train, test = rng.random((60, 4)), rng.random((40, 4))
    for found in (
        effects_of(sides, train, test, 2, blocks, [0, 1]),
        decoded(sides, train, test, np.arange(60), blocks, [0, 1]),
    ):
        assert np.isnan(found[:, 0]).all()
        assert np.isfinite(found[0, 1])
        assert np.isnan(found[1:, 1]).all()


def test_decoding_is_that_of_a_ridge_regression_on_the_clips_of_a_choice():
    rng = np.random.default_rng(3)
    sides, groups, blocks = random_sides(rng), np.arange(60) // 2, rng.integers(0, 2, 40)
    train, test = rng.normal(size=(60, 5)), rng.normal(size=(40, 5))
    train[:, 0] += sides.train[0] == TARGET
    found = decoded(sides, train, test, groups, blocks, [0, 1])
    for choice in range(len(sides)):
        fitted, scored = sides.train[choice] != NONE, sides.test[choice] != NONE
        label = (sides.train[choice] == TARGET).astype(float)
        scores, _ = ridge(train[fitted], label[fitted], test, groups[fitted])
        for row, kept in enumerate([scored, scored & (blocks != 0), scored & (blocks != 1)]):
            truth = sides.test[choice][kept] == TARGET
            precision = average_precision_score(truth, scores[kept])
            # What labels drawn at random would give.
            n, hits = len(truth), truth.sum()
            harmonic = (1 / np.arange(1, n + 1)).sum()
            chance = (harmonic + (n - harmonic) * (hits - 1) / (n - 1)) / n
            expected = (precision - chance) / (1 - chance)
            assert found[row, choice] == pytest.approx(expected, rel=1e-9)


def test_segregation_is_the_index_rescaled_by_that_of_random_roles():
    rng = np.random.default_rng(0)
    bins = rng.integers(0, 60, 300)
    side = np.where(rng.random(300) < 0.25, TARGET, OTHER).astype(np.int8)
    # In half of the bins there are more targets.
    side[(bins < 30) & (rng.random(300) < 0.3)] = TARGET
    side[:20] = NONE
    blocks = rng.integers(0, 2, 300)
    found = segregations(side[None], bins, blocks, [0, 1])[:, 0]
    for value, kept in zip(found, [blocks >= 0, blocks != 0, blocks != 1], strict=True):
        used = kept & (side != NONE)
        is_target = side[used] == TARGET
        observed = segregation_index(bins[used], is_target)
        permuted = np.array(
            [segregation_index(bins[used], rng.permutation(is_target)) for _ in range(2000)]
        )
        chance = permuted.mean()
        # The mean of 2,000 permutations has an error of 0.001; roles of a fixed number differ from
        # independent ones by a share of the order of one over the number of clips.
        assert value == pytest.approx((observed - chance) / (1 - chance), abs=0.01)


@given(
    st.integers(1, 60),
    st.integers(1, 4),
    st.sampled_from([0.05, 0.01, 0.2]),
    st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_the_target_exceeds_what_is_reached_exactly_when_p_is_at_most_alpha(
    n_sets, networks, alpha, draw
):
    rng = np.random.default_rng(draw)
    values = rng.normal(size=(networks, 1 + n_sets)) + np.r_[2, np.zeros(n_sets)]
    reached, p = among_random(values, alpha)
    means = values.mean(axis=0)
    assert p == pytest.approx((means >= means[0]).mean())
    if alpha * (1 + n_sets) < 1 - 1e-9:
        assert np.isnan(reached).all()
        assert p > alpha - 1e-9
    else:
        assert (means[0] > reached.mean()) == (p <= alpha + 1e-9)
        assert any(np.array_equal(reached, own) for own in values[:, 1:].T)


def test_without_sets_or_with_a_missing_value_nothing_is_reached():
    for values in (np.ones((2, 1)), np.array([[1.0, 0.0, np.nan]] * 2)):
        reached, p = among_random(values, 0.5)
        assert np.isnan(reached).all()
        assert np.isnan(p)
