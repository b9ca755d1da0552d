"""The variance of a mean over networks: due to the networks, to the sounds, and to both."""

from typing import NamedTuple

import numpy as np


class Crossed(NamedTuple):
    """Squared standard errors of the mean over networks, and the degrees of freedom of `both`."""

    networks: float
    """Due to the networks; NaN for fewer than two."""
    sounds: float
    """Due to the sounds; NaN where fewer than two blocks were left out."""
    both: float
    """Due to both; NaN where one of them is."""
    degrees: float


def crossed_variance(estimates: np.ndarray, left_out: np.ndarray) -> Crossed:
    """Return the squared errors of the mean of `estimates` (networks,), all of the same sounds.

    `left_out` has the estimates (blocks, networks) without each block of sounds. Networks and
    sounds are crossed random effects: the variance due to both is the sum of that due to each less
    that of their interaction, which is in both (Owen 2007), and is at least the larger. Over
    sounds it is the delete-a-group jackknife's (Kott 2001). Degrees of freedom combine as Welch
    and Satterthwaite's; those over sounds are as Johnson and Rust (1992) estimate them, at most one
    less than there are blocks.
    """
    n, blocks = len(estimates), len(left_out)
    networks = float(estimates.var(ddof=1) / n) if n > 1 else np.nan
    sounds = both = degrees = np.nan
    if blocks > 1 and n:
        means = left_out.mean(axis=1)
        sounds = float(jackknife_variance(means))
    if blocks > 1 and n > 1:
        interaction = jackknife_variance(left_out - means[:, None]).mean() / (n - 1)
        both = float(np.max([networks + sounds - interaction, networks, sounds]))
        terms = networks**2 / (n - 1) + sounds**2 / _degrees(means)
        if terms > 0:
            degrees = float((networks + sounds) ** 2 / terms)
    return Crossed(networks, sounds, both, degrees)


def jackknife_variance(left_out: np.ndarray) -> np.ndarray:
    """Return the variance (...) of an estimate from its values (blocks, ...) without each block."""
    n = len(left_out)
    return (n - 1) / n * np.square(left_out - left_out.mean(axis=0)).sum(axis=0)


def _degrees(left_out: np.ndarray) -> float:
    """Return the degrees of freedom of the jackknife variance of `left_out` (blocks,)."""
    n = len(left_out)
    squares = np.square(left_out - left_out.mean())
    if not squares.any():
        return float(n - 1)
    # Scaled, so that no fourth power underflows.
    squares = squares / squares.max()
    estimated = (3.16 - 2.77 / np.sqrt(n)) * squares.sum() ** 2 / np.square(squares).sum()
    return float(np.clip(estimated, 1, n - 1))
