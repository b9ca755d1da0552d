"""t-SNE on one core, in which clips near each other repel a distant clip as one.

All else is scikit-learn's: the affinities of near neighbours, the start, the schedule and the rules
for stopping. scikit-learn walks through a tree for every clip (Barnes & Hut 1986, van der Maaten
2014). Here the clips of a leaf of the tree share one list of what repels them (Barnes 1990, J.
Comput. Phys. 87:161), which a processor adds up several terms at a time. What counts as one is
farther away than there, or so close that it hardly matters. Of few clips, all pairs are added up.
"""

from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from music_detectors.common.compiled import compiled

_MOMENTUM = 0.5, 0.8
"""Of the first part, in which affinities are exaggerated, and of the second."""

_CHECKED_EVERY = 50
_LEAST_GAIN = np.float32(0.01)
_SMALLEST = np.finfo(np.float64).eps
# Of so many clips at most, all pairs are added up.
_ALL_PAIRS = 1500
# With larger leaves, lists have more single clips; with smaller ones, there are more lists.
_MOST_IN_LEAF = 40
# Clips count as one if the gap between them and a leaf is more than so many times the width of the
# place they take up. scikit-learn's angle of 0.5 asks this of the distance to their middle.
_APART = np.float32(2)
# Repulsion hardly changes within a tenth of the distance at which nearness is a half. So much is
# added to the (squared) gap, so that clips that lie close enough count as one anywhere.
_SMOOTH = np.float32(0.1**2)
# To make the tree again takes as long as to add up so many terms for each clip. It is made again
# when this much has been added up since, beyond what there was to add up at first.
_TERMS_OF_GROWING = 400
# A processor handles so many terms of a sum at a time, or a part of as many.
_AT_ONCE = 32
# Sums may be reordered, so that the processor adds several terms at once; nothing else may change.
_REORDERED = {"reassoc", "contract", "nsz", "arcp"}


