"""Which clips a condition trains on, which of them validate, and with which labels."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError, one_line
from music_detectors.common.seeds import generator
from music_detectors.common.tables import write_table
from music_detectors.corpus.branches import Branches
from music_detectors.corpus.labels import label_matrix
from music_detectors.corpus.withheld import withheld_clips
from music_detectors.training.columns import NETWORK_CLIPS

_LEAST_TRAINING = 2
_LEAST = _LEAST_TRAINING + 1
_LEAST_GROUPS = 2


@dataclass(frozen=True)
class Condition:
    """How a network is made.

    `model` names the model that is trained, `withhold` the branches whose clips are left out.
    `labels` is given, redrawn (each clip keeps its number of labels, the labels themselves drawn at
    random, as in the study) or permuted (the clips' label sets change places), and `keep` says
    which epoch's weights are kept: best or last. The network's state after each of the epochs
    `snapshots` is stored too; 0 is the initial state.
    """

    name: str
    model: str
    withhold: Sequence[str]
    labels: str
    epochs: int
    keep: str
    snapshots: Sequence[int] = ()


@dataclass(frozen=True)
class TrainingClips:
    """The clips of one network, in the order of the index.

    `rows` (n,) are their rows in the index, `labels` (n, classes) what they are trained on,
    `validation` (n,) which of them validate.
    """

    clip_ids: list[str]
    rows: np.ndarray
    labels: np.ndarray
    validation: np.ndarray


def training_clips(
    condition: Condition,
    index: pd.DataFrame,
    clips: pd.DataFrame,
    branches: Branches,
    mids: list[str],
    validation_fraction: float,
    seed: int,
    replicate: int,
    path: str | os.PathLike = "index.tsv",
) -> TrainingClips:
    """Return the clips that `condition` trains and validates on.

    `index` (clip_id), which was read from `path`, lists the usable clips, `clips` (clip_id, labels,
    listed, group) says what they are, `branches` which classes are withheld, `mids` are the classes
    in the order of the outputs. Raises InputError when a clip, label or branch is unknown or when
    the condition has too few clips, or clips of one group only.
    """
    described = clips.set_index("clip_id")
    unknown = index["clip_id"][~index["clip_id"].isin(described.index)]
    if len(unknown):
        raise damaged(path, "table", f"clip {unknown.iloc[0]} is not in the table of clips")
    described = described.loc[index["clip_id"]]
    key = f"configuration: conditions.{condition.name}.withhold"
    admitted = ~withheld_clips(described, branches.within(condition.withhold, key))
    rows = np.flatnonzero(admitted)
    if len(rows) < _LEAST:
        raise InputError(
            f"conditions.{condition.name}: {len(rows)} usable clips are left to train on, "
            f"at least {_LEAST} are needed; withhold less or give more clips"
        )
    groups = described["group"].to_numpy()
    described = described.iloc[rows]
    if described["group"].nunique() < _LEAST_GROUPS:
        raise InputError(
            f"conditions.{condition.name}: its {len(rows)} usable clips are all of the group "
            f"{one_line(described['group'].iloc[0])!r}, and validation needs a group of its own; "
            "give clips of more groups"
        )
    draw = generator(seed, "labels", condition.name, replicate)
    return TrainingClips(
        clip_ids=list(described.index),
        rows=rows,
        labels=_relabelled(
            condition.labels,
            label_matrix(described.index, described["labels"].str.split(";"), mids, "clips.tsv"),
            draw,
        ),
        validation=validation_part(
            admitted, groups, validation_fraction, generator(seed, "validation", replicate)
        ),
    )


def write_network_clips(path: str | os.PathLike, chosen: TrainingClips, mids: list[str]) -> None:
    """Write the table of a network's clips; `mids` are the classes in the order of the outputs."""
    table = pd.DataFrame(
        {
            "clip_id": chosen.clip_ids,
            "part": np.where(chosen.validation, "validation", "training"),
            "labels": joined_labels(chosen.labels, mids),
        }
    )
    write_table(path, table, NETWORK_CLIPS)


def joined_labels(labels: np.ndarray, mids: list[str]) -> list[str]:
    """Return the MIDs of each row of `labels` (n, classes), joined by `;`."""
    return [";".join(mids[number] for number in np.flatnonzero(row)) for row in labels]


def validation_part(
    admitted: np.ndarray, groups: Sequence[str], fraction: float, draw: np.random.Generator
) -> np.ndarray:
    """Return which of the admitted clips validate, (number admitted,) bool.

    `groups` holds the group of every clip, admitted or not. All groups are put in a random order,
    and the first ones validate whole until `fraction` of the admitted clips do, as nearly as groups
    allow: conditions with the same clips have the same split, others much of it. At least one group
    validates and at least two clips train, so there must be two groups and three clips.
    """
    numbers, names = pd.factorize(np.asarray(groups))
    order = draw.permutation(len(names))
    sizes = np.bincount(numbers[admitted], minlength=len(names))
    order = order[sizes[order] > 0]
    clips = int(admitted.sum())
    wanted = min(max(round(fraction * clips), 1), clips - _LEAST_TRAINING)
    taken, validating = 0, np.zeros(len(names), dtype=bool)
    for group, size in zip(order, sizes[order].tolist(), strict=True):
        if taken >= wanted:
            break
        # Only if the number is then nearer to the wanted one than without the group.
        if taken + size / 2 <= wanted and clips - taken - size >= _LEAST_TRAINING:
            validating[group] = True
            taken += size
    if not taken:
        validating[order[np.argmin(sizes[order])]] = True
    return validating[numbers[admitted]]


def redrawn(labels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Return `labels` (n, classes) with each clip's number of labels and random ones.

    All classes are equally likely, so the frequencies of the classes change too. Within a clip they
    are drawn without replacement, so that the clip keeps its number of labels, as the study's
    article says; its notebook draws with replacement, and a label drawn twice counts once.
    """
    result = np.zeros_like(labels)
    for row, number in enumerate(labels.sum(axis=1)):
        result[row, draw.choice(labels.shape[1], size=number, replace=False)] = True
    return result


def permuted(labels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Return `labels` (n, classes) with the clips' label sets in random places."""
    return labels[draw.permutation(len(labels))]


def _relabelled(how: str, labels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    if how == "given":
        return labels
    return {"redrawn": redrawn, "permuted": permuted}[how](labels, draw)
