"""Which units each lesion takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_detectors.lesions.orders import (
    CANDIDATES,
    MATCHED_DRAWS,
    NAMED,
    matched_units,
    named_orders,
    random_orders,
)


@st.composite
def layers(draw):
    n = draw(st.integers(1, 40))
    ranks = np.array(draw(st.permutations(range(1, n + 1))))
    strength = np.array(draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)), dtype=float)
    return ranks, strength, draw(st.integers(1, n))


@given(layers())
def test_each_lesion_takes_the_units_that_its_name_says(layer):
    ranks, strength, k = layer
    n = len(ranks)
    orders = named_orders(ranks, strength)
    assert tuple(orders) == NAMED
    taken = {name: set(ranks[order[:k]]) for name, order in orders.items()}
    # The very first rank is among them: the study's own code leaves it out.
    assert taken["top"] == set(range(1, k + 1))
    assert taken["bottom"] == set(range(n - k + 1, n + 1))
    above = (n - k) // 2
    assert taken["middle"] == set(range(above + 1, above + k + 1))
    by_norm = strength[orders["norm"]]
    assert by_norm[:k].min() >= by_norm[k:].max(initial=0)
    for order in orders.values():
        assert sorted(order) == list(range(n))


def test_units_of_equal_strength_are_ordered_by_number():
    strength = np.array([0.0, 2, 2, 5, 2])
    orders = named_orders(np.arange(1, 6), strength)
    assert orders["norm"].tolist() == [3, 1, 2, 4, 0]


def test_random_orders_depend_on_their_names():
    names = ("natural", 1, "avgpool")
    orders = random_orders(30, 256, 1, names)
    assert list(orders)[:2] == ["random-0001", "random-0002"] and len(orders) == 30
    for order in orders.values():
        assert sorted(order) == list(range(256))
    assert len({tuple(order) for order in orders.values()}) == 30
    # More draws do not change the first ones; another network or seed has other draws.
    for name, order in random_orders(10, 256, 1, names).items():
        assert (order == orders[name]).all()
    for others in (
        random_orders(1, 256, 1, ("natural", 2, "avgpool")),
        random_orders(1, 256, 2, names),
    ):
        assert (others["random-0001"] != orders["random-0001"]).any()


def test_every_unit_is_equally_likely():
    draws, units, k = 2000, 16, 4
    orders = random_orders(draws, units, 3, ("natural", 1, "avgpool"))
    counts = np.zeros(units)
    for order in orders.values():
        counts[order[:k]] += 1
    expected = draws * k / units
    # Six standard deviations of the binomial.
    assert counts == pytest.approx(expected, abs=6 * np.sqrt(expected * (1 - k / units)))


def test_matched_units_are_others_and_near():
    random = np.random.default_rng(0)
    quantity = random.gamma(2, 1, 200)
    top = random.choice(200, 10, replace=False)
    drawn = matched_units(top, quantity, "drive", MATCHED_DRAWS, 1, ("natural", 1))
    assert list(drawn) == [f"matched-drive-{n:04d}" for n in range(1, MATCHED_DRAWS + 1)]
    rest = np.setdiff1d(np.arange(200), top)
    for units in drawn.values():
        assert len(set(units)) == 10 and not set(units) & set(top)
        # A unit is at worst the nearest of those that nine others and its candidates leave.
        distances = np.sort(np.abs(quantity[rest][:, None] - quantity[top]), axis=0)
        limit = distances[CANDIDATES + 9 - 1].max()
        np.testing.assert_array_less(
            np.abs(np.sort(quantity[units]) - np.sort(quantity[top])), limit + 1e-12
        )
    assert len({tuple(sorted(units)) for units in drawn.values()}) > MATCHED_DRAWS / 2


def test_matched_units_leave_none_where_all_others_are_needed():
    top, quantity = np.array([1, 4, 5]), np.arange(6.0)
    drawn = matched_units(top, quantity, "response", MATCHED_DRAWS, 1, ("natural", 1))
    assert all(sorted(units) == [0, 2, 3] for units in drawn.values())
    assert not matched_units(
        np.array([0, 1, 4, 5]), quantity, "response", MATCHED_DRAWS, 1, ("natural", 1)
    )


def test_draws_of_matched_units_are_named():
    top, quantity = np.arange(5), np.random.default_rng(0).random(60)
    drawn = matched_units(top, quantity, "drive", MATCHED_DRAWS, 1, ("natural", 1))
    again = matched_units(top, quantity, "drive", MATCHED_DRAWS, 1, ("natural", 1))
    assert all((drawn[name] == again[name]).all() for name in drawn)
    for other in ((2, ("natural", 1)), (1, ("natural", 2))):
        different = matched_units(top, quantity, "drive", MATCHED_DRAWS, *other)
        assert any((drawn[name] != different[name]).any() for name in drawn)
