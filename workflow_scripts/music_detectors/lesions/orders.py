"""In which order units are silenced: a lesion of k units takes the first k of an order.

So lesions of one kind are nested, the smaller in the larger.
"""

from collections.abc import Sequence

import numpy as np

from music_detectors.common.seeds import generator

NAMED = ("top", "middle", "bottom", "norm")
"""The lesions whose units are not drawn at random."""
MATCHED_DRAWS = 20
"""How many sets of units are drawn that match the most selective ones; only their mean counts."""
FEWER_MATCHED_DRAWS = 5
"""How many are enough where no claim rests on them."""
CANDIDATES = 5
"""From how many of the nearest units one is drawn."""


def named_orders(ranks: np.ndarray, strength: np.ndarray) -> dict[str, np.ndarray]:
    """Return the order of the units (units,) for each of NAMED.

    `ranks` (units,) are places from 1, the most selective. `top` goes from the first rank down,
    `bottom` from the last up, `middle` from the middle rank to both sides, the more selective side
    first, and `norm` from the largest `strength` (units,) down, equal ones by their number.
    """
    by_rank = np.argsort(ranks, kind="stable")
    n = len(by_rank)
    from_middle = np.argsort(np.abs(2 * np.arange(n) - (n - 1)), kind="stable")
    return {
        "top": by_rank,
        "middle": by_rank[from_middle],
        "bottom": by_rank[::-1],
        "norm": np.argsort(-strength, kind="stable"),
    }


def fewer_draws(draws: int) -> int:
    """Return how many of `draws` random lesions are enough where no claim rests on them.

    A quarter, but at least 20: they show by how much lesions of that size vary.
    """
    return min(draws, max(20, draws // 4))


def random_orders(
    draws: int, units: int, seed: int, names: Sequence[str | int]
) -> dict[str, np.ndarray]:
    """Return `draws` orders (units,) drawn at random, by the name of the lesion.

    Each has a generator of its own under `seed`, named by `names` and its number.
    """
    return {
        f"random-{draw:04d}": generator(seed, "lesions", *names, draw).permutation(units)
        for draw in range(1, draws + 1)
    }


def matched_units(
    top: np.ndarray,
    quantity: np.ndarray,
    kind: str,
    draws: int,
    seed: int,
    names: Sequence[str | int],
) -> dict[str, np.ndarray]:
    """Return `draws` sets of units (k,) that are not in `top` (k,), by the lesion's name.

    Each unit of `top`, in random order, is replaced by one of the CANDIDATES units nearest to it in
    `quantity` (units,), drawn at random from those that are left. Each draw has a generator of its
    own under `seed`, named by `names`, `kind`, k and its number. None if too few units are left.
    """
    rest = np.setdiff1d(np.arange(len(quantity)), top)
    if len(rest) < len(top):
        return {}
    distances = np.abs(quantity[rest] - quantity[top][:, None])
    nearest = np.argsort(distances, axis=1, kind="stable")
    matched = {}
    for draw in range(1, draws + 1):
        random = generator(seed, "lesions", *names, kind, len(top), draw)
        free = np.ones(len(rest), dtype=bool)
        chosen = []
        for place in random.permutation(len(top)):
            candidates = nearest[place][free[nearest[place]]][:CANDIDATES]
            one = random.choice(candidates)
            free[one] = False
            chosen.append(rest[one])
        matched[f"matched-{kind}-{draw:04d}"] = np.array(chosen)
    return matched
