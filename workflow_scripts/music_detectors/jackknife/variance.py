"""The error of a mean over networks: due to the networks, to the sounds, and to both."""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit


class Source(NamedTuple):
    """What a mean varies by: the variance due to it, and the degrees of freedom of that."""

    variance: float | np.ndarray
    df: float | np.ndarray


class Crossed(NamedTuple):
    """What a mean over networks that hear the same sounds varies by."""

    networks: Source
    """NaN for fewer than two."""
    sounds: Source
    """NaN where fewer than two blocks were left out."""
    interaction: float
    """The variance that is in both; NaN where one of them is."""


def crossed_variance(estimates: np.ndarray, left_out: np.ndarray) -> Crossed:
    """Return the squared errors of the mean of `estimates` (networks,), all of the same sounds.

    `left_out` has the estimates (blocks, networks) without each block of sounds. Over sounds the
    variance is the delete-a-group jackknife's (Kott 2001), with the degrees of freedom that Johnson
    and Rust (1992) estimate, at most one less than there are blocks.
    """
    n, blocks = len(estimates), len(left_out)
    networks = float(estimates.var(ddof=1) / n) if n > 1 else np.nan
    sounds = df = interaction = np.nan
    if blocks > 1 and n:
        means = left_out.mean(axis=1)
        sounds, df = float(jackknife_variance(means)), _degrees(means)
        if n > 1:
            own = jackknife_variance(left_out - means[:, None])
            interaction = float(own.mean() / (n - 1))
    return Crossed(Source(networks, n - 1.0), Source(sounds, df), interaction)


def variance_of(
    sources: Sequence[Source], interaction: float | np.ndarray = 0.0
) -> float | np.ndarray:
    """Return the variance of a mean that varies by `sources`.

    Networks and sounds are crossed random effects: the variance due to both is the sum of that due
    to each less that of their interaction, which is in both (Owen 2007), and is at least the
    larger. NaN where one of them is.
    """
    each = [source.variance for source in sources]
    return reduce(np.maximum, each, sum(each) - interaction)


def reach_of(
    sources: Sequence[Source], p: float, interaction: float | np.ndarray = 0.0
) -> float | np.ndarray:
    """Return how far from a mean that varies by `sources` an end lies that errs with `p`.

    The squared reaches of Student's t over each source add up, so that the end errs no more often
    than with `p`, whichever source has how much of the variance (Banerjee 1960). (A single t with
    Welch and Satterthwaite's degrees of freedom would err up to six times as often at the corrected
    levels of claims, with five networks.) What is in both, the `interaction`, counts once. It has
    so many degrees of freedom that its quantile is the normal one.
    """
    each = [stdtrit(source.df, p) ** 2 * source.variance for source in sources]
    return np.sqrt(reduce(np.maximum, each, sum(each) - ndtri(p) ** 2 * interaction))


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
