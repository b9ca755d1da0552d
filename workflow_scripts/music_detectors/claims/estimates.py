"""The estimates that claims rest on, one per network, from the tables of the analyses.

docs/claims.md explains the choices. Positive estimates support the claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from music_detectors.claims.inference import Part

MIN_CLIPS = 20
"""The least number of target clips, and of other clips, in the test split for a verdict."""

_ROLES = ("target", "other")
_SEGMENT_EFFECTS = ("target", "other", "interaction", "in proportion", "fall")

Values = dict[int, float]
"""Seed to estimate."""
Conditions = Mapping[str, pd.DataFrame]
"""Condition to a table with a column `seed`."""


@dataclass(frozen=True)
class Study:
    """The condition that is claimed about, the controls, the target and the smallest effects."""

    condition: str
    controls: Sequence[str]
    """Conditions that `condition` is compared with, whether they were run or not."""
    shuffled: Sequence[str]
    """The controls whose networks are trained on shuffled labels."""
    fixed: Sequence[str]
    """The controls whose models are not trained: one value each, not one per seed."""
    target: str
    fraction: float
    """The share of units that are called selective."""
    smallest_effects: Mapping[str, float]


def apart(study: Study, segregation: Conditions) -> list[Part]:
    """Return claim 1 from the tables of segregation: the index, adjusted for chance."""
    values = {condition: _chance_adjusted(table) for condition, table in segregation.items()}
    table, smallest = segregation[study.condition], study.smallest_effects["apart"]
    fields = {
        "unit": "share of the overlap of permuted roles",
        "smallest_effect": smallest,
        **_clip_fields(table["n_target"], table["n_other"]),
    }
    by_chance = (table["coarse_permuted_sd"] / (1 - table["coarse_permuted_mean"])).mean()
    if not fields["fault"] and smallest and not by_chance <= smallest:
        fields["fault"] = (
            f"with {fields['n_clips']} test clips the index of permuted roles varies by "
            f"{by_chance:.2g} (SD), more than the smallest effect of interest ({smallest:g})"
        )
    main = Part(
        "apart",
        "segregation",
        f"overlap of {study.target} with other test clips: how much lower than by chance",
        values=values[study.condition],
        **fields,
    )
    return [main, *_over_controls(study, main, values, fields)]


def selective(study: Study, units: Conditions, recognition: pd.DataFrame) -> list[Part]:
    """Return claim 2 from the units of the reported layer and recognition/summary.tsv."""
    values = {
        condition: _mean_over_selective(table, "test_hedges_g")
        for condition, table in units.items()
    }
    table, smallest = units[study.condition], study.smallest_effects
    main = Part(
        "selective",
        "effect",
        f"selective units: response to {study.target} minus response to other test clips",
        "SD (Hedges g)",
        smallest["selective"],
        values[study.condition],
        **_clip_fields_of_units(table, smallest["selective"]),
    )
    fields = {
        "unit": main.unit,
        "smallest_effect": smallest["controls"],
        "needed": True,
        **_clip_fields_of_units(table, smallest["controls"]),
    }
    if not study.controls:
        fields["fault"] = "claims.controls names no condition to compare with"
        return [main, Part("selective", "effect over controls", main.compared, **fields)]
    caveats = {control: _not_memorised(study, control, recognition) for control in study.shuffled}
    return [main, *_over_controls(study, main, values, fields, caveats)]


def genres(study: Study, table: pd.DataFrame) -> list[Part]:
    """Return claim 3 from genres.tsv: one needed part per genre with enough test clips.

    With too few clips, the standard error of g over clips exceeds the smallest effect. Such genres
    are shown for comparison only; when most genres are such, the claim is undetermined.
    """
    smallest = study.smallest_effects["genres"]
    parts, enough = [], 0
    for _, genre in table.groupby("mid", sort=False):
        clips, others = int(genre["n_clips"].min()), int(genre["n_other"].min())
        fault = _imprecision(clips, others, smallest)
        enough += not fault
        name = genre["name"].iloc[0]
        parts.append(
            Part(
                "genres",
                name,
                f"selective units: response to {name} minus response to other test clips",
                "SD (Hedges g)",
                smallest,
                _by_seed(genre, genre["hedges_g"]),
                clips + others,
                needed=not fault,
                fault=fault,
            )
        )
    fault = ""
    if not parts:
        fault = "the corpus has no genres"
    elif 2 * enough < len(parts):
        fault = f"only {enough} of {len(parts)} genres have enough test clips"
    elif enough < 2:
        fault = "the claim needs at least two genres with enough test clips"
    if fault:
        parts.append(Part("genres", "genres", "all genres", "SD (Hedges g)", smallest, fault=fault))
    return parts


def temporal(study: Study, quilts: Conditions) -> list[Part]:
    """Return claim 4 from the responses to quilts, in SDs of the responses to intact clips."""
    table = quilts[study.condition]
    effects = {condition: _segment_effects(rows) for condition, rows in quilts.items()}

    def values(name: str, condition: str = study.condition, group: str = "most") -> Values:
        return effects[condition].loc[group, name].to_dict()

    intact = table[table["segment_ms"].isna() & (table["group"] == "most")]
    n_target, n_other = (intact.loc[intact["role"] == role, "n_clips"] for role in _ROLES)
    smallest = study.smallest_effects["temporal"]
    fields = {
        "unit": "SD per octave",
        "smallest_effect": smallest,
        **_clip_fields(n_target, n_other),
    }
    octaves = np.log2(table["segment_ms"].max() / table["segment_ms"].min())
    response = f"response of the selective units to {study.target}"
    rise = f"{response}: rise with segment length"
    least_selective = values("interaction", group="least")
    main = Part(
        "temporal",
        "interaction",
        f"{rise}, minus the rise for other sounds",
        values=values("interaction"),
        **fields,
    )
    return [
        main,
        Part(
            "temporal",
            "in proportion",
            f"{rise}, minus the rise expected if it lost the same share as other sounds",
            values=values("in proportion"),
            **fields,
        ),
        Part("temporal", "rise", rise, values=values("target"), **fields),
        Part(
            "temporal",
            "fall",
            f"{response}: intact clips minus the shortest segments",
            values=values("fall"),
            **fields | {"unit": "SD", "smallest_effect": smallest * octaves},
        ),
        Part(
            "temporal",
            "rise, other sounds",
            "response of the selective units to other sounds: rise with segment length",
            values=values("other"),
            needed=False,
            **fields,
        ),
        Part(
            "temporal",
            "interaction over the least selective units",
            f"{main.compared}: most minus least selective units",
            values={seed: value - least_selective[seed] for seed, value in main.values.items()},
            needed=False,
            **fields,
        ),
        *_over_controls(
            study, main, {control: values("interaction", control) for control in effects}, fields
        ),
    ]


def acoustics(study: Study, units: Conditions, scores: pd.DataFrame) -> list[Part]:
    """Return claim 5 from the units of the reported layer and the condition's decoding table."""
    values = {
        condition: _mean_over_selective(table, "test_partial_d")
        for condition, table in units.items()
    }
    table = units[study.condition]
    fields = {
        "unit": "residual SD",
        "smallest_effect": study.smallest_effects["acoustics"],
        **_clip_fields_of_units(table, study.smallest_effects["acoustics"]),
    }
    main = Part(
        "acoustics",
        "residual effect",
        f"selective units: response to {study.target} minus response to other test clips, "
        "adjusted for acoustic features",
        values=values[study.condition],
        **fields,
    )
    decoding_fields = {
        "unit": "share of the average precision that acoustic features leave missing",
        "smallest_effect": study.smallest_effects["decoding"],
        "n_clips": int(scores["n_test"].min()) if len(scores) else 0,
        "fault": _clip_fields(table["test_n_target"], table["test_n_other"])["fault"],
    }
    return [
        main,
        Part(
            "acoustics",
            "decoding",
            f"decoding {study.target}: acoustic features together with the most selective units, "
            "minus acoustic features alone",
            values=_decoding_gain(scores, "units and covariates"),
            **decoding_fields,
        ),
        Part(
            "acoustics",
            "decoding from units alone",
            f"decoding {study.target}: the most selective units alone, minus acoustic features "
            "alone",
            values=_decoding_gain(scores, "units"),
            needed=False,
            **decoding_fields,
        ),
        *_over_controls(study, main, values, fields),
    ]


