"""The statistics of all units, and their responses to classes, as one Parquet file each."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet

from music_detectors.common.damage import damaged
from music_detectors.common.files import replacing
from music_detectors.common.tables import Columns, read_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.deposit.columns import (
    DESCRIPTIONS,
    OF_RESPONSES,
    RESPONSE_TABLE,
    UNIT_TABLE,
)
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.selectivity.columns import UNITS

_TYPES = {
    str: pyarrow.string(),
    int: pyarrow.int64(),
    float: pyarrow.float64(),
    bool: pyarrow.bool_(),
}


def write_tables(
    units: Sequence[str | os.PathLike],
    responses: Sequence[str | os.PathLike],
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    unit_table: str | os.PathLike,
    response_table: str | os.PathLike,
    *,
    analysed: Sequence[tuple[str, str, int]],
    networks: Sequence[tuple[str, int]],
    layer: str,
) -> None:
    """Write `unit_table` and `response_table`, Parquet files with a row group per network.

    `units` are tables of units, each of the target, condition and seed at its place in `analysed`.
    `responses` are the responses to the test clips, each of the condition and seed in `networks`;
    those of `layer` are summarised, or of the model's own layer if it lacks this one. `clips` and
    `classes` are tables of the corpus. The same tables give the same bytes. Raises InputError when
    a file cannot be read or a clip has a label that is no class.
    """
    _write(unit_table, UNIT_TABLE, DESCRIPTIONS, _unit_rows(units, analysed))
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "labels"))
    rows = _response_rows(
        responses, networks, corpus, str(clips), read_table(classes, CLASSES), layer
    )
    _write(response_table, RESPONSE_TABLE, OF_RESPONSES, rows)


def _unit_rows(
    paths: Iterable[str | os.PathLike], analysed: Iterable[tuple[str, str, int]]
) -> Iterator[pd.DataFrame]:
    for path, (target, condition, seed) in zip(paths, analysed, strict=True):
        yield read_table(path, UNITS).assign(target=target, condition=condition, seed=seed)


def _response_rows(
    paths: Iterable[str | os.PathLike],
    networks: Iterable[tuple[str, int]],
    clips: pd.DataFrame,
    name: str,
    classes: pd.DataFrame,
    layer: str,
) -> Iterator[pd.DataFrame]:
    for path, (condition, seed) in zip(paths, networks, strict=True):
        chosen = read_layers(path).chosen(layer)
        clip_ids, responses = read_responses(path, [chosen])
        heard = described(path, clip_ids, clips, "test")
        means, deviations, counts = _by_class(responses[chosen], heard, classes, name)
        n_units = means.shape[1]
        of_class = classes.rename(columns={"name": "class"}).assign(n_clips=counts)
        yield (
            of_class.loc[np.tile(of_class.index, n_units)].assign(
                condition=condition,
                seed=seed,
                layer=chosen,
                unit=np.repeat(np.arange(n_units), len(classes)),
                response=means.T.ravel(),
                response_sd=deviations.T.ravel(),
            )
        )


def _by_class(
    responses: np.ndarray, clips: pd.DataFrame, classes: pd.DataFrame, name: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return means and sample SDs (classes, units), and numbers of clips (classes,).

    `responses` (clips, units) are to the rows of `clips`, whose table is called `name`.
    """
    labels = clips["labels"].str.split(";").explode()
    unknown = labels[~labels.isin(classes["mid"])]
    if len(unknown):
        clip_id = clips.loc[unknown.index[0], "clip_id"]
        why = f"clip {clip_id} has the label {unknown.iloc[0]!r}, which is no class of the corpus"
        raise damaged(name, "table", why)
    members = labels.groupby(labels).groups
    shape = (len(classes), responses.shape[1])
    means, deviations = np.full(shape, np.nan), np.full(shape, np.nan)
    counts = np.zeros(len(classes), dtype=np.int64)
    for place, mid in enumerate(classes["mid"]):
        heard = responses[members[mid]].astype(np.float64) if mid in members else responses[:0]
        counts[place] = len(heard)
        if len(heard) > 0:
            means[place] = heard.mean(axis=0)
        if len(heard) > 1:
            deviations[place] = heard.std(axis=0, ddof=1)
    return means, deviations, counts


def _write(
    path: str | os.PathLike,
    columns: Columns,
    descriptions: Mapping[str, str],
    parts: Iterable[pd.DataFrame],
) -> None:
    """Write the rows of `parts`, a row group each, with missing numbers as nulls."""
    schema = pyarrow.schema(
        [
            pyarrow.field(name, _TYPES[kind], metadata={"description": descriptions[name]})
            for name, kind in columns.items()
        ]
    )
    with (
        replacing(path, checksum=True) as temporary,
        pyarrow.parquet.ParquetWriter(temporary, schema, compression="zstd") as file,
    ):
        for rows in parts:
            arrays = [
                pyarrow.array(rows[name].tolist(), _TYPES[kind], from_pandas=True)
                for name, kind in columns.items()
            ]
            file.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))
