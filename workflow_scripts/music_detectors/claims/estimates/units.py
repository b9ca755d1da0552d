"""Claims about the selective units: selective, level, probe, models, specific, and our own two."""

import dataclasses

import numpy as np
import pandas as pd
from scipy.special import ndtri

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
from music_detectors.claims.estimates.segments import segment_effects
from music_detectors.claims.inference import PROBE_SOUNDS, Part, t_test
from music_detectors.claims.study import Measured, Study, Values, by_seed
from music_detectors.genres.columns import ENOUGH_BLOCKS

_SD = "SD (Hedges g)"
_RATIO = "ratio of responses"
_TENTH = float(ndtri(0.9))
"""How many standard deviations below the mean of a normal distribution 10% lie."""


def selective(study: Study, measured: Measured) -> list[Part]:
    """Return claim 3: the effect of the target on the selective units, over the controls."""
    values = measured.of_conditions(study.target, "response_hedges_g")
    ratios = measured.of_conditions(study.target, "test_ratio")
    rows = rows_of(measured, study.target, study.condition)
    main = Part(
        "selective",
        "effect",
        f"selective units: response to {study.target} minus response to other test clips",
        _SD,
        study.smallest_effects["selective"],
        values[study.condition],
        here=mean_of(ratios[study.condition]),
        **clip_fields(rows["n_target_test"], rows["n_other_test"]),
    )
    compared = dataclasses.replace(main, smallest_effect=study.smallest_effects["controls"])
    return [
        main,
        *over(study, compared, values, "controls", needed=True, here=ratios),
        *over(study, compared, values, "shuffled", here=ratios),
        *over(study, compared, values, "target_heard", here=ratios),
    ]


def level(study: Study, measured: Measured) -> list[Part]:
    """Return claim 4: the effect with all clips at one level, and with a softer target."""
    smallest = study.smallest_effects["level"]
    table = measured.levels
    what = f"selective units: response to {study.target} minus response to other test clips"
    if table is None or table.empty:
        return [
            Part(
                "level",
                "equal level",
                f"{what}, all at one level",
                _SD,
                smallest,
                fault="no levels were played; list level-0db and others in stimuli.played",
            )
        ]
    table = table[table["group"] == "most"]
    parts = []
    levels = {"equal level": 0.0, "lowest level": table["level_db"].min()}
    for name, level_db in levels.items():
        rows = table[table["level_db"] == level_db]
        softer = f"the target {-level_db:g} dB softer" if level_db else "all at one level"
        fields = clip_fields(rows["n_target"], rows["n_other"])
        if name == "lowest level" and not level_db < 0:
            fields["fault"] = (
                "no level below 0 dB was played; list one in stimuli.played, such as level-18db"
            )
        parts.append(
            Part(
                "level",
                name,
                f"{what}, {softer}",
                _SD,
                smallest,
                by_seed(rows, rows["hedges_g"]),
                here=mean_of(by_seed(rows, rows["ratio"])),
                **fields,
            )
        )
    return parts


def probe(study: Study, measured: Measured) -> list[Part]:
    """Return claim 6: the response to the target's categories of the first probe set."""
    smallest = study.smallest_effects["ratio"]
    what = f"selective units: response to {study.target} over response to other sounds of the probe"
    if not measured.ratios or measured.categories is None:
        fault = "no probe set has categories of the target; describe one in probes"
        return [
            Part(
                "probe",
                "ratio",
                what,
                "ratio minus one",
                smallest,
                fault=fault,
                sounds=PROBE_SOUNDS,
            )
        ]
    ratios = {name: by_seed(table, table["ratio"]) for name, table in measured.ratios.items()}
    table = measured.ratios[study.condition]
    n_sounds = int((table["n_target"] + table["n_other"]).min())
    main = Part(
        "probe",
        "ratio",
        what,
        "ratio minus one",
        smallest,
        {seed: ratio - 1 for seed, ratio in ratios[study.condition].items()},
        n_sounds,
        here=mean_of(ratios[study.condition]),
        sounds=PROBE_SOUNDS,
    )
    # One is subtracted from both, so that differences are those of the ratios.
    reduced = {
        name: {seed: ratio - 1 for seed, ratio in values.items()} for name, values in ratios.items()
    }
    return [
        main,
        *over(study, main, reduced, "controls", needed=True, here=ratios),
        *over(study, main, reduced, "target_heard", here=ratios),
        *_categories(study, measured.categories, n_sounds),
        *_components(study, measured.components, n_sounds),
    ]


