"""How far apart target and other clips are: t-SNE of the responses, and the segregation index."""

import copy
import logging
import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from music_detectors.common.errors import InputError
from music_detectors.common.parts import Parts
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.embedding.bins import BINS, bins_of, coarse_bins
from music_detectors.embedding.columns import EMBEDDING_POINTS, SEGREGATION, SEGREGATION_LEFT_OUT
from music_detectors.embedding.tsne import embed
from music_detectors.jackknife.blocks import blocks_in, read_blocks
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.responses.sample import MOST_EMBEDDED, sampled
from music_detectors.selectivity.matching import read_matched

_MIN_CLIPS = 2
_ROUNDING = 1e-12
_ROLES = ("target", "other")
_COARSE = ("coarse_index", "coarse_permuted_mean", "coarse_permuted_sd", "coarse_p_permutation")


def embed_responses(
    responses: str | os.PathLike,
    clips: str | os.PathLike,
    blocks: str | os.PathLike,
    matched: str | os.PathLike,
    points: str | os.PathLike,
    segregation: str | os.PathLike,
    left_out: str | os.PathLike,
    *,
    layer: str,
    perplexity: float,
    permutations: int,
    seed: int,
    condition: str,
    replicate: int,
) -> None:
    """Write points.tsv and segregation.tsv of the network (`condition`, `replicate`).

    `left_out` gets the coarse index without each block of test clips. `responses` are the network's
    responses to the test clips, `clips` is clips.tsv, `blocks` is blocks.tsv, and `matched` is
    matched.tsv, which says among which clips the coarse index is computed again. With more than
    MOST_EMBEDDED clips, a sample of them is placed. Random draws of t-SNE and of the `permutations`
    of roles depend on the master `seed`, the condition and the replicate. Raises InputError when a
    file cannot be read, has a clip that is no test clip or a response that is not finite, or has
    fewer than two target or two other clips.
    """
    table = read_table(clips, CLIPS, only=("clip_id", "split", "role", "group"))
    every, values = _read_responses(responses, table, layer)
    drawn = sampled(every, table, "test", MOST_EMBEDDED, seed, "embedding")
    placed, values = every[drawn].reset_index(drop=True), values[drawn]
    used = usable_perplexity(perplexity, len(values))
    if used < perplexity:
        logging.info(
            "%s: perplexity %g instead of %g, since there are only %d clips",
            responses,
            used,
            perplexity,
            len(values),
        )
    draws = generator(seed, "embedding", condition, replicate)
    xy = embed(z_scored(values), used, int(draws.integers(2**32)))
    is_target = (placed["role"] == "target").to_numpy()
    parts = Parts(placed["group"], is_target)
    draws = generator(seed, "segregation", condition, replicate, "index")
    found = segregation_test(bins_of(xy, BINS), parts, permutations, draws)
    clip_ids = placed["clip_id"].tolist()
    of_clips = read_blocks(blocks, clip_ids)
    kept = read_matched(matched, clip_ids)
    row: dict[str, float] = {}
    left = pd.DataFrame({"block": blocks_in(of_clips)})
    for prefix, chosen in (("", np.ones(len(kept), dtype=bool)), ("matched_", kept)):
        draws = generator(seed, "segregation", condition, replicate, "coarse_index")
        own, without_each = coarse_segregation(
            xy[chosen],
            Parts(placed.loc[chosen, "group"], is_target[chosen]),
            of_clips[chosen],
            left["block"].tolist(),
            permutations,
            draws,
        )
        row |= {f"{prefix}{name}": value for name, value in own.items()}
        left = left.join(without_each.add_prefix(prefix))
    without = [left.assign(seed=replicate)] if len(left) else []
    row |= {
        "seed": replicate,
        "segregation_index": found.pop("index"),
        **found,
        "coarse_bins": coarse_bins(len(xy)),
        "permutations": permutations,
        "perplexity": used,
        "n_sampled_from": len(every),
    }
    write_table(points, placed.assign(seed=replicate, x=xy[:, 0], y=xy[:, 1]), EMBEDDING_POINTS)
    write_table(segregation, pd.DataFrame([row]), SEGREGATION)
    write_table(left_out, stacked(without, SEGREGATION_LEFT_OUT), SEGREGATION_LEFT_OUT)


