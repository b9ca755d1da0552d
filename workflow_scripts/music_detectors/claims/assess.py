"""Assess the claims: from the tables of the analyses to the tables of claims."""

import os
from collections.abc import Mapping, Sequence

import pandas as pd

from music_detectors.claims import estimates
from music_detectors.claims.columns import ESTIMATES, VERDICTS
from music_detectors.claims.estimates import Study
from music_detectors.claims.inference import Part, claims_table
from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table, write_table
from music_detectors.decoding.columns import DECODING
from music_detectors.embedding.columns import SEGREGATION
from music_detectors.genres.columns import GENRES
from music_detectors.lesions.columns import LESIONS
from music_detectors.quilts.tables import read_quilt_responses
from music_detectors.recognition.columns import RECOGNITION_SUMMARY
from music_detectors.selectivity.columns import UNITS
from music_detectors.selectivity.ranking import of_reported_layer

_UNIT_COLUMNS = (
    "layer",
    "reported",
    "selective",
    "test_n_target",
    "test_n_other",
    "test_hedges_g",
    "test_partial_d",
)

Paths = Sequence[str | os.PathLike]


def assess_claims(
    segregation: Paths,
    units: Paths,
    recognition: str | os.PathLike,
    genres: str | os.PathLike,
    quilts: Paths,
    decoding: str | os.PathLike,
    lesions: str | os.PathLike,
    claims: str | os.PathLike,
    values: str | os.PathLike,
    *,
    study: Study,
    conditions: Sequence[str],
    networks: Sequence[Sequence],
    layer: str,
    alpha: float,
    min_networks: int,
) -> None:
    """Write claims.tsv (`claims`) and estimates.tsv (`values`).

    `segregation` and `quilts` list one table for each of `conditions` (the claimed condition and
    those of its controls that were run), `units` one for each of `networks` ([condition, seed]).
    `recognition` covers all conditions, the other tables only the claimed one. Raises InputError,
    naming the file, for a table that cannot be read or has no unit of `layer`.
    """
    unit_tables: dict[str, list[pd.DataFrame]] = {condition: [] for condition in conditions}
    for path, (condition, seed) in zip(units, networks, strict=True):
        table = read_table(path, UNITS, only=_UNIT_COLUMNS)
        in_layer = of_reported_layer(table, layer)
        if in_layer.empty:
            raise damaged(path, "table", f"has no unit of layer {layer}")
        unit_tables[condition].append(in_layer.assign(seed=seed))
    by_condition = {name: pd.concat(tables) for name, tables in unit_tables.items() if tables}
    quilt_tables = {
        condition: read_quilt_responses(path)
        for condition, path in zip(conditions, quilts, strict=True)
    }
    parts = [
        *estimates.apart(study, _read_by_condition(conditions, segregation, SEGREGATION)),
        *estimates.selective(study, by_condition, read_table(recognition, RECOGNITION_SUMMARY)),
        *estimates.genres(study, read_table(genres, GENRES)),
        *estimates.temporal(study, quilt_tables),
        *estimates.acoustics(study, by_condition, read_table(decoding, DECODING)),
        *estimates.lesion(study, read_table(lesions, LESIONS)),
    ]
    write_table(claims, claims_table(parts, alpha=alpha, min_networks=min_networks), VERDICTS)
    write_table(values, estimates_table(parts), ESTIMATES)


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


def _read_by_condition(
    conditions: Sequence[str], paths: Paths, columns: Mapping[str, type]
) -> dict[str, pd.DataFrame]:
    return {
        condition: read_table(path, columns)
        for condition, path in zip(conditions, paths, strict=True)
    }
