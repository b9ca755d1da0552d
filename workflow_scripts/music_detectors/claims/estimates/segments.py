"""Claims about responses to quilts: temporal, generalisation, speech."""

import numpy as np
import pandas as pd

from music_detectors.claims.estimates.common import (
    clip_fields,
    difference,
    mean_of,
    not_named,
    not_run,
    of_each,
    over,
    rows_of,
)
from music_detectors.claims.inference import Part, t_test
from music_detectors.claims.study import Measured, Study, Values
from music_detectors.recognition.columns import MEMORISED

_ROLES = ("target", "other")
_EFFECTS = ("target", "other", "interaction", "in proportion", "fall", "long fall", "long")
_SHORTEST = 2
"""The number of segment lengths, the shortest of those played, that generalisation compares."""


def temporal(study: Study, measured: Measured) -> list[Part]:
    """Return claim 8: responses to quilts, in SDs of the responses to intact clips."""
    quilts = measured.quilts[study.target]
    table = quilts[study.condition]
    effects = {condition: segment_effects(rows) for condition, rows in quilts.items()}

    def values(name: str, condition: str = study.condition, group: str = "most") -> Values:
        return effects[condition].loc[group, name].to_dict()

    smallest = study.smallest_effects["temporal"]
    fields = {
        "unit": "SD per octave",
        "smallest_effect": smallest,
        **_clips(table),
    }
    octaves = np.log2(table["segment_ms"].max() / table["segment_ms"].min())
    per_fall = fields | {"unit": "SD", "smallest_effect": smallest * octaves}
    response = f"response of the selective units to {study.target}"
    rise = f"{response}: rise with segment length"
    main = Part(
        "temporal",
        "rise",
        rise,
        values=values("target"),
        here=_correlation(measured, "target"),
        **fields,
    )
    rises = {condition: values("target", condition) for condition in effects}
    return [
        main,
        Part(
            "temporal",
            "fall",
            f"{response}: intact clips minus the shortest segments",
            values=values("fall"),
            here=mean_of(share_of_intact(table, table["segment_ms"].min())),
            **per_fall,
        ),
        Part(
            "temporal",
            "interaction",
            f"{rise}, minus the rise for other sounds",
            values=values("interaction"),
            **fields,
        ),
        Part(
            "temporal",
            "in proportion",
            f"{rise}, minus the rise expected if it lost the same share as other sounds",
            values=values("in proportion"),
            **fields,
        ),
        Part(
            "temporal",
            "rise over the least selective units",
            f"{rise}: most minus least selective units",
            values=difference(main.values, values("target", group="least")),
            **fields,
        ),
        *over(study, main, rises, "controls", needed=True),
        Part(
            "temporal",
            "rise, other sounds",
            "response of the selective units to other sounds: rise with segment length",
            values=values("other"),
            needed=False,
            here=_correlation(measured, "other"),
            **fields,
        ),
        Part(
            "temporal",
            "fall, longest segments",
            f"{response}: intact clips minus the longest segments",
            values=values("long fall"),
            needed=False,
            here=mean_of(share_of_intact(table, table["segment_ms"].max())),
            **per_fall,
        ),
        *over(study, main, rises, "shuffled"),
        *over(study, main, rises, "target_heard"),
    ]


def generalisation(study: Study, measured: Measured) -> list[Part]:
    """Return claim 9: relative to intact, quilts evoke more in networks that memorised labels."""
    quilts = measured.quilts[study.target]
    table = quilts[study.condition]
    smallest = study.smallest_effects["generalisation"]
    lengths = np.sort(table["segment_ms"].dropna().unique())[:_SHORTEST]
    parts = []
    for control in study.shuffled:
        caveat = _not_memorised(measured.recognition, control)
        for length in lengths:
            shares = {
                name: share_of_intact(quilts[name], length)
                for name in (study.condition, control)
                if name in quilts
            }
            own = shares[study.condition]
            values = difference(of_each(study, control, shares, own), own)
            name = f"at {length:g} ms" + (f", {control}" if len(study.shuffled) > 1 else "")
            fields = _clips(table)
            parts.append(
                Part(
                    "generalisation",
                    name,
                    f"response of the selective units to {study.target} in segments of "
                    f"{length:g} ms relative to intact: {control} minus {study.condition} "
                    "networks of the same seed",
                    "share of the response to intact clips",
                    smallest,
                    values,
                    fields["n_clips"],
                    paired=control not in study.fixed,
                    caveat=caveat,
                    here=t_test(np.array(list(values.values())))[2],
                    fault=fields["fault"] or not_run(control, shares),
                )
            )
    if not study.shuffled:
        parts.append(
            Part(
                "generalisation",
                "at the shortest lengths",
                "networks on shuffled labels",
                "share of the response to intact clips",
                smallest,
                fault=not_named("shuffled"),
            )
        )
    return parts


