"""Simulated networks whose units prefer classes of sounds, judged on whether it is the target."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from music_detectors.claims.columns import PRESENT, SUPPORTED
from music_detectors.claims.estimates.classes import selective_by_classes
from music_detectors.claims.inference import Part, claims_table
from music_detectors.claims.study import Measured, Study, by_block, numbered
from music_detectors.jackknife.assign import blocks_of
from music_detectors.jackknife.blocks import blocks_in
from music_detectors.specificity.effects import effects_of
from music_detectors.specificity.join import among_random
from music_detectors.specificity.sets import Labels, held_out, of_sets, random_sets

CLASSES, OF_TARGET, CLIPS = 30, 8, 8
"""Classes, how many of them are the target, and the clips of a class in each split."""
SETS, DIVISIONS, UNITS, CHOSEN = 100, 2, 48, 6
_SHARED = 0.5
"""The share of the variance over clips that all networks have in common."""
_PREFERRED = 3
"""How many classes a unit prefers, by one standard deviation of its responses to clips."""


class Judged(NamedTuple):
    """What was found in a run."""

    effect: float
    """Mean over networks of Hedges g on new clips of the same classes."""
    held_out: float
    """The same on classes that the units were not chosen on."""
    among_best: bool
    """Whether the target is among the share alpha of random sets with the largest effects."""
    verdicts: dict[str, str]
    """Part to verdict."""


def judged(
    study: Study,
    networks: int,
    in_common: float,
    *,
    alpha: float,
    rng: np.random.Generator,
) -> Judged:
    """Return what the parts of claim 3 about sets of classes say of simulated `networks`.

    Each unit prefers a few classes, whatever the target, which is drawn by lot from the sets of
    classes. A fifth of the units respond more to all classes of the target, by `in_common` SD.
    """
    target = np.zeros(CLASSES, dtype=bool)
    target[rng.permutation(CLASSES)[:OF_TARGET]] = True
    class_of = np.repeat(np.arange(CLASSES), CLIPS)
    one_hot = csr_array((class_of[:, None] == np.arange(CLASSES)).astype(np.int32))
    groups = [np.char.add(split, np.arange(len(class_of)).astype(str)) for split in ("a", "b")]
    labels = Labels((one_hot, one_hot), (groups[0], groups[1]))
    sets = of_sets(labels, np.concatenate([target[None], random_sets(labels, target, SETS, rng)]))
    held = held_out(labels, target, DIVISIONS, rng)[0]
    roles = np.where(target[class_of], "target", "other")
    blocks = blocks_of(groups[1], roles, rng)
    in_turn = blocks_in(blocks)
    shared = rng.standard_normal((2, len(class_of), 1))
    effects, on_held = [], []
    for _ in range(networks):
        prefers = np.zeros((CLASSES, UNITS))
        for unit in prefers.T:
            unit[rng.permutation(CLASSES)[:_PREFERRED]] = 1
        prefers[target, : UNITS // 5] += in_common
        noise = np.sqrt(1 - _SHARED) * rng.standard_normal((2, len(class_of), UNITS))
        train, test = prefers[class_of] + np.sqrt(_SHARED) * shared + noise
        effects.append(effects_of(sets, train, test, CHOSEN, blocks, in_turn))
        on_held.append(effects_of(held, train, test, CHOSEN, blocks, in_turn).mean(axis=1))
    # (1 + blocks, networks, sets) and (1 + blocks, networks).
    of_all, of_held = np.swapaxes(effects, 0, 1), np.transpose(on_held)
    tables = []
    for values, held_values in zip(of_all, of_held, strict=True):
        reached, p = among_random(values, alpha)
        tables.append(
            pd.DataFrame(
                {
                    "seed": np.arange(1, networks + 1),
                    "withheld_by": "",
                    "n_target": OF_TARGET * CLIPS,
                    "n_other": (CLASSES - OF_TARGET) * CLIPS,
                    "effect": values[:, 0],
                    "n_classes": CLASSES,
                    "n_sets": len(sets) - 1,
                    "random_effect": reached,
                    "p": p,
                    "folds": 2,
                    "target_by": "classes",
                    "other_by": "classes",
                    "held_out": held_values,
                }
            )
        )
    whole, *without = tables
    again = pd.concat(
        [table.assign(block=block) for block, table in zip(in_turn, without, strict=True)],
        ignore_index=True,
    )
    left_out = {part.name: part.values for part in _parts(study, numbered(again))}
    parts = [
        dataclasses.replace(part, left_out=by_block(left_out[part.name], in_turn))
        for part in _parts(study, whole)
        if part.needed
    ]
    found = claims_table(parts, alpha=alpha, min_networks=5).set_index("part")["verdict"]
    return Judged(
        float(of_all[0, :, 0].mean()),
        float(of_held[0].mean()),
        bool(whole["p"].iloc[0] <= alpha),
        {part.name: found[part.name] for part in parts},
    )


def _parts(study: Study, table: pd.DataFrame) -> list[Part]:
    tables: dict[str, Any] = dict.fromkeys(field.name for field in dataclasses.fields(Measured))
    measured = Measured(**tables | {"specificity": {study.condition: table}})
    return selective_by_classes(study, measured)


def shares(found: list[Judged], part: str) -> tuple[float, float]:
    """Return the shares of runs in which `part` is supported, and supported or present."""
    verdicts = [run.verdicts[part] for run in found]
    supported = float(np.mean([verdict == SUPPORTED for verdict in verdicts]))
    return supported, supported + float(np.mean([verdict == PRESENT for verdict in verdicts]))