def z_scored(responses: np.ndarray) -> np.ndarray:
    """Return `responses` (clips, units) in float64, each unit with mean 0 and variance 1.

    The variance is the population variance, as in the study; constant units become 0.
    """
    # Subtract the first clip, so that a constant unit has no rounding error.
    centred = responses - responses[:1].astype(np.float64)
    centred -= centred.mean(axis=0)
    spread = centred.std(axis=0)
    constant = (responses == responses[:1]).all(axis=0) | (spread == 0)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=~constant)


def usable_perplexity(perplexity: float, clips: int) -> float:
    """Return `perplexity`, but at most a third of the number of neighbours among `clips`."""
    return min(float(perplexity), (clips - 1) / 3)


def segregation_index(bins: np.ndarray, is_target: np.ndarray) -> float:
    """Return 1 minus the sum of sqrt(p q) over bins, where p and q are the groups' shares in a bin.

    `bins` (n,) are the bins of the points and `is_target` (n,) their groups. 0 means that both
    groups have the same distribution, 1 that they share no bin. The sum is Bhattacharyya's
    coefficient (1943).
    """
    places, in_bin = _occupied(bins)
    return float(_index(np.bincount(places[is_target], minlength=len(in_bin)), in_bin))


def segregation_test(
    bins: np.ndarray, parts: Parts, permutations: int, draws: np.random.Generator
) -> dict[str, float]:
    """Return the index of points in `bins` (n,), and its distribution for permuted roles.

    `parts` are those of the n clips, whose roles are permuted by group. The keys are index,
    permuted_mean, permuted_sd and p_permutation. If hardly any points share a bin, the index is
    near 1 for any roles, and only the comparison has a meaning.
    """
    places, in_bin = _occupied(bins)

    def index(labels: np.ndarray) -> float:
        targets = places[labels[parts.of_clip]]
        return float(_index(np.bincount(targets, minlength=len(in_bin)), in_bin))

    observed = index(parts.is_target)
    permuted = np.array([index(parts.permuted(1, draws)[0]) for _ in range(permutations)])
    # An index that is equal up to rounding counts as at least as large.
    reached = int((permuted >= observed - _ROUNDING).sum())
    return {
        "index": observed,
        "permuted_mean": float(permuted.mean()),
        "permuted_sd": float(permuted.std(ddof=1)),
        "p_permutation": (1 + reached) / (1 + permutations),
    }


def coarse_segregation(
    xy: np.ndarray,
    parts: Parts,
    of_clips: np.ndarray,
    blocks: Sequence[int],
    permutations: int,
    draws: np.random.Generator,
) -> tuple[dict[str, float], pd.DataFrame]:
    """Return the coarse index of the points `xy` (n, 2), and that without each of `blocks`.

    `parts` are those of the n clips, `of_clips` (n,) their blocks. Points stay in their bins where
    clips are left out. The first has coarse_index, coarse_permuted_mean, coarse_permuted_sd,
    coarse_p_permutation, n_target and n_other; the second has a row for each block, without the p.
    With fewer than two clips of a role, the index is NaN.
    """
    n_target = int(parts.n_clips[parts.is_target].sum())
    numbers = {"n_target": n_target, "n_other": len(xy) - n_target}
    if min(numbers.values()) < _MIN_CLIPS:
        nothing = dict.fromkeys(_COARSE, np.nan) | numbers
        names = [name for name in nothing if name != "coarse_p_permutation"]
        return nothing, pd.DataFrame([nothing] * len(blocks), columns=names)
    bins = bins_of(xy, coarse_bins(len(xy)))
    # The same permutations are compared with and without each block.
    again = copy.deepcopy(draws)
    found = segregation_test(bins, parts, permutations, draws)
    own = {f"coarse_{name}": value for name, value in found.items()} | numbers
    return own, segregation_without(bins, parts, of_clips, blocks, permutations, again)


