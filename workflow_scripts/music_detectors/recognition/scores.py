"""Average precision of every class, on the clips a network was trained on and on test clips."""

import os
from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from music_detectors.common.average_precision import average_precision, chance_average_precision
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.labels import label_matrix
from music_detectors.corpus.withheld import class_groups
from music_detectors.recognition.columns import AVERAGE_PRECISION, RECOGNITION_SUMMARY
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.training.columns import NETWORK_CLIPS

_PARTS = ("training", "validation")
_GROUPS = ("natural", "target", "withheld")


def score_recognition(
    train: str | os.PathLike,
    test: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    branches: str | os.PathLike,
    network_clips: str | os.PathLike,
    table: str | os.PathLike,
    *,
    withhold: Sequence[str],
) -> None:
    """Write average_precision.tsv of a network from its responses.

    `train` and `test` are files of responses, `clips`, `classes` and `branches` the tables of the
    corpus, `network_clips` is the network's clips.tsv; `withhold` is the list of the condition that
    the claims are about. Training and validation clips are scored on the labels that the network
    was given, test clips on their own. Raises InputError when a file cannot be read, its clips or
    classes differ from those of the others, or an output is NaN.
    """
    of_classes = read_table(classes, CLASSES)
    of_classes["group"] = class_groups(of_classes, branches, withhold)
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "labels"))
    given = read_table(network_clips, NETWORK_CLIPS)
    clip_ids, outputs = _outputs(train, len(of_classes))
    described(train, clip_ids, corpus, "train")
    parts = []
    for part in _PARTS:
        of_part = given[given["part"] == part]
        rows = _rows_of(of_part["clip_id"], clip_ids, train, network_clips)
        labels = _labels(of_part, of_classes["mid"], network_clips)
        parts.append(_scored(part, outputs[rows], labels, of_classes, train))
    clip_ids, outputs = _outputs(test, len(of_classes))
    labels = _labels(described(test, clip_ids, corpus, "test"), of_classes["mid"], clips)
    parts.append(_scored("test", outputs, labels, of_classes, test))
    write_table(table, pd.concat(parts, ignore_index=True), AVERAGE_PRECISION)


def summarise_recognition(
    tables: Sequence[str | os.PathLike],
    table: str | os.PathLike,
    *,
    networks: Sequence[tuple[str, int]],
) -> None:
    """Write the means over the classes of each group, per network and set of clips.

    `tables` are the average_precision.tsv of `networks` (condition, seed), in the same order. A
    group without classes has no rows; one whose classes have no positives has empty means.
    """
    rows = []
    for path, (condition, seed) in zip(tables, networks, strict=True):
        scored = read_table(path, AVERAGE_PRECISION)
        for clips, group in product((*_PARTS, "test"), _GROUPS):
            classes = scored[(scored["clips"] == clips) & (scored["group"] == group)]
            if classes.empty:
                continue
            occurring = classes[classes["n_positive"] > 0]
            rows.append(
                {
                    "condition": condition,
                    "seed": seed,
                    "clips": clips,
                    "group": group,
                    "n_classes": len(occurring),
                    "mean_average_precision": occurring["average_precision"].mean(),
                    "chance": occurring["chance"].mean(),
                    "prevalence": occurring["prevalence"].mean(),
                }
            )
    write_table(table, pd.DataFrame(rows), RECOGNITION_SUMMARY)


def _labels(clips: pd.DataFrame, mids: Sequence[str], path: str | os.PathLike) -> np.ndarray:
    """Return the labels (clips, classes) bool of `clips` (clip_id, labels), read from `path`."""
    return label_matrix(clips["clip_id"], clips["labels"].str.split(";"), mids, path)


def _outputs(path: str | os.PathLike, classes: int) -> tuple[list[str], np.ndarray]:
    """Return the clip ids of a file of responses and the network's outputs, (clips, classes)."""
    layer = read_layers(path).outputs
    if layer is None:
        raise damaged(path, "responses", "of a model without outputs")
    clip_ids, responses = read_responses(path, [layer])
    outputs = responses[layer]
    if outputs.shape[1] != classes:
        raise damaged(path, "responses", f"{outputs.shape[1]} outputs for {classes} classes")
    return clip_ids, outputs


def _rows_of(
    wanted: pd.Series,
    clip_ids: list[str],
    path: str | os.PathLike,
    network_clips: str | os.PathLike,
) -> np.ndarray:
    rows = pd.Index(clip_ids).get_indexer(wanted)
    if (rows < 0).any():
        missing = wanted.iloc[int(np.argmax(rows < 0))]
        raise damaged(path, "responses", f"has no response to clip {missing} of {network_clips}")
    return rows


def _scored(
    name: str,
    outputs: np.ndarray,
    labels: np.ndarray,
    classes: pd.DataFrame,
    path: str | os.PathLike,
) -> pd.DataFrame:
    """Return the rows of average_precision.tsv for the clips called `name`."""
    try:
        precision = average_precision(outputs, labels)
    except ValueError as error:
        raise InputError(f"{path}: {error}; train the network again") from error
    table = classes[["index", "mid", "name", "group"]].copy()
    table["clips"] = name
    table["n_positive"] = labels.sum(axis=0)
    table["n_clips"] = len(labels)
    table["average_precision"] = precision
    table["chance"] = chance_average_precision(table["n_positive"], len(labels))
    table["prevalence"] = table["n_positive"] / (len(labels) or np.nan)
    return table
