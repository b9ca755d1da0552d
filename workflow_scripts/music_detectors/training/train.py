"""Training networks: from the index of spectrograms to their weights."""

import hashlib
import json
import logging
import math
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from music_detectors.common.average_precision import average_precision
from music_detectors.common.errors import InputError
from music_detectors.common.progress import progress
from music_detectors.common.seeds import generator, seed_of
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.withheld import read_branches
from music_detectors.models.device import (
    advising_when_full,
    kernels_of,
    kind_of,
    on_device,
    precision_on,
    prepare_device,
    training_in,
)
from music_detectors.models.find import load_trained
from music_detectors.models.protocol import TrainedModel
from music_detectors.models.weights import initial_network, write_snapshots, write_tensors
from music_detectors.spectrograms.shard import SpectrogramShard, read_index
from music_detectors.training.checkpoint import (
    Kept,
    Training,
    is_finished,
    resume,
    save_checkpoint,
    save_finished,
)
from music_detectors.training.columns import HISTORY
from music_detectors.training.conditions import (
    Condition,
    TrainingClips,
    training_clips,
    write_network_clips,
)
from music_detectors.training.data import Spectrograms, networks_with_room, open_spectrograms
from music_detectors.training.optimizer import AdamW, one_cycle
from music_detectors.training.steps import Steps

# On a CPU few clips at once, so that validation takes no more memory than training.
_VALIDATION_BATCH = {"cpu": 8, "cuda": 256}
PLAIN, TRITON = "plain", "triton"
"""How the blocks of networks are computed: `networks.blocks`."""
# A checkpoint takes a tenth of a second, as long as an epoch of a small corpus.
_SECONDS_BETWEEN_CHECKPOINTS = 20.0


