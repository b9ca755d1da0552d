"""Training one network: from the index of spectrograms to its weights."""

import hashlib
import json
import logging
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from music_detectors.common.average_precision import average_precision
from music_detectors.common.errors import InputError
from music_detectors.common.progress import progress
from music_detectors.common.seeds import generator, seed_of
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.withheld import read_branches
from music_detectors.models.device import advising_when_full, prepare_device
from music_detectors.models.find import load_trained
from music_detectors.models.protocol import TrainedModel
from music_detectors.models.weights import initial_network, write_snapshots, write_tensors
from music_detectors.spectrograms.shard import SpectrogramShard, read_index
from music_detectors.training.checkpoint import Kept, Training, resume, save_checkpoint
from music_detectors.training.columns import HISTORY, NETWORK_CLIPS
from music_detectors.training.conditions import (
    Condition,
    TrainingClips,
    joined_labels,
    training_clips,
)
from music_detectors.training.data import Spectrograms, open_spectrograms

# Few clips at once, so that validation takes no more memory than training.
_VALIDATION_BATCH = 8


@dataclass(frozen=True)
class Settings:
    """What determines a training job, besides its clips.

    `seed` is the configured one, `replicate` the network's number; `learning_rate` is the highest
    of the one-cycle schedule; `validation_fraction` of the clips pick the best epoch.
    """

    condition: Condition
    seed: int
    replicate: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    validation_fraction: float


@dataclass(frozen=True)
class _Material:
    """A model, and the spectrograms and labels (n, classes) bool of its clips, on the device.

    Clips have the same numbers in all of them.
    """

    model: TrainedModel
    spectrograms: Spectrograms
    labels: Tensor
    training: np.ndarray
    validation: np.ndarray


@dataclass(frozen=True)
class _Trained:
    """A finished training: as in `Training`."""

    kept: Kept
    history: list[dict[str, float]]
    snapshots: dict[int, dict[str, Tensor]]


