"""What the estimates of several claims need: comparisons with conditions, and too few clips."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from music_detectors.claims.inference import Part
from music_detectors.claims.study import Measured, Study, Values, place_of

MIN_CLIPS = 20
"""The least number of target clips, and of other clips, in the test split for a verdict."""


def over(
    study: Study,
    main: Part,
    values: Mapping[str, Values],
    key: str,
    *,
    needed: bool = False,
    here: Mapping[str, Values] | None = None,
    **changed: Any,
) -> list[Part]:
    """Return one part per condition of `claims.compared.<key>`: `main` minus that condition.

    `values` are those of each condition that was run, paired by seed; the one value of a fixed
    model is subtracted from that of each network. `here` has the values in the article's measure.
    `changed` are other fields of the parts. A needed comparison without a condition has a fault.
    """
    conditions = getattr(study, key)
    parts = [
        dataclasses.replace(
            main,
            name=f"{main.name} over {condition}",
            compared=f"{main.compared}: {study.condition} minus {_named(study, condition)}",
            values=difference(main.values, of_each(study, condition, values, main.values)),
            needed=needed,
            paired=condition not in study.fixed,
            here=mean_of((here or {}).get(condition, {})),
            fault=main.fault or not_run(condition, values),
            **changed,
        )
        for condition in conditions
    ]
    if needed and not parts:
        parts.append(
            dataclasses.replace(
                main,
                name=f"{main.name} over {key}",
                values={},
                here=np.nan,
                fault=not_named(key),
                **changed,
            )
        )
    return parts


def of_each(
    study: Study, condition: str, values: Mapping[str, Values], seeds: Mapping[int, float]
) -> Values:
    """Return the values of `condition`; a fixed model has the same for each of `seeds`."""
    own = values.get(condition, {})
    if condition not in study.fixed:
        return own
    fixed = {place_of(seed): value for seed, value in own.items()}
    return {seed: fixed[place_of(seed)] for seed in seeds if place_of(seed) in fixed}


def difference(first: Values, second: Values) -> Values:
    """Return first minus second, for the seeds that both have."""
    return {seed: value - second[seed] for seed, value in first.items() if seed in second}


def mean_of(values: Values) -> float:
    """Return the mean over networks, NaN for none."""
    return float(np.mean(list(values.values()))) if values else np.nan


def not_run(condition: str, values: Mapping[str, Values]) -> str:
    """Return the fault of a condition without values, else an empty text."""
    if condition in values:
        return ""
    return f"condition {condition} was not run, because conditions.{condition} is null"


def not_named(key: str) -> str:
    """Return the fault of a claim that needs a condition where none is configured."""
    return f"claims.compared.{key} names no condition"


def _named(study: Study, condition: str) -> str:
    if condition in study.fixed:
        return f"the {condition} model"
    return f"{condition} networks of the same seed"


def clip_fields(n_target: pd.Series, n_other: pd.Series) -> dict:
    """Return the fields `n_clips` and `fault` of a part; too few clips are a fault."""
    target, other = (int(column.min()) if len(column) else 0 for column in (n_target, n_other))
    few = min(target, other) < MIN_CLIPS
    fault = f"{target} target and {other} other test clips; at least {MIN_CLIPS} of each are needed"
    return {"n_clips": target + other, "fault": fault if few else ""}


def rows_of(measured: Measured, target: str, condition: str) -> pd.DataFrame:
    """Return the rows of a condition in the summary of selectivity for a target."""
    table = measured.selectivity[target]
    return table[table["condition"] == condition]
