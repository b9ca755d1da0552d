"""t-SNE with the exact repulsion of all pairs, in place of Barnes and Hut's tree.

All else is scikit-learn's: the affinities of near neighbours, the start, the schedule and the rules
for stopping. Up to some tens of thousands of clips, a processor adds up the exact repulsion in less
time than the tree takes for an approximation.
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
# Sums may be reordered, so that the processor adds several terms at once; nothing else may change.
_REORDERED = {"reassoc", "contract", "nsz", "arcp"}


def embed(features: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """Return the positions (clips, 2) float32 that t-SNE gives the rows of `features`.

    `features` are (clips, units). Affinities are those of the 3 x `perplexity` nearest neighbours
    (van der Maaten 2014); the gradient is exact (van der Maaten & Hinton 2008). It starts from the
    principal components, so that `seed` has little influence. If all rows are zero, so are all
    positions.
    """
    if not features.any():
        return np.zeros((len(features), 2), dtype=np.float32)
    if features.shape[1] == 1:
        # The initialisation needs a second component.
        features = np.column_stack([features, np.zeros(len(features))])
    tsne = ExactTSNE(perplexity=perplexity, random_state=seed, n_jobs=1)
    # Sums over several threads have no fixed order.
    with threadpool_limits(1):
        return tsne.fit_transform(features)


class ExactTSNE(TSNE):
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
        indices, starts = P.indices.astype(np.int64), P.indptr.astype(np.int64)
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
    nearness = _push(*xy, *gradient)
    return _pull(*xy, affinities, indices, starts, nearness, measured, *gradient)


# With arrays of one axis, and a division that need not be checked, the loop over pairs handles
# several at once.
@compiled(fastmath=_REORDERED, error_model="numpy")
def _push(x: np.ndarray, y: np.ndarray, push_x: np.ndarray, push_y: np.ndarray) -> float:
    """Set the repulsion of each of the positions; return the sum of the nearness of all pairs."""
    one = np.float32(1)
    total = 0.0
    for clip in range(x.size):
        here_x, here_y = x[clip], y[clip]
        sum_x, sum_y, near = np.float32(0), np.float32(0), np.float32(0)
        for other in range(x.size):
            apart_x, apart_y = here_x - x[other], here_y - y[other]
            nearness = one / (one + apart_x * apart_x + apart_y * apart_y)
            near += nearness
            nearness *= nearness
            sum_x += nearness * apart_x
            sum_y += nearness * apart_y
        # The clip itself was counted, with a nearness of 1.
        total += float(near - one)
        push_x[clip], push_y[clip] = sum_x, sum_y
    return total


@compiled
def _pull(
    x: np.ndarray,
    y: np.ndarray,
    affinities: np.ndarray,
    indices: np.ndarray,
    starts: np.ndarray,
    total: float,
    measured: bool,
    gradient_x: np.ndarray,
    gradient_y: np.ndarray,
) -> float:
    """Turn the repulsion into the gradient; return the divergence if it is `measured`."""
    one, four, share = np.float32(1), np.float32(4), np.float32(1 / total)
    divergence = 0.0
    for clip in range(x.size):
        here_x, here_y = x[clip], y[clip]
        pull_x, pull_y = np.float32(0), np.float32(0)
        for place in range(starts[clip], starts[clip + 1]):
            other, affinity = indices[place], affinities[place]
            apart_x, apart_y = here_x - x[other], here_y - y[other]
            nearness = one / (one + apart_x * apart_x + apart_y * apart_y)
            pull_x += affinity * nearness * apart_x
            pull_y += affinity * nearness * apart_y
            if measured:
                expected = max(nearness / total, _SMALLEST)
                divergence += affinity * np.log(max(affinity, _SMALLEST) / expected)
        gradient_x[clip] = four * (pull_x - share * gradient_x[clip])
        gradient_y[clip] = four * (pull_y - share * gradient_y[clip])
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
