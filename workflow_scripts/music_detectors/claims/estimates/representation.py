"""Claims about the representation of all units: apart, all-units, decoding, emergence."""

from typing import Any

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
from music_detectors.claims.inference import Part
from music_detectors.claims.study import Measured, Study, Values, by_seed

_ALL_UNITS = "all units"


def apart(study: Study, measured: Measured) -> list[Part]:
    """Return claim 1: embedding, recognition, and decoding from all units over other features."""
    return [
        *_segregation(study, measured),
        *_recognition(study, measured),
        *_decoding_over_features(study, measured),
    ]


def _segregation(study: Study, measured: Measured) -> list[Part]:
    """Return the parts about the index of segregation, adjusted for chance."""
    values = {name: chance_adjusted(table) for name, table in measured.segregation.items()}
    table, smallest = measured.segregation[study.condition], study.smallest_effects["apart"]
    fields = clip_fields(table["n_target"], table["n_other"])
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
        "share of the overlap of permuted roles",
        smallest,
        values[study.condition],
        **fields,
    )
    return [
        main,
        *over(study, main, values, "controls"),
        *over(study, main, values, "shuffled"),
    ]


def _recognition(study: Study, measured: Measured) -> list[Part]:
    """Return the parts about classes that the networks know, and those of the target."""
    natural, natural_map = _above_chance(measured, study.condition, "natural")
    target, target_map = _above_chance(measured, study.condition, "target")
    lesions = measured.lesions
    n_clips = int(lesions["n_clips"].min()) if len(lesions) else 0
    share = {
        seed: value / natural[seed] if natural.get(seed, 0) > 0 else np.nan
        for seed, value in target.items()
    }
    return [
        Part(
            "apart",
            "natural classes",
            "mAP of natural classes on test clips, above chance",
            "share of what chance leaves missing",
            study.smallest_effects["recognition"],
            natural,
            n_clips,
            here=mean_of(natural_map),
            fault="" if natural else "no natural class occurs in the test clips",
        ),
        Part(
            "apart",
            "target classes",
            f"mAP of the classes of {study.target} on test clips, above chance",
            "share of what natural classes gain",
            study.smallest_effects["at_chance"],
            share,
            n_clips,
            equivalence=True,
            here=mean_of(target_map),
            fault="" if target else f"no class of {study.target} occurs in the test clips",
        ),
    ]


def _decoding_over_features(study: Study, measured: Measured) -> list[Part]:
    """Return the parts about linear decoding from all units of the layer."""
    scores = measured.decoding[study.condition]
    own, smallest = _precision(scores, _ALL_UNITS), study.smallest_effects["decoding"]
    fields: dict[str, Any] = {"n_clips": _n_clips(scores), "fault": _few_clips(study, measured)}
    missing = {seed: 1 - precision for seed, precision in own.items()}
    parts = [
        Part(
            "apart",
            "decoding",
            f"decoding {study.target} from all units, above chance",
            "share of what chance leaves missing",
            smallest,
            decoded(scores, _ALL_UNITS),
            here=mean_of(own),
            **fields,
        )
    ]
    by_features = {
        name: _precision(table, _ALL_UNITS)
        for name, table in measured.decoding.items()
        if name != study.condition
    }
    unit = "share of the average precision that {} leaves missing"
    for features in study.features:
        theirs = of_each(study, features, by_features, own)
        gained = difference(own, theirs)
        both = _precision(scores, f"{_ALL_UNITS} and {features}")
        fault = fields["fault"] or not_run(features, by_features)
        parts += [
            Part(
                "apart",
                f"decoding over {features}",
                f"decoding {study.target}: all units minus the features of {features}",
                unit.format(features),
                smallest,
                {seed: _share(value, 1 - theirs[seed]) for seed, value in gained.items()},
                fields["n_clips"],
                paired=features not in study.fixed,
                here=mean_of(by_features.get(features, {})),
                fault=fault,
            ),
            Part(
                "apart",
                f"decoding with {features}",
                f"decoding {study.target}: all units and the features of {features} together, "
                "minus all units alone",
                "share of the average precision that units leave missing",
                smallest,
                {s: _share(v, missing[s]) for s, v in difference(both, own).items()},
                fields["n_clips"],
                needed=False,
                here=mean_of(both),
                fault=fault,
            ),
        ]
    if not study.features:
        parts.append(
            Part(
                "apart",
                "decoding over features",
                f"decoding {study.target}: all units minus other features",
                unit.format("the features"),
                smallest,
                fault=not_named("features"),
            )
        )
    return parts


