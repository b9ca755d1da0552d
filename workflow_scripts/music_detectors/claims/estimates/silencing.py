"""The claim about silenced units: lesion."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from music_detectors.claims.estimates.common import mean_of
from music_detectors.claims.inference import Part
from music_detectors.claims.study import Measured, Study, Values

_LEAST_MATCH = 0.9
"""The share of what the most selective units have that matched units must have."""


@dataclass(frozen=True)
class _Null:
    """A lesion that the lesion of the most selective units is compared with.

    `lesion` is how its names begin, `units` what they are; `matched` is the column in which they
    equal the most selective units.
    """

    name: str
    lesion: str
    units: str
    set_to: str = "zero"
    matched: str = ""
    needed: bool = True


_RESPONSE, _DRIVE = "mean response", "SD times outgoing weights"
_NULLS = (
    _Null("middle", "middle", "units of middling selectivity"),
    _Null("bottom", "bottom", "the least selective units"),
    _Null("norm", "norm", "the units that respond most"),
    _Null("response", "matched-response", f"units of equal {_RESPONSE}", matched="response"),
    _Null("drive", "matched-drive", f"units of equal {_DRIVE}", matched="drive"),
    _Null(
        "drive, at the mean",
        "matched-drive",
        f"units of equal {_DRIVE}, all set to their mean",
        set_to="mean",
        matched="drive",
    ),
    _Null("random", "random", "as many randomly drawn units", needed=False),
)


def lesion(study: Study, measured: Measured) -> list[Part]:
    """Return claim 10 from lesions.tsv, at the fraction nearest that of the selective units.

    Costs are over the clips without the target, so that no cost is a sound of the target that is
    taken for another.
    """
    table, smallest = measured.lesions, study.smallest_effects["lesion"]
    natural = table[table["group"] == "natural"]
    fractions = np.sort(natural.loc[natural["lesion"] != "none", "fraction"].unique())
    if not len(fractions):
        return [Part("lesion", "top over middle", "", "", smallest, fault="no lesion was made")]
    nearest = fractions[np.argmin(np.abs(fractions - study.fraction))]
    made = natural[(natural["lesion"] == "none") | (natural["fraction"] == nearest)]
    on_other, on_all = (made[made["clips"] == clips] for clips in ("other", "all"))
    parts = []
    for null in _NULLS:
        values = _costs(on_other, null, above_chance=True)
        as_in_the_study = _costs(on_all, null, above_chance=False)
        fault = ""
        if null.matched and not _rows(on_other, null.lesion, null.set_to).any():
            fault = f"lesions of {100 * nearest:.3g}% of the units leave too few to match them with"
        parts.append(
            Part(
                "lesion",
                f"top over {null.name}",
                "loss of mAP over natural sounds, among clips without the target: silencing the "
                f"{100 * nearest:.3g}% most selective units, minus silencing {null.units}",
                "share of the intact mAP above chance",
                smallest,
                values,
                int(on_other["n_clips"].min()) if len(on_other) else 0,
                needed=null.needed,
                here=mean_of(as_in_the_study),
                fault=fault,
                caveat=_unmatched(on_other, null),
            )
        )
    return parts


def _costs(table: pd.DataFrame, null: _Null, *, above_chance: bool) -> Values:
    """Return what the top lesion costs more than `null`, as a share of the intact mAP, by seed.

    With `above_chance`, of the intact mAP above chance; NaN where there is none.
    """
    intact_rows = table[table["lesion"] == "none"]
    intact, chance = (_mean(intact_rows, column) for column in ("mean_average_precision", "chance"))
    top, other = (
        _mean(table[_rows(table, lesion, null.set_to)], "mean_average_precision")
        for lesion in ("top", null.lesion)
    )
    costs = {}
    for seed, precision in intact.items():
        whole = precision - chance[seed] if above_chance else precision
        lost = other.get(seed, np.nan) - top.get(seed, np.nan)
        costs[seed] = lost / whole if whole > 0 else np.nan
    return costs


def _rows(table: pd.DataFrame, lesion: str, set_to: str) -> pd.Series:
    """Return which rows are of a kind of lesion: `lesion`, or its draws."""
    return table["lesion"].str.startswith(lesion) & (table["set_to"] == set_to)


def _unmatched(table: pd.DataFrame, null: _Null) -> str:
    """Return why units that were matched do not match well enough, else an empty text.

    Where the most selective units have more than all others, no others match them.
    """
    if not null.matched:
        return ""
    top, other = (
        table.loc[_rows(table, lesion, null.set_to), null.matched].mean()
        for lesion in ("top", null.lesion)
    )
    if not other < _LEAST_MATCH * top:
        return ""
    what = _RESPONSE if null.matched == "response" else _DRIVE
    return (
        f"the units that are nearest in {what} have {other / top:.2g} times that of the most "
        f"selective units, less than {_LEAST_MATCH:g}"
    )


def _mean(table: pd.DataFrame, column: str) -> Values:
    grouped = table.groupby("seed")[column]
    return grouped.agg(lambda values: values.mean(skipna=False)).to_dict()
