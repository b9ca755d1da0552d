"""The branches that can be named, and the classes of the corpus in each.

The Snakefile calls this while it is read, so nothing heavy is imported here.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from music_detectors.common.errors import InputError
from music_detectors.corpus.names import Names

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Branches:
    """Every class of the ontology, or every label where there is no ontology.

    `names` holds their ids and names, `classes` for each id the ids of the corpus's classes in its
    branch, in the order of the networks' outputs.
    """

    names: Names
    classes: Mapping[str, tuple[str, ...]]

    @classmethod
    def from_table(cls, table: "pd.DataFrame", path: str | os.PathLike) -> "Branches":
        """Return the branches of the table branches.tsv, read from `path`."""
        names = dict(zip(table["id"], table["name"], strict=True))
        return cls(
            Names(names, str(path)),
            {
                mid: tuple(own.split(";")) if own else ()
                for mid, own in zip(table["id"], table["classes"], strict=True)
            },
        )

    def within(self, withhold: Iterable[str], key: str) -> frozenset[str]:
        """Return the ids of the classes in the branches `withhold`, which are names or ids.

        Raises InputError when there is no such branch, when another label holds the name of one,
        and when the branches cover every class; `key` says where they stand, such as
        `configuration: conditions.natural.withhold`.
        """
        branches = [self.names.find(branch, key) for branch in withhold]
        found = {mid for branch in branches for mid in self.classes[branch]}
        self.names.check_spellings({*branches, *found}, key)
        if found and found >= set().union(*self.classes.values()):
            raise InputError(f"{key} covers every class of the corpus: nothing is left to train on")
        return frozenset(found)

    def check_apart(
        self,
        others: Sequence[str],
        target: str | Sequence[str],
        condition: str,
        withhold: Mapping[str, Sequence[str]],
    ) -> None:
        """Check that the conditions `others` withhold other branches than the target's.

        No branch of theirs may contain one of the `target` or of those that `condition` withholds,
        or lie within it; `withhold` has the branches of each condition. Branches that share some
        classes alone, as Music and Sounds of things share bells, are apart. Raises InputError,
        naming both branches.
        """
        own = [
            ("corpus.target", name) for name in ([target] if isinstance(target, str) else target)
        ]
        own += [(f"conditions.{condition}.withhold", name) for name in withhold.get(condition, ())]
        theirs = [
            (f"conditions.{other}.withhold", name) for other in others for name in withhold[other]
        ]
        for (key, name), (own_key, own_name) in product(theirs, own):
            classes = set(self.classes[self.names.find(name, f"configuration: {key}")])
            own_classes = set(self.classes[self.names.find(own_name, f"configuration: {own_key}")])
            shared = classes & own_classes
            if shared and shared in (classes, own_classes):
                raise InputError(
                    f"configuration: {key} names {name}, which overlaps {own_name} of {own_key}; "
                    "a condition of claims.compared.withheld_others withholds another branch in "
                    "its place, so name one that is apart from it"
                )

    def without_classes(self, withhold: Iterable[str], key: str) -> list[str]:
        """Return which of the branches `withhold` have no class in the corpus."""
        return [branch for branch in withhold if not self.classes[self.names.find(branch, key)]]
