"""The effect of the target on every unit with acoustic covariates in the model."""

import logging
from collections.abc import Iterator

import numpy as np

from music_detectors.selectivity.effects import p_value

# Clips needed for each coefficient of the model.
_MIN_CLIPS_PER_COEFFICIENT = 2
_UNITS_IN_A_BLOCK = 32
# Rounding may leave this share of the variance of a covariate that the others explain fully,
_COLLINEAR = 1e-12
# this share of a unit's sum of squares where the model explains all of it,
_NO_RESIDUAL = 1e-20
# the same for permuted labels, where residuals are a small difference of sums,
_NO_PERMUTED_RESIDUAL = 1e-12
# and this much of 1 - h where the leverage h is 1.
_FULL_LEVERAGE = 1e-10
_CLIPS_IN_A_BLOCK = 1024


class AdjustedModel:
    """Ordinary least squares of responses on target (1 or 0), covariates and a constant.

    All units share the model, so everything that does not depend on responses is computed once. By
    the theorem of Frisch, Waugh and Lovell, the target's coefficient is d'y / d'd, where d is the
    residual of the target after constant and covariates. With the residuals e of the model and its
    leverages h, the variance of the coefficient is the sum of (d e / (1 - h))^2 over (d'd)^2 (HC3,
    MacKinnon & White 1985).
    """

    def __init__(self, target: np.ndarray, covariates: np.ndarray, name: str) -> None:
        """Prepare the model for clips with labels `target` (clips,) bool and `covariates`.

        Covariates (clips, k) are standardised. Constant covariates are left out, and collinear ones
        count only as far as they are independent. Clips with a missing covariate (NaN) are left
        out. `name` describes the clips in the log.
        """
        self.used = np.isfinite(covariates).all(axis=1)
        self.n = int(self.used.sum())
        if self.n < len(target):
            logging.info("%s: %d clips without sound left out", name, len(target) - self.n)
        self.basis = orthonormal(covariates[self.used])
        self.df = self.n - self.basis.shape[1] - 1
        label = target[self.used].astype(np.float64)
        self._d = label - self.basis @ (self.basis.T @ label)
        self._power = float(self._d @ self._d)
        coefficients = self.n - self.df
        problem = ""
        if self.n < _MIN_CLIPS_PER_COEFFICIENT * coefficients:
            problem = f"{self.n} clips are too few for {coefficients} coefficients"
        elif self._power <= _COLLINEAR * self.n:
            problem = "the covariates separate target from other clips perfectly"
        else:
            leverage = np.square(self.basis).sum(axis=1) + self._d**2 / self._power
            full = 1 - leverage <= _FULL_LEVERAGE
            if (full & (np.abs(self._d) > _FULL_LEVERAGE)).any():
                problem = "the effect depends on a single clip"
            # A clip with a covariate of its own has no residual and does not affect the effect.
            weights = self._d / np.where(full, 1, 1 - leverage)
            self._weights = np.where(full, 0, np.square(weights / self._power))
        self.defined = not problem
        if problem:
            logging.warning("%s: no effect with covariates: %s", name, problem)

    def effects(self, responses: np.ndarray) -> dict[str, np.ndarray]:
        """Return partial_difference, _t, _p and _d (units,) of `responses` (clips, units) by name.

        partial_difference is the target's coefficient, partial_t this over its HC3 standard error,
        partial_p its two-sided p under Student's t with the residual degrees of freedom, and
        partial_d the coefficient over the residual standard deviation. They equal statsmodels'
        `OLS(...).fit(cov_type="HC3", use_t=True)`.
        A constant unit has t = d = 0 and p = 1. A unit that the model explains perfectly has
        infinite t and d, or 0 if the target does not contribute. All are NaN if the model cannot be
        fitted.
        """
        units = responses.shape[1]
        difference, t, d = np.full((3, units), np.nan)
        p = t.copy()
        if self.defined:
            for block in _blocks(units):
                y = responses[:, block][self.used].astype(np.float64)
                difference[block], t[block], d[block] = self._fit(y)
            p = p_value(t, self.df)
        return {"partial_difference": difference, "partial_t": t, "partial_p": p, "partial_d": d}

    def _fit(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return coefficient, t and d (units,) of `y` (clips, units), which is overwritten."""
        scale = _standardise(y)
        y -= self.basis @ (self.basis.T @ y)
        coefficient = self._d @ y / self._power
        y -= self._d[:, None] * coefficient
        squares = np.square(y, out=y)
        residual = squares.sum(axis=0)
        exact = residual <= _NO_RESIDUAL
        error = np.sqrt(self._weights @ squares)
        spread = np.sqrt(residual / self.df)
        # The share of the sum of squares, which is 1.
        explained = coefficient**2 * self._power
        limit = np.where(explained > _NO_RESIDUAL, np.copysign(np.inf, coefficient), 0.0)
        t, d = limit, limit.copy()
        np.divide(coefficient, error, out=t, where=~exact & (error > 0))
        np.divide(coefficient, spread, out=d, where=~exact)
        return coefficient * scale, t, d


class PermutedAdjustedModel:
    """partial_t of every unit under permuted labels, while covariates stay with their clips.

    With r the residual of the response after the covariates, b the coefficient and e = r - d b, the
    sum of (d e / (1 - h))^2 is a sum of three matrix products: of a = (d / (1 - h))^2 with r^2, of
    a d with r, and of a with d^2.
    """

    def __init__(self, model: AdjustedModel, responses: np.ndarray) -> None:
        """Prepare `responses` (clips, units) for `model`, which must be defined."""
        self._used, self._basis = model.used, model.basis
        self._leverage = np.square(self._basis).sum(axis=1)
        residuals = responses[self._used].astype(np.float64)
        for block in _blocks(residuals.shape[1]):
            y = residuals[:, block]
            _standardise(y)
            y -= self._basis @ (self._basis.T @ y)
        self._residuals = residuals
        self._powers = np.einsum("ij,ij->j", residuals, residuals)

    def partial_t(self, labels: np.ndarray) -> np.ndarray:
        """Return t (permutations, units) under `labels` (permutations, clips), true for target.

        It is infinite where the covariates determine the permuted labels.
        """
        if not self._used.all():
            labels = labels[:, self._used]
        clips, units = self._residuals.shape
        projected = np.zeros((len(labels), self._basis.shape[1]))
        for rows in _rows(clips):
            projected += labels[:, rows].astype(np.float64) @ self._basis[rows]
        power = labels.sum(axis=1) - np.square(projected).sum(axis=1)
        tested = power > _COLLINEAR * clips
        power = np.where(tested, power, 1)[:, None]
        sum_dr, sum_arr, sum_adr = np.zeros((3, len(labels), units))
        sum_add = np.zeros((len(labels), 1))
        for rows in _rows(clips):
            d = labels[:, rows] - projected @ self._basis[rows].T
            free = 1 - self._leverage[rows] - np.square(d) / power
            full = free <= _FULL_LEVERAGE
            tested &= ~(full & (np.abs(d) > _FULL_LEVERAGE)).any(axis=1)
            a = np.square(d / np.where(full, np.inf, free))
            r = self._residuals[rows]
            sum_dr += d @ r
            sum_arr += a @ np.square(r)
            a *= d
            sum_adr += a @ r
            sum_add += np.einsum("ij,ij->i", a, d)[:, None]
        coefficient = sum_dr / power
        variance = (sum_arr - 2 * coefficient * sum_adr + coefficient**2 * sum_add) / power**2
        residual = self._powers - coefficient**2 * power
        exact = (residual <= _NO_PERMUTED_RESIDUAL * self._powers) | (variance <= 0)
        limit = np.where(self._powers > _NO_RESIDUAL, np.inf, 0.0)
        t = np.broadcast_to(limit, coefficient.shape).copy()
        np.divide(coefficient, np.sqrt(np.where(exact, 1, variance)), out=t, where=~exact)
        t[~tested] = np.inf
        return t


def orthonormal(covariates: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis (n, rank) of the constant and of `covariates` (n, k)."""
    n = len(covariates)
    constant = np.full((n, 1), 1 / np.sqrt(max(n, 1)))
    varied = [column for column in covariates.T if n and np.ptp(column) > 0]
    if not varied:
        return constant
    centred = np.stack(varied, axis=1)
    centred = centred - centred.mean(axis=0)
    spread = np.sqrt(np.square(centred).mean(axis=0))
    # A covariate that is constant up to rounding counts as constant.
    kept = spread > _COLLINEAR * np.abs(np.stack(varied, axis=1)).max(axis=0)
    if not kept.any():
        return constant
    basis, scales, _ = np.linalg.svd(centred[:, kept] / spread[kept], full_matrices=False)
    basis = basis[:, scales**2 > _COLLINEAR * scales[0] ** 2]
    # Again, since the centred covariates are orthogonal to the constant only up to rounding.
    return np.linalg.qr(np.hstack([constant, basis]))[0]


def _standardise(y: np.ndarray) -> np.ndarray:
    """Centre `y` (clips, units) in place and scale each unit to a sum of squares of 1.

    Constant units become 0. Return the scales (units,).
    """
    y -= y[0].copy()
    y -= y.mean(axis=0)
    total = np.einsum("ij,ij->j", y, y)
    scale = np.sqrt(np.where(total > 0, total, 1))
    y /= scale
    return scale


def _rows(clips: int) -> Iterator[slice]:
    for start in range(0, clips, _CLIPS_IN_A_BLOCK):
        yield slice(start, min(start + _CLIPS_IN_A_BLOCK, clips))


def _blocks(units: int) -> Iterator[slice]:
    for start in range(0, units, _UNITS_IN_A_BLOCK):
        yield slice(start, min(start + _UNITS_IN_A_BLOCK, units))
