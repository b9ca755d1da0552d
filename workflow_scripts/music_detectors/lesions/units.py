"""Average precision of every class with units silenced: by selectivity, by strength, at random."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from music_detectors.common.average_precision import average_precision
from music_detectors.common.damage import damaged
from music_detectors.common.progress import progress
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.labels import label_matrix
from music_detectors.corpus.withheld import class_groups
from music_detectors.lesions.columns import LESION_CLASSES, LESIONS
from music_detectors.lesions.orders import NAMED, named_orders, random_orders
from music_detectors.lesions.readout import Forward, read_readout
from music_detectors.models.find import load_trained
from music_detectors.models.protocol import Readout
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.selectivity.columns import UNITS
from music_detectors.selectivity.ranking import share_of_units

# Other classes, withheld ones among them, have no mean of their own.
_GROUPS = ("natural", "target")


def lesion_units(
    model: str,
    weights: Sequence[str | os.PathLike],
    train: Sequence[str | os.PathLike],
    test: Sequence[str | os.PathLike],
    units: Sequence[str | os.PathLike],
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    branches: str | os.PathLike,
    index: str | os.PathLike,
    lesions: str | os.PathLike,
    lesion_classes: str | os.PathLike,
    *,
    replicates: Sequence[int],
    layer: str,
    fraction: float,
    random_draws: int,
    seed: int,
    condition: str,
    withhold: Sequence[str],
    device: str,
    threads: int,
    memory_mb: int,
    pooled: str | None = None,
) -> None:
    """Write lesions.tsv and classes.tsv of the networks of `condition`, for one `fraction`.

    `model` is the name of the condition's model. `weights`, `train` and `test` (responses) and
    `units` (units.tsv) are those of each of `replicates`, `clips`, `classes` and `branches` the
    tables of the corpus; `withhold` is the list of the condition that the claims are about.
    Every lesion silences `fraction` of the units of `layer` (of the model's reported layer if it
    lacks `layer`; of another if the model says that it stands for the layer). Units are ranked on
    train clips, and test clips are scored. Where the outputs do not follow from stored responses,
    the network is run again on the spectrograms listed in `index`, on `device`, of which it hears
    what it heard before (`pooled`, as in `models.heard`); they are held in memory up to
    `memory_mb`. Random draws come from `seed` and the network's names, so that those of a larger
    fraction hold those of a smaller one. Raises InputError when a file cannot be read
    or does not belong to the others.
    """
    loaded = load_trained(model)
    on = Forward(index, device, threads, memory_mb, pooled)
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "labels"))
    of_classes = read_table(classes, CLASSES)
    of_classes["group"] = class_groups(of_classes, branches, withhold)
    means, by_class = [], []
    for place, replicate in enumerate(replicates):
        lesioned = loaded.lesioned_layer(read_layers(test[place]).chosen(layer))
        clip_ids, readout = read_readout(loaded, model, weights[place], test[place], lesioned, on)
        tested = described(test[place], clip_ids, corpus, "test")
        labels = label_matrix(clip_ids, tested["labels"].str.split(";"), of_classes["mid"], clips)
        if labels.shape != readout.outputs.shape:
            why = f"{readout.outputs.shape[1]} outputs for {labels.shape[1]} classes"
            raise damaged(test[place], "responses", why)
        orders = named_orders(
            _ranks(units[place], lesioned, readout.units),
            _strength(train[place], lesioned, corpus, readout.units),
        )
        names = (condition, replicate, lesioned)
        orders |= random_orders(random_draws, readout.units, seed, names)
        plan = _plan(orders, fraction, readout.units)
        precision = _scored(readout, labels, orders, plan, f"lesions of seed-{replicate}")
        of_classes["n_positive"] = labels.sum(axis=0)
        shared = {"seed": replicate, "layer": lesioned, "n_clips": len(labels)}
        means.append(_means(precision, plan, of_classes).assign(**shared))
        by_class.append(_by_class(precision, plan, of_classes).assign(**shared))
    write_table(lesions, pd.concat(means, ignore_index=True), LESIONS)
    write_table(lesion_classes, pd.concat(by_class, ignore_index=True), LESION_CLASSES)


def _plan(orders: dict[str, np.ndarray], fraction: float, units: int) -> pd.DataFrame:
    """Return lesion, fraction and n_units of every lesion: none, then those of `orders`."""
    plan = pd.DataFrame({"lesion": ["none", *orders], "fraction": fraction})
    plan["n_units"] = share_of_units(fraction, units)
    plan.loc[0, ["fraction", "n_units"]] = 0
    return plan


def _scored(
    readout: Readout,
    labels: np.ndarray,
    orders: dict[str, np.ndarray],
    plan: pd.DataFrame,
    what: str,
) -> np.ndarray:
    """Return the average precision (lesions, classes) under each lesion of `plan`.

    It is NaN for a class without positives among `labels` (clips, classes); `what` names the
    progress.
    """
    precision = np.empty((len(plan), labels.shape[1]))
    precision[0] = average_precision(readout.outputs, labels)
    counts = plan["n_units"].tolist()[-1:]
    for at, order in enumerate(progress(orders.values(), len(orders), what, unit="lesions"), 1):
        for outputs in readout.lesioned(order, counts):
            precision[at] = average_precision(outputs, labels)
    return precision


def _means(precision: np.ndarray, plan: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of lesions.tsv from `precision` (lesions, classes), lesion by lesion."""
    is_named, is_random = _kinds(plan)
    parts = []
    for group in _GROUPS:
        counted = ((classes["group"] == group) & (classes["n_positive"] > 0)).to_numpy()
        rows = plan.assign(group=group, n_classes=counted.sum(), percentile=np.nan)
        rows["mean_average_precision"] = np.nan
        if counted.any():
            # Contiguous, so that equal rows have equal means to the last bit.
            of_group = np.ascontiguousarray(precision[:, counted])
            rows["mean_average_precision"] = of_group.mean(axis=1)
            values = rows["mean_average_precision"]
            below = values[is_random].to_numpy() <= values[is_named].to_numpy()[:, None]
            rows.loc[is_named, "percentile"] = below.mean(axis=1)
        rows["change"] = rows["mean_average_precision"] - rows["mean_average_precision"].iloc[0]
        parts.append(rows)
    return pd.concat(parts).sort_index(kind="stable")


