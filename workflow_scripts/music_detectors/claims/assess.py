"""Assess the claims: from the tables of the analyses to the tables of claims."""

import os
from collections.abc import Mapping, Sequence

import pandas as pd

from music_detectors.claims.columns import ESTIMATES, VERDICTS
from music_detectors.claims.estimates import representation, segments, silencing, units
from music_detectors.claims.inference import Part, claims_table
from music_detectors.claims.study import Measured, Study
from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table, write_table
from music_detectors.decoding.columns import DECODING
from music_detectors.embedding.columns import SEGREGATION
from music_detectors.emergence.columns import EMERGENCE
from music_detectors.genres.columns import GENRES
from music_detectors.lesions.columns import LESIONS
from music_detectors.levels.columns import LEVELS
from music_detectors.profiles.columns import (
    PROFILE_CATEGORIES,
    PROFILE_COMPONENTS,
    PROFILE_RATIOS,
)
from music_detectors.quilts.columns import QUILT_CORRELATION
from music_detectors.quilts.tables import read_quilt_responses
from music_detectors.recognition.columns import RECOGNITION_SUMMARY
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY
from music_detectors.selectivity.ranking import of_reported_layer

Path = str | os.PathLike
ByCondition = Mapping[str, Path]
"""Condition to the path of its table."""

_CLAIMS = (
    representation.apart,
    representation.all_units,
    units.selective,
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
    units.acoustics,
    units.genres,
)


def assess_claims(
    selectivity: Mapping[str, Path],
    segregation: ByCondition,
    recognition: Path,
    decoding: ByCondition,
    genres: Path,
    quilts: Mapping[tuple[str, str], Path],
    correlation: Path,
    lesions: Path,
    levels: Sequence[Path],
    ratios: ByCondition,
    categories: Sequence[Path],
    components: Sequence[Path],
    emergence: Sequence[Path],
    claims: Path,
    values: Path,
    *,
    study: Study,
    layer: str,
    alpha: float,
    min_networks: int,
) -> None:
    """Write claims.tsv (`claims`) and estimates.tsv (`values`).

    `selectivity` has the tables of each target by its name, `quilts` by target and condition. Of
    the conditions, those that were run have tables. Lists hold the table of the condition that is
    claimed about, or nothing where the analysis is not configured. Raises InputError, naming the
    file, for a table that cannot be read or lacks that condition.
    """
    measured = Measured(
        selectivity={
            target: _selectivity(path, study.condition, layer)
            for target, path in selectivity.items()
        },
        segregation=_read(segregation, SEGREGATION),
        recognition=read_table(recognition, RECOGNITION_SUMMARY),
        decoding=_read(decoding, DECODING),
        genres=read_table(genres, GENRES),
        quilts={
            target: {
                condition: read_quilt_responses(path)
                for (of_target, condition), path in quilts.items()
                if of_target == target
            }
            for target in selectivity
        },
        correlation=_test_clips(correlation),
        lesions=read_table(lesions, LESIONS),
        levels=_only(levels, LEVELS),
        ratios=_read(ratios, PROFILE_RATIOS),
        categories=_only(categories, PROFILE_CATEGORIES),
        components=_only(components, PROFILE_COMPONENTS),
        emergence=_only(emergence, EMERGENCE),
    )
    parts = all_parts(study, measured)
    write_table(claims, claims_table(parts, alpha=alpha, min_networks=min_networks), VERDICTS)
    write_table(values, estimates_table(parts), ESTIMATES)


def all_parts(study: Study, measured: Measured) -> list[Part]:
    """Return the parts of all claims, in the order of the claims."""
    return [part for claim in _CLAIMS for part in claim(study, measured)]


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


def _selectivity(path: Path, condition: str, layer: str) -> pd.DataFrame:
    """Return the rows of the reported layer of a summary of selectivity."""
    table = of_reported_layer(read_table(path, SELECTIVITY_SUMMARY), layer)
    if not (table["condition"] == condition).any():
        raise damaged(path, "table", f"has no row of layer {layer} for condition {condition}")
    return table


def _test_clips(path: Path) -> pd.DataFrame:
    table = read_table(path, QUILT_CORRELATION)
    return table[table["split"] == "test"]


def _only(paths: Sequence[Path], columns: Mapping[str, type]) -> pd.DataFrame | None:
    """Return the table of `paths`, which are one or none."""
    return read_table(paths[0], columns) if paths else None


def _read(paths: ByCondition, columns: Mapping[str, type]) -> dict[str, pd.DataFrame]:
    return {condition: read_table(path, columns) for condition, path in paths.items()}
