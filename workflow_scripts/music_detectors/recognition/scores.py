"""Average precision of every class, on the clips a network was trained on and on test clips."""

import logging
import os
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from music_detectors.common.average_precision import average_precision, chance_average_precision
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.left_out import left_out
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.labels import label_matrix
from music_detectors.corpus.withheld import class_groups
from music_detectors.jackknife.blocks import blocks_in, read_blocks
from music_detectors.jackknife.variance import jackknife_variance
from music_detectors.recognition.columns import (
    AVERAGE_PRECISION,
    RECOGNITION_LEFT_OUT,
    RECOGNITION_OF_BLOCKS,
    RECOGNITION_SUMMARY,
)
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.training.columns import NETWORK_CLIPS

_PARTS = ("training", "validation")
_GROUPS = ("natural", "target", "withheld")
# A network that gains less than this share of what the median network of its condition gains.
_LEAST_GAIN = 0.5


def score_recognition(
    train: str | os.PathLike,
    test: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    branches: str | os.PathLike,
    network_clips: str | os.PathLike,
    blocks: str | os.PathLike,
    table: str | os.PathLike,
    without_blocks: str | os.PathLike,
    *,
    withhold: Sequence[str],
) -> None:
    """Write average_precision.tsv of a network, and left_out.tsv (`without_blocks`).

    `train` and `test` are files of responses, `clips`, `classes`, `branches` and `blocks` the
    tables of the corpus, `network_clips` is the network's clips.tsv; `withhold` is the list of
    the condition that the claims are about. Training and validation clips are scored on the
    labels that the network was given, test clips on their own. Raises InputError when a file
    cannot be read, its clips or classes differ from those of the others, or an output is NaN.
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
    of_clips = read_blocks(blocks, clip_ids)
    found = left_out(outputs, labels, of_clips, blocks_in(of_clips))
    of_groups = [
        found.means((of_classes["group"] == group).to_numpy()).assign(clips="test", group=group)
        for group in _GROUPS
        if (of_classes["group"] == group).any()
    ]
    write_table(without_blocks, stacked(of_groups, RECOGNITION_OF_BLOCKS), RECOGNITION_OF_BLOCKS)
    write_table(table, pd.concat(parts, ignore_index=True), AVERAGE_PRECISION)


def summarise_recognition(
    tables: Sequence[str | os.PathLike],
    of_blocks: Sequence[str | os.PathLike],
    table: str | os.PathLike,
    without_blocks: str | os.PathLike,
    *,
    networks: Sequence[tuple[str, int]],
    untaught: Mapping[str, str],
) -> None:
    """Write the means over the classes of each group, and those without each block of clips.

    `tables` and `of_blocks` are average_precision.tsv and left_out.tsv of `networks` (condition,
    seed), in the same order. A group without classes has no rows; one whose classes have no
    positives has empty means. `untaught` has the conditions whose networks cannot be asked whether
    they learnt, with the reason; a network of another condition that did not learn is logged.
    """
    rows, without = [], []
    for path, of_network, (condition, seed) in zip(tables, of_blocks, networks, strict=True):
        read = read_table(of_network, RECOGNITION_OF_BLOCKS)
        without.append(read.assign(condition=condition, seed=seed))
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
                    **interval(
                        occurring["average_precision"].mean(),
                        read.loc[
                            (read["clips"] == clips) & (read["group"] == group),
                            "mean_average_precision",
                        ].to_numpy(),
                    ),
                    "chance": occurring["chance"].mean(),
                    "prevalence": occurring["prevalence"].mean(),
                }
            )
    summary = pd.DataFrame(rows)
    summary["learnt"] = _learnt(summary, untaught)
    write_table(table, summary, RECOGNITION_SUMMARY)
    write_table(without_blocks, stacked(without, RECOGNITION_LEFT_OUT), RECOGNITION_LEFT_OUT)


def interval(mean: float, left_out: np.ndarray) -> dict[str, float]:
    """Return the 95% interval of a `mean` of average precisions, from 0 to 1, over clips.

    `left_out` (blocks,) are the means without each block; with fewer than two there is none.
    """
    reach = np.nan
    if len(left_out) > 1:
        error = np.sqrt(jackknife_variance(left_out))
        reach = -stdtrit(len(left_out) - 1, 0.025) * error
    ends = np.clip([mean - reach, mean + reach], 0, 1)
    return dict(
        zip(("mean_average_precision_low", "mean_average_precision_high"), ends, strict=True)
    )


def _learnt(summary: pd.DataFrame, untaught: Mapping[str, str]) -> pd.Series:
    """Return the column `learnt` of `summary`: whether the network of each row learnt.

    It did if its mean average precision over natural classes on its validation clips exceeds
    chance by at least half of what the median network of its condition gains; without such a score,
    that cannot be asked.
    """
    rows = summary[(summary["clips"] == "validation") & (summary["group"] == "natural")]
    gains = (
        (rows["mean_average_precision"] - rows["chance"])
        .groupby([rows["condition"], rows["seed"]])
        .first()
    )
    found = {}
    for condition, seed in zip(summary["condition"], summary["seed"], strict=True):
        if (condition, seed) in found:
            continue
        gain = gains.get((condition, seed), np.nan)
        if condition in untaught:
            found[condition, seed] = untaught[condition]
        elif np.isnan(gain):
            found[condition, seed] = "no validation clips"
        else:
            median = gains[condition].median()
            found[condition, seed] = "no" if gain < _LEAST_GAIN * median else "yes"
            if found[condition, seed] == "no":
                logging.warning(
                    "%s/seed-%d did not learn: on validation clips its mAP over natural classes "
                    "is %.3f above chance, less than half of the median of its condition (%.3f)",
                    condition,
                    seed,
                    gain,
                    median,
                )
    keys = zip(summary["condition"], summary["seed"], strict=True)
    return pd.Series([found[key] for key in keys], index=summary.index, dtype=str)


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
    table["chance"] = chance_average_precision(table["n_positive"], len(labels), outputs)
    table["prevalence"] = table["n_positive"] / (len(labels) or np.nan)
    return table