def all_units(study: Study, measured: Measured) -> list[Part]:
    """Return claim 2: the mean response of all units to target and other clips."""
    values = {
        name: {seed: value - 0.5 for seed, value in of_condition.items()}
        for name, of_condition in measured.of_conditions(
            study.target, "test_all_common_language"
        ).items()
    }
    rows, smallest = (
        rows_of(measured, study.target, study.condition),
        study.smallest_effects["all_units"],
    )
    main = Part(
        "all-units",
        "effect",
        f"mean response of all units: probability that it is larger to a clip of {study.target} "
        "than to another",
        "probability above one half",
        smallest,
        values[study.condition],
        here=mean_of(values[study.condition]) + 0.5,
        **clip_fields(rows["n_target_test"], rows["n_other_test"]),
    )
    return [
        main,
        *over(study, main, values, "controls"),
        *over(study, main, values, "target_heard"),
    ]


def decoding(study: Study, measured: Measured) -> list[Part]:
    """Return claim 5: linear decoding from the most selective block of units."""
    table = measured.decoding[study.condition]
    scores, genres = table[table["genre"] == ""], table[table["genre"] != ""]
    fields: dict[str, Any] = {"n_clips": _n_clips(scores), "fault": _few_clips(study, measured)}
    top, everything = decoded(scores, "units"), decoded(scores, _ALL_UNITS)
    precision, block = _precision(scores, "units"), scores[scores["features"] == "units"]
    ranks = np.sort(block["first_rank"].unique())
    if len(ranks) > 1:
        second = by_seed_of(block[block["first_rank"] == ranks[1]])
    else:
        second = {}
    parts = [
        Part(
            "decoding",
            "top units",
            f"decoding {study.target} from the most selective units, above chance",
            "share of what all units reach above chance",
            study.smallest_effects["suffice"],
            {seed: _share(value, everything.get(seed, np.nan)) for seed, value in top.items()},
            here=mean_of(precision),
            **fields,
        ),
        Part(
            "decoding",
            "top over next units",
            f"decoding {study.target}: the most selective units minus the next in order",
            "share of the average precision that the next units leave missing",
            study.smallest_effects["decoding"],
            {
                seed: _share(value, 1 - second[seed])
                for seed, value in difference(precision, second).items()
            },
            fields["n_clips"],
            fault=fields["fault"]
            or ("" if second else "decoding.units leaves no second block of units"),
        ),
    ]
    top_of_genres = genres[(genres["features"] == "units") & (genres["first_rank"] == 1)]
    if len(top_of_genres):
        gained = _share_above_chance(top_of_genres)
        parts.append(
            Part(
                "decoding",
                "genres",
                "decoding each genre from the most selective units, above chance: mean over genres",
                "share of what chance leaves missing",
                study.smallest_effects["recognition"],
                gained.groupby(top_of_genres["seed"]).agg(_mean).to_dict(),
                here=mean_of(by_seed_of(top_of_genres)),
                **fields,
            )
        )
    return parts