def _by_class(precision: np.ndarray, plan: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of classes.tsv from `precision` (lesions, classes), lesion by lesion."""
    is_named, is_random = _kinds(plan)
    drawn = precision[is_random]
    chance = {"random_mean": drawn.mean(axis=0), "random_sd": drawn.std(axis=0, ddof=1)}
    about = classes[["index", "mid", "name", "group", "n_positive"]]
    parts = [about.assign(lesion="none", fraction=0.0, random_mean=np.nan, random_sd=np.nan)]
    parts[0]["average_precision"] = precision[0]
    for at, row in plan[is_named].iterrows():
        part = about.assign(lesion=row["lesion"], fraction=row["fraction"], **chance)
        parts.append(part.assign(average_precision=precision[at]))
    for part in parts:
        part["change"] = part["average_precision"] - precision[0]
    return pd.concat(parts)


def _kinds(plan: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return which lesions (lesions,) of `plan` are named and which are random; none is neither."""
    named = plan["lesion"].isin(NAMED).to_numpy()
    return named, ~named & (plan["lesion"] != "none").to_numpy()


def _ranks(path: str | os.PathLike, layer: str, n: int) -> np.ndarray:
    """Return the ranks (units,) of `layer`, which has `n` units, from units.tsv."""
    table = read_table(path, UNITS, only=("layer", "unit", "rank"))
    of_layer = table[table["layer"] == layer].sort_values("unit")
    if sorted(of_layer["rank"]) != list(range(1, n + 1)) or len(set(of_layer["unit"])) != n:
        raise damaged(path, "table", f"does not rank the {n} units of {layer}")
    return of_layer["rank"].to_numpy()


def _strength(path: str | os.PathLike, layer: str, corpus: pd.DataFrame, n: int) -> np.ndarray:
    """Return the mean absolute response (units,) of `layer`, of `n` units, to the train clips."""
    clip_ids, responses = read_responses(path, [layer])
    described(path, clip_ids, corpus, "train")
    strength = np.abs(responses[layer]).mean(axis=0, dtype=np.float64)
    if len(strength) != n or not np.isfinite(strength).all():
        why = f"its responses of {layer} are not those of {n} units, or not finite"
        raise damaged(path, "responses", why)
    return strength
