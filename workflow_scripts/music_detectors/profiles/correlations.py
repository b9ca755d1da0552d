"""Correlations of profiles with reference profiles, and their intervals."""

from typing import NamedTuple

import numpy as np

from music_detectors.jackknife.variance import Source, reach_of


class Correlations(NamedTuple):
    """Correlations of profiles and components.

    `estimate` is (networks, components), and `drawn` (draws, networks, components) those in
    bootstrap samples.
    """

    estimate: np.ndarray
    drawn: np.ndarray


def pearson(profiles: np.ndarray, components: np.ndarray, counts: np.ndarray) -> Correlations:
    """Return Pearson's correlations of `profiles` (networks, sounds) with `components`.

    `components` is (components, sounds), and `counts` (draws, sounds) says how often each sound
    occurs in each bootstrap sample. A correlation is NaN where either has no variance.
    """

    def correlated(weights: np.ndarray) -> np.ndarray:
        return _weighted(profiles[:, None], components[:, None], weights)

    return Correlations(correlated(_once(profiles))[0], correlated(counts))


def spearman(profiles: np.ndarray, components: np.ndarray, counts: np.ndarray) -> Correlations:
    """Return Spearman's correlations, as `pearson` does; every sample has ranks of its own."""

    def correlated(weights: np.ndarray) -> np.ndarray:
        of_profiles = np.stack([_ranks(row, weights) for row in profiles])
        of_components = np.stack([_ranks(row, weights) for row in components])
        return _weighted(of_profiles, of_components, weights)

    return Correlations(correlated(_once(profiles))[0], correlated(counts))


def percentiles(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the 95% percentile interval over the first axis (Efron 1979).

    They are NaN where any draw is.
    """
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return low, high


def crossed_interval(
    correlations: Correlations, n_sounds: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean over networks and the ends of its 95% interval, (components,) each.

    The interval is about other networks and other sounds, as that of claims
    (music_detectors.jackknife.variance). All networks share the bootstrap samples of sounds, so the
    variance over sounds and that of the interaction follow from these. With one network, it is
    about other sounds only.
    """
    estimate, drawn = correlations
    n_networks = len(estimate)
    mean = estimate.mean(axis=0)
    sources = [Source(drawn.mean(axis=1).var(axis=0, ddof=1), n_sounds - 1.0)]
    interaction = np.zeros_like(mean)
    if n_networks > 1:
        sources.append(Source(estimate.var(axis=0, ddof=1) / n_networks, n_networks - 1.0))
        own = drawn - drawn.mean(axis=1, keepdims=True)
        interaction = own.var(axis=0, ddof=1).mean(axis=0) / (n_networks - 1)
    half = reach_of(sources, 0.025, interaction)
    return mean, np.maximum(mean - half, -1), np.minimum(mean + half, 1)


def _once(profiles: np.ndarray) -> np.ndarray:
    """Return the weights (1, sounds) of the sounds themselves."""
    return np.ones((1, profiles.shape[1]))


def _weighted(profiles: np.ndarray, components: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return correlations (draws, networks, components) of sounds with `weights` (draws, sounds).

    `profiles` are (networks, draws, sounds) and `components` (components, draws, sounds), where 1
    stands for any number of draws.
    """
    total = weights.sum(axis=1, keepdims=True)

    def standardised(values: np.ndarray) -> np.ndarray:
        from_mean = values - (values * weights).sum(axis=2, keepdims=True) / total
        spread = np.sqrt((weights * from_mean**2).sum(axis=2, keepdims=True))
        # A constant has some spread by rounding alone.
        scale = np.abs(values).max(axis=2, keepdims=True) * np.sqrt(total)
        nothing = np.full_like(from_mean, np.nan)
        return np.divide(from_mean, spread, out=nothing, where=spread > 1e-12 * scale)

    return np.einsum("ids,ds,jds->dij", standardised(profiles), weights, standardised(components))


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the ranks (draws, sounds) of `values` (sounds,) that occur `weights` times.

    Equal values share the mean of their ranks.
    """
    distinct, group = np.unique(values, return_inverse=True)
    members = np.zeros((len(values), len(distinct)))
    members[np.arange(len(values)), group] = 1
    occurrences = weights @ members
    last = np.cumsum(occurrences, axis=1)
    return (last - (occurrences - 1) / 2)[:, group]
