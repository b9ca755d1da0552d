"""Average precision of every class with units silenced: by selectivity, by strength, at random."""

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from music_detectors.common.average_precision import (
    Positives,
    average_precision_without,
    chance_average_precision,
    positives,
)
from music_detectors.common.damage import damaged
from music_detectors.common.files import sha256
from music_detectors.common.left_out import class_means, left_out, places_of
from music_detectors.common.progress import progress
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.common.watch import duration
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.labels import label_matrix
from music_detectors.corpus.withheld import class_groups
from music_detectors.jackknife.blocks import blocks_in, read_blocks
from music_detectors.lesions.columns import LESION_CLASSES, LESIONS, LESIONS_LEFT_OUT
from music_detectors.lesions.journal import Journal, Scores
from music_detectors.lesions.orders import (
    FEWER_MATCHED_DRAWS,
    MATCHED_DRAWS,
    NAMED,
    fewer_draws,
    matched_units,
    named_orders,
    random_orders,
)
from music_detectors.lesions.readout import Forward, read_readout
from music_detectors.models.find import load_trained
from music_detectors.models.protocol import Readout
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.selectivity.columns import UNITS
from music_detectors.selectivity.ranking import share_of_units

# The groups of classes that have a mean, and over which clips. Withheld classes have none.
_SCORED = (("natural", "all"), ("target", "all"), ("natural", "other"))
_DRAWN = "matched-"
_RANDOM = "random-"


@dataclass(frozen=True)
class _Lesion:
    """Units (k,), a `fraction` of all, that are set to zero or to their mean."""

    name: str
    set_to: str
    fraction: float
    units: np.ndarray

    @property
    def kind(self) -> str:
        """The name without the number of a draw."""
        drawn = self.name.startswith((_RANDOM, _DRAWN))
        return self.name.rpartition("-")[0] if drawn else self.name


@dataclass(frozen=True)
class _Tested:
    """The test clips of a network: `labels` (clips, classes) bool, and which (clips,) are other.

    `blocks` (clips,) are their blocks, `numbers` those that are left out in turn.
    """

    labels: np.ndarray
    other: np.ndarray
    blocks: np.ndarray
    numbers: Sequence[int]


@dataclass(frozen=True)
class _Trained:
    """The responses (units,) to train clips: mean, mean absolute response, SD times weights."""

    mean: np.ndarray
    response: np.ndarray
    drive: np.ndarray


