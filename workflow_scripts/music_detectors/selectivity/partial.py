"""The effect of the target on every unit with acoustic covariates in the model."""

import logging
from collections.abc import Iterator

import numpy as np
from scipy import sparse

from music_detectors.common.parts import Parts
from music_detectors.selectivity.effects import p_value, refuse_unless_finite
from music_detectors.selectivity.weighted import precision

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
    hat matrix H, both restricted to the clips of a group, the variance of the coefficient is the
    sum over groups of (d' (1 - H)^-1 e)^2, over (d'd)^2 (CR3, Bell & McCaffrey 2002). Where each
    clip is its own group, it is HC3 (MacKinnon & White 1985).
    """

    def __init__(self, parts: Parts, covariates: np.ndarray, name: str) -> None:
        """Prepare the model for the clips of `parts`, with `covariates` (clips, k).

        Covariates are standardised. Constant covariates are left out, and collinear ones count
        only as far as they are independent. Clips with a missing covariate (NaN) are left out.
        `name` describes the clips in the log.
        """
        self.used = np.isfinite(covariates).all(axis=1)
        self.n = int(self.used.sum())
        if self.n < len(self.used):
            logging.info("%s: %d clips without sound left out", name, len(self.used) - self.n)
        self.basis = orthonormal(covariates[self.used])
        self.of_clip = parts.of_clip[self.used]
        self.groups = _groups(parts)[self.of_clip]
        coefficients = self.basis.shape[1] + 1
        self.df = len(np.unique(self.groups)) - coefficients
        """Residual degrees of freedom, with groups as the draws."""
        label = parts.is_target[self.of_clip].astype(np.float64)
        self._d = label - self.basis @ (self.basis.T @ label)
        self._power = float(self._d @ self._d)
        self._spread_df = self.n - coefficients
        problem = ""
        if self.n < _MIN_CLIPS_PER_COEFFICIENT * coefficients:
            problem = f"{self.n} clips are too few for {coefficients} coefficients"
        elif self._power <= _COLLINEAR * self.n:
            problem = "the covariates separate target from other clips perfectly"
        else:
            regressors = np.column_stack([self.basis, self._d / np.sqrt(self._power)])
            # A direction of a group that covariates of its own explain has no residual and does
            # not affect the effect.
            rest = 1 - np.square(regressors).sum(axis=1)
            full = rest <= _FULL_LEVERAGE
            weights = np.where(full, 0, self._d / np.where(full, 1, rest))
            several = _several(self.groups)
            alone = bool((full & ~several & (np.abs(self._d) > _FULL_LEVERAGE)).any())
            for rows in _clips_of_groups(self.groups, several):
                own, d = regressors[rows], self._d[rows]
                inner, determined = _inverse_of_rest(own)
                alone |= bool((np.abs(determined.T @ (own.T @ d)) > _FULL_LEVERAGE).any())
                weights[rows] = d + own @ (inner @ (own.T @ d))
            if alone:
                problem = "the effect depends on a single group of clips"
            by_group = np.unique(self.groups, return_inverse=True)[1]
            self._weights = sparse.csr_array(
                (weights / self._power, (by_group, np.arange(self.n))),
                shape=(by_group.max() + 1, self.n),
            )
        self.defined = not problem
        if problem:
            logging.warning("%s: no effect with covariates: %s", name, problem)
        self.tested = self.defined and self.df > 0
        """Whether there are groups enough for t and p."""
        if self.defined and not self.tested:
            logging.warning(
                "%s: no t with covariates: %d groups of clips are too few for %d coefficients",
                name,
                self.df + coefficients,
                coefficients,
            )

    def effects(self, responses: np.ndarray) -> dict[str, np.ndarray]:
        """Return partial_difference, _t, _p and _d (units,) of `responses` (clips, units) by name.

        partial_difference is the target's coefficient, partial_t this over its CR3 standard error,
        partial_p its two-sided p under Student's t with the residual degrees of freedom (groups
        less coefficients), and partial_d the coefficient over the residual standard deviation.
        Where each clip is its own group, they equal statsmodels' `OLS(...).fit(cov_type="HC3",
        use_t=True)`. A constant unit has t = d = 0 and p = 1. A unit that the model explains
        perfectly has infinite t and d, or 0 if the target does not contribute. All are NaN if the
        model cannot be fitted, t and p if there are too few groups. Raises InputError for
        responses that are not finite.
        """
        refuse_unless_finite(responses)
        units = responses.shape[1]
        difference, t, d = np.full((3, units), np.nan)
        p = t.copy()
        if self.defined:
            for block in _blocks(units):
                y = responses[:, block][self.used].astype(np.float64)
                difference[block], t[block], d[block] = self._fit(y)
        if self.tested:
            p = p_value(t, self.df)
        else:
            t[:] = np.nan
        return {"partial_difference": difference, "partial_t": t, "partial_p": p, "partial_d": d}

    def _fit(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return coefficient, t and d (units,) of `y` (clips, units), which is overwritten."""
        scale = _standardise(y)
        y -= self.basis @ (self.basis.T @ y)
        coefficient = self._d @ y / self._power
        y -= self._d[:, None] * coefficient
        residual = np.einsum("ij,ij->j", y, y)
        exact = residual <= _NO_RESIDUAL
        error = np.sqrt(np.square(self._weights @ y).sum(axis=0))
        spread = np.sqrt(residual / self._spread_df)
        # The share of the sum of squares, which is 1.
        explained = coefficient**2 * self._power
        limit = np.where(explained > _NO_RESIDUAL, np.copysign(np.inf, coefficient), 0.0)
        t, d = limit, limit.copy()
        np.divide(coefficient, error, out=t, where=~exact & (error > 0))
        np.divide(coefficient, spread, out=d, where=~exact)
        return coefficient * scale, t, d


class PermutedAdjustedModel:
    """partial_t of every unit under labels permuted by group; covariates stay with their clips.

    With Q the covariates' basis of a group's clips, M the inverse of 1 - QQ', and P = d'd over all
    clips, d' (1 - H)^-1 e is d'M e / (1 - d'M d / P), and only d depends on the labels. With r the
    residual of the response after the covariates and b the coefficient, e = r - d b. Where each
    clip is its own group, the sum of squares over groups is a sum of three matrix products.
    """

    def __init__(self, model: AdjustedModel, responses: np.ndarray) -> None:
        """Prepare `responses` (clips, units) for `model`, which must be defined."""
        # Clips alone in their group come first.
        several = _several(model.groups)
        order = np.argsort(several, kind="stable")
        self._alone = int((~several).sum())
        self._of_clip = model.of_clip[order]
        self._basis = model.basis[order]
        self._leverage = np.square(self._basis[: self._alone]).sum(axis=1)
        rows = np.flatnonzero(model.used)[order]
        units = responses.shape[1]
        residuals = np.empty((len(rows), units), dtype=precision(len(rows)))
        self._powers = np.empty(units)
        for block in _blocks(units):
            y = responses[rows, block].astype(np.float64)
            _standardise(y)
            y -= self._basis @ (self._basis.T @ y)
            self._powers[block] = np.einsum("ij,ij->j", y, y)
            residuals[:, block] = y
        self._residuals = residuals
        self._groups = []
        for rows in _clips_of_groups(model.groups[order], several[order]):
            own = self._basis[rows]
            inverse = np.eye(len(rows)) + own @ _inverse_of_rest(own)[0] @ own.T
            self._groups.append((rows, inverse, inverse @ residuals[rows]))

    def partial_t(self, labels: np.ndarray) -> np.ndarray:
        """Return t (permutations, units) under `labels` (permutations, parts), true for target.

        It is infinite where the covariates determine the permuted labels.
        """
        labels = labels[:, self._of_clip]
        clips, units = self._residuals.shape
        projected = np.zeros((len(labels), self._basis.shape[1]))
        for rows in _rows(clips):
            projected += labels[:, rows].astype(np.float64) @ self._basis[rows]
        power = labels.sum(axis=1) - np.square(projected).sum(axis=1)
        tested = power > _COLLINEAR * clips
        power = np.where(tested, power, 1)[:, None]
        sum_dr, sum_arr, sum_adr = np.zeros((3, len(labels), units))
        sum_add = np.zeros((len(labels), 1))
        for rows in _rows(self._alone):
            d = labels[:, rows] - projected @ self._basis[rows].T
            free = 1 - self._leverage[rows] - np.square(d) / power
            full = free <= _FULL_LEVERAGE
            tested &= ~(full & (np.abs(d) > _FULL_LEVERAGE)).any(axis=1)
            a = np.square(d / np.where(full, np.inf, free))
            r = self._residuals[rows]
            sum_dr += d.astype(r.dtype, copy=False) @ r
            sum_arr += a.astype(r.dtype, copy=False) @ np.square(r)
            a *= d
            sum_adr += a.astype(r.dtype, copy=False) @ r
            sum_add += np.einsum("ij,ij->i", a, d)[:, None]
        for rows in _rows(clips, self._alone):
            d = labels[:, rows] - projected @ self._basis[rows].T
            r = self._residuals[rows]
            sum_dr += d.astype(r.dtype, copy=False) @ r
        coefficient = sum_dr / power
        variance = sum_arr - 2 * coefficient * sum_adr + coefficient**2 * sum_add
        for of_group, inverse, weighted in self._groups:
            d = labels[:, of_group] - projected @ self._basis[of_group].T
            size = np.einsum("ij,ij->i", d @ inverse, d)[:, None]
            free = 1 - size / power
            full = free <= _FULL_LEVERAGE
            tested &= ~full[:, 0]
            along = d @ weighted
            along -= coefficient * size
            along /= np.where(full, np.inf, free)
            variance += np.square(along, out=along)
        variance /= power**2
        residual = self._powers - coefficient**2 * power
        exact = (residual <= _NO_PERMUTED_RESIDUAL * self._powers) | (variance <= 0)
        t = np.where(self._powers > _NO_RESIDUAL, np.copysign(np.inf, coefficient), 0.0)
        np.divide(coefficient, np.sqrt(np.where(exact, 1, variance)), out=t, where=~exact)
        t[~tested] = np.inf
        return t


def _several(groups: np.ndarray) -> np.ndarray:
    """Return whether there are several clips in the group (clips,) of each."""
    _, places, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return sizes[places] > 1


def _clips_of_groups(groups: np.ndarray, chosen: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the places of the clips of each of `groups` (clips,), of those `chosen` (clips,)."""
    places = np.flatnonzero(chosen)
    if len(places):
        places = places[np.argsort(groups[places], kind="stable")]
        yield from np.split(places, np.flatnonzero(np.diff(groups[places])) + 1)


def _groups(parts: Parts) -> np.ndarray:
    """Return the number (parts,) of each part's group."""
    groups = np.arange(len(parts.is_target))
    groups[parts.pairs[:, 1]] = parts.pairs[:, 0]
    return groups


def _inverse_of_rest(regressors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return K with (1 - RR')^-1 = 1 + R K R' for R, `regressors` (clips, k) of a group's clips.

    Directions that the group alone determines count nothing, and are returned too, (k, directions).
    """
    sizes, vectors = np.linalg.eigh(np.eye(regressors.shape[1]) - regressors.T @ regressors)
    free = sizes > _FULL_LEVERAGE
    inner = (vectors[:, free] / sizes[free]) @ vectors[:, free].T
    return inner, vectors[:, ~free]


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


def _rows(clips: int, first: int = 0) -> Iterator[slice]:
    for start in range(first, clips, _CLIPS_IN_A_BLOCK):
        yield slice(start, min(start + _CLIPS_IN_A_BLOCK, clips))


def _blocks(units: int) -> Iterator[slice]:
    for start in range(0, units, _UNITS_IN_A_BLOCK):
        yield slice(start, min(start + _UNITS_IN_A_BLOCK, units))