def segregation_without(
    bins: np.ndarray,
    parts: Parts,
    of_clips: np.ndarray,
    blocks: Sequence[int],
    permutations: int,
    draws: np.random.Generator,
) -> pd.DataFrame:
    """Return the columns of SEGREGATION_LEFT_OUT of these clips without each of `blocks`.

    `bins` and `of_clips`, the block of each clip, are (n,). Points stay in their bins. Roles are
    permuted among all clips, as `segregation_test` does with the same `draws`, so that the same
    permutations are compared.
    """
    places, in_bin = _occupied(bins)
    numbers = np.array(blocks, dtype=np.int64)
    # Clips in none of the blocks are never left out.
    of_block = pd.Index(numbers).get_indexer(of_clips)
    of_block[of_block < 0] = len(numbers)
    cells = places * (len(numbers) + 1) + of_block
    shape = len(in_bin), len(numbers) + 1

    def without(kept: np.ndarray) -> np.ndarray:
        """Return the numbers (bins, blocks) of those points that are `kept`, without each block."""
        of_cells = np.bincount(cells[kept], minlength=shape[0] * shape[1]).reshape(shape)
        return np.bincount(places[kept], minlength=shape[0])[:, None] - of_cells[:, :-1]

    everything = without(np.ones(len(bins), dtype=bool))
    targets = without(parts.is_target[parts.of_clip])
    permuted = np.empty((permutations, len(numbers)))
    for row in permuted:
        labels = parts.permuted(1, draws)[0]
        row[:] = _index(without(labels[parts.of_clip]), everything)
    n_target = targets.sum(axis=0)
    return pd.DataFrame(
        {
            "coarse_index": _index(targets, everything),
            "coarse_permuted_mean": permuted.mean(axis=0),
            "coarse_permuted_sd": permuted.std(axis=0, ddof=1),
            "n_target": n_target,
            "n_other": everything.sum(axis=0) - n_target,
        }
    )


def _occupied(bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the position (n,) of each point's bin among the occupied bins, and their counts."""
    _, places, counts = np.unique(bins, return_inverse=True, return_counts=True)
    return places, counts


def _index(target_in_bin: np.ndarray, in_bin: np.ndarray) -> np.ndarray:
    """Return the index (...) from the numbers (bins, ...) of target points and of all points.

    It is NaN where there are no target or no other points.
    """
    n_target = target_in_bin.sum(axis=0)
    shared = np.sqrt(target_in_bin * (in_bin - target_in_bin)).sum(axis=0)
    with np.errstate(invalid="ignore"):
        index = 1 - shared / np.sqrt(n_target * (in_bin.sum(axis=0) - n_target))
    return np.maximum(0.0, index)


def _read_responses(
    path: str | os.PathLike, clips: pd.DataFrame, layer: str
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the target and other test clips of a file, and the layer's responses to them."""
    layer = read_layers(path).chosen(layer)
    clip_ids, responses = read_responses(path, [layer])
    rows = described(path, clip_ids, clips, "test")
    kept = rows["role"].isin(_ROLES).to_numpy()
    rows, values = rows[kept].reset_index(drop=True), responses[layer][kept]
    n_target, n_other = ((rows["role"] == role).sum() for role in _ROLES)
    if min(n_target, n_other) < _MIN_CLIPS:
        raise InputError(
            f"{path}: {n_target} target and {n_other} other clips in the test split, but the "
            f"embedding needs at least {_MIN_CLIPS} of each; add clips to the corpus"
        )
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        clip = rows["clip_id"][int(np.argmin(finite))]
        raise InputError(
            f"{path}: a response of {layer} to clip {clip} is not finite; train the network again"
        )
    return rows, values
