"""Roles of clips that are permuted by group, since clips of one recording are one draw."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


class Parts:
    """The clips of a group that have the same role are one part, which is permuted as a whole.

    A group with clips of both roles has two parts. `of_clip` (clips,) is the part of each clip,
    numbered in the order of their first clips; `is_target` (parts,) bool; `n_clips` (parts,) int;
    `pairs` (groups, 2) are the two parts, of target and of other clips, of each group that has
    both.
    """

    def __init__(self, groups: Sequence[str] | np.ndarray, is_target: np.ndarray) -> None:
        """Take the group (clips,) of each clip, as text or a number, and `is_target` (clips,)."""
        of_group, _ = pd.factorize(np.asarray(groups))
        self.of_clip, names = pd.factorize(2 * of_group + is_target)
        self.is_target = names % 2 == 1
        self.n_clips = np.bincount(self.of_clip, minlength=len(names))
        place = {name: part for part, name in enumerate(names)}
        both = [name for name in names[self.is_target] if name - 1 in place]
        self.pairs = np.array(
            [(place[name], place[name - 1]) for name in both], dtype=np.int64
        ).reshape(-1, 2)

    @property
    def n_target(self) -> int:
        """The number of groups with target clips."""
        return int(self.is_target.sum())

    @property
    def n_other(self) -> int:
        """The number of groups with other clips."""
        return len(self.is_target) - self.n_target

    @property
    def are_clips(self) -> bool:
        """Whether each part is a single clip."""
        return len(self.of_clip) == len(self.n_clips)

    def permuted(self, permutations: int, generator: np.random.Generator) -> np.ndarray:
        """Return random roles (permutations, parts), true for target.

        Groups with clips of one role exchange their roles, so that as many of them are target as
        are observed; in a group with both, the two parts exchange theirs or keep them.
        """
        labels = np.zeros((permutations, len(self.is_target)), dtype=bool)
        single = np.ones(len(self.is_target), dtype=bool)
        single[self.pairs] = False
        places = np.flatnonzero(single)
        n_target = int(self.is_target[places].sum())
        for row in labels:
            row[places[generator.choice(len(places), n_target, replace=False, shuffle=False)]] = (
                True
            )
        if len(self.pairs):
            kept = generator.integers(2, size=(permutations, len(self.pairs))).astype(bool)
            labels[:, self.pairs[:, 0]] = kept
            labels[:, self.pairs[:, 1]] = ~kept
        return labels
