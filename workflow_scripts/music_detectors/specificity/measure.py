"""The target among random sets of classes, and on classes that its units were not chosen on."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.progress import progress
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.withheld import read_branches
from music_detectors.embedding.bins import bins_of, coarse_bins
from music_detectors.embedding.columns import EMBEDDING_POINTS
from music_detectors.jackknife.blocks import blocks_in, read_blocks
from music_detectors.responses.clips import described, responses_to
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.selectivity.matching import read_matched
from music_detectors.selectivity.ranking import share_of_units
from music_detectors.specificity.columns import SETS, SPECIFICITY, SPECIFICITY_LEFT_OUT
from music_detectors.specificity.effects import decoded, effects_of
from music_detectors.specificity.segregation import segregations
from music_detectors.specificity.sets import (
    OTHER,
    TARGET,
    Labels,
    Sides,
    counted_labels,
    folds_of,
    held_out,
    of_sets,
    random_sets,
)

RANDOM_SETS = 500
"""Random sets of classes, at most."""
HELD_OUT_SETS = 100
"""Those of them that are also measured on held-out classes."""
# Random divisions into folds: of the target's classes, for decoding, and of those of a random set.
_DIVISIONS = 20
_DIVISIONS_DECODED = 2
_DIVISIONS_OF_SETS = 1
_SPLITS = ("train", "test")
_OF_MATCHED = (
    *("n_target", "n_other", "n_sets", "effect", "random_effect", "p", "held_out", "decoding"),
    *("segregation", "random_segregation", "segregation_p"),
)


def measure_specificity(
    train: Sequence[str | os.PathLike],
    test: Sequence[str | os.PathLike],
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    branches: str | os.PathLike,
    blocks: str | os.PathLike,
    matched: str | os.PathLike,
    points: Sequence[str | os.PathLike],
    networks: str | os.PathLike,
    left_out: str | os.PathLike,
    sets: str | os.PathLike,
    *,
    withheld_others: Mapping[str, Sequence[str]],
    layer: str,
    fraction: float,
    alpha: float,
    seed: int,
    replicates: Sequence[int],
) -> None:
    """Write networks.tsv, left_out.tsv and sets.tsv of the networks `replicates` of a condition.

    `train` and `test` are their responses, `points` their positions by t-SNE, the others tables of
    the corpus. All is measured again with `matched` clips alone. `withheld_others` maps conditions
    to the branches that they withhold. `fraction` of the units of `layer` are chosen; the target is
    compared with the value that a share `alpha` of the random sets reaches. Sets and folds depend
    on the master `seed`, but not on the condition. Raises InputError when a file cannot be read or
    does not fit the others, a response is not finite, or a split has fewer than two clips of the
    target or two others.
    """
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "role", "group", "labels"))
    listed = read_table(classes, CLASSES, only=("mid", "target"))
    named = read_branches(branches)
    mids = listed["mid"].tolist()
    ids = [read_responses(paths[0], [])[0] for paths in (train, test)]
    of_clips = [
        described(paths[0], own, corpus, split)
        for paths, own, split in zip((train, test), ids, _SPLITS, strict=True)
    ]
    labels = Labels(
        tuple(counted_labels(table, mids, named.classes, clips) for table in of_clips),
        tuple(table["group"].to_numpy(dtype=str) for table in of_clips),
    )
    of_test = read_blocks(blocks, ids[1])
    left_in_turn = blocks_in(of_test)
    # A class with several parents may be in the target's branch too, and counts to the target.
    others = {
        name: ~listed["target"]
        & listed["mid"].isin(named.within(withhold, f"configuration: conditions.{name}.withhold"))
        for name, withhold in withheld_others.items()
    }
    plan = _planned(
        labels,
        listed["target"].to_numpy(),
        {name: own.to_numpy() for name, own in others.items()},
        seed,
        clips,
    )
    # Mixed clips have sides for random sets alone.
    kept = [
        read_matched(matched, own) | (table["role"] == "mixed").to_numpy()
        for own, table in zip(ids, of_clips, strict=True)
    ]
    of_matched = plan if all(own.all() for own in kept) else plan.only(*kept)
    found: list[dict[str, np.ndarray]] = []
    of_networks = zip(train, test, points, strict=True)
    for *paths, placed in progress(of_networks, len(replicates), "sets", unit="networks"):
        heard = [_responses(path, layer, own) for path, own in zip(paths, ids, strict=True)]
        n_chosen = share_of_units(fraction, heard[0].shape[1])
        bins, rows = _bins(placed, ids[1])
        own = _measured(plan, heard[0], heard[1], n_chosen, bins, rows, of_test, left_in_turn)
        again = own
        if of_matched is not plan:
            again = _measured(
                of_matched, heard[0], heard[1], n_chosen, bins, rows, of_test, left_in_turn
            )
        found.append(own | {f"matched_{name}": values for name, values in again.items()})
    results = {name: np.array([of_one[name] for of_one in found]) for name in found[0]}

    def rows_of(row: int) -> pd.DataFrame:
        """Return the rows of all networks: of all clips (row 0), or without a block."""
        every, only_matched = (
            _rows(
                of_plan,
                {name: results[f"{prefix}{name}"][:, row] for name in own},
                replicates,
                alpha,
            )
            for prefix, of_plan in (("", plan), ("matched_", of_matched))
        )
        return every.join(only_matched[[*_OF_MATCHED]].add_prefix("matched_"))[list(SPECIFICITY)]

    whole, *without = (rows_of(row) for row in range(1 + len(left_in_turn)))
    write_table(networks, whole, SPECIFICITY)
    tables = [table.assign(block=block) for block, table in zip(left_in_turn, without, strict=True)]
    columns = SPECIFICITY_LEFT_OUT
    empty = whole.assign(block=0).iloc[:0]
    write_table(left_out, pd.concat(tables, ignore_index=True) if tables else empty, columns)
    write_table(sets, _sets(plan, results, listed["mid"].to_numpy()), SETS)


@dataclass(frozen=True)
class _Plan:
    """What is measured in every network: the sides of clips for sets of classes.

    `sets` has the target and then `drawn`, the random sets (sets, classes); `others` the withheld
    branches called `names`; `held` and `same` the target's folds, and `held_of_sets` those of the
    first random sets, as many choices for each set.
    """

    drawn: np.ndarray
    sets: Sides
    names: list[str]
    others: Sides
    held: Sides
    same: Sides
    folds: tuple[int, str, str]
    held_of_sets: Sides
    set_of_choice: np.ndarray
    n_classes: int
    train_groups: np.ndarray

    def only(self, train: np.ndarray, test: np.ndarray) -> "_Plan":
        """Return the plan for those `train` and `test` clips (clips,) bool alone."""
        names = ("sets", "others", "held", "same", "held_of_sets")
        kept = {name: getattr(self, name).only(train, test) for name in names}
        # Random sets need clips on both sides; the target stays.
        some = kept["sets"].measurable()
        some[0] = True
        kept["sets"] = Sides(kept["sets"].train[some], kept["sets"].test[some])
        return replace(self, drawn=self.drawn[some[1:]], **kept)


def _planned(
    labels: Labels,
    target: np.ndarray,
    others: Mapping[str, np.ndarray],
    seed: int,
    clips: str | os.PathLike,
) -> _Plan:
    drawn = random_sets(labels, target, RANDOM_SETS, generator(seed, "random sets of classes"))
    logging.info("%d random sets of classes", len(drawn))
    sets = of_sets(labels, np.concatenate([target[None], drawn]))
    if not sets.measurable()[0]:
        raise InputError(
            f"{clips}: a split has fewer than two target or two other clips; add clips to the "
            "corpus"
        )
    held, same = held_out(labels, target, _DIVISIONS, generator(seed, "folds of classes"))
    draws = generator(seed, "folds of random sets")
    of_sets_held = [
        held_out(labels, own, _DIVISIONS_OF_SETS, draws)[0]
        # Folds of groups are not held-out classes.
        if folds_of(labels, own)[1:] == ("classes", "classes")
        else Sides(sets.train[:0], sets.test[:0])
        for own in drawn[:HELD_OUT_SETS]
    ]
    of_others = np.array(list(others.values()), dtype=bool).reshape(-1, len(target))
    return _Plan(
        drawn=drawn,
        sets=sets,
        names=list(others),
        others=of_sets(labels, of_others),
        held=held,
        same=same,
        folds=folds_of(labels, target),
        held_of_sets=Sides(
            np.concatenate([sets.train[:0], *(sides.train for sides in of_sets_held)]),
            np.concatenate([sets.test[:0], *(sides.test for sides in of_sets_held)]),
        ),
        set_of_choice=np.repeat(np.arange(len(of_sets_held)), [len(own) for own in of_sets_held]),
        n_classes=int(labels.occurring.sum()),
        train_groups=labels.groups[0],
    )


def _measured(
    plan: _Plan,
    train: np.ndarray,
    test: np.ndarray,
    n_chosen: int,
    bins: np.ndarray,
    rows: np.ndarray,
    of_clips: np.ndarray,
    blocks: Sequence[int],
) -> dict[str, np.ndarray]:
    """Return what is measured in a network, (1 + blocks, choices) each, by name.

    `bins` are those of the test clips at the places `rows` in its embedding.
    """
    decoded_folds = _DIVISIONS_DECODED * plan.folds[0]
    first = Sides(plan.held.train[:decoded_folds], plan.held.test[:decoded_folds])

    def effects(sides: Sides) -> np.ndarray:
        return effects_of(sides, train, test, n_chosen, of_clips, blocks)

    of_all_clips = effects_of(plan.held_of_sets, train, test, n_chosen, of_clips, [])
    return {
        "effect": effects(plan.sets),
        "others": effects(plan.others),
        "held_out": effects(plan.held),
        "same_classes": effects(plan.same),
        "decoding": decoded(first, train, test, plan.train_groups, of_clips, blocks),
        "segregation": segregations(plan.sets.test[:, rows], bins, of_clips[rows], blocks),
        "held_out_of_sets": np.repeat(of_all_clips, 1 + len(blocks), axis=0),
    }


def _rows(
    plan: _Plan, results: Mapping[str, np.ndarray], replicates: Sequence[int], alpha: float
) -> pd.DataFrame:
    """Return the rows of all networks from their `results`, (networks, choices) each."""
    counts = [(plan.sets.test[0] == side).sum() for side in (TARGET, OTHER)]
    n_sets = len(plan.drawn)
    random_effect, p = among_random(results["effect"], alpha)
    random_segregation, segregation_p = among_random(results["segregation"], alpha)
    own = pd.DataFrame(
        {
            "seed": replicates,
            "withheld_by": "",
            "n_target": counts[0],
            "n_other": counts[1],
            "effect": results["effect"][:, 0],
            "n_classes": plan.n_classes,
            "n_sets": n_sets,
            "random_effect": random_effect,
            "p": p,
            "folds": plan.folds[0],
            "target_by": plan.folds[1],
            "other_by": plan.folds[2],
            "same_classes": _mean(results["same_classes"]),
            "held_out": _mean(results["held_out"]),
            "decoding": _mean(results["decoding"]),
            "segregation": results["segregation"][:, 0],
            "random_segregation": random_segregation,
            "segregation_p": segregation_p,
        }
    )
    missing = dict.fromkeys(own.select_dtypes(float), np.nan)
    of_others = [
        pd.DataFrame(
            missing
            | {
                "seed": replicates,
                "withheld_by": name,
                "n_target": (plan.others.test[place] == TARGET).sum(),
                "n_other": (plan.others.test[place] == OTHER).sum(),
                "effect": results["others"][:, place],
                "n_classes": plan.n_classes,
                "n_sets": 0,
                "target_by": "",
                "other_by": "",
                "folds": 0,
            }
        )
        for place, name in enumerate(plan.names)
    ]
    return pd.concat([own, *of_others], ignore_index=True)


def _sets(plan: _Plan, results: Mapping[str, np.ndarray], mids: np.ndarray) -> pd.DataFrame:
    """Return the rows of the random sets, means over networks."""
    effect, segregation = (
        results[name][:, 0, 1:].mean(axis=0) for name in ("effect", "segregation")
    )
    of_choices = results["held_out_of_sets"][:, 0].mean(axis=0)
    of_sets_held = pd.Series(of_choices).groupby(plan.set_of_choice).mean()
    return pd.DataFrame(
        {
            "set": np.arange(1, 1 + len(plan.drawn)),
            "classes": [";".join(mids[own]) for own in plan.drawn],
            "n_target": (plan.sets.test[1:] == TARGET).sum(axis=1),
            "n_other": (plan.sets.test[1:] == OTHER).sum(axis=1),
            "effect": effect,
            "held_out": of_sets_held.reindex(np.arange(len(plan.drawn))).to_numpy(dtype=float),
            "segregation": segregation,
        }
    )


def among_random(values: np.ndarray, alpha: float) -> tuple[np.ndarray, float]:
    """Return what a share `alpha` of the random sets reaches, and the p of the target among them.

    `values` (networks, 1 + sets) are those of the target, then of the sets. Sets are ordered by
    their mean over networks; the first result (networks,) has the values of the set in question,
    so that the mean of the target exceeds theirs exactly when p is at most `alpha`. p is the share
    of target and sets that reach the target's mean. Both are NaN if a value is missing, and the
    first where there are too few sets for such a p.
    """
    means = values.mean(axis=0)
    target, of_sets_drawn = means[0], means[1:]
    nothing = np.full(len(values), np.nan)
    if not np.isfinite(means).all() or not len(of_sets_drawn):
        return nothing, np.nan
    p = (1 + (of_sets_drawn >= target).sum()) / len(means)
    # A tolerance, since a product such as 0.05 x 20 may fall short of 1.
    reached = int(np.floor(alpha * len(means) + 1e-9))
    if not reached:
        return nothing, float(p)
    order = np.argsort(-of_sets_drawn, kind="stable")
    return values[:, 1 + order[reached - 1]], float(p)


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over choices (networks,), of those that have a value."""
    measured = np.isfinite(values)
    total = np.where(measured, values, 0.0).sum(axis=1)
    n = measured.sum(axis=1)
    return np.divide(total, n, out=np.full(len(values), np.nan), where=n > 0)


def _bins(points: str | os.PathLike, clip_ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the bins of the clips of a network's embedding, and their places in `clip_ids`."""
    placed = read_table(points, EMBEDDING_POINTS)
    rows = pd.Index(clip_ids).get_indexer(placed["clip_id"])
    if not len(rows) or (rows < 0).any():
        raise damaged(points, "table", "has no point, or one of a clip without responses")
    xy = placed[["x", "y"]].to_numpy()
    return bins_of(xy, coarse_bins(len(xy))), rows


def _responses(path: str | os.PathLike, layer: str, clip_ids: Sequence[str]) -> np.ndarray:
    """Return the responses (clips, units) of `layer`, or of the model's reported layer."""
    reported = read_layers(path).chosen(layer)
    responses = responses_to(path, reported, clip_ids).astype(np.float64)
    finite = np.isfinite(responses).all(axis=1)
    if not finite.all():
        raise InputError(
            f"{path}: a response of {reported} to clip {clip_ids[int(np.argmin(finite))]} is not "
            "finite; train the network again"
        )
    return responses