def lesion_units(
    model: str,
    weights: str | os.PathLike,
    train: str | os.PathLike,
    test: str | os.PathLike,
    units: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    branches: str | os.PathLike,
    index: str | os.PathLike,
    blocks: str | os.PathLike,
    lesions: str | os.PathLike,
    lesion_classes: str | os.PathLike,
    without_blocks: str | os.PathLike,
    *,
    replicate: int,
    layer: str,
    fractions: Sequence[float],
    claimed: float,
    random_draws: int,
    seed: int,
    condition: str,
    withhold: Sequence[str],
    device: str,
    threads: int,
    memory_mb: int,
    journal: str | os.PathLike,
    code: str,
    pooled: str | None = None,
) -> None:
    """Write lesions.tsv, classes.tsv and left_out.tsv (`without_blocks`) of a network.

    It is `replicate` of `condition`, whose model is called `model`. `weights`, `train` and `test`
    (responses) and `units` (units.tsv) are the network's, `clips`, `classes`, `branches` and
    `blocks` the tables of the corpus; `withhold` is the list of the condition that the claims are
    about. Every lesion silences one of `fractions` of the units of `layer` (of the model's reported
    layer if it lacks `layer`; of another if the model says that it stands for the layer). Units are
    ranked, matched and averaged on train clips, and test clips are scored; without each block of
    them, only lesions of the fraction `claimed` are. Other fractions have fewer than `random_draws`
    lesions of random units (`orders.fewer_draws`), and fewer of matched ones. Where the outputs do
    not follow from stored responses, the network is run again on the spectrograms listed in
    `index`, on `device`, of which it hears what it heard before (`pooled`, as in `models.heard`);
    they are held in memory up to `memory_mb`. What is finished is written to `journal` every
    minute, so that a killed job goes on from there; `code` is the digest of the code for which that
    is valid. Random draws come from `seed` and the network's names, so that those of a larger
    fraction hold those of a smaller one. Raises InputError when a file cannot be read or does not
    belong to the others.
    """
    loaded = load_trained(model)
    on = Forward(index, device, threads, memory_mb, pooled)
    corpus = read_table(clips, CLIPS, only=("clip_id", "split", "role", "labels"))
    of_classes = read_table(classes, CLASSES)
    of_classes["group"] = class_groups(of_classes, branches, withhold)
    lesioned = loaded.lesioned_layer(read_layers(test).chosen(layer))
    clip_ids, readout = read_readout(loaded, model, weights, test, lesioned, on)
    rows = described(test, clip_ids, corpus, "test")
    labels = label_matrix(clip_ids, rows["labels"].str.split(";"), of_classes["mid"], clips)
    if labels.shape != readout.outputs.shape:
        why = f"{readout.outputs.shape[1]} outputs for {labels.shape[1]} classes"
        raise damaged(test, "responses", why)
    of_clips = read_blocks(blocks, clip_ids)
    is_other = (rows["role"] == "other").to_numpy()
    tested = _Tested(labels, is_other, of_clips, blocks_in(of_clips))
    trained = _on_train_clips(train, lesioned, corpus, readout)
    named = named_orders(_ranks(units, lesioned, readout.units), trained.response)
    names = (condition, replicate, lesioned)
    drawn = random_orders(random_draws, readout.units, seed, names)
    planned = list(_planned(named, drawn, fractions, claimed, trained, seed, names))
    of_classes["n_positive"] = labels.sum(axis=0)
    natural = (of_classes["group"] == "natural").to_numpy()
    of_labels = positives(labels)
    what = _digest(planned, tested, trained, (weights, test), code)
    kept = Journal(journal, what)
    rest = planned[len(kept.scores) :]
    expected = readout.seconds_of(len(rest))
    if expected is not None:
        logging.info(
            "%d lesions by running the network take %s to %s; "
            "they are faster the less of the network follows %s",
            len(rest),
            *map(duration, expected),
            lesioned,
        )
    made = zip(rest, _outputs(readout, rest, trained.mean), strict=True)
    for lesion, outputs in progress(made, len(rest), "lesions", unit="lesions"):
        few = lesion.name <= f"{_RANDOM}{MATCHED_DRAWS:04d}" or not lesion.name.startswith(_RANDOM)
        in_blocks = tested.numbers and few and lesion.fraction in (0, claimed)
        kept.add(_scores(outputs, of_labels, tested, natural if in_blocks else None))
    of_blocks: dict[tuple[str, str], list[np.ndarray]] = {}
    for lesion, found in zip(planned, kept.scores, strict=True):
        if found.blocks is not None:
            of_blocks.setdefault((lesion.kind, lesion.set_to), []).append(found.blocks)
    plan = _plan(planned, trained)
    scores = {
        "all": np.array([found.everywhere for found in kept.scores]),
        "other": np.array([found.on_other for found in kept.scores]),
    }
    shared = {"seed": replicate, "layer": lesioned}
    means = _means(scores, readout, plan, tested, of_classes)
    write_table(lesions, means.assign(**shared), LESIONS)
    write_table(
        lesion_classes, _by_class(scores["all"], plan, of_classes).assign(**shared), LESION_CLASSES
    )
    without = []
    if tested.numbers:
        of_claimed = plan[plan["fraction"].isin([0, claimed])]
        of_network = _means_left_out(of_blocks, readout, of_claimed, tested, natural)
        without.append(of_network.assign(seed=replicate))
    write_table(without_blocks, stacked(without, LESIONS_LEFT_OUT), LESIONS_LEFT_OUT)
    kept.remove()


def _planned(
    named: dict[str, np.ndarray],
    drawn: dict[str, np.ndarray],
    fractions: Sequence[float],
    claimed: float,
    trained: _Trained,
    seed: int,
    names: Sequence[str | int],
) -> Iterator[_Lesion]:
    """Yield every lesion: none, and for each of `fractions` those of the orders `named` and
    `drawn`, the matched ones and those to the mean. Fractions other than `claimed` have fewer of
    the drawn ones.
    """
    few = dict(islice(drawn.items(), fewer_draws(len(drawn))))
    yield _Lesion("none", "", 0.0, np.array([], dtype=np.int64))
    for fraction in fractions:
        k = share_of_units(fraction, len(trained.mean))
        orders = named | (drawn if fraction == claimed else few)
        draws = MATCHED_DRAWS if fraction == claimed else FEWER_MATCHED_DRAWS
        for name, order in orders.items():
            yield _Lesion(name, "zero", fraction, order[:k])
        top = orders["top"][:k]
        like_response = matched_units(top, trained.response, "response", draws, seed, names)
        like_drive = matched_units(top, trained.drive, "drive", draws, seed, names)
        for name, chosen in (like_response | like_drive).items():
            yield _Lesion(name, "zero", fraction, chosen)
        for name in NAMED:
            yield _Lesion(name, "mean", fraction, orders[name][:k])
        for name, chosen in like_drive.items():
            yield _Lesion(name, "mean", fraction, chosen)