@advising_when_full()
def train_network(
    index: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    branches: str | os.PathLike,
    settings: Settings,
    weights: str | os.PathLike,
    snapshots: str | os.PathLike,
    history: str | os.PathLike,
    network_clips: str | os.PathLike,
    checkpoint: str | os.PathLike,
    code: str,
    device: str,
    threads: int,
    memory_mb: int,
) -> None:
    """Train a network on the spectrograms of `index` and write what comes of it.

    The study's training: binary cross-entropy over all classes, AdamW, a one-cycle schedule with
    linear annealing stepped every batch, dropout of 0.2; the weights kept are those of the best
    epoch, with the highest macro average precision on the validation clips (the earliest of
    equals), or of the last epoch, as the condition says. A condition of 0 epochs keeps the initial
    weights, which all conditions with the same model and replicate share. On a GPU
    convolutions and products are in bfloat16, weights and all else in float32.

    The outputs are the `weights`, the network's state after each of the condition's `snapshots`,
    its `history` and its clips.

    After each epoch, everything that the next one depends on is written to `checkpoint`, so that a
    killed job continues and reaches the same weights. `code` is the digest of the code for which
    the checkpoint is valid. The checkpoint is removed once the outputs are written.

    Raises InputError for unusable inputs, for a condition with too few clips, when the loss
    is not finite, and when a GPU's memory is too small.
    """
    model = load_trained(settings.condition.model, _key(settings))
    target = prepare_device(device, threads)
    table = read_index(index)
    mids = read_table(classes, CLASSES)["mid"].tolist()
    chosen = training_clips(
        settings.condition,
        table,
        read_table(clips, CLIPS),
        read_branches(branches),
        mids,
        settings.validation_fraction,
        settings.seed,
        settings.replicate,
        path=index,
    )
    of_network = table.iloc[chosen.rows]
    spectrograms, shard = open_spectrograms(index, of_network, memory_mb, target)
    model.check_size(*shard.shape)
    material = _Material(
        model,
        spectrograms,
        torch.from_numpy(chosen.labels).to(target),
        np.flatnonzero(~chosen.validation),
        np.flatnonzero(chosen.validation),
    )
    configuration = _configuration(settings, chosen, mids, shard, target)
    logging.info(
        "%s, replicate %d: %d clips to train on, %d to validate, %d classes, on %s",
        settings.condition.name,
        settings.replicate,
        len(material.training),
        len(material.validation),
        len(mids),
        target,
    )
    places = _places(index, of_network)
    wanted = list(settings.condition.snapshots)
    digest = _digest([configuration, code, model.computed_by(target), places, wanted])
    trained = _train(settings, material, checkpoint, digest)
    kept = trained.kept
    about = {
        "model": settings.condition.model,
        "condition": settings.condition.name,
        "seed": settings.seed,
        "replicate": settings.replicate,
        "epoch": kept.epoch,
        "classes": len(mids),
        "training_clips": len(material.training),
        "validation_clips": len(material.validation),
        "configuration": configuration,
        "computed_by": model.computed_by(target),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    write_table(network_clips, _clip_table(chosen, mids), NETWORK_CLIPS)
    write_table(history, pd.DataFrame(trained.history), HISTORY)
    write_snapshots(snapshots, trained.snapshots, about)
    write_tensors(weights, kept.state, about)
    Path(checkpoint).unlink(missing_ok=True)


def batch_sizes(clips: int, batch_size: int) -> list[int]:
    """Return the sizes of the batches of `clips` training clips.

    The last batch may be smaller. A single clip that is left joins the batch before it, since its
    batch statistics would be its own.
    """
    sizes = [batch_size] * (clips // batch_size)
    rest = clips % batch_size
    if rest == 1 and sizes:
        sizes[-1] += 1
    elif rest:
        sizes.append(rest)
    return sizes


def training_step(
    network: nn.Module,
    optimizer: Optimizer,
    log_mel: Tensor,
    labels: Tensor,
    dropout: torch.Generator,
) -> Tensor:
    """Take one step on `log_mel` (b, mels, frames) and `labels` (b, classes); return the loss."""
    with torch.autocast(log_mel.device.type, torch.bfloat16, enabled=log_mel.is_cuda):
        logits = network(log_mel.float(), dropout)
    loss = binary_cross_entropy_with_logits(logits.float(), labels.float())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def _train(
    settings: Settings, material: _Material, checkpoint: str | os.PathLike, digest: str
) -> _Trained:
    """Return the trained network, continuing from the checkpoint if there is one."""
    network = initial_network(
        material.model,
        classes=material.labels.shape[1],
        seed=seed_of(settings.seed, "initialisation", settings.replicate),
    ).to(material.labels.device)
    epochs = settings.condition.epochs
    if epochs == 0:
        return _untrained(settings, network, material)
    plan = batch_sizes(len(material.training), settings.batch_size)
    optimizer = AdamW(
        network.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    scheduler = OneCycleLR(
        optimizer,
        max_lr=settings.learning_rate,
        total_steps=epochs * len(plan),
        anneal_strategy="linear",
    )
    training = Training(network, optimizer, scheduler, kept=None, history=[], snapshots={})
    if 0 in settings.condition.snapshots:
        training.snapshots[0] = _state(network)
    resume(checkpoint, digest, training)
    begun, before = time.monotonic(), len(training.history)
    for epoch in range(before + 1, epochs + 1):
        row = _epoch(training, material, settings, epoch)
        training.history.append(row)
        score = row["validation_map"]
        is_last = settings.condition.keep == "last"
        if training.kept is None or is_last or score > training.kept.score:
            training.kept = Kept(epoch, score, _state(network))
        if epoch in settings.condition.snapshots:
            training.snapshots[epoch] = _state(network)
        save_checkpoint(checkpoint, digest, training)
        left = (time.monotonic() - begun) / (epoch - before) * (epochs - epoch)
        logging.info(
            "epoch %d of %d: loss %.4f, validation mAP %.4f, %.1f clips/s, %.0f s left",
            epoch,
            epochs,
            row["loss"],
            score,
            row["clips_per_second"],
            left,
        )
    assert training.kept is not None
    return _Trained(training.kept, training.history, training.snapshots)


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def _untrained(settings: Settings, network: nn.Module, material: _Material) -> _Trained:
    started = time.monotonic()
    score = _validation_map(network, material, epoch=0)
    row = {
        "epoch": 0,
        "loss": math.nan,
        "validation_map": score,
        "learning_rate": 0.0,
        "seconds": time.monotonic() - started,
        "clips_per_second": math.nan,
    }
    state = network.state_dict()
    return _Trained(
        Kept(0, score, state), [row], dict.fromkeys(settings.condition.snapshots, state)
    )


def _epoch(
    training: Training, material: _Material, settings: Settings, epoch: int
) -> dict[str, float]:
    """Train and validate for one epoch; return its row of the history."""
    started = time.monotonic()
    device = material.labels.device
    names = (settings.condition.name, settings.replicate, epoch)
    order = generator(settings.seed, "order", *names).permutation(material.training)
    sizes = batch_sizes(len(order), settings.batch_size)
    plan = torch.from_numpy(order).split(sizes)
    dropout = torch.Generator(device)
    dropout.manual_seed(seed_of(settings.seed, "dropout", *names))
    losses = torch.zeros(len(plan), device=device)
    training.network.train()
    batches = zip(plan, material.spectrograms.batches(plan), strict=True)
    for step, (clips, log_mel) in enumerate(
        progress(batches, len(plan), f"epoch {epoch}", unit="batches")
    ):
        rate = training.optimizer.param_groups[0]["lr"]
        labels = material.labels[clips.to(device)]
        losses[step] = training_step(training.network, training.optimizer, log_mel, labels, dropout)
        # The schedule has no learning rate after the very last step.
        if training.scheduler.last_epoch + 1 < training.scheduler.total_steps:
            training.scheduler.step()
        if device.type == "cpu":
            _check_finite(losses[step : step + 1], settings, epoch, step + 1)
    # On a GPU, only this check waits for the results of the epoch.
    _check_finite(losses, settings, epoch, 1)
    trained = time.monotonic()
    score = _validation_map(training.network, material, epoch)
    return {
        "epoch": epoch,
        "loss": float(np.average(losses.cpu().double().numpy(), weights=sizes)),
        "validation_map": score,
        "learning_rate": rate,
        "seconds": time.monotonic() - started,
        "clips_per_second": len(order) / (trained - started),
    }


def _check_finite(losses: Tensor, settings: Settings, epoch: int, first_step: int) -> None:
    values = losses.cpu().numpy()
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise InputError(
            f"conditions.{settings.condition.name}, replicate {settings.replicate}: the "
            f"loss is {values[wrong[0]]} at epoch {epoch}, step {first_step + wrong[0]}; lower "
            f"networks.learning_rate, which is {settings.learning_rate}"
        )


@torch.inference_mode()
def _validation_map(network: nn.Module, material: _Material, epoch: int) -> float:
    """Return the macro average precision over the classes that occur in the validation clips."""
    network.eval()
    plan = torch.from_numpy(material.validation).split(_VALIDATION_BATCH)
    logits = torch.cat(
        [network(log_mel.float()) for log_mel in material.spectrograms.batches(plan)]
    )
    scores = logits.cpu().numpy()
    if not np.isfinite(scores).all():
        raise InputError(
            f"the network's outputs for the validation clips are not finite after epoch {epoch}; "
            "lower networks.learning_rate"
        )
    precision = average_precision(scores, material.labels.cpu().numpy()[material.validation])
    occurring = precision[~np.isnan(precision)]
    return float(occurring.mean()) if len(occurring) else math.nan


def _clip_table(chosen: TrainingClips, mids: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "clip_id": chosen.clip_ids,
            "part": np.where(chosen.validation, "validation", "training"),
            "labels": joined_labels(chosen.labels, mids),
        }
    )


def _configuration(
    settings: Settings,
    chosen: TrainingClips,
    mids: list[str],
    shard: SpectrogramShard,
    device: torch.device,
) -> str:
    """Return a digest of what determines the weights, except the contents of files."""
    what = asdict(settings)
    # Snapshots change nothing about the network.
    what["condition"].pop("snapshots")
    return _digest(
        {
            "settings": what,
            "classes": mids,
            "clips": chosen.clip_ids,
            "validation": np.flatnonzero(chosen.validation).tolist(),
            "labels": hashlib.sha256(np.packbits(chosen.labels).tobytes()).hexdigest(),
            "spectrograms": [shard.stimulus, *shard.shape, shard.parameters],
            "device": device.type,
            "torch": torch.__version__,
            "numpy": np.__version__,
        }
    )


def _places(index: str | os.PathLike, clips: pd.DataFrame) -> list:
    """Return where the spectrograms are, and what shows that a shard was rewritten."""
    shards = {}
    for name in clips["shard"].unique():
        status = (Path(index).parent / f"{name}.h5").stat()
        shards[name] = [status.st_size, status.st_mtime_ns]
    return [clips["shard"].tolist(), clips["row"].tolist(), shards]


def _key(settings: Settings) -> str:
    """Return the key of the configuration that names the model."""
    return f"configuration: conditions.{settings.condition.name}.model"


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