def _categories(study: Study, table: pd.DataFrame, n_sounds: int) -> list[Part]:
    """Return the target over each other category, and each of its own over all other sounds."""
    table = table.assign(total=table["response"] * table["n_sounds"])
    of_target = table["target"].astype(bool)
    target, other = (_pooled(table[mask]) for mask in (of_target, ~of_target))
    compared = [
        (name, _pooled(rows), other, "all other sounds")
        for name, rows in table[of_target].groupby("category", sort=False)
    ]
    if len(compared) < 2:
        compared = []
    compared += [
        (f"over {name}", target, _pooled(rows), name)
        for name, rows in table[~of_target].groupby("category", sort=False)
    ]
    return [
        Part(
            "probe",
            name,
            f"selective units: response to {study.target if name.startswith('over ') else name} "
            f"over response to {against}",
            "ratio minus one",
            study.smallest_effects["probe"],
            {
                seed: value / below[seed] - 1 if below.get(seed, 0) > 0 else np.nan
                for seed, value in above.items()
            },
            n_sounds,
            sounds=PROBE_SOUNDS,
        )
        for name, above, below, against in compared
    ]


def _pooled(rows: pd.DataFrame) -> Values:
    """Return the mean response over the sounds of all categories in `rows`, by seed."""
    sums = rows.groupby("seed")[["total", "n_sounds"]].sum(min_count=1)
    return (sums["total"] / sums["n_sounds"]).to_dict()


def _components(study: Study, table: pd.DataFrame | None, n_sounds: int) -> list[Part]:
    """Return the correlation of the profile with each component of the reference."""
    if table is None:
        return []
    return [
        Part(
            "probe",
            f"correlation with {component}",
            f"correlation over sounds: response of the selective units and component {component} "
            "of the reference",
            "Pearson r",
            0.0,
            by_seed(rows, rows["pearson"]),
            n_sounds,
            needed=False,
            sounds=PROBE_SOUNDS,
        )
        for component, rows in table.groupby("component", sort=False)
    ]


def models(study: Study, measured: Measured) -> list[Part]:
    """Return claim 7: the ratio with and without the target in training, and over the controls."""
    ratios = measured.of_conditions(study.target, "test_ratio")
    rows = rows_of(measured, study.target, study.condition)
    fields = clip_fields(rows["n_target_test"], rows["n_other_test"])
    what = f"response of the selective units to {study.target} over that to other test clips"
    parts = []
    for heard in study.target_heard:
        values = difference(
            ratios[study.condition], of_each(study, heard, ratios, ratios[study.condition])
        )
        parts.append(
            Part(
                "models",
                f"{study.condition} and {heard}",
                f"{what}: {study.condition} minus {heard} networks of the same seed",
                _RATIO,
                study.smallest_effects["same"],
                values,
                fields["n_clips"],
                paired=heard not in study.fixed,
                equivalence=True,
                here=t_test(np.array(list(values.values())))[2],
                fault=fields["fault"] or not_run(heard, ratios),
            )
        )
    if not study.target_heard:
        parts.append(
            Part(
                "models",
                "with and without the target in training",
                what,
                _RATIO,
                study.smallest_effects["same"],
                equivalence=True,
                fault=not_named("target_heard"),
            )
        )
    for condition in (study.condition, *study.target_heard):
        main = Part(
            "models",
            condition,
            what,
            _RATIO,
            study.smallest_effects["ratio"],
            ratios.get(condition, {}),
            fields["n_clips"],
            here=mean_of(ratios.get(condition, {})),
            fault=fields["fault"] or not_run(condition, ratios),
        )
        own = dataclasses.replace(study, condition=condition)
        parts += over(own, main, ratios, "controls", needed=True, here=ratios)
    return parts


def specific(study: Study, measured: Measured) -> list[Part]:
    """Return claim 13: other targets have less selective units, and no effect of segments."""
    ratio, temporal = study.smallest_effects["ratio"], study.smallest_effects["temporal"]
    if not study.further:
        return [
            Part(
                "specific",
                "less selective",
                f"{study.target} minus other targets",
                _RATIO,
                ratio,
                fault="no other target; list some in targets, such as [Speech, Animal]",
            )
        ]
    first = measured.of_conditions(study.target, "test_ratio")[study.condition]
    parts = []
    for target in study.further:
        ratios = measured.of_conditions(target, "test_ratio")[study.condition]
        rows = rows_of(measured, target, study.condition)
        fields = clip_fields(rows["n_target_test"], rows["n_other_test"])
        effects = segment_effects(measured.quilts[target][study.condition]).loc["most"]
        parts += [
            Part(
                "specific",
                f"{target}: less selective",
                f"selective units: response to their target over that to other test clips: "
                f"{study.target} minus {target}",
                _RATIO,
                ratio,
                difference(first, ratios),
                here=mean_of(ratios),
                **fields,
            ),
            Part(
                "specific",
                f"{target}: no effect of segments",
                f"response of the units selective for {target} to {target}: rise with segment "
                "length",
                "SD per octave",
                temporal,
                effects["target"].to_dict(),
                equivalence=True,
                **fields,
            ),
        ]
    return parts