def _plan(planned: Sequence[_Lesion], trained: _Trained) -> pd.DataFrame:
    """Return what LESIONS has about each lesion itself, and its `kind`, a row for each."""
    rows = [
        {
            "lesion": lesion.name,
            "kind": lesion.kind,
            "set_to": lesion.set_to,
            "fraction": lesion.fraction,
            "n_units": len(lesion.units),
            "response": trained.response[lesion.units].mean() if len(lesion.units) else np.nan,
            "drive": trained.drive[lesion.units].mean() if len(lesion.units) else np.nan,
        }
        for lesion in planned
    ]
    return pd.DataFrame(rows)


def _outputs(
    readout: Readout, planned: Sequence[_Lesion], mean: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield the outputs (clips, classes) under each of `planned`; the next overwrites them."""
    # Only the first silences no unit.
    first = sum(not len(lesion.units) for lesion in planned)
    yield from [readout.outputs] * first
    yield from readout.lesioned(
        (lesion.units, mean if lesion.set_to == "mean" else None) for lesion in planned[first:]
    )


def _digest(
    planned: Sequence[_Lesion],
    tested: _Tested,
    trained: _Trained,
    files: Iterable[str | os.PathLike],
    code: str,
) -> str:
    """Return a digest of all that the scores under the `planned` lesions follow from."""
    digest = hashlib.sha256(code.encode())
    for path in files:
        digest.update(sha256(path).encode())
    for lesion in planned:
        digest.update(f"{lesion.name} {lesion.set_to} {lesion.units.tolist()}\n".encode())
    for values in (tested.labels, tested.other, tested.blocks, trained.mean):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _scores(
    outputs: np.ndarray, labels: Positives, tested: _Tested, natural: np.ndarray | None
) -> Scores:
    """Return the scores of `outputs`, without each block only for the classes `natural`, if any."""
    numbers = [] if natural is None else tested.numbers
    # One block more, without clips: the other clips as they are.
    blocks = places_of(tested.blocks, numbers)
    everywhere, without = average_precision_without(
        outputs, labels, blocks, len(numbers) + 1, ~tested.other
    )
    of_blocks = None if natural is None else without[:-1, natural]
    return Scores(everywhere, without[-1], of_blocks)


def _means_left_out(
    of_blocks: Mapping[tuple[str, str], Sequence[np.ndarray]],
    readout: Readout,
    plan: pd.DataFrame,
    tested: _Tested,
    natural: np.ndarray,
) -> pd.DataFrame:
    """Return the rows of left_out.tsv of a network: means over the draws of a kind of lesion.

    `of_blocks` has the average precision of each draw by kind and `set_to`.
    """
    rows = np.ix_(tested.other, natural)
    scores, labels = readout.outputs[rows], tested.labels[rows]
    intact = left_out(scores, labels, tested.blocks[tested.other], tested.numbers)
    shared = intact.means(np.full(labels.shape[1], True))
    occur = ~np.isnan(intact.average_precision)
    parts = []
    for (kind, set_to), draws in of_blocks.items():
        means = np.mean([class_means(of_draw, occur) for of_draw in draws], axis=0)
        of_kind = plan[(plan["kind"] == kind) & (plan["set_to"] == set_to)].head(len(draws))
        about = of_kind[["set_to", "fraction", "n_units"]].iloc[0].to_dict()
        about |= of_kind[["response", "drive"]].mean().to_dict()
        parts.append(shared.assign(lesion=kind, mean_average_precision=means, **about))
    return (
        pd.concat(parts).assign(group="natural", clips="other").sort_values("block", kind="stable")
    )


def _means(
    scores: dict[str, np.ndarray],
    readout: Readout,
    plan: pd.DataFrame,
    tested: _Tested,
    classes: pd.DataFrame,
) -> pd.DataFrame:
    """Return the rows of lesions.tsv, lesion by lesion.

    `scores` are the average precisions (lesions, classes) under those of `plan`, on all clips and
    on the other ones.
    """
    zero = (plan["set_to"] == "zero").to_numpy()
    is_named = zero & plan["lesion"].isin(NAMED).to_numpy()
    is_random = plan["lesion"].str.startswith(_RANDOM).to_numpy()
    of_fractions = [(plan["fraction"] == share).to_numpy() for share in _shares(plan)]
    parts = []
    for group, clips in _SCORED:
        used = tested.other if clips == "other" else np.full(len(tested.labels), True)
        n_positive = tested.labels[used].sum(axis=0)
        counted = (classes["group"] == group).to_numpy() & (n_positive > 0)
        rows = plan.assign(group=group, clips=clips, n_classes=counted.sum(), n_clips=used.sum())
        rows["mean_average_precision"] = rows["chance"] = rows["percentile"] = np.nan
        if counted.any():
            # Contiguous, so that equal rows have equal means to the last bit.
            of_group = np.ascontiguousarray(scores[clips][:, counted])
            rows["mean_average_precision"] = of_group.mean(axis=1)
            intact = readout.outputs[used][:, counted]
            expected = chance_average_precision(n_positive[counted], int(used.sum()), intact)
            rows["chance"] = expected.mean()
            values = rows["mean_average_precision"].to_numpy()
            for made in of_fractions:
                named = is_named & made
                below = values[is_random & made] <= values[named][:, None]
                rows.loc[named, "percentile"] = below.mean(axis=1)
        rows["change"] = rows["mean_average_precision"] - rows["mean_average_precision"].iloc[0]
        parts.append(rows)
    return pd.concat(parts).sort_index(kind="stable")


def _by_class(precision: np.ndarray, plan: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of classes.tsv from `precision` (lesions, classes), lesion by lesion.

    They are of the named lesions that set units to zero.
    """
    about = classes[["index", "mid", "name", "group", "n_positive"]]
    parts = [about.assign(lesion="none", fraction=0.0, random_mean=np.nan, random_sd=np.nan)]
    parts[0]["average_precision"] = precision[0]
    is_random = plan["lesion"].str.startswith(_RANDOM)
    is_named = plan["lesion"].isin(NAMED) & (plan["set_to"] == "zero")
    for share in _shares(plan):
        made = plan["fraction"] == share
        drawn = precision[(is_random & made).to_numpy()]
        chance = {"random_mean": drawn.mean(axis=0), "random_sd": drawn.std(axis=0, ddof=1)}
        for at, name in plan.loc[is_named & made, "lesion"].items():
            part = about.assign(lesion=name, fraction=share, **chance)
            parts.append(part.assign(average_precision=precision[at]))
    for part in parts:
        part["change"] = part["average_precision"] - precision[0]
    return pd.concat(parts)


def _shares(plan: pd.DataFrame) -> list[float]:
    """Return the fractions of the lesions in `plan`, but for none."""
    return list(plan.loc[plan["lesion"] != "none", "fraction"].unique())


def _ranks(path: str | os.PathLike, layer: str, n: int) -> np.ndarray:
    """Return the ranks (units,) of `layer`, which has `n` units, from units.tsv."""
    table = read_table(path, UNITS, only=("layer", "unit", "rank"))
    of_layer = table[table["layer"] == layer].sort_values("unit")
    if sorted(of_layer["rank"]) != list(range(1, n + 1)) or len(set(of_layer["unit"])) != n:
        raise damaged(path, "table", f"does not rank the {n} units of {layer}")
    return of_layer["rank"].to_numpy()


def _on_train_clips(
    path: str | os.PathLike, layer: str, corpus: pd.DataFrame, readout: Readout
) -> _Trained:
    """Return what the units of `layer`, those of `readout`, respond to train clips of any role.

    Where the weights that a unit sends on are not known, the drive is the SD alone.
    """
    clip_ids, responses = read_responses(path, [layer])
    described(path, clip_ids, corpus, "train")
    of_layer = responses[layer]
    strength = np.abs(of_layer).mean(axis=0, dtype=np.float64)
    if len(strength) != readout.units or not np.isfinite(strength).all():
        why = f"its responses of {layer} are not those of {readout.units} units, or not finite"
        raise damaged(path, "responses", why)
    drive = of_layer.std(axis=0, dtype=np.float64)
    if readout.outgoing is not None:
        drive = drive * readout.outgoing
    return _Trained(of_layer.mean(axis=0, dtype=np.float64), strength, drive)
