"""What claims about responses to whole clips need where clips differ in length or level."""

import dataclasses

import numpy as np

from music_detectors.claims.estimates import representation, segments, units
from music_detectors.claims.estimates.common import rows_of
from music_detectors.claims.inference import Part
from music_detectors.claims.study import Measured, Study

NAME = "at equal length and level"
"""How the names of these parts end."""

_BALANCED = {
    "response_hedges_g": "response_balanced_d",
    "test_ratio": "test_balanced_ratio",
    "test_all_common_language": "test_all_balanced_common_language",
}
# Claims of the effect of the target on the selective units which have no part of their own here.
_SAME_EFFECT = ("level", "genres")


def at_equal_length_and_level(study: Study, measured: Measured) -> list[Part]:
    """Return parts of several claims: what they need, at equal length and level of the clips.

    They are needed where target and other clips differ (`differs_in` of the summary), and else
    shown for comparison. In place of each effect stands that of a model with length and level.
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
        if part.needed and _is_of_whole_clips(part)
    ]
    (effect,) = (part for part in parts if (part.claim, part.name) == ("selective", "effect"))
    parts += [
        dataclasses.replace(effect, claim=claim, smallest_effect=study.smallest_effects[claim])
        for claim in _SAME_EFFECT
    ]
    return [_named(study, part, _difference(study, measured, part)) for part in parts]


def _is_of_whole_clips(part: Part) -> bool:
    """Return whether the estimates of `part` are of responses to whole clips, not to segments."""
    if part.claim == "speech":
        return part.name.startswith("effect")
    return part.claim != "specific" or part.name.endswith("less selective")


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
