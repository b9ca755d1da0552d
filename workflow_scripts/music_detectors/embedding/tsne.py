"""t-SNE on one core, in which the clips of a far cell of a grid repel as one.

All else is scikit-learn's: the affinities of near neighbours, the start, the schedule and the rules
for stopping. scikit-learn walks through a tree for every clip (Barnes & Hut 1986, van der Maaten
2014). Here the clips of a cell share one list of what repels them (Barnes 1990, J. Comput. Phys.
87:161), which a processor adds up several terms at a time; cells that count as one are farther away
than there. Of few clips, all pairs are added up.
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
# With so many clips at most, all pairs take no more time than cells.
_ALL_PAIRS = 1500
# The clips of cells this near, to each side, are added up one by one, so that a cell that counts as
# one is at least three times as far as it is wide: scikit-learn's angle of 0.5 asks for twice.
_NEAR = 3
# A processor handles so many terms of a sum at a time, or a part of as many.
_AT_ONCE = 32
# Sums may be reordered, so that the processor adds several terms at once; nothing else may change.
_REORDERED = {"reassoc", "contract", "nsz", "arcp"}


def embed(features: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """Return the positions (clips, 2) float32 that t-SNE gives the rows of `features`.

    `features` are (clips, units). Affinities are those of the 3 x `perplexity` nearest neighbours
    (van der Maaten 2014); clips far from each other repel by cells. It starts from the principal
    components, so that `seed` has little influence. If all rows are zero, so are all positions.
    """
    if not features.any():
        return np.zeros((len(features), 2), dtype=np.float32)
    if features.shape[1] == 1:
        # The initialisation needs a second component.
        features = np.column_stack([features, np.zeros(len(features))])
    tsne = CellTSNE(perplexity=perplexity, random_state=seed, n_jobs=1)
    # Sums over several threads have no fixed order.
    with threadpool_limits(1):
        return tsne.fit_transform(features)


class CellTSNE(TSNE):
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
        self.kl_divergence_ = _objective(xy, affinities, indices, starts, np.empty_like(xy), True)
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
        for iteration in range(begin, end):
            checked = (iteration + 1) % _CHECKED_EVERY == 0
            divergence = _objective(xy, affinities, indices, starts, gradient, checked)
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
    gradient: np.ndarray,
    measured: bool,
) -> float:
    """Set the `gradient` (2, clips) of the Kullback-Leibler divergence at `xy` (2, clips).

    Return the divergence if it is to be `measured`, else zero.
    """
    nearness = _push(*xy, _side(xy.shape[1]), *gradient)
    _pull(*xy, affinities, indices, starts, nearness, *gradient)
    return _divergence(*xy, affinities, indices, starts, nearness) if measured else 0.0


def _side(clips: int) -> int:
    """Return how many cells the grid for so many clips has to a side.

    The list of a cell has as many far cells as clips of near cells, if all cells have equally many.
    """
    return 1 if clips <= _ALL_PAIRS else round(np.sqrt((2 * _NEAR + 1) * np.sqrt(clips)))


@compiled
def _push(x: np.ndarray, y: np.ndarray, side: int, push_x: np.ndarray, push_y: np.ndarray) -> float:
    """Set the repulsion of each of the positions; return the sum of the nearness of all pairs.

    Cells are those of a grid of `side` x `side`. A far cell repels as if all of its clips were at
    their mean.
    """
    clips, cells = x.size, side * side
    low_x, low_y = x.min(), y.min()
    width = max(x.max() - low_x, y.max() - low_y) / np.float32(side)
    own, ends = np.empty(clips, np.int64), np.zeros(cells + 1, np.int64)
    for clip in range(clips):
        column = row = 0
        if width > 0:
            column = max(min(int((x[clip] - low_x) / width), side - 1), 0)
            row = max(min(int((y[clip] - low_y) / width), side - 1), 0)
        own[clip] = row * side + column
        ends[own[clip] + 1] += 1
    ends = np.cumsum(ends)
    # The clips cell by cell.
    order, filled = np.empty(clips, np.int64), ends[:-1].copy()
    for clip in range(clips):
        order[filled[own[clip]]] = clip
        filled[own[clip]] += 1
    sorted_x, sorted_y = x[order], y[order]
    mean_x, mean_y = np.zeros(cells, np.float32), np.zeros(cells, np.float32)
    for cell in range(cells):
        start, end = ends[cell], ends[cell + 1]
        if start < end:
            mean_x[cell], mean_y[cell] = sorted_x[start:end].mean(), sorted_y[start:end].mean()
    total = 0.0
    longest = clips + cells + _AT_ONCE
    list_x, list_y = np.empty(longest, np.float32), np.empty(longest, np.float32)
    number = np.empty(longest, np.float32)
    for row in range(side):
        for column in range(side):
            own_start, own_end = ends[row * side + column], ends[row * side + column + 1]
            if own_start == own_end:
                continue
            n = 0
            for other_row in range(side):
                near_row = abs(other_row - row) <= _NEAR
                for other_column in range(side):
                    other = other_row * side + other_column
                    start, end = ends[other], ends[other + 1]
                    if near_row and abs(other_column - column) <= _NEAR:
                        for place in range(start, end):
                            list_x[n], list_y[n] = sorted_x[place], sorted_y[place]
                            number[n] = 1
                            n += 1
                    elif start < end:
                        list_x[n], list_y[n] = mean_x[other], mean_y[other]
                        number[n] = end - start
                        n += 1
            # Nothing, so that the loop over the list has no rest.
            while n % _AT_ONCE:
                list_x[n] = list_y[n] = number[n] = 0
                n += 1
            for place in range(own_start, own_end):
                near, sum_x, sum_y = _repulsion(
                    sorted_x[place], sorted_y[place], list_x[:n], list_y[:n], number[:n]
                )
                # The clip itself was counted, with a nearness of 1.
                total += near - 1
                push_x[order[place]], push_y[order[place]] = sum_x, sum_y
    return total


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
