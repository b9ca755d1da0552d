"""The effect of the target on every unit with acoustic covariates in the model."""

import logging
from collections.abc import Iterator

import numpy as np

from music_detectors.selectivity.effects import p_value

# Clips needed for each coefficient of the model.
_CLIPS_A_COEFFICIENT = 2
_UNITS_IN_A_BLOCK = 32
# The share of a covariate's variance that rounding may leave of one that the others make up.
_COLLINEAR = 1e-12
# The share of a unit's variance that rounding may leave where the model explains all of it.
_NO_RESIDUAL = 1e-20
_ALONE = 1e-10
# The same of a relabelled unit, whose residuals come as the small difference of sums.
_NO_RELABELLED_RESIDUAL = 1e-12
_CLIPS_IN_A_BLOCK = 1024


class Adjusted:
    """Ordinary least squares of responses on target (1 or 0), covariates and a constant.

    The model is the same for all units, so what does not depend on the responses is computed once.
    By Frisch, Waugh and Lovell the target's coefficient is that of the part d of the target that
    constant and covariates do not explain, d'y / d'd, and its variance that rests on the residuals
    e and the leverages h is the sum of (d e / (1 - h))^2 over (d'd)^2 (HC3, MacKinnon & White
    1985).
    """

    def __init__(self, target: np.ndarray, covariates: np.ndarray, name: str) -> None:
        """Prepare the model of clips that are `target` (clips,) bool, with `covariates`.

        Covariates (clips, k) are standardised; constant ones are left out, and of those that make
        each other up as many as are independent count. Clips without all of them (NaN) take no
        part. `name` says in the log what the clips are.
        """
        self.used = np.isfinite(covariates).all(axis=1)
        self.n = int(self.used.sum())
        if self.n < len(target):
            logging.info("%s: %d clips without sound left out", name, len(target) - self.n)
        self.explained = orthonormal(covariates[self.used])
        self.freedom = self.n - self.explained.shape[1] - 1
        label = target[self.used].astype(np.float64)
        self._left = label - self.explained @ (self.explained.T @ label)
        self._power = float(self._left @ self._left)
        coefficients = self.n - self.freedom
        problem = ""
        if self.n < _CLIPS_A_COEFFICIENT * coefficients:
            problem = f"{self.n} clips are too few for {coefficients} coefficients"
        elif self._power <= _COLLINEAR * self.n:
            problem = "the covariates tell target from other clips without fail"
        else:
            leverage = np.square(self.explained).sum(axis=1) + self._left**2 / self._power
            alone = 1 - leverage <= _ALONE
            if (alone & (np.abs(self._left) > _ALONE)).any():
                problem = "the effect rests on a single clip"
            # A clip that a covariate is there for alone has no residual and no part in the effect.
            weights = self._left / np.where(alone, 1, 1 - leverage)
            self._weights = np.where(alone, 0, np.square(weights / self._power))
        self.defined = not problem
        if problem:
            logging.warning("%s: no effect with covariates, for %s", name, problem)

    def effects(self, responses: np.ndarray) -> dict[str, np.ndarray]:
        """Return partial_difference, _t, _p and _d (units,) of `responses` (clips, units) by name.

        partial_difference is the target's coefficient, partial_t that over its HC3 standard error,
        partial_p the two-sided p under Student's t with the residual degrees of freedom, partial_d
        the coefficient over the residual standard deviation: those of statsmodels'
        `OLS(...).fit(cov_type="HC3", use_t=True)`.
        A constant unit has t = d = 0 and p = 1; one that the model explains wholly, an infinite t
        and d if the target has a part in it. NaN where the model cannot be fitted.
        """
        units = responses.shape[1]
        difference, t, d = np.full((3, units), np.nan)
        p = t.copy()
        if self.defined:
            for block in _blocks(units):
                of_block = responses[:, block][self.used].astype(np.float64)
                difference[block], t[block], d[block] = self._block(of_block)
            p = p_value(t, np.float64(self.freedom))
        return {"partial_difference": difference, "partial_t": t, "partial_p": p, "partial_d": d}

    def _block(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return coefficient, t and d (units,) of `y` (clips, units), which is changed."""
        scale = _standardise(y)
        y -= self.explained @ (self.explained.T @ y)
        coefficient = self._left @ y / self._power
        y -= self._left[:, None] * coefficient
        squares = np.square(y, out=y)
        residual = squares.sum(axis=0)
        exact = residual <= _NO_RESIDUAL
        error = np.sqrt(self._weights @ squares)
        spread = np.sqrt(residual / self.freedom)
        # Of a total of 1, the target's share.
        explained = coefficient**2 * self._power
        limit = np.where(explained > _NO_RESIDUAL, np.copysign(np.inf, coefficient), 0.0)
        t, d = limit, limit.copy()
        np.divide(coefficient, error, out=t, where=~exact & (error > 0))
        np.divide(coefficient, spread, out=d, where=~exact)
        return coefficient * scale, t, d


class RelabelledAdjusted:
    """partial_t of every unit under any relabelling of the clips, covariates staying in place.

    The sum of (d e / (1 - h))^2 with residuals e = r - d b, r what the covariates leave of the
    response and b the coefficient, is a sum of three products of matrices: those of a = (d / (1 -
    h))^2 with r^2, of a d with r, and of a with d^2.
    """

    def __init__(self, model: Adjusted, responses: np.ndarray) -> None:
        """Prepare `responses` (clips, units) for `model`, which is defined."""
        self._used, self._explained = model.used, model.explained
        self._leverage = np.square(self._explained).sum(axis=1)
        left = responses[self._used].astype(np.float64)
        for block in _blocks(left.shape[1]):
            y = left[:, block]
            _standardise(y)
            y -= self._explained @ (self._explained.T @ y)
        self._left = left
        self._powers = np.einsum("ij,ij->j", left, left)

    def partial_t(self, labels: np.ndarray) -> np.ndarray:
        """Return t (relabellings, units) under `labels` (relabellings, clips), true for target.

        It is infinite where the covariates and the new labels leave nothing to test by.
        """
        if not self._used.all():
            labels = labels[:, self._used]
        clips, units = self._left.shape
        projected = np.zeros((len(labels), self._explained.shape[1]))
        for rows in _rows(clips):
            projected += labels[:, rows].astype(np.float64) @ self._explained[rows]
        power = labels.sum(axis=1) - np.square(projected).sum(axis=1)
        tested = power > _COLLINEAR * clips
        power = np.where(tested, power, 1)[:, None]
        first, second, third = np.zeros((3, len(labels), units))
        fourth = np.zeros((len(labels), 1))
        for rows in _rows(clips):
            d = labels[:, rows] - projected @ self._explained[rows].T
            free = 1 - self._leverage[rows] - np.square(d) / power
            alone = free <= _ALONE
            tested &= ~(alone & (np.abs(d) > _ALONE)).any(axis=1)
            a = np.square(d / np.where(alone, np.inf, free))
            r = self._left[rows]
            first += d @ r
            second += a @ np.square(r)
            a *= d
            third += a @ r
            fourth += np.einsum("ij,ij->i", a, d)[:, None]
        coefficient = first / power
        variance = (second - 2 * coefficient * third + coefficient**2 * fourth) / power**2
        residual = self._powers - coefficient**2 * power
        exact = (residual <= _NO_RELABELLED_RESIDUAL * self._powers) | (variance <= 0)
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
    # What is left of a covariate all but constant is rounding.
    kept = spread > _COLLINEAR * np.abs(np.stack(varied, axis=1)).max(axis=0)
    if not kept.any():
        return constant
    basis, scales, _ = np.linalg.svd(centred[:, kept] / spread[kept], full_matrices=False)
    basis = basis[:, scales**2 > _COLLINEAR * scales[0] ** 2]
    # Once more: the product of the centred with the constant is rounding, not zero.
    return np.linalg.qr(np.hstack([constant, basis]))[0]


def _standardise(y: np.ndarray) -> np.ndarray:
    """Centre `y` (clips, units) and give each unit a sum of squares of 1, 0 if it is constant.

    It is changed in place; what it was divided by is returned.
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
