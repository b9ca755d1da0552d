"""Whether the claims are about the target, or about any set of classes."""

import dataclasses

import pandas as pd

from music_detectors.claims.estimates.common import (
    clip_fields,
    difference,
    not_named,
    not_run,
    over,
)
from music_detectors.claims.inference import Part
from music_detectors.claims.study import Conditions, Measured, Study, Values, by_seed

MIN_CLASSES = 20
"""With fewer classes, the random sets among which the target stands out are too few."""

_SD = "SD (Hedges g)"


def apart_by_classes(study: Study, measured: Measured) -> list[Part]:
    """Return parts of claim 1: decoding held-out classes, and segregation over random classes."""
    table = _of_target(measured.specificity[study.condition])
    main = Part(
        "apart",
        "decoding of held-out classes",
        f"decoding {study.target} from all units, above chance: {_held_out(study, table)}",
        "share of what chance leaves missing",
        study.smallest_effects["decoding"],
        by_seed(table, table["decoding"]),
        **_fields(table),
    )
    decoding = {
        condition: by_seed(_of_target(rows), _of_target(rows)["decoding"])
        for condition, rows in measured.specificity.items()
    }
    return [
        main,
        *over(study, main, decoding, "features"),
        *_over_random(
            study,
            measured,
            ("apart", "segregation over random classes"),
            f"overlap of {study.target} with other test clips, how much lower than by chance",
            "share of the overlap expected by chance",
            ("segregation", "random_segregation", "segregation_p"),
        ),
    ]


def selective_by_classes(study: Study, measured: Measured) -> list[Part]:
    """Return parts of claim 3: the effect on held-out classes, and over random classes."""
    table = _of_target(measured.specificity[study.condition])
    what = f"selective units: response to {study.target} minus response to other test clips"
    main = Part(
        "selective",
        "held-out classes",
        f"{what}: {_held_out(study, table)}",
        _SD,
        study.smallest_effects["held_out"],
        by_seed(table, table["held_out"]),
        **_fields(table),
    )
    held_out = {
        condition: by_seed(_of_target(rows), _of_target(rows)["held_out"])
        for condition, rows in measured.specificity.items()
    }
    columns = ("effect", "random_effect", "p")
    return [
        main,
        *over(study, main, held_out, "controls"),
        *_over_random(study, measured, ("selective", "over random classes"), what, _SD, columns),
    ]


def novelty(study: Study, measured: Measured) -> list[Part]:
    """Return parts of claim 13: what withholding another branch does for that branch."""
    networks = [name for name in study.controls if name not in study.fixed]
    untrained = networks[0] if networks else "untrained"
    smallest = study.smallest_effects["novelty"]
    what = f"effect of {study.target}, {study.condition} minus {untrained} networks"
    if not study.withheld_others:
        compared = f"{what}, minus the same for another branch that is withheld in its place"
        fault = not_named("withheld_others")
        return [Part("specific", "novelty", compared, _SD, smallest, fault=fault)]
    tables = measured.specificity
    own = _advantage(tables, study.condition, untrained, "")
    fields = clip_fields(
        *(_of_target(tables[study.condition])[name] for name in ("n_target", "n_other"))
    )
    parts = []
    for other in study.withheld_others:
        fault = fields["fault"] or not_run(other, tables)
        if not fault:
            fault = (
                not_run(untrained, tables) if networks else f"{not_named('controls')} of networks"
            )
        main = Part(
            "specific",
            f"novelty over {other}",
            f"{what}; minus the effect of what {other} networks have not heard, {other} minus "
            f"{untrained} networks",
            _SD,
            smallest,
            {} if fault else difference(own, _advantage(tables, other, untrained, other)),
            fields["n_clips"],
            paired=True,
            fault=fault,
        )
        parts += [
            main,
            dataclasses.replace(
                main,
                name=f"not heard over heard: {other}",
                compared=f"effect of what {other} networks have not heard: {other} minus "
                f"{study.condition} networks",
                values=_advantage(tables, other, study.condition, other),
                needed=False,
            ),
        ]
    return parts


def _over_random(
    study: Study,
    measured: Measured,
    named: tuple[str, str],
    what: str,
    unit: str,
    columns: tuple[str, str, str],
) -> list[Part]:
    """Return the target minus what few random sets of classes reach, and the same in controls.

    `named` are the claim and the part, `columns` those of the target, of the random sets, and of p.
    """
    claim, name = named
    value, reached, p = columns
    parts = []
    for condition in (study.condition, *study.controls):
        if condition not in measured.specificity:
            continue
        table = _of_target(measured.specificity[condition])
        n_classes, n_sets = (int(table[column].min()) for column in ("n_classes", "n_sets"))
        fields = _fields(table, folds=False)
        if not fields["fault"] and table[reached].isna().all():
            fields["fault"] = (
                f"there are only {n_sets} other sets of as many classes, too few for claims.alpha"
            )
        own = condition == study.condition
        enough = n_classes >= MIN_CLASSES
        if own and not enough:
            fields["fault"] = (
                f"the corpus has {n_classes} classes, and random sets of classes need at least "
                f"{MIN_CLASSES}"
            )
        parts.append(
            Part(
                claim,
                name if own else f"{name} in {condition}",
                f"{what}, minus what a share of claims.alpha of {n_sets} random sets of as many "
                "classes reach as the target",
                unit,
                0.0,
                difference(by_seed(table, table[value]), by_seed(table, table[reached])),
                needed=own and enough,
                # The same for all networks.
                rank_p=float(table[p].mean()),
                **fields,
            )
        )
    return parts


def _held_out(study: Study, table: pd.DataFrame) -> str:
    """Return in words what is held out."""
    of_target, of_others = f"classes of {study.target}", "other classes"
    if (table["target_by"] == "groups").any():
        of_target = f"recordings of {study.target}, which has one class,"
    if (table["other_by"] == "groups").any():
        of_others = "recordings of the one other class"
    return f"learnt on some and measured on the rest of the {of_target} and of the {of_others}"


def _fields(table: pd.DataFrame, *, folds: bool = True) -> dict:
    """Return the fields `n_clips` and `fault` of a part; with `folds`, none is a fault."""
    fields = clip_fields(table["n_target"], table["n_other"])
    if folds and not fields["fault"] and not table["folds"].all():
        fields["fault"] = (
            "too few classes (and recordings) have clips of their own to hold some of them out"
        )
    return fields


def _of_target(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["withheld_by"] == ""]


def _advantage(tables: Conditions, condition: str, below: str, withheld_by: str) -> Values:
    """Return the effect in `condition` minus that in `below`, of the target or what is withheld."""
    values = []
    for name in (condition, below):
        rows = tables[name] if name in tables else pd.DataFrame({"withheld_by": [], "seed": []})
        rows = rows[rows["withheld_by"] == withheld_by]
        values.append(by_seed(rows, rows.get("effect", pd.Series(dtype=float))))
    return difference(values[0], values[1])