def lesion(study: Study, table: pd.DataFrame) -> list[Part]:
    """Return claim 6 from lesions.tsv, at the fraction nearest that of the selective units."""
    natural = table[table["group"] == "natural"]
    fractions = np.sort(natural.loc[natural["lesion"] != "none", "fraction"].unique())
    if not len(fractions):
        fault = "no lesion was made"
        smallest = study.smallest_effects["lesion"]
        return [Part("lesion", "top over random", "", "", smallest, fault=fault)]
    nearest = fractions[np.argmin(np.abs(fractions - study.fraction))]
    at_nearest = natural[natural["fraction"] == nearest]
    intact = _mean_precision(natural[natural["lesion"] == "none"])
    top = _mean_precision(at_nearest[at_nearest["lesion"] == "top"])
    kind = at_nearest["lesion"]
    others = {
        "random": (kind.str.startswith("random"), "as many randomly drawn units"),
        "bottom": (kind == "bottom", "the least selective units"),
        "middle": (kind == "middle", "units of middling selectivity"),
        "norm": (kind == "norm", "the units that respond most"),
    }
    parts = []
    for name, (rows, units) in others.items():
        other = _mean_precision(at_nearest[rows])
        values = {
            seed: (other.get(seed, np.nan) - top.get(seed, np.nan)) / precision
            if precision
            else np.nan
            for seed, precision in intact.items()
        }
        parts.append(
            Part(
                "lesion",
                f"top over {name}",
                "loss of mAP over natural sounds: silencing the "
                f"{100 * nearest:.3g}% most selective units, minus silencing {units}",
                "share of the intact mAP",
                study.smallest_effects["lesion"],
                values,
                int(natural["n_clips"].min()),
                needed=name != "norm",
            )
        )
    return parts


