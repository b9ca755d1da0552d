"""What claims about whole clips need where clips differ in length or level."""

import dataclasses

import numpy as np
import pandas as pd

from music_detectors.claims.estimates import classes, representation, segments, units
from music_detectors.claims.estimates.common import clip_fields, rows_of
from music_detectors.claims.inference import Part
from music_detectors.claims.study import Measured, Study

NAME = "at equal length and level"
"""How the names of these parts end."""

_BALANCED = {
    "response_hedges_g": "response_balanced_d",
    "test_ratio": "test_balanced_ratio",
    "test_all_common_language": "test_all_balanced_common_language",
}
SAME_EFFECT = ("level", "genres")
"""Claims that have the adjusted effect of claim 3, called `SAME_NAME`, in place of parts of their
own."""
SAME_NAME = "effect"
_MATCHED = "matched_"
_TOUCHED = "apart all-units selective decoding models emergence speech specific".split()
# Of these, parts about recognition, which tell no role from the other, and about segments, whose
# stimuli are cut to one length.
_NOT_TOUCHED: dict[str, tuple[str, ...]] = {
    "apart": ("natural classes", "target classes"),
    "emergence": ("recognition",),
    "speech": ("rise",),
}


def is_touched(claim: str, part: str) -> bool:
    """Return whether a difference in length or level can make up the estimates of a `part`."""
    if claim == "specific":
        return part.endswith("less selective") or part.startswith("novelty")
    return claim in _TOUCHED and not part.startswith(_NOT_TOUCHED.get(claim, ()))


def at_equal_length_and_level(study: Study, measured: Measured) -> list[Part]:
    """Return parts of several claims: what they need, at equal length and level of the clips.

    They are needed where target and other clips differ (`differs_in` of the summary), and else
    shown for comparison. In place of each effect stands that of a model with length and level. In
    place of each measure of many units at once, in which any trace of length or level counts,
    stands that of clips that are matched in both.
    """
    tables = {
        target: table.assign(**{name: table[own] for name, own in _BALANCED.items()})
        for target, table in measured.selectivity.items()
    }
    balanced = dataclasses.replace(measured, selectivity=tables)
    parts = [
        part
        for claim in (
            representation.all_units,
            units.selective,
            units.models,
            segments.speech,
            units.specific,
        )
        for part in claim(study, balanced)
        if part.needed and is_touched(part.claim, part.name)
    ]
    (effect,) = (part for part in parts if (part.claim, part.name) == ("selective", SAME_NAME))
    parts += [
        dataclasses.replace(effect, claim=claim, smallest_effect=study.smallest_effects[claim])
        for claim in SAME_EFFECT
    ]
    parts += _of_matched_clips(study, measured)
    return [_named(study, part, _difference(study, measured, part)) for part in parts]


def _of_matched_clips(study: Study, measured: Measured) -> list[Part]:
    """Return the parts of claims about many units at once, or about classes, for matched clips."""
    only = dataclasses.replace(
        measured,
        **{
            name: {key: _matched(table) for key, table in getattr(measured, name).items()}
            for name in ("segregation", "decoding", "specificity")
        },
        emergence=None if measured.emergence is None else _matched(measured.emergence),
    )
    table = only.segregation[study.condition]
    fields = clip_fields(table["n_target"], table["n_other"])
    few = fields["fault"] and f"matched in length and level, {fields['fault']}"
    return [
        dataclasses.replace(
            part,
            n_clips=fields["n_clips"],
            fault=few or part.fault,
        )
        for claim in (
            representation.apart,
            classes.apart_by_classes,
            classes.selective_by_classes,
            representation.decoding,
            representation.emergence,
            classes.novelty,
        )
        for part in claim(study, only)
        if part.needed and is_touched(part.claim, part.name)
    ]


def _matched(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with the measures of matched clips in place of those of all clips.

    Genres without matched clips have no row, unless there is no other.
    """
    own = [name for name in table if name.startswith(_MATCHED)]
    if "genre" in table:
        is_genre = table["genre"] != ""
        unscored = is_genre & table[f"{_MATCHED}average_precision"].isna()
        table = table[~unscored] if (is_genre & ~unscored).any() else table
    return table.assign(**{name.removeprefix(_MATCHED): table[name] for name in own})


def _difference(study: Study, measured: Measured, part: Part) -> str:
    """Return in words in which measures the clips of `part` differ; empty for none."""
    targets = [study.target]
    if part.claim == "specific":
        targets += [name for name in study.further if part.name.startswith(f"{name}:")]
    tables = [rows_of(measured, name, study.condition) for name in targets]
    if not all("differs_in" in table for table in tables):
        # Tables without a block of clips do not say it.
        return ""
    texts = {name: table["differs_in"] for name, table in zip(targets, tables, strict=True)}
    return "; ".join(
        f"{name} and other test clips differ in {text.iloc[0]}"
        for name, text in texts.items()
        if text.iloc[0]
    )


def _named(study: Study, part: Part, difference: str) -> Part:
    """Return `part` under its own name, needed where there is a `difference` of the clips."""
    compared = f"{part.compared}, {NAME}"
    fault = part.fault
    if difference:
        compared = f"{compared} ({difference})"
        if not fault and part.values and np.isnan(list(part.values.values())).all():
            fault = f"{difference}, so that there is no effect {NAME}"
    unit = part.unit.replace("SD (Hedges g)", "residual SD")
    return dataclasses.replace(
        part,
        name=f"{part.name} {NAME}",
        compared=compared,
        unit=unit,
        needed=bool(difference),
        here=np.nan,
        fault=fault,
    )
