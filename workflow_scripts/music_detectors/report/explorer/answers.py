"""What each unit of a layer answers: classes, sounds of probe sets, quilts, and single clips."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from music_detectors.common.damage import damaged
from music_detectors.responses.clips import responses_to

MOST, LEAST = 8, 4
"""How many of the clips with the largest and the smallest response each unit has."""


@dataclass(frozen=True)
class Asked:
    """What the units of all networks are asked about.

    `clip_ids` are the test clips that `original` was made of, with `labels` (clips, classes) bool
    and `groups` (clips,), the numbers of recordings. `probes` maps a stimulus to the names of its
    sounds, `quilts` are stimuli, of which the clips of `compared` (clip_id, role) are compared.
    """

    original: str
    clip_ids: list[str]
    labels: np.ndarray
    groups: np.ndarray
    probes: Mapping[str, list[str]]
    quilts: Sequence[str]
    compared: pd.DataFrame

    @property
    def stimuli(self) -> list[str]:
        """The stimuli whose responses are read, in the order of a network's files."""
        return [self.original, *self.probes, *self.quilts]


@dataclass(frozen=True)
class Answers:
    """What the units of a layer answer, and in the last row the mean of the selective ones.

    `means` (units + 1, questions) float32 has the mean response to each class, to each sound of
    each probe set, and to the target and the other clips of each quilt; NaN where there are none.
    `clips` (units + 1, `MOST` + `LEAST`) int32 are the places of the clips with the largest
    response, largest first, and with the smallest, smallest first, one of each recording; -1 where
    there are fewer. `responses` float32 are those to these clips. Without a selective unit, the
    last row has none of these.
    """

    means: np.ndarray
    clips: np.ndarray
    responses: np.ndarray


def answers_of(
    paths: Mapping[str, str | os.PathLike], layer: str, selective: np.ndarray, asked: Asked
) -> Answers:
    """Return what the units of `layer` answer in a network whose responses to stimuli are `paths`.

    `selective` (units,) bool are the selective ones. Raises InputError, naming the file, when one
    cannot be read, has another number of units, or lacks a clip that is asked about.
    """

    def with_mean(responses: np.ndarray) -> np.ndarray:
        """Return `responses` (clips, units) with the mean of the selective units as a last one."""
        if responses.shape[1] != len(selective):
            why = f"{responses.shape[1]} units of {layer}, but units.tsv has {len(selective)}"
            raise damaged(paths[asked.original], "responses", why)
        mean = responses[:, selective].mean(axis=1, keepdims=True) if selective.any() else np.nan
        return np.hstack([responses, np.broadcast_to(mean, (len(responses), 1))]).astype(np.float32)

    own = with_mean(responses_to(paths[asked.original], layer, asked.clip_ids))
    parts = [_means(own, asked.labels)]
    for probe, sounds in asked.probes.items():
        parts.append(with_mean(responses_to(paths[probe], layer, sounds)).T)
    roles = [(asked.compared["role"] == role).to_numpy() for role in ("target", "other")]
    for quilt in asked.quilts:
        heard = with_mean(responses_to(paths[quilt], layer, asked.compared["clip_id"].tolist()))
        parts.append(_means(heard, np.stack(roles, axis=1)))
    clips = _ends(own, asked.groups)
    responses = np.take_along_axis(own.T, np.maximum(clips, 0), axis=1)
    return Answers(np.hstack(parts), clips, responses)


def _means(responses: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Return the mean (units, sets) of `responses` (clips, units) over sets `of` (clips, sets)."""
    count = of.sum(axis=0, dtype=np.float32)
    sums = responses.T @ of.astype(np.float32)
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, sums / count, np.float32(np.nan)).astype(np.float32)


def _ends(responses: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the places (units, MOST + LEAST) of the clips that units answer most and least."""
    places = np.full((responses.shape[1], MOST + LEAST), -1, dtype=np.int32)
    for unit, row in enumerate(np.ascontiguousarray(responses.T)):
        if np.isnan(row).any():
            continue
        ascending = np.argsort(row, kind="stable")
        most = _of_different_groups(ascending[::-1], groups, MOST)
        least = _of_different_groups(ascending, groups, LEAST)
        places[unit, : len(most)] = most
        places[unit, MOST : MOST + len(least)] = least
    return places


def _of_different_groups(order: np.ndarray, groups: np.ndarray, n: int) -> list[int]:
    """Return the first `n` places in `order` that are of different groups."""
    found: dict[int, int] = {}
    for place in order:
        found.setdefault(int(groups[place]), int(place))
        if len(found) == n:
            break
    return list(found.values())