def _by_seed(table: pd.DataFrame, column: pd.Series) -> Values:
    return dict(zip(table["seed"].tolist(), column.tolist(), strict=True))


def _clip_fields(n_target: pd.Series, n_other: pd.Series) -> dict:
    """Return the fields `n_clips` and `fault` of a part; too few clips are a fault."""
    target, other = (int(column.min()) if len(column) else 0 for column in (n_target, n_other))
    few = min(target, other) < MIN_CLIPS
    fault = f"{target} target and {other} other test clips; at least {MIN_CLIPS} of each are needed"
    return {"n_clips": target + other, "fault": fault if few else ""}


def _clip_fields_of_units(units: pd.DataFrame, smallest: float) -> dict:
    """Return the fields of `_clip_fields` for effects in SD, whose error over clips is known."""
    fields = _clip_fields(units["test_n_target"], units["test_n_other"])
    if not fields["fault"]:
        fields["fault"] = _imprecision(
            units["test_n_target"].min(), units["test_n_other"].min(), smallest
        )
    return fields


def _imprecision(n: int, n_other: int, smallest: float) -> str:
    """Return the fault of too few clips: the standard error of g exceeds the `smallest` effect."""
    error = np.sqrt(1 / n + 1 / n_other) if min(n, n_other) > 0 else np.inf
    if not smallest or error <= smallest:
        return ""
    return (
        f"{n} and {n_other} test clips are too few to detect an effect of {smallest:g} SD "
        f"(standard error {error:.2g})"
    )


def _chance_adjusted(table: pd.DataFrame) -> Values:
    """Return the segregation index, rescaled from its value for permuted roles (0) to 1."""
    chance = table["coarse_permuted_mean"]
    return _by_seed(table, (table["coarse_index"] - chance) / (1 - chance).where(chance < 1))


def _mean_over_selective(units: pd.DataFrame, column: str) -> Values:
    selected = units[units["selective"]]
    # A mean that skipped missing units would be taken over different units in each network.
    return selected.groupby("seed")[column].agg(lambda values: values.mean(skipna=False)).to_dict()


def _over_controls(
    study: Study,
    main: Part,
    values: Mapping[str, Values],
    fields: Mapping,
    caveats: Mapping[str, str] | None = None,
) -> list[Part]:
    """Return one part per control: `main` minus the control's `values`, paired by seed.

    The one value of a fixed model is subtracted from that of each network.

    `fields` are the other fields of these parts, which are needed only if `fields` says so.
    `caveats` maps controls to their caveats.
    """
    parts = []
    for control in study.controls:
        control_values = values.get(control, {})
        more = {"needed": False, "caveat": (caveats or {}).get(control, ""), **fields}
        if control not in values:
            more["fault"] = f"no network of condition {control} was run"
        fixed = control in study.fixed
        if fixed:
            only = next(iter(control_values.values()), np.nan)
            control_values = dict.fromkeys(main.values, only)
        minus = f"the {control} model" if fixed else f"{control} networks of the same seed"
        parts.append(
            Part(
                main.claim,
                f"{main.name} over {control}",
                f"{main.compared}: {study.condition} minus {minus}",
                values={
                    seed: value - control_values[seed]
                    for seed, value in main.values.items()
                    if seed in control_values
                },
                paired=not fixed,
                **more,
            )
        )
    return parts


