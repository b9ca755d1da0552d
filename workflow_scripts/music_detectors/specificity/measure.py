"""The target among random sets of classes, and on classes that its units were not chosen on."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.withheld import read_branches
from music_detectors.embedding.bins import bins_of, coarse_bins
from music_detectors.embedding.columns import EMBEDDING_POINTS
from music_detectors.jackknife.blocks import blocks_in, read_blocks
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.responses.sample import MOST_FITTED, sampled
from music_detectors.selectivity.matching import read_matched
from music_detectors.selectivity.ranking import share_of_units
from music_detectors.specificity.columns import EVERY_CLIP, MEASURES, SETS_OF_NETWORK
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
_OF_MATCHED = (*("n_target", "n_other", "n_sets", "effect", "held_out", "decoding", "segregation"),)


def measure_specificity(
    train: str | os.PathLike,
    test: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    branches: str | os.PathLike,
    blocks: str | os.PathLike,
    matched: str | os.PathLike,
    points: str | os.PathLike,
    measures: str | os.PathLike,
    sets: str | os.PathLike,
    *,
    withheld_others: Mapping[str, Sequence[str]],
    layer: str,
    fraction: float,
    seed: int,
    replicate: int,
) -> None:
    """Write measures.tsv and sets.tsv of the network `replicate` of a condition.

    `train` and `test` are its responses, `points` its positions by t-SNE, the others tables of the
    corpus. Of more than MOST_FITTED clips of a split, a sample is used. All is measured again with
    `matched` clips alone. `withheld_others` maps conditions to
    the branches that they withhold. `fraction` of the units of `layer` are chosen. Sets and folds
    depend on the master `seed`, but not on the network. Raises InputError when a file cannot be
    read or does not fit the others, a response is not finite, or a split has fewer than two clips
    of the target or two others.
    """
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "role", "group", "labels"))
    listed = read_table(classes, CLASSES, only=("mid", "target"))
    named = read_branches(branches)
    mids = listed["mid"].tolist()
    heard = [
        _heard(path, layer, corpus, split, seed)
        for path, split in zip((train, test), _SPLITS, strict=True)
    ]
    of_clips, responses = [table for table, _ in heard], [values for _, values in heard]
    ids = [table["clip_id"].tolist() for table in of_clips]
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
    n_chosen = share_of_units(fraction, responses[0].shape[1])
    bins, rows = _bins(points, ids[1])

    def measured(of_plan: _Plan) -> dict[str, np.ndarray]:
        on_train, on_test = responses
        return _measured(of_plan, on_train, on_test, n_chosen, bins, rows, of_test, left_in_turn)

    found = measured(plan)
    again = found if of_matched is plan else measured(of_matched)
    tables, of_sets_drawn = [], []
    for row, block in enumerate((EVERY_CLIP, *left_in_turn)):
        every, only_matched = (
            _rows(of_plan, {name: values[row] for name, values in of_one.items()}, replicate)
            for of_plan, of_one in ((plan, found), (of_matched, again))
        )
        own = every.join(only_matched[[*_OF_MATCHED]].add_prefix("matched_"))
        tables.append(own.assign(block=block))
        of_sets_drawn.append(
            _sets(plan, found, of_matched, again, row, listed["mid"].to_numpy()).assign(block=block)
        )
    write_table(measures, pd.concat(tables, ignore_index=True), MEASURES)
    write_table(sets, pd.concat(of_sets_drawn, ignore_index=True), SETS_OF_NETWORK)


@dataclass(frozen=True)
class _Plan:
    """What is measured in every network: the sides of clips for sets of classes.

    `sets` has the target and then `drawn`, the random sets (sets, classes), and `is_kept` (sets,)
    says which of all sets, with the target, these are; `others` has the withheld
    branches called `names`; `held` and `same` the target's folds, and `held_of_sets` those of the
    first random sets, as many choices for each set.
    """

    drawn: np.ndarray
    is_kept: np.ndarray
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
        return replace(self, drawn=self.drawn[some[1:]], is_kept=some, **kept)


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
        is_kept=np.ones(len(sets), dtype=bool),
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


def _rows(plan: _Plan, results: Mapping[str, np.ndarray], replicate: int) -> pd.DataFrame:
    """Return the rows of a network from its `results`, (choices,) each."""
    counts = [(plan.sets.test[0] == side).sum() for side in (TARGET, OTHER)]
    own = {
        "seed": replicate,
        "withheld_by": "",
        "n_target": counts[0],
        "n_other": counts[1],
        "effect": results["effect"][0],
        "n_classes": plan.n_classes,
        "n_sets": len(plan.drawn),
        "folds": plan.folds[0],
        "target_by": plan.folds[1],
        "other_by": plan.folds[2],
        "same_classes": _mean(results["same_classes"]),
        "held_out": _mean(results["held_out"]),
        "decoding": _mean(results["decoding"]),
        "segregation": results["segregation"][0],
    }
    missing = {name: np.nan for name, value in own.items() if isinstance(value, float)}
    of_others = [
        missing
        | {
            "seed": replicate,
            "withheld_by": name,
            "n_target": (plan.others.test[place] == TARGET).sum(),
            "n_other": (plan.others.test[place] == OTHER).sum(),
            "effect": results["others"][place],
            "n_classes": plan.n_classes,
            "n_sets": 0,
            "target_by": "",
            "other_by": "",
            "folds": 0,
        }
        for place, name in enumerate(plan.names)
    ]
    return pd.DataFrame([own, *of_others])


def _sets(
    plan: _Plan,
    found: Mapping[str, np.ndarray],
    of_matched: _Plan,
    again: Mapping[str, np.ndarray],
    row: int,
    mids: np.ndarray,
) -> pd.DataFrame:
    """Return the rows of the target and the random sets; `row` is that of the results."""
    sets = np.arange(1 + len(plan.drawn))
    is_whole = row == 0
    of_choices = pd.Series(found["held_out_of_sets"][row]).groupby(plan.set_of_choice).mean()
    held_out = of_choices.reindex(sets - 1).to_numpy(dtype=float)
    table = pd.DataFrame(
        {
            "set": sets,
            "classes": ["", *(";".join(mids[own]) if is_whole else "" for own in plan.drawn)],
            "n_target": (plan.sets.test == TARGET).sum(axis=1),
            "n_other": (plan.sets.test == OTHER).sum(axis=1),
            "effect": found["effect"][row],
            "held_out": held_out if is_whole else np.nan,
            "segregation": found["segregation"][row],
            "is_matched": of_matched.is_kept,
        }
    )
    for name in ("effect", "segregation"):
        table[f"matched_{name}"] = np.nan
        table.loc[of_matched.is_kept, f"matched_{name}"] = again[name][row]
    return table


def _mean(values: np.ndarray) -> float:
    """Return the mean of `values` (choices,), of those that there are."""
    measured = values[np.isfinite(values)]
    return float(measured.mean()) if len(measured) else np.nan


def _bins(points: str | os.PathLike, clip_ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the bins of the clips of a network's embedding, and their places in `clip_ids`."""
    placed = read_table(points, EMBEDDING_POINTS)
    rows = pd.Index(clip_ids).get_indexer(placed["clip_id"])
    if not len(rows) or (rows < 0).any():
        raise damaged(points, "table", "has no point, or one of a clip without responses")
    xy = placed[["x", "y"]].to_numpy()
    return bins_of(xy, coarse_bins(len(xy))), rows


def _heard(
    path: str | os.PathLike, layer: str, corpus: pd.DataFrame, split: str, seed: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the clips of a file, some if there are many, and the responses (clips, units) to them.

    They are those of `layer`, or of the model's reported layer.
    """
    reported = read_layers(path).chosen(layer)
    clip_ids, stored = read_responses(path, [reported])
    clips = described(path, clip_ids, corpus, split)
    kept = sampled(clips, corpus, split, MOST_FITTED, seed, "sets of classes")
    clips = clips[kept].reset_index(drop=True)
    responses = stored.pop(reported)[kept].astype(np.float64)
    finite = np.isfinite(responses).all(axis=1)
    if not finite.all():
        raise InputError(
            f"{path}: a response of {reported} to clip {clips['clip_id'][int(np.argmin(finite))]} "
            "is not finite; train the network again"
        )
    return clips, responses
