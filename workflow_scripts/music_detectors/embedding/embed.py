"""Whether the target lies apart from other sounds: t-SNE of the responses, and an index of it."""

import logging
import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from music_detectors.common.errors import InputError
from music_detectors.common.progress import progress
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.embedding.columns import EMBEDDING_POINTS, SEGREGATION
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_responses

BINS = 64
"""Bins of the index along each axis, as in the study."""

# On average; about what the study's clips and bins come to.
_CLIPS_A_BIN = 4
_FEWEST_BINS = 2
_FEWEST_CLIPS = 2
_ROUNDING = 1e-12
_ROLES = ("target", "other")


def embed_responses(
    responses: Sequence[str | os.PathLike],
    clips: str | os.PathLike,
    points: str | os.PathLike,
    segregation: str | os.PathLike,
    *,
    layer: str,
    perplexity: float,
    permutations: int,
    seed: int,
    condition: str,
    replicates: Sequence[int],
) -> None:
    """Write points.tsv and segregation.tsv of the networks (`condition`, each of `replicates`).

    `responses` are the networks' responses to the test clips, `clips` is clips.tsv. t-SNE and the
    `permutations` of the roles are drawn from `seed` and the network's names. Raises InputError
    when a file cannot be read, holds a clip that is no test clip or a response that is not finite,
    or has fewer than two target or two other clips.
    """
    table = read_table(clips, CLIPS, only=("clip_id", "split", "role"))
    placed, rows = [], []
    networks = zip(responses, replicates, strict=True)
    for path, replicate in progress(networks, len(replicates), "t-SNE", unit="networks"):
        of_network, values = _groups(path, table, layer)
        used = usable_perplexity(perplexity, len(values))
        if used < perplexity:
            logging.info(
                "%s: perplexity %g instead of %g, for there are only %d clips",
                path,
                used,
                perplexity,
                len(values),
            )
        draws = generator(seed, "embedding", condition, replicate)
        xy = embed(z_scored(values), used, int(draws.integers(2**32)))
        is_target = (of_network["role"] == "target").to_numpy()
        placed.append(of_network.assign(seed=replicate, x=xy[:, 0], y=xy[:, 1]))
        row = {}
        for prefix, bins in (("", BINS), ("coarse_", coarse_bins(len(xy)))):
            draws = generator(seed, "segregation", condition, replicate, f"{prefix}index")
            compared = compared_with_permuted(bins_of(xy, bins), is_target, permutations, draws)
            row |= {f"{prefix}{name}": value for name, value in compared.items()}
        rows.append(
            {
                "seed": replicate,
                "segregation_index": row.pop("index"),
                **row,
                "coarse_bins": coarse_bins(len(xy)),
                "permutations": permutations,
                "n_target": int(is_target.sum()),
                "n_other": int((~is_target).sum()),
                "perplexity": used,
            }
        )
    write_table(points, pd.concat(placed, ignore_index=True), EMBEDDING_POINTS)
    write_table(segregation, pd.DataFrame(rows), SEGREGATION)


def z_scored(responses: np.ndarray) -> np.ndarray:
    """Return `responses` (clips, units) in float64, each unit with mean 0 and variance 1.

    The variance is the population's, as in the study; a unit that is constant becomes 0.
    """
    # From the first clip, so that a constant has no rounding error to be taken for variance.
    centred = responses - responses[:1].astype(np.float64)
    centred -= centred.mean(axis=0)
    spread = centred.std(axis=0)
    constant = (responses == responses[:1]).all(axis=0) | (spread == 0)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=~constant)


def usable_perplexity(perplexity: float, clips: int) -> float:
    """Return `perplexity`, or what `clips` allow: each needs three times as many neighbours."""
    return min(float(perplexity), (clips - 1) / 3)


