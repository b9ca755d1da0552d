"""The tables of clips and classes for a further target."""

import logging
import os
from collections.abc import Iterable, Mapping

import pandas as pd

from music_detectors.common.errors import InputError
from music_detectors.common.files import check_checksum
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.classes import classes_with_target, listed_classes
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.sources import SPLITS
from music_detectors.corpus.targets import KEY, Target, target_name

_FEWEST_CLIPS = 2


def assign_roles(
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    clips_of_target: str | os.PathLike,
    classes_of_target: str | os.PathLike,
    *,
    target: Target,
    corpus: Mapping,
    copies: Iterable[str | os.PathLike] = (),
) -> None:
    """Write the tables `clips` and `classes` of the corpus again, with the roles for `target`.

    Everything else in them stays. `corpus` is that section of the configuration, `copies` those of
    its files that `fetch_metadata` made. Raises InputError when a file cannot be read, when the
    target is no branch (or label), has no class, every class or those of the first target, and
    when a split has fewer than two target or two other clips.
    """
    for path in copies:
        check_checksum(path, "copy")
    class_table, clip_table = read_table(classes, CLASSES), read_table(clips, CLIPS)
    own = classes_with_target(listed_classes(corpus), target, KEY)
    is_target = class_table["mid"].isin(own.target)
    if is_target.equals(class_table["target"]):
        raise InputError(
            f"{KEY}: {target_name(target)!r} has the same classes as corpus.target; remove it"
        )
    # Sets of labels recur: each is looked up once.
    labels = clip_table["labels"]
    roles = labels.map({each: own.role(each.split(";")) for each in labels.unique()})
    _check_numbers(clip_table["split"], roles, target)
    write_table(clips_of_target, clip_table.assign(role=roles), CLIPS)
    class_table = class_table.assign(
        branch=class_table["mid"].map(dict(zip(own.mids, own.branches, strict=True))),
        target=is_target,
        genre=class_table["mid"].isin(own.genres),
    )
    write_table(classes_of_target, class_table, CLASSES)


def _check_numbers(splits: pd.Series, roles: pd.Series, target: Target) -> None:
    for split in SPLITS:
        numbers = roles[splits == split].value_counts()
        n_target, n_other = (int(numbers.get(role, 0)) for role in ("target", "other"))
        logging.info("%s split: %d target and %d other clips", split, n_target, n_other)
        if min(n_target, n_other) < _FEWEST_CLIPS:
            raise InputError(
                f"{KEY}: {target_name(target)!r} has {n_target} target and {n_other} other clips "
                f"in the {split} split, and selectivity needs at least {_FEWEST_CLIPS} of each; "
                "name another branch"
            )