def emergence(study: Study, measured: Measured) -> list[Part]:
    """Return claim 11: what the last snapshot of each network has over its first."""
    table, smallest = measured.emergence, study.smallest_effects
    unit = "share of what chance leaves missing"
    fields: dict[str, Any] = {"n_clips": 0, "fault": ""}
    if table is None:
        table = pd.DataFrame(columns=["seed", "epoch"], dtype=float)
        fields["fault"] = (
            f"no snapshots; list epochs in conditions.{study.condition}.snapshots, such as "
            "[0, 1, 3, 10]"
        )
    else:
        fields = clip_fields(table["n_target"], table["n_other"])
        if table["epoch"].nunique() < 2:
            fields["fault"] = (
                f"one snapshot; conditions.{study.condition}.snapshots must list two or more"
            )

    def gain(column: str, chance: str | None = None) -> Values:
        if table["epoch"].nunique() < 2:
            return {}
        ordered = table.sort_values("epoch")
        values = ordered[column]
        if chance:
            values = (values - ordered[chance]) / (1 - ordered[chance])
        grouped = values.groupby(ordered["seed"])
        return (grouped.agg(_last) - grouped.agg(_first)).to_dict()

    what = "last minus first snapshot of training"
    return [
        Part(
            "emergence",
            "segregation",
            f"overlap of {study.target} with other test clips, below chance: {what}",
            "share of the overlap of permuted roles",
            smallest["apart"],
            gain("segregation"),
            **fields,
        ),
        Part(
            "emergence",
            "recognition",
            f"mAP of natural classes on test clips, above chance: {what}",
            unit,
            smallest["recognition"],
            gain("natural_map", "chance"),
            **fields,
        ),
        Part(
            "emergence",
            "decoding",
            f"decoding {study.target} from all units, above chance: {what}",
            unit,
            smallest["decoding"],
            gain("decoding", "decoding_chance"),
            needed=False,
            **fields,
        ),
        Part(
            "emergence",
            "effect",
            f"selective units: response to {study.target} minus response to other test clips: "
            f"{what}",
            "SD (Hedges g)",
            smallest["controls"],
            gain("hedges_g"),
            needed=False,
            **fields,
        ),
    ]


def chance_adjusted(table: pd.DataFrame) -> Values:
    """Return the segregation index, rescaled from its value for permuted roles (0) to 1."""
    chance = table["coarse_permuted_mean"]
    return by_seed(table, (table["coarse_index"] - chance) / (1 - chance).where(chance < 1))


def decoded(scores: pd.DataFrame, features: str) -> Values:
    """Return the average precision of the target above chance, as a share of what chance leaves.

    Of blocks of units, the first counts.
    """
    rows = _first_block(scores, features)
    return by_seed(rows, _share_above_chance(rows))


def by_seed_of(rows: pd.DataFrame) -> Values:
    """Return the mean average precision of `rows` by seed."""
    return rows.groupby("seed")["average_precision"].agg(_mean).to_dict()


def _precision(scores: pd.DataFrame, features: str) -> Values:
    return by_seed_of(_first_block(scores, features))


def _first_block(scores: pd.DataFrame, features: str) -> pd.DataFrame:
    """Return the rows of the target itself with `features`; of blocks of units, the first."""
    of_target = scores[(scores["genre"] == "") & (scores["features"] == features)]
    return of_target[(of_target["first_rank"].isna()) | (of_target["first_rank"] == 1)]


def _share_above_chance(rows: pd.DataFrame) -> pd.Series:
    left = 1 - rows["chance"]
    return (rows["average_precision"] - rows["chance"]) / left.where(left > 0)


def _share(value: float, of: float) -> float:
    return value / of if of > 0 else np.nan


def _above_chance(measured: Measured, condition: str, group: str) -> tuple[Values, Values]:
    """Return the mAP of a group of classes on test clips: above chance, and as it is."""
    table = measured.recognition
    rows = table[
        (table["condition"] == condition)
        & (table["clips"] == "test")
        & (table["group"] == group)
        & (table["n_classes"] > 0)
    ]
    above = (rows["mean_average_precision"] - rows["chance"]) / (1 - rows["chance"])
    return by_seed(rows, above), by_seed(rows, rows["mean_average_precision"])


def _n_clips(scores: pd.DataFrame) -> int:
    return int(scores["n_test"].min()) if len(scores) else 0


def _few_clips(study: Study, measured: Measured) -> str:
    rows = rows_of(measured, study.target, study.condition)
    return clip_fields(rows["n_target_test"], rows["n_other_test"])["fault"]


def _mean(values: pd.Series) -> float:
    # A mean that skipped missing values would be taken over different ones in each network.
    return values.mean(skipna=False)


def _first(values: pd.Series) -> float:
    return values.iloc[0]


def _last(values: pd.Series) -> float:
    return values.iloc[-1]
