"""The checkpoint from which a killed training job continues."""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from music_detectors.common.damage import without_advice
from music_detectors.common.errors import InputError
from music_detectors.common.files import drop, sha256
from music_detectors.models.weights import read_tensors, write_tensors
from music_detectors.training.optimizer import AdamW


@dataclass
class Kept:
    """The epoch to keep, so far: its number, its validation score, the network's state."""

    epoch: int
    score: float
    state: dict[str, Tensor]


@dataclass
class Training:
    """A training job between two epochs; `history` has one row per finished epoch.

    `steps` counts the steps taken, and `snapshots` holds the network's state after some epochs.
    """

    network: nn.Module
    optimizer: AdamW
    steps: int
    kept: Kept | None
    history: list[dict[str, float]]
    snapshots: dict[int, dict[str, Tensor]]


def save_checkpoint(path: str | os.PathLike, digest: str, training: Training) -> None:
    """Write `training` to `path`, whole or not at all.

    `digest` identifies everything that determines the training.
    """
    kept = training.kept
    if kept is None:
        raise ValueError("no epoch has been kept yet")
    tensors = {f"network.{name}": value for name, value in training.network.state_dict().items()}
    tensors |= {f"kept.{name}": value for name, value in kept.state.items()}
    for moments in ("first", "second"):
        values = getattr(training.optimizer, moments)
        tensors |= {f"{moments}.{number}": value for number, value in enumerate(values)}
    for epoch, snapshot in training.snapshots.items():
        tensors |= {f"snapshot-{epoch}.{name}": value for name, value in snapshot.items()}
    about = {
        "digest": digest,
        "steps": training.steps,
        "history": training.history,
        "kept_epoch": kept.epoch,
        "kept_score": kept.score,
        "snapshots": list(training.snapshots),
    }
    write_tensors(path, tensors, about)


def resume(path: str | os.PathLike, digest: str, training: Training) -> None:
    """Restore `training`, newly made, from the checkpoint at `path`, if there is one.

    A damaged checkpoint is removed and one with another `digest` is ignored, both with a warning.
    """
    read = _read(path)
    if read is None or "finished" in read[1]:
        return
    tensors, about = read
    if about.get("digest") != digest:
        logging.warning("starting from the first epoch: %s belongs to other data or settings", path)
        return
    training.network.load_state_dict(_under(tensors, "network."))
    numbers = range(len(training.optimizer.parameters))
    training.optimizer.restore(
        [tensors[f"first.{number}"] for number in numbers],
        [tensors[f"second.{number}"] for number in numbers],
        about["steps"],
    )
    training.steps = about["steps"]
    training.kept = Kept(about["kept_epoch"], about["kept_score"], _under(tensors, "kept."))
    training.history = about["history"]
    training.snapshots = {
        epoch: _under(tensors, f"snapshot-{epoch}.") for epoch in about["snapshots"]
    }
    logging.info("continuing after epoch %d, from %s", len(training.history), path)


def save_finished(
    path: str | os.PathLike, digest: str, outputs: Iterable[str | os.PathLike]
) -> None:
    """Write to `path`, in place of a checkpoint, that the training has made these `outputs`."""
    made = {Path(output).name: sha256(output) for output in outputs}
    write_tensors(path, {}, {"digest": digest, "finished": made})


def is_finished(path: str | os.PathLike, digest: str, outputs: Iterable[str | os.PathLike]) -> bool:
    """Return whether `path` says that the training has made `outputs`, and they are unchanged."""
    read = _read(path)
    if read is None or read[1].get("digest") != digest:
        return False
    made = read[1].get("finished", {})
    return all(
        Path(output).is_file() and made.get(Path(output).name) == sha256(output)
        for output in outputs
    )


def _read(path: str | os.PathLike) -> tuple[dict[str, Tensor], dict] | None:
    if not Path(path).exists():
        return None
    try:
        return read_tensors(path, "checkpoint")
    except InputError as error:
        drop(path, f"{without_advice(error)}, starting from the first epoch")
        return None


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
