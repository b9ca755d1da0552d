"""The weights file of a network that is not trained here, and its read-out of classes."""

import logging
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from music_detectors.common.errors import InputError, one_line
from music_detectors.common.files import sha256
from music_detectors.common.progress import progress
from music_detectors.common.seeds import seed_of
from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.withheld import read_branches
from music_detectors.models.device import advising_when_full, kernels_of, prepare_device
from music_detectors.models.find import load_trained
from music_detectors.models.heard import heard_together
from music_detectors.models.modules.model import ModuleModel
from music_detectors.models.modules.pretrained import load_pretrained
from music_detectors.models.modules.ridge import Ridge
from music_detectors.models.modules.scored import Scored
from music_detectors.models.modules.settings import FITTED, MAPPED
from music_detectors.models.weights import initial_network, write_tensors
from music_detectors.spectrograms.shard import read_index
from music_detectors.training.conditions import Condition, training_clips, write_network_clips
from music_detectors.training.data import CLIPS_IN_A_BATCH, batches_heard, open_spectrograms

# A read-out of more units would take tens of GB.
_MOST_UNITS = 16_384


@advising_when_full()
def adopt_network(
    index: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    branches: str | os.PathLike,
    weights: str | os.PathLike,
    network_clips: str | os.PathLike,
    *,
    model: str,
    pretrained: str | None,
    outputs: str | None,
    validation_fraction: float,
    seed: int,
    replicate: int,
    device: str,
    threads: int,
    pooled: str,
) -> None:
    """Write the `weights` of a network that a condition takes as it is, and `network_clips`.

    Its tensors are those of the file `pretrained`, or random ones that follow from `seed` and
    `replicate`, as those of a trained network before training. `model` is the text of its
    settings. Class scores are the module's own if the table `outputs` says which of them are the
    classes', else a linear read-out of the last layer, fitted by ridge regression to the labels
    of the clips of `index` (train clips), of which the network hears what it hears later (`pooled`,
    as in `models.heard`). `validation_fraction` of the clips are left out of the fit; without a
    fit, all are clips of validation. `clips`, `classes` and `branches` are the corpus' tables.
    Raises InputError, naming the key or file, when the module, its weights or the table cannot be
    used, when responses are not finite, or when a file is damaged.
    """
    loaded = load_trained(model)
    assert isinstance(loaded, ModuleModel)
    key = f"configuration: {loaded.named}"
    target = prepare_device(device, threads)
    listed = read_table(classes, CLASSES)
    start = seed_of(seed, "initialisation", replicate)
    network = initial_network(loaded, len(listed), start)
    assert isinstance(network, Scored)
    if pretrained is not None:
        load_pretrained(network.module, pretrained, f"{key}.weights")
    network.eval().to(target)
    about = {
        "model": model,
        "condition": loaded.settings.condition,
        "replicate": replicate,
        "epoch": 0,
        "classes": len(listed),
        "pretrained": None if pretrained is None else sha256(pretrained),
        "training_clips": 0,
        "validation_clips": 0,
        "kernels": kernels_of(target),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    mids = listed["mid"].tolist()
    table = read_index(index)
    chosen = training_clips(
        Condition(loaded.settings.condition, model, (), "given", 0, "last"),
        table,
        read_table(clips, CLIPS),
        read_branches(branches),
        mids,
        validation_fraction,
        seed,
        replicate,
        path=index,
    )
    scores = loaded.settings.scores
    if scores == MAPPED:
        assert outputs is not None
        network.chosen.copy_(torch.from_numpy(_chosen(outputs, listed, f"{key}.outputs")))
        chosen = replace(chosen, validation=np.full(len(chosen.clip_ids), True))
    elif scores == FITTED:
        fitted_on = table.iloc[chosen.rows[~chosen.validation]]
        labels = chosen.labels[~chosen.validation]
        about |= _fit_readout(network, loaded, Path(index), fitted_on, labels, target, pooled)
    about["validation_clips"] = int(chosen.validation.sum())
    write_network_clips(network_clips, chosen, mids)
    write_tensors(weights, network.state_dict(), about)


def _fit_readout(
    network: Scored,
    model: ModuleModel,
    index: Path,
    table: pd.DataFrame,
    labels: np.ndarray,
    device: torch.device,
    pooled: str,
) -> dict:
    """Give `network` its read-out of the `labels` (clips, classes) of the clips of `table`.

    These are rows of `index`. Returns what the weights say of it.
    """
    spectrograms, shard = open_spectrograms(index, table, 0, device)
    model.check_size(*shard.shape)
    groups = heard_together(model, shard.shape[1], table["n_frames"].to_numpy(), pooled)
    order = np.concatenate([numbers for numbers, _ in groups])
    ridge, done = None, 0
    on_gpu = device.type == "cuda"
    at_once = model.clips_at_once_on_gpu if on_gpu else model.clips_at_once
    what = f"responses of {model.reported} for the read-out"
    batches = sum(-(-len(numbers) // CLIPS_IN_A_BATCH) for numbers, _ in groups)
    for batch in progress(batches_heard(spectrograms, groups), batches, what, "batches"):
        for part in batch.float().split(at_once):
            responses = _last_layer(network, part)
            rows = order[done : done + len(part)]
            wrong = np.flatnonzero(~np.isfinite(responses).all(axis=1))
            if len(wrong):
                clip = one_line(table["clip_id"].iloc[rows[wrong[0]]])
                raise InputError(
                    f"configuration: {model.named}.model: the network's response to clip {clip} is "
                    f"not finite in {model.reported}; mend the network or its weights"
                )
            if ridge is None:
                units = responses.shape[1]
                if units > _MOST_UNITS:
                    raise InputError(
                        f"configuration: {model.named}.layers: {model.reported}, the last layer, "
                        f"has {units} units, too many for a linear read-out ({_MOST_UNITS}); pool "
                        "its positions, or give outputs"
                    )
                ridge = Ridge(units, labels.shape[1])
            ridge.add(responses, labels[rows])
            done += len(part)
    assert ridge is not None
    into, bias, penalty = ridge.fitted()
    network.readout.load_state_dict(
        {"weight": torch.from_numpy(into), "bias": torch.from_numpy(bias)}
    )
    logging.info("read-out of %d classes from %d units of %s", *into.shape, model.reported)
    return {"training_clips": len(table), "readout_layer": model.reported, "penalty": penalty}


@torch.inference_mode()
def _last_layer(network: Scored, log_mel: Tensor) -> np.ndarray:
    return network.last_layer(log_mel).float().cpu().numpy()


def _chosen(path: str | os.PathLike, classes: pd.DataFrame, key: str) -> np.ndarray:
    """Return which output (classes,) int64 is the score of each class, as the table says."""
    separator = "\t" if str(path).endswith(".tsv") else ","
    try:
        table = pd.read_csv(path, sep=separator, dtype=str)
        numbers = table["index"].astype(int).to_numpy()
    except (OSError, ValueError, KeyError, pd.errors.ParserError) as error:
        raise InputError(
            f"{key}: {path} cannot be read as a table with the columns index, and mid or "
            f"display_name ({one_line(error, 160)})"
        ) from error
    known: dict[str, int] = {}
    for column in ("display_name", "mid"):
        if column in table:
            known |= dict(zip(table[column], numbers.tolist(), strict=True))
    found = [
        known.get(mid, known.get(name, -1))
        for mid, name in zip(classes["mid"], classes["name"], strict=True)
    ]
    lacking = [name for name, place in zip(classes["name"], found, strict=True) if place < 0]
    if lacking:
        raise InputError(
            f"{key}: {path} has no output for {len(lacking)} of {len(classes)} classes, such as "
            f"{one_line(lacking[0])}; add them (columns index, mid, display_name), or leave "
            "outputs out for a linear read-out"
        )
    return np.array(found, dtype=np.int64)
