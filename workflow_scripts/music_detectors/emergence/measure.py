"""Recognition, selectivity, decoding and embedding of networks after some epochs of training."""

import copy
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from music_detectors.common.average_precision import average_precision, chance_average_precision
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.left_out import left_out
from music_detectors.common.parts import Parts
from music_detectors.common.progress import progress
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.labels import label_matrix
from music_detectors.corpus.withheld import class_groups
from music_detectors.decoding.regressions import ridge
from music_detectors.embedding.embed import coarse_segregation, usable_perplexity, z_scored
from music_detectors.embedding.tsne import embed
from music_detectors.emergence.columns import EMERGENCE, EMERGENCE_LEFT_OUT, EMERGENCE_POINTS
from music_detectors.jackknife.blocks import blocks_in, read_blocks
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_responses, snapshot_layers
from music_detectors.responses.sample import MOST_FITTED, MOST_OVER_TRAINING, sampled
from music_detectors.selectivity.effects import hedges_g, moments, response_ratio, welch_t
from music_detectors.selectivity.matching import read_matched
from music_detectors.selectivity.ranking import is_constant, ranks, share_of_units

_MIN_CLIPS = 2


def measure_emergence(
    train: str | os.PathLike,
    test: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    branches: str | os.PathLike,
    blocks: str | os.PathLike,
    matched: str | os.PathLike,
    table: str | os.PathLike,
    without_blocks: str | os.PathLike,
    points: str | os.PathLike,
    *,
    withhold: Sequence[str],
    fraction: float,
    perplexity: float,
    permutations: int,
    seed: int,
    condition: str,
    replicate: int,
) -> None:
    """Write the tables of the network (`condition`, `replicate`) after each snapshot.

    `without_blocks` is the table of the first and the last without each block of test clips.
    `train` and `test` are the network's responses after every snapshot, `clips`, `classes`,
    `branches`, `blocks` and `matched` tables of the corpus, `withhold` is the list of the
    condition that the claims are about; `fraction` of the units are called selective. Random draws
    of t-SNE and of the `permutations` of roles depend on the master `seed`, the condition, the
    replicate and the epoch. Raises InputError when a file cannot be read or does not fit the
    others, a response is not finite, or a split has fewer than two target or two other clips.
    """
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "role", "labels", "group"))
    of_classes = read_table(classes, CLASSES)
    natural = class_groups(of_classes, branches, withhold) == "natural"
    rows, placed, without = [], [], []
    snapshots = snapshot_layers(train)
    epochs = list(snapshots)
    for epoch, layers in progress(snapshots.items(), len(snapshots), "epochs", unit="snapshots"):
        heard, on_train, _ = _read(train, corpus, "train", layers)
        clips_of_test, on_test, outputs = _read(test, corpus, "test", layers)
        labels = label_matrix(
            clips_of_test["clip_id"],
            clips_of_test["labels"].str.split(";"),
            of_classes["mid"],
            clips,
        )
        if outputs.shape[1] != len(of_classes):
            why = f"{outputs.shape[1]} outputs for {len(of_classes)} classes"
            raise damaged(test, "responses", why)
        draws = generator(seed, "emergence", condition, replicate, epoch)
        train_roles, test_roles = heard["role"].to_numpy(), clips_of_test["role"].to_numpy()
        used = test_roles != "mixed"
        placed_of_used = sampled(
            clips_of_test[used], corpus, "test", MOST_OVER_TRAINING, seed, "embedding over training"
        )
        embedded = np.flatnonzero(used)[placed_of_used]
        of_clips = read_blocks(blocks, clips_of_test["clip_id"].tolist())
        left_in_turn = blocks_in(of_clips) if epoch in (epochs[0], epochs[-1]) else []
        positions = embed(
            z_scored(on_test[embedded]),
            usable_perplexity(perplexity, len(embedded)),
            int(draws.integers(2**32)),
        )
        segregation: dict[str, float] = {}
        of_bins = pd.DataFrame({"block": left_in_turn})
        kept = read_matched(matched, clips_of_test["clip_id"].iloc[embedded].tolist())
        for prefix, those in (("", np.ones(len(kept), dtype=bool)), ("matched_", kept)):
            rows_of = embedded[those]
            found, without_each = coarse_segregation(
                positions[those],
                Parts(clips_of_test["group"].iloc[rows_of], test_roles[rows_of] == "target"),
                *(of_clips[rows_of], left_in_turn, permutations, copy.deepcopy(draws)),
            )
            segregation |= _adjusted(found, prefix)
            of_bins = of_bins.assign(**_adjusted(without_each, prefix))
        chosen = _selective(on_train, train_roles, fraction)
        means = on_test[:, chosen].mean(axis=1, dtype=np.float64)
        fitted = sampled(
            heard[train_roles != "mixed"],
            corpus,
            "train",
            MOST_FITTED,
            seed,
            "decoding over training",
        )
        rows_of = np.flatnonzero(train_roles != "mixed")[fitted]
        scores = _decoded(
            on_train[rows_of], train_roles[rows_of], on_test, heard["group"].to_numpy()[rows_of]
        )
        rows.append(
            {
                "seed": replicate,
                "epoch": epoch,
                **_recognition(outputs[:, natural], labels[:, natural]),
                **_selectivity(means, test_roles),
                **_decoding(scores[used], test_roles[used]),
                **segregation,
            }
        )
        if left_in_turn:
            found = _left_out(
                (outputs[:, natural], labels[:, natural]), means, scores, test_roles, of_clips
            )
            without.append(found.merge(of_bins, on="block").assign(seed=replicate, epoch=epoch))
        x, y = positions.T
        own = clips_of_test.iloc[embedded][["clip_id", "role"]]
        placed.append(own.assign(seed=replicate, epoch=epoch, x=x, y=y))
    write_table(table, pd.DataFrame(rows), EMERGENCE)
    write_table(without_blocks, stacked(without, EMERGENCE_LEFT_OUT), EMERGENCE_LEFT_OUT)
    write_table(points, pd.concat(placed, ignore_index=True), EMERGENCE_POINTS)


