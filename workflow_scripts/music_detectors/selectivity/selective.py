"""The responses of the selective units to clips and classes, and the summary over networks."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.selectivity.columns import (
    CLASS_RESPONSES,
    CLIP_RESPONSES,
    SELECTIVITY_SUMMARY,
    UNITS,
)
from music_detectors.selectivity.effects import auc, response_ratio
from music_detectors.selectivity.ranking import of_reported_layer

_ALPHA = 0.05


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


def summarise_selectivity(
    units: Sequence[str | os.PathLike],
    clip_responses: Sequence[str | os.PathLike],
    table: str | os.PathLike,
    *,
    networks: Sequence[tuple[str, int]],
    layer: str,
) -> None:
    """Write one row per network and layer from the tables of each of `networks`.

    `units` are their units.tsv, and `clip_responses` their clip_responses.tsv, which are about
    `layer` (or a model's own reported layer). Raises InputError when a table cannot be read or has
    no target or no other test clip.
    """
    rows = []
    for path, responses, (condition, seed) in zip(units, clip_responses, networks, strict=True):
        of_units = read_table(path, UNITS)
        (reported,) = of_reported_layer(of_units, layer)["layer"].unique()
        of_clips = _of_clips(responses)
        for name, in_layer in of_units.groupby("layer", sort=False):
            network = {"condition": condition, "seed": seed, "layer": name}
            of_layer = of_clips if name == reported else dict.fromkeys(of_clips, np.nan)
            rows.append(network | _row(in_layer) | of_layer)
    write_table(table, pd.DataFrame(rows), SELECTIVITY_SUMMARY)


def _of_clips(path: str | os.PathLike) -> dict[str, float]:
    """Return the columns of the summary that rest on the clips' mean responses at `path`."""
    table = read_table(path, CLIP_RESPONSES, only=("split", "role", "response", "all_units"))
    on_test = table[table["split"] == "test"]
    target, other = (on_test[on_test["role"] == role] for role in ("target", "other"))
    if target.empty or other.empty:
        raise damaged(path, "table", "has no target or no other test clip")
    of_all = [clips["all_units"].to_numpy() for clips in (target, other)]
    return {
        "test_ratio": response_ratio(target["response"].to_numpy(), other["response"].to_numpy()),
        "test_all_mean_target": of_all[0].mean(),
        "test_all_mean_other": of_all[1].mean(),
        "test_all_ratio": response_ratio(*of_all),
        "test_all_common_language": auc(*(values[:, None] for values in of_all))[0],
    }


def _row(units: pd.DataFrame) -> dict[str, float | int]:
    selective = units[units["selective"]]
    positive = units["welch_t"] > 0
    averaged = [
        name for name in SELECTIVITY_SUMMARY if name in UNITS and SELECTIVITY_SUMMARY[name] is float
    ]
    return {
        "reported": bool(units["reported"].iloc[0]),
        "n_units": len(units),
        "n_selective": len(selective),
        "n_significant_fdr": int((positive & (units["p_fdr"] < _ALPHA)).sum()),
        "n_significant_permutation": int((positive & (units["p_permutation"] < _ALPHA)).sum()),
        "n_target_test": int(units["test_n_target"].iloc[0]),
        "n_other_test": int(units["test_n_other"].iloc[0]),
        # A missing or infinite statistic of one unit is not left out of the mean.
        **selective[averaged].mean(skipna=False),
    }
