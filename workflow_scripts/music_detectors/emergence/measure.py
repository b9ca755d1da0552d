"""Recognition, selectivity, decoding and embedding of networks after some epochs of training."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from music_detectors.common.average_precision import average_precision, chance_average_precision
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.parts import Parts
from music_detectors.common.progress import progress
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.labels import label_matrix
from music_detectors.corpus.withheld import class_groups
from music_detectors.decoding.decode import ridge
from music_detectors.embedding.bins import bins_of, coarse_bins
from music_detectors.embedding.embed import (
    segregation_test,
    usable_perplexity,
    z_scored,
)
from music_detectors.embedding.tsne import embed
from music_detectors.emergence.columns import EMERGENCE, EMERGENCE_POINTS
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_responses, snapshot_layers
from music_detectors.selectivity.effects import hedges_g, moments, response_ratio, welch_t
from music_detectors.selectivity.ranking import is_constant, ranks, share_of_units

_MIN_CLIPS = 2


def measure_emergence(
    train: Sequence[str | os.PathLike],
    test: Sequence[str | os.PathLike],
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    branches: str | os.PathLike,
    table: str | os.PathLike,
    points: str | os.PathLike,
    *,
    withhold: Sequence[str],
    fraction: float,
    perplexity: float,
    permutations: int,
    seed: int,
    condition: str,
    replicates: Sequence[int],
) -> None:
    """Write the tables of the networks (`condition`, each of `replicates`) after each snapshot.

    `train` and `test` are the networks' responses after every snapshot, `clips`, `classes` and
    `branches` tables of the corpus, `withhold` is the list of the condition that the claims are
    about; `fraction` of the units are called selective. Random draws of t-SNE and of the
    `permutations` of roles depend on the master `seed`, the condition, the replicate and the epoch.
    Raises InputError when a file cannot be read or does not fit the others, a response is not
    finite, or a split has fewer than two target or two other clips.
    """
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "role", "labels", "group"))
    of_classes = read_table(classes, CLASSES)
    natural = class_groups(of_classes, branches, withhold) == "natural"
    rows, placed = [], []
    jobs = [
        (replicate, epoch, train_path, test_path, layers)
        for replicate, train_path, test_path in zip(replicates, train, test, strict=True)
        for epoch, layers in snapshot_layers(train_path).items()
    ]
    for job in progress(jobs, len(jobs), "epochs", unit="snapshots"):
        replicate, epoch, train_path, test_path, layers = job
        heard, on_train, _ = _read(train_path, corpus, "train", layers)
        clips_of_test, on_test, outputs = _read(test_path, corpus, "test", layers)
        labels = label_matrix(
            clips_of_test["clip_id"],
            clips_of_test["labels"].str.split(";"),
            of_classes["mid"],
            clips,
        )
        if outputs.shape[1] != len(of_classes):
            why = f"{outputs.shape[1]} outputs for {len(of_classes)} classes"
            raise damaged(test_path, "responses", why)
        draws = generator(seed, "emergence", condition, replicate, epoch)
        train_roles, test_roles = heard["role"].to_numpy(), clips_of_test["role"].to_numpy()
        used = test_roles != "mixed"
        parts = Parts(clips_of_test.loc[used, "group"], test_roles[used] == "target")
        xy, segregation = _segregation(on_test[used], parts, perplexity, permutations, draws)
        rows.append(
            {
                "seed": replicate,
                "epoch": epoch,
                **_recognition(outputs[:, natural], labels[:, natural]),
                **_selectivity(on_train, train_roles, on_test, test_roles, fraction),
                **_decoding(on_train, train_roles, on_test, test_roles, heard["group"].to_numpy()),
                "segregation": segregation,
                "n_target": int((test_roles == "target").sum()),
                "n_other": int((test_roles == "other").sum()),
            }
        )
        if replicate == replicates[0]:
            of_clips = clips_of_test.loc[used, ["clip_id", "role"]]
            placed.append(of_clips.assign(seed=replicate, epoch=epoch, x=xy[:, 0], y=xy[:, 1]))
    write_table(table, pd.DataFrame(rows), EMERGENCE)
    write_table(points, pd.concat(placed, ignore_index=True), EMERGENCE_POINTS)


def _recognition(outputs: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the mean average precision over the classes that occur, and that by chance."""
    occur = labels.any(axis=0)
    if not occur.any():
        return {"natural_map": np.nan, "chance": np.nan}
    chance = chance_average_precision(labels[:, occur].sum(axis=0), len(labels))
    return {
        "natural_map": float(average_precision(outputs[:, occur], labels[:, occur]).mean()),
        "chance": float(np.mean(chance)),
    }


def _selectivity(
    train: np.ndarray,
    train_roles: np.ndarray,
    test: np.ndarray,
    test_roles: np.ndarray,
    fraction: float,
) -> dict[str, float]:
    """Return ratio and g on test clips of the units with the largest Welch t on train clips."""
    target, other = (train[train_roles == role] for role in ("target", "other"))
    t = welch_t(moments(target), moments(other))
    in_order = ranks(t, is_constant(target, other))
    selective = in_order <= share_of_units(fraction, len(t))
    target, other = (test[test_roles == role][:, selective] for role in ("target", "other"))
    means = [group.mean(axis=1, dtype=np.float64) for group in (target, other)]
    return {
        "ratio": response_ratio(*means),
        "hedges_g": float(hedges_g(moments(target), moments(other)).mean()),
    }


def _decoding(
    train: np.ndarray,
    train_roles: np.ndarray,
    test: np.ndarray,
    test_roles: np.ndarray,
    train_groups: np.ndarray,
) -> dict[str, float]:
    """Return the average precision of the target decoded from all units, and that by chance."""
    on_train, on_test = train_roles != "mixed", test_roles != "mixed"
    label = (train_roles[on_train] == "target").astype(np.float64)
    truth = (test_roles[on_test] == "target")[:, None]
    features = (responses.astype(np.float64) for responses in (train[on_train], test[on_test]))
    train_features, test_features = features
    scores, _ = ridge(train_features, label, test_features, train_groups[on_train])
    return {
        "decoding": float(average_precision(scores[:, None], truth)[0]),
        "decoding_chance": float(chance_average_precision(truth.sum(axis=0), len(truth))[0]),
    }


def _segregation(
    responses: np.ndarray,
    parts: Parts,
    perplexity: float,
    permutations: int,
    draws: np.random.Generator,
) -> tuple[np.ndarray, float]:
    """Return the positions (clips, 2) by t-SNE and the segregation index, 0 by chance."""
    used = usable_perplexity(perplexity, len(responses))
    xy = embed(z_scored(responses), used, int(draws.integers(2**32)))
    bins = bins_of(xy, coarse_bins(len(xy)))
    found = segregation_test(bins, parts, permutations, draws)
    chance = found["permuted_mean"]
    return xy, (found["index"] - chance) / (1 - chance) if chance < 1 else np.nan


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