def speech(study: Study, measured: Measured) -> list[Part]:
    """Return claim 12: without speech in training, units are selective and respond flatter."""
    quilts, smallest = measured.quilts[study.target], study.smallest_effects
    g = measured.of_conditions(study.target, "response_hedges_g")
    ratios = measured.of_conditions(study.target, "test_ratio")
    rises = {
        name: segment_effects(quilts[name]).loc["most", "long"].to_dict()
        for name in (study.condition, *study.speech_withheld)
        if name in quilts
    }
    parts = []
    for condition in study.speech_withheld:
        rows = rows_of(measured, study.target, condition)
        missing = not_run(condition, g)
        fields = clip_fields(rows["n_target_test"], rows["n_other_test"])
        heard = _clips(quilts[study.condition])
        parts += [
            Part(
                "speech",
                f"effect of {condition}",
                f"selective units of {condition} networks: response to {study.target} minus "
                "response to other test clips",
                "SD (Hedges g)",
                smallest["selective"],
                g.get(condition, {}),
                here=mean_of(ratios.get(condition, {})),
                **fields | {"fault": missing or fields["fault"]},
            ),
            Part(
                "speech",
                f"rise over {condition}",
                f"response of the selective units to {study.target}: rise with segment length "
                f"among long segments: {study.condition} minus {condition} networks of the same "
                "seed",
                "SD per octave",
                smallest["temporal"],
                difference(rises[study.condition], rises.get(condition, {})),
                heard["n_clips"],
                paired=True,
                fault=missing or heard["fault"],
            ),
        ]
    if not parts:
        parts.append(
            Part(
                "speech",
                "effect",
                "networks that have heard no speech either",
                "SD (Hedges g)",
                smallest["selective"],
                fault=not_named("speech_withheld"),
            )
        )
    return parts


def share_of_intact(table: pd.DataFrame, segment_ms: float) -> Values:
    """Return the response of the most selective units to target clips in segments of this length.

    It is divided by their response to intact clips; NaN where that is not positive.
    """
    rows = table[(table["group"] == "most") & (table["role"] == "target")].set_index("seed")
    intact = rows.loc[rows["segment_ms"].isna(), "response"]
    quilted = rows.loc[rows["segment_ms"] == segment_ms, "response"]
    if intact.index.has_duplicates or quilted.index.has_duplicates:
        return dict.fromkeys(rows.index.unique().tolist(), np.nan)
    return (quilted / intact.where(intact > 0)).to_dict()


def segment_effects(table: pd.DataFrame) -> pd.DataFrame:
    """Return the effects of segments (_EFFECTS) by group of units and seed.

    Responses are divided by their standard deviation over intact clips within roles. `target` and
    `other` are slopes per octave of segment length, `long` the slope for target clips over the
    longer half of the lengths. Effects that cannot be computed are NaN.
    """
    table = table.assign(segment_ms=table["segment_ms"].fillna(np.inf))
    lengths = np.sort(table["segment_ms"].unique())
    groups, seeds = ("most", "least"), np.sort(table["seed"].unique())
    index = pd.MultiIndex.from_product([groups, seeds], names=["group", "seed"])
    by_row = table.set_index(["group", "seed", "role", "segment_ms"])
    if len(lengths) < 3 or lengths[-1] < np.inf or by_row.index.has_duplicates:
        return pd.DataFrame(np.nan, index=index, columns=list(_EFFECTS))
    whole = by_row.reindex(pd.MultiIndex.from_product([groups, seeds, _ROLES, lengths]))
    shape = (len(index), len(_ROLES), len(lengths))
    responses, sd, n_clips = (
        whole[name].to_numpy(dtype=float).reshape(shape)
        for name in ("response", "response_sd", "n_clips")
    )
    df, sd = n_clips[:, :, -1] - 1, sd[:, :, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt((df * sd**2).sum(axis=1) / df.sum(axis=1))
        scale[~(scale > 0)] = np.nan
        responses = responses / scale[:, None, None]
        octaves = np.log2(lengths[:-1])
        target, other = _slopes(responses[:, :, :-1], octaves).T
        longer = min(len(octaves) // 2, len(octaves) - 2)
        long = _slopes(responses[:, 0, longer:-1], octaves[longer:])
        intact_target, intact_other = responses[:, :, -1].T
        share = np.where(intact_other > 0, other / intact_other, np.nan)
    effects = {
        "target": target,
        "other": other,
        "interaction": target - other,
        "in proportion": target - share * intact_target,
        "fall": intact_target - responses[:, 0, 0],
        "long fall": intact_target - responses[:, 0, -2],
        "long": long,
    }
    return pd.DataFrame(effects, index=index)


def _slopes(responses: np.ndarray, octaves: np.ndarray) -> np.ndarray:
    """Return the least-squares slopes of `responses` (..., n) over `octaves` (n,)."""
    centred = octaves - octaves.mean()
    return responses @ centred / (centred @ centred)


def _clips(table: pd.DataFrame) -> dict:
    intact = table[table["segment_ms"].isna() & (table["group"] == "most")]
    n_target, n_other = (intact.loc[intact["role"] == role, "n_clips"] for role in _ROLES)
    return clip_fields(n_target, n_other)


def _correlation(measured: Measured, role: str) -> float:
    """Return the correlation of response and segment length, over networks and lengths."""
    table = measured.correlation
    return float(table.loc[(table["group"] == "most") & (table["role"] == role), "r"].mean())


def _not_memorised(recognition: pd.DataFrame, control: str) -> str:
    """Return the caveat of a control that has not memorised its labels, else an empty text.

    Networks on shuffled labels can only memorise; those that have not are nearly untrained. Every
    network must have memorised: its mAP over all classes on training clips counts.
    """
    rows = recognition[
        (recognition["condition"] == control)
        & (recognition["clips"] == "training")
        & (recognition["n_classes"] > 0)
    ]
    sums = (rows["mean_average_precision"] * rows["n_classes"]).groupby(rows["seed"]).sum()
    learnt = sums / rows["n_classes"].groupby(rows["seed"]).sum()
    least = float(learnt.min()) if len(learnt) else 0.0
    if least >= MEMORISED:
        return ""
    return (
        f"{control} networks have not memorised their labels (mAP on their training clips from "
        f"{least:.2g}; {MEMORISED:g} or more is needed), so the comparison cannot count as support"
    )