@dataclass(frozen=True)
class Settings:
    """What determines the training of a network, besides its clips.

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
class Outputs:
    """The files of one network; its `checkpoint` is there while it trains."""

    weights: str | os.PathLike
    snapshots: str | os.PathLike
    history: str | os.PathLike
    clips: str | os.PathLike
    checkpoint: str | os.PathLike

    @property
    def made(self) -> list[str | os.PathLike]:
        """All but the checkpoint."""
        return [self.weights, self.snapshots, self.history, self.clips]


@dataclass(frozen=True)
class _Material:
    """A model, and the spectrograms and labels (n, classes) bool of its clips.

    Clips have the same numbers in all of them. `on_device` are the labels on the device, and
    `precision` is that of the training, and `fused` whether the network trains with fused kernels.
    """

    model: TrainedModel
    spectrograms: Spectrograms
    labels: np.ndarray
    on_device: Tensor
    precision: str
    fused: bool
    training: np.ndarray
    validation: np.ndarray


@dataclass(frozen=True)
class _Trained:
    """A finished training: as in `Training`."""

    kept: Kept
    history: list[dict[str, float]]
    snapshots: dict[int, dict[str, Tensor]]


class _Stopped(Exception):
    """Another network of the job has failed, or the job was asked to end."""


@advising_when_full()
def train_networks(
    index: str | os.PathLike,
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    branches: str | os.PathLike,
    settings: Sequence[Settings],
    outputs: Sequence[Outputs],
    code: str,
    device: str,
    threads: int,
    memory_mb: int,
    together: int = 1,
    precision: str = "auto",
    blocks: str = PLAIN,
) -> None:
    """Train networks of one condition on the spectrograms of `index`, and write what comes of it.

    The study's training: binary cross-entropy over all classes, AdamW, a one-cycle schedule with
    linear annealing stepped every batch, dropout of 0.2; the weights kept are those of the best
    epoch, with the highest macro average precision on the validation clips (the earliest of
    equals), or of the last epoch, as the condition says. A condition of 0 epochs keeps the initial
    weights, which all conditions with the same model and replicate share. `precision` is
    `networks.precision`; in bfloat16, weights, statistics and fully connected layers of kim2024 are
    in float32 all the same. With `blocks` TRITON, a model that has fused kernels trains with them
    on a GPU, and all else is as with PLAIN.

    `settings` differ only in the replicate. The networks share the spectrograms; on a GPU
    at most `together` of them train at a time, on a CPU one, and each becomes what it would alone.
    Its outputs are the weights, the network's state after each of the condition's `snapshots`, its
    history and its clips.

    At the end of an epoch, but not more often than every 20 seconds, everything that the next one
    depends on is written to the checkpoint, so that a killed job continues and reaches the same
    weights. `code` is the digest of the code for which the checkpoint is valid. The checkpoint is
    removed once the outputs are written; those of several networks stay until all are finished, and
    are then replaced by notes of that, so that a job does not train again what is finished.

    Raises InputError for unusable inputs, for a condition with too few clips, when the loss
    is not finite, and when a GPU's memory is too small.
    """
    condition, seed = settings[0].condition, settings[0].seed
    model = load_trained(condition.model, f"configuration: conditions.{condition.name}.model")
    target = prepare_device(device, threads)
    precision = precision_on(target, precision)
    fused_by = model.fused_by() if blocks == TRITON and target.type == "cuda" else ""
    table = read_index(index)
    mids = read_table(classes, CLASSES)["mid"].tolist()
    described, withheld = read_table(clips, CLIPS), read_branches(branches)
    chosen = [
        training_clips(
            condition,
            table,
            described,
            withheld,
            mids,
            one.validation_fraction,
            seed,
            one.replicate,
            path=index,
        )
        for one in settings
    ]
    # Replicates differ in labels and validation clips, but have the same clips.
    of_networks = table.iloc[chosen[0].rows]
    spectrograms, shard = open_spectrograms(index, of_networks, memory_mb, target)
    model.check_size(*shard.shape)
    places = _places(index, of_networks)
    with training_in(precision, target):
        computed_by = model.computed_by(target)
    kind = kind_of(target) if target.type == "cuda" else ""
    computed_by = ", ".join(filter(None, [computed_by, fused_by, kind]))

    several = len(settings) > 1
    digests = [""] * len(settings)

    def train_one(number: int, check: Callable[[], None]) -> None:
        own, its_clips, files = settings[number], chosen[number], outputs[number]
        configuration = _configuration(own, its_clips, mids, shard, target, precision)
        wanted = list(condition.snapshots)
        digest = digests[number] = _digest([configuration, code, computed_by, places, wanted])
        if several and is_finished(files.checkpoint, digest, files.made):
            logging.info("%s, replicate %d: finished before", condition.name, own.replicate)
            return
        material = _Material(
            model,
            spectrograms,
            its_clips.labels,
            on_device(torch.from_numpy(its_clips.labels), target),
            precision,
            bool(fused_by),
            np.flatnonzero(~its_clips.validation),
            np.flatnonzero(its_clips.validation),
        )
        logging.info(
            "%s, replicate %d: %d clips to train on, %d to validate, %d classes, on %s",
            condition.name,
            own.replicate,
            len(material.training),
            len(material.validation),
            len(mids),
            target,
        )
        trained = _train(own, material, files.checkpoint, digest, check, keep=several)
        about = {
            "model": condition.model,
            "condition": condition.name,
            "seed": seed,
            "replicate": own.replicate,
            "epoch": trained.kept.epoch,
            "classes": len(mids),
            "training_clips": len(material.training),
            "validation_clips": len(material.validation),
            "configuration": configuration,
            "precision": precision,
            "computed_by": computed_by,
            "kernels": kernels_of(target),
            "torch": torch.__version__,
            "numpy": np.__version__,
        }
        write_network_clips(files.clips, its_clips, mids)
        write_table(files.history, pd.DataFrame(trained.history), HISTORY)
        write_snapshots(files.snapshots, trained.snapshots, about)
        write_tensors(files.weights, trained.kept.state, about)
        if not several:
            Path(files.checkpoint).unlink(missing_ok=True)

    if target.type == "cpu":
        for number in range(len(settings)):
            train_one(number, lambda: None)
    else:
        # What was loaded must be there before other streams read it.
        torch.cuda.synchronize(target)
        # PyTorch's own generator serves one network at a time.
        together = max(min(together, networks_with_room(target)), 1) if model.own_generator else 1
        _side_by_side(train_one, len(settings), together, target)
    # Not before: Snakemake removes the outputs of a job that fails, also of networks that did not.
    for digest, files in zip(digests, outputs, strict=True):
        if several:
            save_finished(files.checkpoint, digest, files.made)


def _side_by_side(
    train_one: Callable[[int, Callable[[], None]], None],
    networks: int,
    together: int,
    device: torch.device,
) -> None:
    """Call `train_one` for each network, `together` at a time, each on a stream of its own.

    Its second argument raises _Stopped once another network has failed.
    """
    stop = Event()

    def check() -> None:
        if stop.is_set():
            raise _Stopped

    def on_a_stream(number: int) -> None:
        check()
        with torch.cuda.device(device), torch.cuda.stream(torch.cuda.Stream(device)):
            train_one(number, check)

    with ThreadPoolExecutor(together) as threads:
        waiting = [threads.submit(on_a_stream, number) for number in range(networks)]
        try:
            for done in wait(waiting, return_when=FIRST_EXCEPTION).done:
                done.result()
        finally:
            stop.set()


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


def _train(
    settings: Settings,
    material: _Material,
    checkpoint: str | os.PathLike,
    digest: str,
    check: Callable[[], None],
    *,
    keep: bool,
) -> _Trained:
    """Return the trained network, continuing from the checkpoint if there is one.

    `check` is called before each step, and ends the training by raising. With `keep`, there is a
    checkpoint after the last epoch too.
    """
    network = initial_network(
        material.model,
        classes=material.labels.shape[1],
        seed=seed_of(settings.seed, "initialisation", settings.replicate),
    ).to(material.on_device.device)
    if material.fused:
        material.model.fuse(network)
    epochs = settings.condition.epochs
    if epochs == 0:
        return _untrained(settings, network, material)
    sizes = batch_sizes(len(material.training), settings.batch_size)
    schedule = one_cycle(settings.learning_rate, epochs * len(sizes))
    optimizer = AdamW(network.parameters(), settings.weight_decay)
    training = Training(network, optimizer, 0, kept=None, history=[], snapshots={})
    if 0 in settings.condition.snapshots:
        training.snapshots[0] = _state(network)
    resume(checkpoint, digest, training)
    before = len(training.history)
    if before < epochs:
        steps = Steps(
            network,
            material.spectrograms,
            material.on_device,
            sizes,
            material.precision,
            own_generator=material.model.own_generator,
        )
    begun = saved = time.monotonic()
    for epoch in range(before + 1, epochs + 1):
        row, clips_per_second = _epoch(training, steps, schedule, material, settings, epoch, check)
        training.history.append(row)
        score = row["validation_map"]
        is_last = settings.condition.keep == "last"
        if training.kept is None or is_last or score > training.kept.score:
            training.kept = Kept(epoch, score, _state(network))
        if epoch in settings.condition.snapshots:
            training.snapshots[epoch] = _state(network)
        now = time.monotonic()
        if epoch < epochs and now - saved >= _SECONDS_BETWEEN_CHECKPOINTS:
            save_checkpoint(checkpoint, digest, training)
            saved = now
        logging.info(
            "replicate %d, epoch %d of %d: loss %.4f, validation mAP %.4f, %.1f clips/s, "
            "%.0f s left",
            settings.replicate,
            epoch,
            epochs,
            row["loss"],
            score,
            clips_per_second,
            (now - begun) / (epoch - before) * (epochs - epoch),
        )
    if keep and before < epochs:
        save_checkpoint(checkpoint, digest, training)
    assert training.kept is not None
    return _Trained(training.kept, training.history, training.snapshots)


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def _untrained(settings: Settings, network: nn.Module, material: _Material) -> _Trained:
    score = _validation_map(network, material, epoch=0)
    row = {
        "epoch": 0,
        "loss": math.nan,
        "validation_map": score,
        "learning_rate": 0.0,
    }
    state = network.state_dict()
    return _Trained(
        Kept(0, score, state), [row], dict.fromkeys(settings.condition.snapshots, state)
    )


def _epoch(
    training: Training,
    steps: Steps,
    schedule: Sequence[tuple[float, float]],
    material: _Material,
    settings: Settings,
    epoch: int,
    check: Callable[[], None],
) -> tuple[dict[str, float], float]:
    """Train and validate for one epoch.

    Returns its row of the history, and the clips a second that it trained on.
    """
    started = time.monotonic()
    on_cpu = material.on_device.device.type == "cpu"
    names = (settings.condition.name, settings.replicate, epoch)
    order = generator(settings.seed, "order", *names).permutation(material.training)
    dropout = seed_of(settings.seed, "dropout", *names)
    sizes = batch_sizes(len(order), settings.batch_size)
    what = f"replicate {settings.replicate}, epoch {epoch}"
    for step, gradients in enumerate(
        progress(steps.epoch(torch.from_numpy(order), dropout), len(sizes), what, unit="batches")
    ):
        check()
        rate, momentum = schedule[training.steps]
        training.optimizer.step(gradients, rate, momentum)
        training.steps += 1
        if on_cpu:
            _check_finite(steps.losses[step : step + 1], settings, epoch, step + 1)
    # On a GPU, this check waits for the results of the epoch.
    losses = steps.losses.cpu()
    _check_finite(losses, settings, epoch, 1)
    trained = time.monotonic()
    score = _validation_map(training.network, material, epoch)
    row = {
        "epoch": epoch,
        "loss": float(np.average(losses.double().numpy(), weights=sizes)),
        "validation_map": score,
        "learning_rate": rate,
    }
    return row, len(order) / (trained - started)


def _check_finite(losses: Tensor, settings: Settings, epoch: int, first_step: int) -> None:
    values = losses.numpy()
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
    device = material.on_device.device
    plan = torch.from_numpy(material.validation).split(_VALIDATION_BATCH[device.type])
    with training_in(material.precision, device):
        logits = torch.cat(
            [network(log_mel.float()).float() for log_mel in material.spectrograms.batches(plan)]
        )
    scores = logits.cpu().numpy()
    if not np.isfinite(scores).all():
        raise InputError(
            f"the network's outputs for the validation clips are not finite after epoch {epoch}; "
            "lower networks.learning_rate"
        )
    precision = average_precision(scores, material.labels[material.validation])
    occurring = precision[~np.isnan(precision)]
    return float(occurring.mean()) if len(occurring) else math.nan


def _configuration(
    settings: Settings,
    chosen: TrainingClips,
    mids: list[str],
    shard: SpectrogramShard,
    device: torch.device,
    precision: str,
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
            "device": kind_of(device),
            "precision": precision,
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


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
