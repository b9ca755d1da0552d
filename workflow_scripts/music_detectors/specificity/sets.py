"""Sets of classes taken as the target: which clips belong to them, random ones, and folds.

A clip is a target of a set when all its labels are in the set, an other clip when none is, and
else it has no side. Of its labels, those whose branch holds another of them do not count: a clip
of guitar that is also labelled music is a clip of guitar.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from music_detectors.common.damage import damaged

TARGET, OTHER, NONE = 1, 0, -1
"""The sides of clips."""

FOLDS = 5
"""The largest number of folds of classes."""
MIN_CLIPS = 2
"""The least number of clips on each side for a standard deviation."""
_ROUNDS = 10


@dataclass(frozen=True)
class Labels:
    """The labels that count of train and of test clips, and the clips' groups.

    `splits` are sparse (clips, classes) of 0 and 1, `groups` (clips,), both for train and test.
    """

    splits: tuple[csr_array, csr_array]
    groups: tuple[np.ndarray, np.ndarray]

    @cached_property
    def occurring(self) -> np.ndarray:
        """Return which classes (classes,) have at least two clips in each split."""
        return np.logical_and(*(split.sum(axis=0) >= MIN_CLIPS for split in self.splits))

    @cached_property
    def alone(self) -> np.ndarray:
        """Return which classes have at least two clips with no other label in each split."""
        single = [split[split.sum(axis=1) == 1].sum(axis=0) for split in self.splits]
        return np.logical_and(*(counts >= MIN_CLIPS for counts in single))


@dataclass(frozen=True)
class Sides:
    """For each of several choices of units, the side of each clip: (choices, clips) int8.

    Units are chosen by the sides of train clips and measured by those of test clips.
    """

    train: np.ndarray
    test: np.ndarray

    def measurable(self) -> np.ndarray:
        """Return which choices (choices,) have two clips on each side in each split."""
        enough = [
            (sides == side).sum(axis=1) >= MIN_CLIPS
            for sides in (self.train, self.test)
            for side in (TARGET, OTHER)
        ]
        return np.logical_and.reduce(enough)

    def only(self, train: np.ndarray, test: np.ndarray) -> "Sides":
        """Return the same for the `train` and `test` clips (clips,) bool alone."""
        return Sides(
            *(np.where(kept, own, NONE) for kept, own in ((train, self.train), (test, self.test)))
        )

    def __len__(self) -> int:
        """Return the number of choices."""
        return len(self.train)


def counted_labels(
    clips: pd.DataFrame,
    mids: Sequence[str],
    branches: Mapping[str, Sequence[str]],
    path: str | os.PathLike,
) -> csr_array:
    """Return the labels of `clips` (clip_id, labels) that count, (clips, classes).

    `mids` are the classes and `branches` the classes in the branch of each. Raises InputError,
    naming the table at `path`, for a label that is no class.
    """
    place = {mid: at for at, mid in enumerate(mids)}
    below = {mid: set(branches.get(mid, ())) - {mid} for mid in mids}
    # Sets of labels recur: each is looked up once.
    codes, found = pd.factorize(clips["labels"])
    rows = np.zeros((len(found), len(mids)), dtype=np.int32)
    for row, labels in enumerate(found):
        own = set(labels.split(";"))
        unknown = own - place.keys()
        if unknown:
            clip = clips["clip_id"].iloc[int(np.argmax(codes == row))]
            why = f"clip {clip} has the label {min(unknown)!r}, which is no class of the corpus"
            raise damaged(path, "table", why)
        rows[row, [place[mid] for mid in own if not below[mid] & own]] = 1
    return csr_array(rows)[codes]


def of_sets(labels: Labels, sets: np.ndarray) -> Sides:
    """Return the sides for each of `sets` (sets, classes) bool, on all clips."""
    return Sides(*(_sides(split, sets) for split in labels.splits))


def random_sets(
    labels: Labels, target: np.ndarray, number: int, draws: np.random.Generator
) -> np.ndarray:
    """Return random sets of as many classes as `target` (classes,) has, (sets, classes) bool.

    Only classes with two clips in each split take part. The sets differ from each other and from
    the target, and have two target and two other clips in each split. They are at most `number`,
    and fewer where there are no more.
    """
    pool = np.flatnonzero(labels.occurring)
    size = int(target[pool].sum())
    of_target = np.zeros_like(target)
    of_target[pool] = target[pool]
    seen = {of_target.tobytes()}
    found = np.zeros((0, len(target)), dtype=bool)
    possible = comb(len(pool), size)
    for _ in range(_ROUNDS):
        drawn: list[np.ndarray] = []
        while len(drawn) < number and len(seen) < possible:
            classes = np.zeros_like(target)
            classes[draws.choice(pool, size, replace=False)] = True
            if classes.tobytes() not in seen:
                seen.add(classes.tobytes())
                drawn.append(classes)
        if not drawn:
            break
        measurable = of_sets(labels, np.array(drawn)).measurable()
        found = np.concatenate([found, np.array(drawn)[measurable]])[:number]
        if len(found) == number:
            break
    return found


def folds_of(labels: Labels, target: np.ndarray) -> tuple[int, str, str]:
    """Return the number of folds, and what is divided of the `target` and of the others.

    That is `classes`, or `groups` where fewer than two classes have clips without another label.
    There are as many folds as there are such classes (or pairs of groups) on either side, at most
    FOLDS; 0 stands for fewer than two.
    """
    alone, numbers, by = labels.alone, [], []
    for own in (target, ~target):
        number, divided = int((alone & own).sum()), "classes"
        if number < MIN_CLIPS:
            number, divided = len(_groups(labels, own)[0]) // MIN_CLIPS, "groups"
        numbers.append(number)
        by.append(divided)
    folds = min(FOLDS, *numbers)
    return (folds if folds >= MIN_CLIPS else 0), by[0], by[1]


def held_out(
    labels: Labels, target: np.ndarray, divisions: int, draws: np.random.Generator
) -> tuple[Sides, Sides]:
    """Return the sides of clips for folds of classes, drawn `divisions` times: held out, and not.

    The classes of `target` (classes,) and the other classes are each divided at random. For each
    fold, units are chosen on train clips without a label in it. The first result measures them on
    test clips whose labels are all in the fold, the second on those without a label in it. There
    is one choice for each division and fold.
    """
    folds, *by = folds_of(labels, target)
    of_set = [_sides(split, target[None])[0] for split in labels.splits]
    held, same, train = [], [], []
    for _ in range(divisions if folds else 0):
        target_in, other_in = (
            _in_folds(labels, own, how, folds, draws)
            for own, how in zip((target, ~target), by, strict=True)
        )
        inside = [
            np.where((sides == TARGET)[:, None], of_target, of_other)
            for sides, of_target, of_other in zip(of_set, target_in, other_in, strict=True)
        ]
        alone = inside[1].sum(axis=1) == 1
        for fold in range(folds):
            train.append(np.where(inside[0][:, fold], NONE, of_set[0]))
            held.append(np.where(inside[1][:, fold] & alone, of_set[1], NONE))
            same.append(np.where(inside[1][:, fold], NONE, of_set[1]))
    chosen = _stacked(train, of_set[0])
    return Sides(chosen, _stacked(held, of_set[1])), Sides(chosen, _stacked(same, of_set[1]))


def _in_folds(
    labels: Labels, own: np.ndarray, by: str, folds: int, draws: np.random.Generator
) -> list[np.ndarray]:
    """Return for train and test clips which of `folds` they have a class (or group) of `own` in.

    Each is (clips, folds) bool. Classes that have clips without another label come first, and
    groups of test clips, so that every fold has some.
    """
    if by == "classes":
        alone = labels.alone
        order = [
            *draws.permutation(np.flatnonzero(own & alone)),
            *draws.permutation(np.flatnonzero(own & ~alone)),
        ]
        dealt = np.zeros((len(own), folds), dtype=np.int32)
        dealt[order, np.arange(len(order)) % folds] = 1
        return [split @ dealt > 0 for split in labels.splits]
    of_test, of_train = _groups(labels, own)
    order = [*draws.permutation(of_test), *draws.permutation(of_train)]
    fold_of = dict(zip(order, np.arange(len(order)) % folds, strict=True))
    return [
        np.array([fold_of.get(group, NONE) for group in groups])[:, None] == np.arange(folds)
        for groups in labels.groups
    ]


def _groups(labels: Labels, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the groups of the test clips of the set `own`, and those of its train clips alone."""
    train, test = (
        np.unique(groups[_sides(split, own[None])[0] == TARGET])
        for split, groups in zip(labels.splits, labels.groups, strict=True)
    )
    return test, np.setdiff1d(train, test)


def _sides(labels: csr_array, sets: np.ndarray) -> np.ndarray:
    """Return the side of each clip for each of `sets`, (sets, clips) int8."""
    inside = (labels @ sets.T.astype(np.int32)).T
    own = labels.sum(axis=1)
    return np.where(inside == own, TARGET, np.where(inside == 0, OTHER, NONE)).astype(np.int8)


def _stacked(sides: list[np.ndarray], like: np.ndarray) -> np.ndarray:
    return np.array(sides, dtype=np.int8).reshape(-1, len(like))
