"""Linear models of a label: least squares and ridge regression."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

PENALTIES = 10.0 ** np.arange(-3, 6.5, 0.5)
"""The candidate penalties of ridge regression."""

# Rounding may leave this share of a constant feature as spread, and this much of 1 - h where the
# leverage h is 1.
_CONSTANT = 1e-12
_FULL_LEVERAGE = 1e-10
_NO_SIZE = 1e-14
# Where the least square is this share of the largest, the solution is unique, to eight digits.
_UNIQUE = 1e-8
# Few enough for their part of every array to stay in a core's cache.
_CLIPS_IN_A_BLOCK = 1024


class Part:
    """Features of some clips, and the sums over these clips that regressions need."""

    def __init__(self, features: np.ndarray, origin: np.ndarray | None = None) -> None:
        """Take `features` (n, k) float64, from which `origin` (k,) is subtracted: their mean.

        Parts that are fitted together have one origin, near the mean of all.
        """
        self.origin = features.mean(axis=0) if origin is None else origin
        self.centred = features - self.origin
        self.total = self.centred.sum(axis=0)
        self.products = self.centred.T @ self.centred
        self.low, self.high = self.centred.min(axis=0), self.centred.max(axis=0)

    def only(self, rows: np.ndarray) -> "Part":
        """Return the part of the clips in `rows`, at least one."""
        some = Part(self.centred[rows], np.zeros_like(self.origin))
        some.origin = self.origin
        return some


class Fit(NamedTuple):
    """A linear model: a score is a `constant` plus a clip's features times `weights` (k,).

    `penalty` is that of ridge regression.
    """

    weights: np.ndarray
    constant: float
    penalty: float = 0.0

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return the scores (m,) of clips by their `features` (m, k)."""
        return features @ self.weights + self.constant


class Regressions:
    """Linear models of a label by the features of train clips, which come in parts.

    Features are centred, and the constant is not penalised.
    """

    def __init__(self, parts: Sequence[Part], label: np.ndarray) -> None:
        """Take the `label` (n,) of the clips of all `parts`, in their order."""
        self._parts = parts
        self._label_mean = label.mean()
        self._label = label - self._label_mean
        n = len(label)
        mean = self._mean = np.sum([part.total for part in parts], axis=0) / n
        products = np.sum([part.products for part in parts], axis=0) - n * np.outer(mean, mean)
        low = np.min([part.low for part in parts], axis=0)
        high = np.max([part.high for part in parts], axis=0)
        largest = np.abs(parts[0].origin) + np.maximum(high, -low)
        self._varied = np.flatnonzero(high - low > _CONSTANT * largest)
        self._spread = np.sqrt(np.diagonal(products)[self._varied] / n)
        of_varied = products[np.ix_(self._varied, self._varied)]
        self._products = of_varied / np.outer(self._spread, self._spread)
        self._with_label = sum(
            part.centred.T @ of_part for part, of_part in zip(parts, self._of_parts(), strict=True)
        )

    def least_squares(self, columns: slice) -> Fit:
        """Return ordinary least squares on the features in `columns`.

        If the solution is not unique, it has the smallest weights, as in scikit-learn's
        `LinearRegression`.
        """
        own = np.isin(self._varied, np.arange(len(self._mean))[columns])
        weights = np.zeros(len(self._mean))
        squares, vectors = np.linalg.eigh(self._products[np.ix_(own, own)])
        if len(squares) and squares[0] > _UNIQUE * squares[-1]:
            spread, places = self._spread[own], self._varied[own]
            along = vectors.T @ (self._with_label[places] / spread)
            weights[places] = vectors @ (along / squares) / spread
        else:
            # Products have half the digits of the features.
            features = np.vstack([part.centred[:, columns] for part in self._parts])
            features -= self._mean[columns]
            weights[columns] = np.linalg.lstsq(features, self._label, rcond=None)[0]
        return self._fit(weights)

    def ridge(self, groups: np.ndarray) -> Fit:
        """Return the ridge regression on all features.

        They are standardised, and constant ones left out. The penalty is the one of PENALTIES that
        minimises the squared errors of clips when their group is left out, `groups` (n,) being the
        group of each (Allen's PRESS 1974, in closed form from the leverages; where each clip is its
        own group, as in scikit-learn's `RidgeCV`).
        """
        weights = np.zeros(len(self._mean))
        if not len(self._varied):
            return self._fit(weights, float(PENALTIES[-1]))
        left, scales, right = self._factors()
        projected = left.T @ self._label
        # All penalties at once: (directions, penalties).
        shrinkage = scales[:, None] ** 2 / (scales[:, None] ** 2 + PENALTIES)
        errors = _left_out_errors(self._label, left, shrinkage, projected, groups)
        penalty = PENALTIES[np.argmin(np.square(errors).sum(axis=0))]
        of_varied = right.T @ (scales / (scales**2 + penalty) * projected)
        weights[self._varied] = of_varied / self._spread
        return self._fit(weights, float(penalty))

    def _fit(self, weights: np.ndarray, penalty: float = 0.0) -> Fit:
        at_mean = (self._parts[0].origin + self._mean) @ weights
        return Fit(weights, self._label_mean - at_mean, penalty)

    def _of_parts(self) -> list[np.ndarray]:
        """Return the label of each part."""
        return np.split(self._label, np.cumsum([len(part.centred) for part in self._parts])[:-1])

    def _factors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the thin singular value decomposition of the standardised features.

        Directions of no size are left out. It comes from the eigenvectors of the smaller of the two
        products of the features with themselves, several times faster than directly. What that
        loses, sizes below about 1e-7 of the largest, is nothing beside the penalties.
        """
        n, k = len(self._label), len(self._varied)
        wide = n < k
        if wide:
            z = np.vstack([part.centred[:, self._varied] for part in self._parts])
            z = (z - self._mean[self._varied]) / self._spread
        squares, vectors = np.linalg.eigh(z @ z.T if wide else self._products)
        sized = squares > _NO_SIZE * squares[-1]
        scales, vectors = np.sqrt(squares[sized]), vectors[:, sized]
        if wide:
            return vectors, scales, vectors.T @ z / scales[:, None]
        into = np.zeros((len(self._mean), len(scales)))
        into[self._varied] = vectors / scales / self._spread[:, None]
        left = np.empty((n, len(scales)))
        start = 0
        for part in self._parts:
            np.matmul(part.centred, into, out=left[start : start + len(part.centred)])
            start += len(part.centred)
        left -= self._mean @ into
        return left, scales, vectors.T


def least_squares(train: np.ndarray, label: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the scores (m,) of `test` (m, k) by ordinary least squares on `train` (n, k).

    `label` (n,) is regressed on the features and a constant (`Regressions.least_squares`).
    """
    return Regressions([Part(train)], label).least_squares(slice(None)).scores(test)