def embed(features: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """Return the place (clips, 2) that t-SNE gives each row of `features` (clips, units).

    It is scikit-learn's with its defaults (van der Maaten 2014: Barnes-Hut), on one thread, on
    which alone its sums have one order. The start is the principal components, which leaves little
    to `seed`. Where all rows are equal, so are all places.
    """
    if not features.any():
        return np.zeros((len(features), 2), dtype=np.float32)
    if features.shape[1] == 1:
        # The start needs a second component.
        features = np.column_stack([features, np.zeros(len(features))])
    tsne = TSNE(perplexity=perplexity, random_state=seed, n_jobs=1)
    with threadpool_limits(1):
        return tsne.fit_transform(features)


def coarse_bins(clips: int) -> int:
    """Return how many bins along each axis leave four of `clips` a bin: at most 64, at least 2."""
    return min(BINS, max(_FEWEST_BINS, round((clips / _CLIPS_A_BIN) ** 0.5)))


def bins_of(xy: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return the number (n,) of the bin that each of the points `xy` (n, 2) lies in.

    The `bins` of an axis have one width and go from its least to its greatest value, as in
    `numpy.histogram2d` of all the points.
    """
    numbers = np.zeros(len(xy), dtype=np.int64)
    for values in xy.T.astype(np.float64):
        edges = np.histogram_bin_edges(values, bins)
        along = np.searchsorted(edges, values, side="right") - 1
        numbers = numbers * bins + np.clip(along, 0, bins - 1)
    return numbers


def segregation_index(bins: np.ndarray, is_target: np.ndarray) -> float:
    """Return 1 - sum of sqrt(p q) over the bins, with p and q the groups' shares in each.

    `bins` (n,) are the points' bins and `is_target` (n,) says which group each is of. 0: the two
    are distributed alike; 1: they share no bin. The sum is Bhattacharyya's coefficient (1943).
    """
    places, in_bin = _occupied(bins)
    return _index(np.bincount(places[is_target], minlength=len(in_bin)), in_bin)


def compared_with_permuted(
    bins: np.ndarray, is_target: np.ndarray, permutations: int, draws: np.random.Generator
) -> dict[str, float]:
    """Return the index of points in `bins` (n,), and what it is when roles change places.

    The keys are index, permuted_mean, permuted_sd and p_permutation. Where hardly any points share
    a bin the index is near 1 whatever the roles, and means something against the others alone.
    """
    places, in_bin = _occupied(bins)
    observed = _index(np.bincount(places[is_target], minlength=len(in_bin)), in_bin)
    n_target = int(is_target.sum())
    permuted = np.empty(permutations)
    for draw in range(permutations):
        chosen = places[draws.choice(len(places), n_target, replace=False, shuffle=False)]
        permuted[draw] = _index(np.bincount(chosen, minlength=len(in_bin)), in_bin)
    # Permutations of the same index but for rounding reach the observed one.
    reach = int((permuted >= observed - _ROUNDING).sum())
    return {
        "index": observed,
        "permuted_mean": float(permuted.mean()),
        "permuted_sd": float(permuted.std(ddof=1)),
        "p_permutation": (1 + reach) / (1 + permutations),
    }


def _occupied(bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the place (n,) of each point's bin among the occupied ones, and their counts."""
    _, places, counts = np.unique(bins, return_inverse=True, return_counts=True)
    return places, counts


def _index(target_in_bin: np.ndarray, in_bin: np.ndarray) -> float:
    """Return the index from the numbers of target points and of all points in each bin."""
    n_target = target_in_bin.sum()
    shared = np.sqrt(target_in_bin * (in_bin - target_in_bin)).sum()
    return float(max(0.0, 1 - shared / np.sqrt(n_target * (in_bin.sum() - n_target))))


def _groups(
    path: str | os.PathLike, clips: pd.DataFrame, layer: str
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the target and other test clips of a file, and the layer's responses to them."""
    clip_ids, responses = read_responses(path, [layer])
    of_file = described(path, clip_ids, clips, "test")
    kept = of_file["role"].isin(_ROLES).to_numpy()
    of_file, values = of_file[kept].reset_index(drop=True), responses[layer][kept]
    n_target, n_other = ((of_file["role"] == role).sum() for role in _ROLES)
    if min(n_target, n_other) < _FEWEST_CLIPS:
        raise InputError(
            f"{path}: {n_target} target and {n_other} other clips in the test split, and the "
            f"embedding needs at least {_FEWEST_CLIPS} of each; add clips to the corpus"
        )
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise InputError(
            f"{path}: {layer} has a response to clip {of_file['clip_id'][int(np.argmin(finite))]} "
            "that is not finite; train the network again"
        )
    return of_file, values
