"""Assess the claims: from the tables of the analyses to the tables of claims."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import pandas as pd

from music_detectors.claims.columns import ESTIMATES, VERDICTS
from music_detectors.claims.estimates import (
    balance,
    classes,
    representation,
    segments,
    silencing,
    units,
)
from music_detectors.claims.inference import CLIPS, PROBE_SOUNDS, Part, claims_table
from music_detectors.claims.study import Measured, Study, by_block, numbered, place_of
from music_detectors.common.damage import damaged
from music_detectors.common.tables import Columns, read_table, write_table
from music_detectors.decoding.columns import DECODING, DECODING_LEFT_OUT
from music_detectors.embedding.columns import SEGREGATION, SEGREGATION_LEFT_OUT
from music_detectors.emergence.columns import EMERGENCE, EMERGENCE_LEFT_OUT
from music_detectors.genres.columns import GENRES, GENRES_LEFT_OUT
from music_detectors.jackknife.blocks import blocks_in
from music_detectors.jackknife.columns import BLOCKS
from music_detectors.lesions.columns import LESIONS, LESIONS_LEFT_OUT
from music_detectors.levels.columns import LEVELS, LEVELS_LEFT_OUT
from music_detectors.profiles.columns import (
    CATEGORIES_LEFT_OUT,
    COMPONENTS_LEFT_OUT,
    PROFILE_CATEGORIES,
    PROFILE_COMPONENTS,
    PROFILE_RATIOS,
    RATIOS_LEFT_OUT,
)
from music_detectors.quilts.columns import QUILT_CORRELATION, QUILT_LEFT_OUT, QUILT_RESPONSES
from music_detectors.quilts.tables import of_test_clips
from music_detectors.recognition.columns import RECOGNITION_LEFT_OUT, RECOGNITION_SUMMARY
from music_detectors.selectivity.columns import SELECTIVITY_LEFT_OUT, SELECTIVITY_SUMMARY
from music_detectors.selectivity.ranking import of_reported_layer
from music_detectors.specificity.columns import SPECIFICITY, SPECIFICITY_LEFT_OUT

Path = str | os.PathLike
Paths = Sequence[Path]
ByCondition = Mapping[str, Paths]
"""Condition to the path of its table."""

_CLAIMS = (
    representation.apart,
    classes.apart_by_classes,
    representation.all_units,
    units.selective,
    classes.selective_by_classes,
    units.level,
    representation.decoding,
    units.probe,
    units.models,
    segments.temporal,
    segments.generalisation,
    silencing.lesion,
    representation.emergence,
    segments.speech,
    units.specific,
    classes.novelty,
    units.acoustics,
    units.genres,
    balance.at_equal_length_and_level,
)


_COLUMNS: dict[str, Columns] = {
    "selectivity": SELECTIVITY_SUMMARY,
    "segregation": SEGREGATION,
    "recognition": RECOGNITION_SUMMARY,
    "decoding": DECODING,
    "genres": GENRES,
    "quilts": QUILT_RESPONSES,
    "lesions": LESIONS,
    "specificity": SPECIFICITY,
    "levels": LEVELS,
    "ratios": PROFILE_RATIOS,
    "categories": PROFILE_CATEGORIES,
    "components": PROFILE_COMPONENTS,
    "emergence": EMERGENCE,
}
_LEFT_OUT: dict[str, Columns] = {
    "selectivity": SELECTIVITY_LEFT_OUT,
    "segregation": SEGREGATION_LEFT_OUT,
    "recognition": RECOGNITION_LEFT_OUT,
    "decoding": DECODING_LEFT_OUT,
    "genres": GENRES_LEFT_OUT,
    "quilts": QUILT_LEFT_OUT,
    "lesions": LESIONS_LEFT_OUT,
    "specificity": SPECIFICITY_LEFT_OUT,
    "levels": LEVELS_LEFT_OUT,
    "ratios": RATIOS_LEFT_OUT,
    "categories": CATEGORIES_LEFT_OUT,
    "components": COMPONENTS_LEFT_OUT,
    "emergence": EMERGENCE_LEFT_OUT,
}
_COMPARED = (
    "controls",
    "features",
    "target_heard",
    "shuffled",
    "speech_withheld",
    "withheld_others",
)
"""The fields of Study that name conditions."""
_DRAWS = {
    "groups": ("recordings", "come from one recording"),
    "clips": ("test clips", "are one clip"),
    "classes": ("classes of sounds", "are of one class"),
}
"""What is one draw of the test clips: in the plural, and where there is only one."""


@dataclass(frozen=True)
class TablePaths:
    """The paths of the tables: of all sounds, or with each block of sounds left out.

    Of the conditions, those that were run have tables: one, or one for each network. Lists hold
    those of the condition that is claimed about, or nothing where the analysis is not configured.
    """

    selectivity: Mapping[str, Paths]
    """Target to its table."""
    segregation: ByCondition
    recognition: Path
    decoding: ByCondition
    genres: Path
    quilts: Mapping[tuple[str, str], Paths]
    """Target and condition to their table."""
    lesions: Paths
    specificity: ByCondition
    levels: Paths
    ratios: ByCondition
    categories: Paths
    components: Paths
    emergence: Paths

    @classmethod
    def of(cls, given: Any, names: Mapping[str, Sequence], ending: str = "") -> "TablePaths":
        """Return the paths in `given`, an attribute per field and `ending`.

        `names` has the key of each path of those fields that are mappings.
        """
        paths = {field.name: getattr(given, field.name + ending) for field in fields(cls)}
        for name, keys in names.items():
            by_key: dict[Any, list[Path]] = {}
            for key, path in zip(keys, paths[name], strict=True):
                by_key.setdefault(tuple(key) if isinstance(key, list) else key, []).append(path)
            paths[name] = by_key
        return cls(**paths)


def assess_claims(
    tables: TablePaths,
    left_out: TablePaths,
    correlation: Path,
    blocks: Path,
    claims: Path,
    values: Path,
    *,
    study: Study,
    layer: str,
    sounds: str,
    alpha: float,
    min_networks: int,
) -> None:
    """Write claims.tsv (`claims`) and estimates.tsv (`values`).

    `correlation` is the table correlation.tsv of the claims' condition, `blocks` that of blocks of
    test clips, and `sounds` what is one draw of them (`claims.sounds`). Raises InputError, naming
    the file, for a table that cannot be read or lacks the condition of the claims.
    """
    of_clips = read_table(correlation, QUILT_CORRELATION)
    of_clips = of_clips[of_clips["split"] == "test"]
    measured = _measured(tables, _COLUMNS, study, layer, of_clips)
    of_blocks = read_table(blocks, BLOCKS)
    without = _measured(left_out, _LEFT_OUT, study, layer, of_clips)
    parts = with_left_out(study, measured, without, of_blocks, sounds)
    table = claims_table(
        parts,
        alpha=alpha,
        min_networks=min_networks,
        not_learnt=not_learnt(study, measured.recognition),
    )
    write_table(claims, table, VERDICTS)
    write_table(values, estimates_table(parts), ESTIMATES)


def not_learnt(study: Study, recognition: pd.DataFrame) -> list[tuple[str, int]]:
    """Return the networks (condition, seed) in claims that did not learn, from `recognition`."""
    compared = (getattr(study, name) for name in _COMPARED)
    conditions = [study.condition, *(name for names in compared for name in names)]
    rows = recognition[recognition["condition"].isin(conditions)]
    rows = rows.loc[rows["learnt"] == "no", ["condition", "seed"]].drop_duplicates()
    return list(rows.itertuples(index=False, name=None))


def all_parts(study: Study, measured: Measured) -> list[Part]:
    """Return the parts of all claims, in the order of the claims, without `left_out`."""
    return [part for claim in _CLAIMS for part in claim(study, measured)]


def with_left_out(
    study: Study, measured: Measured, without: Measured, blocks: pd.DataFrame, sounds: str
) -> list[Part]:
    """Return the parts of all claims with their values without each block of sounds.

    `without` has the tables without each block (`study.numbered`), `blocks` (BLOCKS) those of test
    clips; `sounds` is what is one draw of them. Parts whose sounds cannot be left out have a fault.
    """
    of_probe = (without.ratios or {}).get(study.condition, pd.DataFrame({"seed": []}))["seed"]
    numbers = {
        CLIPS: blocks_in(blocks["block"].to_numpy()),
        PROBE_SOUNDS: sorted({place_of(seed) - 1 for seed in of_probe}),
    }
    draws, one = _DRAWS[sounds]
    faults = {CLIPS: "", PROBE_SOUNDS: "the probe set has one sound of the target, or one other"}
    for role in ("target", "other"):
        if blocks.loc[blocks["role"] == role, "draw"].nunique() == 1:
            faults[CLIPS] = f"all {role} test clips {one}"
    parts = []
    for claim in _CLAIMS:
        own = claim(study, measured)
        again = {}
        if any(numbers[part.sounds] for part in own):
            again = {(part.claim, part.name): part.values for part in claim(study, without)}
        for part in own:
            values = by_block(again.get((part.claim, part.name), {}), numbers[part.sounds])
            fault = part.fault
            if not fault and not values:
                fault = f"{faults[part.sounds]}, so the error over sounds is unknown"
            named = draws if part.sounds == CLIPS else part.sounds
            parts.append(replace(part, left_out=values, sounds=named, fault=fault))
    return parts


def estimates_table(parts: Sequence[Part]) -> pd.DataFrame:
    """Return the values of `parts`, one row per part and network (ESTIMATES)."""
    rows = [
        {
            "claim": part.claim,
            "part": part.name,
            "needed": part.needed,
            "seed": seed,
            "estimate": value,
        }
        for part in parts
        for seed, value in part.values.items()
    ]
    table = pd.DataFrame(rows, columns=list(ESTIMATES))
    return table.astype({name: kind for name, kind in ESTIMATES.items() if kind is not str})


def _measured(
    paths: TablePaths,
    columns: Mapping[str, Columns],
    study: Study,
    layer: str,
    of_clips: pd.DataFrame,
) -> Measured:
    """Return the tables of `paths`, which have the `columns` of each field."""

    def read(name: str, *tables: Path) -> pd.DataFrame:
        table = pd.concat([read_table(path, columns[name]) for path in tables], ignore_index=True)
        return numbered(table) if "block" in table else table

    def by_condition(name: str) -> dict[str, pd.DataFrame]:
        return {condition: read(name, *found) for condition, found in getattr(paths, name).items()}

    def configured(name: str) -> pd.DataFrame | None:
        """Return the table of an analysis that may not be configured."""
        found = getattr(paths, name)
        return read(name, *found) if found else None

    return Measured(
        selectivity={
            target: _of_layer(found[0], read("selectivity", *found), study.condition, layer)
            for target, found in paths.selectivity.items()
        },
        segregation=by_condition("segregation"),
        recognition=read("recognition", paths.recognition),
        decoding=by_condition("decoding"),
        genres=read("genres", paths.genres),
        quilts={
            target: {
                condition: of_test_clips(read("quilts", *found))
                for (of_target, condition), found in paths.quilts.items()
                if of_target == target
            }
            for target in paths.selectivity
        },
        correlation=of_clips,
        lesions=read("lesions", *paths.lesions),
        specificity=by_condition("specificity"),
        levels=configured("levels"),
        ratios=by_condition("ratios"),
        categories=configured("categories"),
        components=configured("components"),
        emergence=configured("emergence"),
    )


def _of_layer(path: Path, summary: pd.DataFrame, condition: str, layer: str) -> pd.DataFrame:
    """Return the rows of the reported layer in `summary`, the table of selectivity at `path`."""
    table = of_reported_layer(summary, layer)
    # Without blocks of sounds, tables without each have no row.
    if len(summary) and not (table["condition"] == condition).any():
        raise damaged(path, "table", f"has no row of layer {layer} for condition {condition}")
    return table