def ridge(
    train: np.ndarray, label: np.ndarray, test: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return the scores (m,) of `test` (m, k) by ridge regression on `train`, and the penalty.

    `label` (n,) is regressed on the features; `groups` (n,) are as in `Regressions.ridge`.
    """
    fit = Regressions([Part(train)], label).ridge(groups)
    return fit.scores(test), fit.penalty


def _left_out_errors(
    label: np.ndarray,
    left: np.ndarray,
    shrinkage: np.ndarray,
    projected: np.ndarray,
    groups: np.ndarray,
) -> np.ndarray:
    """Return the errors (n, penalties) of clips whose group is left out of the fit to `label` (n,).

    The fit's hat matrix is 1/n + `left` diag(`shrinkage`) `left`', with `left` (n, directions) and
    `shrinkage` (directions, penalties); `projected` is `left`' `label`. With H that of a group's
    clips, the errors of the group are multiplied by the inverse of 1 - H.
    """
    n = len(left)
    fitted = shrinkage * projected[:, None]
    found = np.empty((n, shrinkage.shape[1]))
    for first in range(0, n, _CLIPS_IN_A_BLOCK):
        rows = slice(first, first + _CLIPS_IN_A_BLOCK)
        remaining = 1 - 1 / n - np.square(left[rows]) @ shrinkage
        found[rows] = label[rows, None] - left[rows] @ fitted
        found[rows] /= np.maximum(remaining, _FULL_LEVERAGE)
    of_groups = pd.factorize(groups)[0]
    sizes = np.bincount(of_groups)
    order, ends = np.argsort(of_groups, kind="stable"), np.cumsum(sizes)
    for group in np.flatnonzero(sizes > 1):
        members = order[ends[group] - sizes[group] : ends[group]]
        own = left[members]
        hat = 1 / n + (own * shrinkage.T[:, None, :]) @ own.T
        remaining, vectors = np.linalg.eigh(np.eye(len(members)) - hat)
        along = np.einsum("pij,ip->pj", vectors, label[members, None] - own @ fitted)
        along /= np.maximum(remaining, _FULL_LEVERAGE)
        found[members] = np.einsum("pij,pj->ip", vectors, along)
    return found
