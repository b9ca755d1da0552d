"""Which clips and classes a condition withholds from its networks."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from music_detectors.common.errors import InputError, warn
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.corpus.branches import Branches
from music_detectors.corpus.columns import BRANCHES, CLIPS, CONDITIONS

SPLITS = ("train", "test")


def read_branches(path: str | os.PathLike) -> Branches:
    """Return the branches of the table at `path`."""
    return Branches.from_table(read_table(path, BRANCHES), path)


def withheld_clips(clips: pd.DataFrame, classes: frozenset[str]) -> np.ndarray:
    """Return which of `clips` (labels, listed) are withheld together with `classes`, (clips,) bool.

    A clip is withheld when one of its labels is among `classes`, or when it is listed in
    corpus.withheld_clips and the condition withholds anything.
    """
    # Sets of labels recur: each is looked up once.
    own = clips["labels"]
    by_labels = {labels: not classes.isdisjoint(labels.split(";")) for labels in own.unique()}
    withheld = own.map(by_labels).to_numpy(dtype=bool)
    return withheld | clips["listed"].to_numpy(dtype=bool) if classes else withheld


def class_groups(
    classes: pd.DataFrame, branches: str | os.PathLike, withhold: Sequence[str]
) -> np.ndarray:
    """Return the group of each of `classes` (mid, target): target, withheld or natural.

    `branches` is the path of branches.tsv, `withhold` the list of the condition that the claims are
    about. The group withheld holds the classes that it withholds and that are no target.
    """
    withheld = read_branches(branches).within(
        withhold, "configuration: the withhold list of claims.condition"
    )
    is_withheld = classes["mid"].isin(withheld)
    return np.select([classes["target"], is_withheld], ["target", "withheld"], "natural")


def summarise_conditions(
    clips: str | os.PathLike,
    branches: str | os.PathLike,
    table: str | os.PathLike,
    *,
    withhold: Mapping[str, Sequence[str]],
    target: str | Sequence[str],
    condition: str,
    withheld_others: Sequence[str],
) -> None:
    """Write conditions.tsv: how many clips each condition withholds.

    `clips` and `branches` are tables of the corpus, `withhold` the list of each condition, `target`
    that of the corpus, and `condition` and `withheld_others` those of the claims. A branch in which
    the corpus has no class leads to a warning. Raises InputError when a list names no branch,
    leaves no clip of the train split to train on, or leaves clips whose labels are all alike, and
    when one of `withheld_others` withholds a branch of the target's or of `condition`.
    """
    known = read_branches(branches)
    known.check_apart(withheld_others, target, condition, withhold)
    corpus = read_table(clips, CLIPS, only=("split", "labels", "listed", "role"))
    rows = []
    for name, names in withhold.items():
        key = f"configuration: conditions.{name}.withhold"
        for branch in known.without_classes(names, key):
            warn(
                f"{key}: no class of the corpus is in the branch {branch}, so it withholds nothing"
            )
        withheld = withheld_clips(corpus, known.within(names, key))
        for split in SPLITS:
            of_split = (corpus["split"] == split).to_numpy()
            admissible = of_split & ~withheld
            rows.append(
                {
                    "condition": name,
                    "split": split,
                    "withheld": int((of_split & withheld).sum()),
                    "admissible": int(admissible.sum()),
                    "with_target": int((corpus["role"][admissible] != "other").sum()),
                }
            )
        if not rows[-len(SPLITS)]["admissible"]:
            raise InputError(
                f"{key} (with corpus.withheld_clips) leaves no clip of the train split to train on"
            )
        heard = corpus["labels"][(corpus["split"] == "train") & ~withheld].unique()
        if len(heard) == 1:
            alike = " + ".join(known.names.names[mid] for mid in heard[0].split(";"))
            raise InputError(
                f"{key} leaves train clips that all have the labels {alike}, and networks learn to "
                "tell labels apart; add clips with other labels, or withhold less"
            )
    # Networks of others withhold nothing.
    parts = [pd.DataFrame(rows)] if rows else []
    write_table(table, stacked(parts, CONDITIONS), CONDITIONS)
