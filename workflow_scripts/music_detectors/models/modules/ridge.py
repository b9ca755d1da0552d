"""A linear read-out of classes: ridge regression, in one pass over the clips."""

import numpy as np

# From hardly any penalty to one that leaves hardly anything, in units of a response's variance.
_PENALTIES = 10.0 ** np.arange(-6, 3)


class Ridge:
    """Sums over clips that ridge regression needs, so that no more than a batch is in memory."""

    def __init__(self, units: int, classes: int) -> None:
        """Start with no clip, for so many `units` and `classes`."""
        self._n = 0
        self._x, self._y = np.zeros(units), np.zeros(classes)
        self._xx, self._xy = np.zeros((units, units)), np.zeros((units, classes))

    def add(self, responses: np.ndarray, labels: np.ndarray) -> None:
        """Add clips: their `responses` (n, units) and `labels` (n, classes) bool."""
        x, y = responses.astype(np.float64), labels.astype(np.float64)
        self._n += len(x)
        self._x += x.sum(axis=0)
        self._y += y.sum(axis=0)
        self._xx += x.T @ x
        self._xy += x.T @ y

    def fitted(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Return weights (classes, units) and bias (classes,) float32, and the penalty.

        Responses are scaled to the same variance; a unit without any has no weight. The penalty
        is the one with the least generalised cross-validation error, summed over the classes,
        each relative to its variance (Golub, Heath & Wahba, Technometrics 21:215, 1979).
        """
        n, mean, share = self._n, self._x / self._n, self._y / self._n
        covariance = self._xx - n * np.outer(mean, mean)
        variance = covariance.diagonal() / n
        used = variance > 1e-12 * np.maximum(mean**2, np.finfo(float).tiny)
        scale = np.where(used, np.sqrt(np.where(used, variance, 1)), np.inf)
        products = (self._xy - n * np.outer(mean, share)) / scale[:, None]
        values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
        values = np.maximum(values, 0)
        rotated = vectors.T @ products
        # The labels are 0 or 1.
        total = n * share * (1 - share)
        occurs = total > 0
        errors = [self._error(values, rotated, total, occurs, n * each) for each in _PENALTIES]
        penalty = float(_PENALTIES[int(np.argmin(errors))])
        weights = (vectors @ (rotated / (values + n * penalty)[:, None])) / scale[:, None]
        bias = share - mean @ weights
        return weights.T.astype(np.float32), bias.astype(np.float32), penalty

    def _error(
        self,
        values: np.ndarray,
        rotated: np.ndarray,
        total: np.ndarray,
        occurs: np.ndarray,
        penalty: float,
    ) -> float:
        kept = values / (values + penalty)
        power = rotated**2 / (values + penalty)[:, None]
        residual = total - (power * (2 - kept)[:, None]).sum(axis=0)
        free = max(self._n - 1 - kept.sum(), 1e-9 * self._n)
        return float((residual[occurs] / total[occurs]).sum() / free**2)