def acoustics(study: Study, measured: Measured) -> list[Part]:
    """Return claim 14: the effect adjusted for acoustic features, and decoding beside them.

    Untrained networks are fixed acoustic features themselves, beyond those that are adjusted for,
    so the effect must exceed that of the controls.
    """
    values = measured.of_conditions(study.target, "response_partial_d")
    scores = measured.decoding[study.condition]
    rows = rows_of(measured, study.target, study.condition)
    main = Part(
        "acoustics",
        "residual effect",
        f"selective units: response to {study.target} minus response to other test clips, "
        "adjusted for acoustic features",
        "residual SD",
        study.smallest_effects["acoustics"],
        values[study.condition],
        **clip_fields(rows["n_target_test"], rows["n_other_test"]),
    )
    over_controls = dataclasses.replace(main, smallest_effect=study.smallest_effects["controls"])
    decoding_fields: dict = {
        "unit": "share of the average precision that acoustic features leave missing",
        "smallest_effect": study.smallest_effects["decoding"],
        "n_clips": int(scores["n_test"].min()) if len(scores) else 0,
        "fault": main.fault,
    }
    return [
        main,
        *over(study, over_controls, values, "controls", needed=True),
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
        *over(study, over_controls, values, "shuffled"),
    ]


def genres(study: Study, measured: Measured) -> list[Part]:
    """Return claim 15: most genres at the smallest effect, and a needed part per genre above zero.

    Genres with clips in few blocks of sounds are shown for comparison only; when most genres are
    such, the claim is undetermined.
    """
    table, smallest = measured.genres, study.smallest_effects["genres"]
    enough = table["n_blocks"] >= ENOUGH_BLOCKS
    n_genres, n_enough = table["mid"].nunique(), table.loc[enough, "mid"].nunique()
    fault = ""
    if not n_genres:
        fault = "the corpus has no genres"
    elif 2 * n_enough < n_genres:
        fault = f"only {n_enough} of {n_genres} genres have enough test clips"
    elif n_enough < 2:
        fault = "the claim needs at least two genres with enough test clips"
    most = Part(
        "genres",
        "most genres",
        "selective units: the effect that 90% of genres exceed, response to clips of a genre minus "
        "response to other test clips",
        _SD,
        smallest,
        effect_of_most(table[enough]),
        _clips_of_genres(table[enough]),
        fault=fault,
    )
    return [most, *(_genre(rows) for _, rows in table.groupby("mid", sort=False))]


def _genre(rows: pd.DataFrame) -> Part:
    """Return the part of a genre from its rows in the table of genres."""
    name, n_blocks = rows["name"].iloc[0], int(rows["n_blocks"].iloc[0])
    few = n_blocks < ENOUGH_BLOCKS
    return Part(
        "genres",
        name,
        f"selective units: response to {name} minus response to other test clips",
        _SD,
        0.0,
        by_seed(rows, rows["hedges_g"]),
        _clips_of_genres(rows),
        needed=not few,
        fault=f"its clips are in {n_blocks} blocks of sounds; at least {ENOUGH_BLOCKS} are needed"
        if few
        else "",
    )


def _clips_of_genres(rows: pd.DataFrame) -> int:
    """Return the number of clips behind the `rows` of genres of the first network, and others.

    A clip of several genres counts for each.
    """
    first = rows[rows["seed"] == rows["seed"].min()]
    return int(first["n_clips"].sum() + first["n_other"].max()) if len(first) else 0


def effect_of_most(table: pd.DataFrame) -> Values:
    """Return the effect that 90% of genres exceed in each network, by seed; NaN for one genre.

    In a network, the true effects of genres have a mean and a standard deviation. The observed
    effects vary more, by the error over sounds of their deviations from the mean, whose variance is
    subtracted (Hedges & Olkin 1985, ch. 9); what is left counts as 0 if it is negative. Of a normal
    distribution, 90% lie above the mean less 1.28 standard deviations.
    """
    wide = table.pivot(index="seed", columns="mid", values=["hedges_g", "deviation_error"])
    seeds, n_genres = wide.index.tolist(), table["mid"].nunique()
    if n_genres < 2:
        return dict.fromkeys(seeds, np.nan)
    g, errors = (wide[name].to_numpy() for name in ("hedges_g", "deviation_error"))
    variance = g.var(axis=1, ddof=1) - np.square(errors).sum(axis=1) / (n_genres - 1)
    values = g.mean(axis=1) - _TENTH * np.sqrt(np.maximum(variance, 0))
    return dict(zip(seeds, values.tolist(), strict=True))


def _decoding_gain(scores: pd.DataFrame, features: str) -> Values:
    """Return how much of the average precision missing from covariates `features` supply.

    It is the difference of their average precision and that of the covariates, divided by one
    minus that of the covariates.
    """
    # The first block of units is the most selective. Covariates have no rank.
    first = scores[scores["first_rank"].isna() | (scores["first_rank"] == 1)]
    first = first[first["genre"] == ""]
    by_features = first.pivot_table(
        index="seed", columns="features", values="average_precision", dropna=False
    )
    by_features = by_features.reindex(columns=["covariates", features])
    missing = 1 - by_features["covariates"]
    gain = (by_features[features] - by_features["covariates"]) / missing.where(missing > 0)
    return {int(seed): float(value) for seed, value in gain.items()}