def _recognition(outputs: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the mean average precision over the classes that occur, and that by chance."""
    occur = labels.any(axis=0)
    if not occur.any():
        return {"natural_map": np.nan, "chance": np.nan}
    chance = chance_average_precision(labels[:, occur].sum(axis=0), len(labels), outputs[:, occur])
    return {
        "natural_map": float(average_precision(outputs[:, occur], labels[:, occur]).mean()),
        "chance": float(np.mean(chance)),
    }


def _selective(train: np.ndarray, roles: np.ndarray, fraction: float) -> np.ndarray:
    """Return which units (units,) have the largest Welch t on train clips."""
    target, other = (train[roles == role] for role in ("target", "other"))
    t = welch_t(moments(target), moments(other))
    in_order = ranks(t, is_constant(target, other))
    return in_order <= share_of_units(fraction, len(t))


def _selectivity(means: np.ndarray, roles: np.ndarray) -> dict[str, float]:
    """Return ratio and g of the mean response (clips,) of the selective units to test clips.

    Both are NaN with fewer than two clips of a role.
    """
    target, other = (means[roles == role] for role in ("target", "other"))
    if min(len(target), len(other)) < _MIN_CLIPS:
        return {"ratio": np.nan, "hedges_g": np.nan}
    g = hedges_g(moments(target[:, None]), moments(other[:, None]))
    return {"ratio": response_ratio(target, other), "hedges_g": float(g[0])}


def _decoded(
    train: np.ndarray, train_roles: np.ndarray, test: np.ndarray, train_groups: np.ndarray
) -> np.ndarray:
    """Return the scores (clips,) of test clips when the target is decoded from all units."""
    label = (train_roles == "target").astype(np.float64)
    return ridge(train.astype(np.float64), label, test.astype(np.float64), train_groups)[0]


def _decoding(scores: np.ndarray, roles: np.ndarray) -> dict[str, float]:
    """Return the average precision of the target among target and other clips, and by chance."""
    truth = (roles == "target")[:, None]
    scores = scores[:, None]
    chance = chance_average_precision(truth.sum(axis=0), len(truth), scores)
    return {
        "decoding": float(average_precision(scores, truth)[0]),
        "decoding_chance": float(chance[0]),
    }


def _left_out(
    natural: tuple[np.ndarray, np.ndarray],
    means: np.ndarray,
    scores: np.ndarray,
    roles: np.ndarray,
    of_clips: np.ndarray,
) -> pd.DataFrame:
    """Return columns of a snapshot without each block of test clips, but for the segregation.

    `natural` are outputs and labels of natural classes, `means` (clips,) the mean responses of the
    selective units, `scores` (clips,) those of decoding, `of_clips` (clips,) the blocks.
    """
    blocks = blocks_in(of_clips)
    recognised = left_out(*natural, of_clips, blocks).means(np.full(natural[0].shape[1], True))
    used = roles != "mixed"
    truth = (roles[used] == "target")[:, None]
    decoded = left_out(scores[used, None], truth, of_clips[used], blocks).means(np.array([True]))
    selective = pd.DataFrame(
        [_selectivity(means[of_clips != block], roles[of_clips != block]) for block in blocks],
        columns=["ratio", "hedges_g"],
    )
    return pd.DataFrame(
        {
            "block": recognised["block"],
            "natural_map": recognised["mean_average_precision"],
            "chance": recognised["chance"],
            "ratio": selective["ratio"],
            "hedges_g": selective["hedges_g"],
            "decoding": decoded["mean_average_precision"],
            "decoding_chance": decoded["chance"],
        }
    )


def _adjusted(found: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the columns of the `found` coarse index: from 0, by chance, to 1; NaN if that is 1."""
    permuted = np.asarray(found["coarse_permuted_mean"], dtype=np.float64)
    above, left = np.asarray(found["coarse_index"]) - permuted, 1 - permuted
    adjusted = np.divide(above, left, out=np.full_like(left, np.nan), where=left > 0)
    return {
        f"{prefix}segregation": adjusted[()],
        f"{prefix}n_target": found["n_target"],
        f"{prefix}n_other": found["n_other"],
    }


def _read(
    path: str | os.PathLike, corpus: pd.DataFrame, split: str, layers: tuple[str, str]
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return the clips of a file, and the responses and the outputs after an epoch."""
    clip_ids, responses = read_responses(path, layers)
    rows = described(path, clip_ids, corpus, split)
    for values in responses.values():
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            clip = clip_ids[int(np.argmin(finite))]
            raise InputError(
                f"{path}: a response to clip {clip} is not finite; train the network again"
            )
    n_target, n_other = ((rows["role"] == role).sum() for role in ("target", "other"))
    if min(n_target, n_other) < _MIN_CLIPS:
        raise InputError(
            f"{path}: {n_target} target and {n_other} other clips in the {split} split, but the "
            f"analysis over training needs at least {_MIN_CLIPS} of each; add clips to the corpus"
        )
    return rows, responses[layers[0]], responses[layers[1]]