def embed(features: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """Return the positions (clips, 2) float32 that t-SNE gives the rows of `features`.

    `features` are (clips, units). Affinities are those of the 3 x `perplexity` nearest neighbours
    (van der Maaten 2014). Of many clips, those near each other repel a distant clip as one. It
    starts from the principal components, so that `seed` has little influence. If all rows are zero,
    so are all positions.
    """
    if not features.any():
        return np.zeros((len(features), 2), dtype=np.float32)
    if features.shape[1] == 1:
        # The initialisation needs a second component.
        features = np.column_stack([features, np.zeros(len(features))])
    tsne = TreeTSNE(perplexity=perplexity, random_state=seed, n_jobs=1)
    # Sums over several threads have no fixed order.
    with threadpool_limits(1):
        return tsne.fit_transform(features)


class TreeTSNE(TSNE):
    """scikit-learn's TSNE with another optimisation."""

    def _tsne(
        self,
        P: csr_array,
        degrees_of_freedom: int,
        n_samples: int,
        X_embedded: np.ndarray,
        neighbors: Any = None,
        skip_num_points: int = 0,
    ) -> np.ndarray:
        """Return the positions (n_samples, 2) for the affinities `P`, starting at `X_embedded`."""
        xy = np.ascontiguousarray(X_embedded.T, dtype=np.float32)
        # Unsigned places need no check for negative ones.
        indices, starts = P.indices.astype(np.uint32), P.indptr.astype(np.int64)
        affinities = P.data.astype(np.float32)
        first = self._EXPLORATION_MAX_ITER
        last = self._descend(
            xy, affinities * np.float32(self.early_exaggeration), indices, starts, 0, first, 0
        )
        self.n_iter_ = self._descend(xy, affinities, indices, starts, last + 1, self.max_iter, 1)
        tree = Tree(xy.shape[1])
        self.kl_divergence_ = _objective(
            xy, affinities, indices, starts, tree, np.empty_like(xy), True
        )
        return xy.T

    def _descend(
        self,
        xy: np.ndarray,
        affinities: np.ndarray,
        indices: np.ndarray,
        starts: np.ndarray,
        begin: int,
        end: int,
        part: int,
    ) -> int:
        """Move `xy` (2, clips) down the gradient; return the number of the last iteration."""
        without_progress = (self._EXPLORATION_MAX_ITER, self.n_iter_without_progress)[part]
        rate = np.float32(self.learning_rate_)
        update, gains, gradient = np.zeros_like(xy), np.ones_like(xy), np.empty_like(xy)
        least, least_at, iteration = np.inf, begin, begin
        tree = Tree(xy.shape[1])
        for iteration in range(begin, end):
            checked = (iteration + 1) % _CHECKED_EVERY == 0
            divergence = _objective(xy, affinities, indices, starts, tree, gradient, checked)
            _step(xy, update, gains, gradient, np.float32(_MOMENTUM[part]), rate)
            if not checked:
                continue
            if divergence < least:
                least, least_at = divergence, iteration
            elif iteration - least_at > without_progress:
                break
            if np.linalg.norm(gradient) <= self.min_grad_norm:
                break
        return iteration


def _objective(
    xy: np.ndarray,
    affinities: np.ndarray,
    indices: np.ndarray,
    starts: np.ndarray,
    tree: "Tree",
    gradient: np.ndarray,
    measured: bool,
) -> float:
    """Set the `gradient` (2, clips) of the Kullback-Leibler divergence at `xy` (2, clips).

    Return the divergence if it is to be `measured`, else zero.
    """
    nearness = tree.push(xy, gradient)
    _pull(*xy, affinities, indices, starts, nearness, *gradient)
    return _divergence(*xy, affinities, indices, starts, nearness) if measured else 0.0


class Tree:
    """The clips in a tree of places, which is made again when they have moved out of them."""

    def __init__(self, clips: int) -> None:
        """Take the number of `clips`; of a few, the tree is one leaf, so that all pairs count."""
        self._most_in_leaf = clips if clips <= _ALL_PAIRS else _MOST_IN_LEAF
        self._of_growing = clips * _TERMS_OF_GROWING
        self._made: tuple[np.ndarray, ...] | None = None
        self._terms: int | None = None
        self._beyond = 0

    def push(self, xy: np.ndarray, pushed: np.ndarray) -> float:
        """Set the repulsion `pushed` (2, clips) of the positions `xy` (2, clips).

        Return the sum of the nearness of all pairs.
        """
        if self._made is None or self._beyond > self._of_growing:
            self._made = _grow(*xy, self._most_in_leaf)
            self._terms = None
        nearness, terms = _push(*xy, *self._made, *pushed)
        if self._terms is None:
            self._terms, self._beyond = terms, 0
        self._beyond += terms - self._terms
        return nearness


@compiled
def _grow(
    x: np.ndarray, y: np.ndarray, most_in_leaf: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the `order` (clips,) of the clips in a tree, and `ends` and `children` of its nodes.

    Node k has the clips of `order` from `ends[k, 0]` to `ends[k, 1]`, `ends` being (nodes, 2). Node
    0 has all. Nodes with more than `most_in_leaf` clips are cut in the middle of the axis on which
    they reach farther; `children` (nodes,) has the first of the two nodes, which follow each other,
    and 0 for a leaf. Clips in one place stay together.
    """
    clips = x.size
    order, above = np.arange(clips), np.empty(clips, np.int64)
    ends, children = np.zeros((2 * clips, 2), np.int64), np.zeros(2 * clips, np.int64)
    ends[0, 1] = clips
    node, nodes = 0, 1
    while node < nodes:
        start, end = ends[node]
        node += 1
        if end - start <= most_in_leaf:
            continue
        low_x, high_x, low_y, high_y = np.inf, -np.inf, np.inf, -np.inf
        for place in range(start, end):
            clip = order[place]
            low_x, high_x = min(low_x, x[clip]), max(high_x, x[clip])
            low_y, high_y = min(low_y, y[clip]), max(high_y, y[clip])
        along_x = high_x - low_x >= high_y - low_y
        values = x if along_x else y
        low, high = (low_x, high_x) if along_x else (low_y, high_y)
        if not 0 < high - low < np.inf:
            continue
        middle = (low + high) / 2
        left, n_above = start, 0
        for place in range(start, end):
            clip = order[place]
            if values[clip] <= middle:
                order[left] = clip
                left += 1
            else:
                above[n_above] = clip
                n_above += 1
        for place in range(n_above):
            order[left + place] = above[place]
        children[node - 1] = nodes
        ends[nodes, 0], ends[nodes, 1] = start, left
        ends[nodes + 1, 0], ends[nodes + 1, 1] = left, end
        nodes += 2
    return order, ends[:nodes], children[:nodes]


@compiled
def _places(x: np.ndarray, y: np.ndarray, ends: np.ndarray, children: np.ndarray) -> np.ndarray:
    """Return where the nodes are, (nodes, 7): mean x and y, least and largest x and y, and limit.

    A node whose squared gap to a leaf is above its limit counts as one there. The positions `x` and
    `y` are in the order of the tree.
    """
    places = np.empty((len(ends), 7), np.float32)
    for node in range(len(ends) - 1, -1, -1):
        start, end = ends[node]
        here, child = places[node], children[node]
        if child:
            one, two = places[child], places[child + 1]
            share = np.float32((ends[child, 1] - start) / (end - start))
            for axis in range(2):
                here[axis] = two[axis] + share * (one[axis] - two[axis])
                here[2 + axis] = min(one[2 + axis], two[2 + axis])
                here[4 + axis] = max(one[4 + axis], two[4 + axis])
        else:
            own_x, own_y = x[start:end], y[start:end]
            here[0], here[1] = own_x.mean(), own_y.mean()
            here[2], here[3], here[4], here[5] = own_x.min(), own_y.min(), own_x.max(), own_y.max()
        here[6] = (_APART * max(here[4] - here[2], here[5] - here[3])) ** 2 - _SMOOTH
    return places


@compiled
def _push(
    x: np.ndarray,
    y: np.ndarray,
    order: np.ndarray,
    ends: np.ndarray,
    children: np.ndarray,
    push_x: np.ndarray,
    push_y: np.ndarray,
) -> tuple[float, int]:
    """Set the repulsion of each of the positions.

    Return the sum of the nearness of all pairs, and how many terms there were to add up. `order`,
    `ends` and `children` are those of `_grow`. The clips of a far node repel as if all were at
    their mean.
    """
    clips, nodes = x.size, len(ends)
    sorted_x, sorted_y = x[order], y[order]
    places = _places(sorted_x, sorted_y, ends, children)
    total, terms, none = 0.0, 0, np.float32(0)
    longest = clips + nodes + _AT_ONCE
    list_x, list_y = np.empty(longest, np.float32), np.empty(longest, np.float32)
    number = np.empty(longest, np.float32)
    waiting = np.empty(nodes + 1, np.int64)
    for leaf in range(nodes):
        if children[leaf]:
            continue
        own_start, own_end = ends[leaf]
        _, _, own_low_x, own_low_y, own_high_x, own_high_y, _ = places[leaf]
        n, waiting[0], waits = 0, 0, 1
        while waits:
            waits -= 1
            node = waiting[waits]
            mean_x, mean_y, low_x, low_y, high_x, high_y, limit = places[node]
            apart_x = max(low_x - own_high_x, own_low_x - high_x, none)
            apart_y = max(low_y - own_high_y, own_low_y - high_y, none)
            start, end = ends[node]
            if apart_x * apart_x + apart_y * apart_y > limit:
                list_x[n], list_y[n], number[n] = mean_x, mean_y, end - start
                n += 1
            elif children[node]:
                waiting[waits], waiting[waits + 1] = children[node] + 1, children[node]
                waits += 2
            else:
                for place in range(start, end):
                    list_x[n], list_y[n], number[n] = sorted_x[place], sorted_y[place], 1
                    n += 1
        # Nothing, so that the loop over the list has no rest.
        while n % _AT_ONCE:
            list_x[n] = list_y[n] = number[n] = 0
            n += 1
        terms += n * (own_end - own_start)
        for place in range(own_start, own_end):
            near, sum_x, sum_y = _repulsion(
                sorted_x[place], sorted_y[place], list_x[:n], list_y[:n], number[:n]
            )
            # The clip itself was counted, with a nearness of 1.
            total += near - 1
            push_x[order[place]], push_y[order[place]] = sum_x, sum_y
    return total, terms


# With arrays of one axis, and a division that need not be checked, the loop handles several at
# once.
@compiled(fastmath=_REORDERED, error_model="numpy")
def _repulsion(
    here_x: np.float32, here_y: np.float32, x: np.ndarray, y: np.ndarray, number: np.ndarray
) -> tuple[float, np.float32, np.float32]:
    """Return the nearness and the repulsion of a position from a `number` of clips at others."""
    one = np.float32(1)
    sum_x, sum_y, near = np.float32(0), np.float32(0), np.float32(0)
    for other in range(x.size):
        apart_x, apart_y = here_x - x[other], here_y - y[other]
        nearness = one / (one + apart_x * apart_x + apart_y * apart_y)
        counted = number[other] * nearness
        near += counted
        counted *= nearness
        sum_x += counted * apart_x
        sum_y += counted * apart_y
    return float(near), sum_x, sum_y


@compiled
def _pull(
    x: np.ndarray,
    y: np.ndarray,
    affinities: np.ndarray,
    indices: np.ndarray,
    starts: np.ndarray,
    total: float,
    gradient_x: np.ndarray,
    gradient_y: np.ndarray,
) -> None:
    """Turn the repulsion into the gradient."""
    four, share = np.float32(4), np.float32(1 / total)
    for clip in range(x.size):
        own = slice(starts[clip], starts[clip + 1])
        pull_x, pull_y = _attraction(x[clip], y[clip], x, y, affinities[own], indices[own])
        gradient_x[clip] = four * (pull_x - share * gradient_x[clip])
        gradient_y[clip] = four * (pull_y - share * gradient_y[clip])


@compiled(fastmath=_REORDERED, error_model="numpy")
def _attraction(
    here_x: np.float32,
    here_y: np.float32,
    x: np.ndarray,
    y: np.ndarray,
    affinities: np.ndarray,
    indices: np.ndarray,
) -> tuple[np.float32, np.float32]:
    """Return the attraction of a position by the clips at `indices` of `x` and `y`."""
    one, pull_x, pull_y = np.float32(1), np.float32(0), np.float32(0)
    for place in range(indices.size):
        other = indices[place]
        apart_x, apart_y = here_x - x[other], here_y - y[other]
        weight = affinities[place] / (one + apart_x * apart_x + apart_y * apart_y)
        pull_x += weight * apart_x
        pull_y += weight * apart_y
    return pull_x, pull_y


@compiled
def _divergence(
    x: np.ndarray,
    y: np.ndarray,
    affinities: np.ndarray,
    indices: np.ndarray,
    starts: np.ndarray,
    total: float,
) -> float:
    """Return the Kullback-Leibler divergence of the positions from the affinities."""
    divergence = 0.0
    for clip in range(x.size):
        for place in range(starts[clip], starts[clip + 1]):
            other, affinity = indices[place], affinities[place]
            apart_x, apart_y = float(x[clip] - x[other]), float(y[clip] - y[other])
            nearness = 1 / (1 + apart_x * apart_x + apart_y * apart_y)
            expected = max(nearness / total, _SMALLEST)
            divergence += affinity * np.log(max(affinity, _SMALLEST) / expected)
    return divergence


@compiled
def _step(
    xy: np.ndarray,
    update: np.ndarray,
    gains: np.ndarray,
    gradient: np.ndarray,
    momentum: np.float32,
    learning_rate: np.float32,
) -> None:
    """Move `xy` by one step with momentum and a gain for each coordinate (Jacobs 1988)."""
    for axis in range(2):
        for clip in range(xy.shape[1]):
            turned = update[axis, clip] * gradient[axis, clip] < 0
            gain = gains[axis, clip]
            gain = max(gain + np.float32(0.2) if turned else gain * np.float32(0.8), _LEAST_GAIN)
            gains[axis, clip] = gain
            gradient[axis, clip] *= gain
            step = momentum * update[axis, clip] - learning_rate * gradient[axis, clip]
            update[axis, clip] = step
            xy[axis, clip] += step
