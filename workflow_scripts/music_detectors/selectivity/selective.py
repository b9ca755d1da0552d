"""The responses of the selective units to clips and classes."""

import os

import numpy as np
import pandas as pd

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.selectivity.columns import CLASS_RESPONSES, CLIP_RESPONSES, UNITS


def selective_responses(
    units: str | os.PathLike,
    train: str | os.PathLike,
    test: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    clip_responses: str | os.PathLike,
    class_responses: str | os.PathLike,
    *,
    layer: str,
) -> None:
    """Write the mean response of the selective units of `layer`, per clip and per class.

    For clips the mean over all units of the layer is written too.

    If the model has no such layer, its own reported layer is used.

    `units` is the network's units.tsv, `train` and `test` are its responses, `clips` and `classes`
    the tables of the corpus; `clip_responses` and `class_responses` are written. Raises InputError
    when a file cannot be read, the clips of a file are not those of its split, or a label of a clip
    is not among the classes.
    """
    layer = read_layers(train).chosen(layer)
    table = read_table(units, UNITS, only=("layer", "unit", "selective"))
    selective = table.loc[(table["layer"] == layer) & table["selective"], "unit"].to_numpy()
    if not len(selective):
        raise damaged(units, "table", f"has no selective unit of {layer}")
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "role", "labels"))
    splits = []
    for split, path in (("train", train), ("test", test)):
        clip_ids, responses = read_responses(path, [layer])
        rows = described(path, clip_ids, corpus, split)
        rows["response"] = responses[layer][:, selective].mean(axis=1, dtype=np.float64)
        rows["all_units"] = responses[layer].mean(axis=1, dtype=np.float64)
        splits.append(rows)
    write_table(clip_responses, pd.concat(splits, ignore_index=True), CLIP_RESPONSES)
    table = by_class(splits[1], read_table(classes, CLASSES), str(clips))
    write_table(class_responses, table, CLASS_RESPONSES)


def by_class(clips: pd.DataFrame, classes: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return `classes` with n_clips, response and response_sd over the `clips` with each label.

    `clips` has the columns clip_id, labels (joined by `;`) and response; `name` is the table in
    messages.
    """
    labels = clips.assign(mid=clips["labels"].str.split(";")).explode("mid")
    unknown = labels[~labels["mid"].isin(classes["mid"])]
    if len(unknown):
        clip_id, mid = unknown[["clip_id", "mid"]].iloc[0]
        why = f"clip {clip_id} has the label {mid!r}, which is no class of the corpus"
        raise damaged(name, "table", why)
    responses = labels.groupby("mid")["response"]
    table = classes.copy()
    table["n_clips"] = table["mid"].map(responses.size()).fillna(0).astype(np.int64)
    table["response"] = table["mid"].map(responses.mean())
    table["response_sd"] = table["mid"].map(responses.std())
    return table