def _not_memorised(study: Study, control: str, recognition: pd.DataFrame) -> str:
    """Return the caveat of a control that has not memorised its labels, else an empty text.

    Networks on shuffled labels can only memorise; those that have not are nearly untrained.
    """
    learnt = {name: _above_chance(recognition, name) for name in (study.condition, control)}
    if learnt[control] >= 0.5 * learnt[study.condition]:
        return ""
    return (
        f"{control} networks have not memorised their labels (mAP above chance on their training "
        f"clips: {learnt[control]:.2g}, against {learnt[study.condition]:.2g} for "
        f"{study.condition}), so the comparison cannot count as support"
    )


def _above_chance(recognition: pd.DataFrame, condition: str) -> float:
    """Return the mAP above chance on training clips, averaged over classes and networks."""
    rows = recognition[
        (recognition["condition"] == condition)
        & (recognition["clips"] == "training")
        & (recognition["n_classes"] > 0)
    ]
    above = (rows["mean_average_precision"] - rows["chance"]) * rows["n_classes"]
    return float(above.sum() / rows["n_classes"].sum()) if len(rows) else 0.0


def _segment_effects(table: pd.DataFrame) -> pd.DataFrame:
    """Return the effects of segments (_SEGMENT_EFFECTS) by group of units and seed.

    Responses are divided by their standard deviation over intact clips within roles. `target` and
    `other` are slopes per octave of segment length. Effects that cannot be computed are NaN.
    """
    table = table.assign(segment_ms=table["segment_ms"].fillna(np.inf))
    lengths = np.sort(table["segment_ms"].unique())
    index = pd.MultiIndex.from_product(
        [("most", "least"), np.sort(table["seed"].unique())], names=["group", "seed"]
    )
    if len(lengths) < 3 or lengths[-1] < np.inf:
        return pd.DataFrame(np.nan, index=index, columns=list(_SEGMENT_EFFECTS))
    wide = table.pivot_table(
        index=["group", "seed"],
        columns=["role", "segment_ms"],
        values=["response", "response_sd", "n_clips"],
        dropna=False,
    )
    columns = pd.MultiIndex.from_product([wide.columns.levels[0], _ROLES, lengths])
    wide = wide.reindex(index=index, columns=columns)
    df = wide["n_clips"].xs(np.inf, axis=1, level=1).to_numpy() - 1
    sd = wide["response_sd"].xs(np.inf, axis=1, level=1).to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt((df * sd**2).sum(axis=1) / df.sum(axis=1))
        scale[~(scale > 0)] = np.nan
        responses = wide["response"].to_numpy().reshape(len(wide), len(_ROLES), len(lengths))
        responses = responses / scale[:, None, None]
        octaves = np.log2(lengths[:-1]) - np.log2(lengths[:-1]).mean()
        target, other = (responses[:, :, :-1] @ octaves / (octaves @ octaves)).T
        intact_target, intact_other = responses[:, :, -1].T
        share = np.where(intact_other > 0, other / intact_other, np.nan)
    effects = {
        "target": target,
        "other": other,
        "interaction": target - other,
        "in proportion": target - share * intact_target,
        "fall": intact_target - responses[:, 0, 0],
    }
    return pd.DataFrame(effects, index=index)


def _decoding_gain(scores: pd.DataFrame, features: str) -> Values:
    """Return how much of the average precision missing from covariates `features` supply.

    It is the difference of their average precision and that of the covariates, divided by one
    minus that of the covariates.
    """
    # The first block of units is the most selective. Covariates have no rank.
    first = scores[scores["first_rank"].isna() | (scores["first_rank"] == 1)]
    first = first[first["genre"] == ""]
    by_seed = first.pivot_table(
        index="seed", columns="features", values="average_precision", dropna=False
    )
    by_seed = by_seed.reindex(columns=["covariates", features])
    missing = 1 - by_seed["covariates"]
    gain = (by_seed[features] - by_seed["covariates"]) / missing.where(missing > 0)
    return {int(seed): float(value) for seed, value in gain.items()}


def _mean_precision(table: pd.DataFrame) -> Values:
    grouped = table.groupby("seed")["mean_average_precision"]
    return grouped.agg(lambda values: values.mean(skipna=False)).to_dict()
