"""The checkpoint from which a killed training job continues."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from music_detectors.common.damage import without_advice
from music_detectors.common.errors import InputError
from music_detectors.common.files import drop
from music_detectors.models.weights import read_tensors, write_tensors


@dataclass
class Kept:
    """The epoch to keep, so far: its number, its validation score, the network's state."""

    epoch: int
    score: float
    state: dict[str, Tensor]


@dataclass
class Training:
    """A training job between two epochs; `history` has one row per finished epoch.

    `snapshots` holds the network's state after some epochs.
    """

    network: nn.Module
    optimizer: Optimizer
    scheduler: OneCycleLR
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
    state = training.optimizer.state_dict()
    tensors = {f"network.{name}": value for name, value in training.network.state_dict().items()}
    tensors |= {f"kept.{name}": value for name, value in kept.state.items()}
    for number, values in state["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in values.items()}
    for epoch, snapshot in training.snapshots.items():
        tensors |= {f"snapshot-{epoch}.{name}": value for name, value in snapshot.items()}
    about = {
        "digest": digest,
        "history": training.history,
        "kept_epoch": kept.epoch,
        "kept_score": kept.score,
        "snapshots": list(training.snapshots),
        "param_groups": state["param_groups"],
        "scheduler": training.scheduler.state_dict(),
    }
    write_tensors(path, tensors, about)


def resume(path: str | os.PathLike, digest: str, training: Training) -> None:
    """Restore `training`, newly made, from the checkpoint at `path`, if there is one.

    A damaged checkpoint is removed and one with another `digest` is ignored, both with a warning.
    """
    if not Path(path).exists():
        return
    try:
        tensors, about = read_tensors(path, "checkpoint")
    except InputError as error:
        drop(path, f"{without_advice(error)}, starting from the first epoch")
        return
    if about.get("digest") != digest:
        logging.warning("starting from the first epoch: %s belongs to other data or settings", path)
        return
    training.network.load_state_dict(_under(tensors, "network."))
    training.optimizer.load_state_dict(
        {
            "state": _optimizer_state(tensors, training.network),
            "param_groups": about["param_groups"],
        }
    )
    training.scheduler.load_state_dict(about["scheduler"])
    training.kept = Kept(about["kept_epoch"], about["kept_score"], _under(tensors, "kept."))
    training.history = about["history"]
    training.snapshots = {
        epoch: _under(tensors, f"snapshot-{epoch}.") for epoch in about["snapshots"]
    }
    logging.info("continuing after epoch %d, from %s", len(training.history), path)


def _optimizer_state(
    tensors: dict[str, Tensor], network: nn.Module
) -> dict[int, dict[str, Tensor]]:
    """Return AdamW's state, its moments in the memory order of the weights.

    The fused AdamW walks weights and moments side by side in memory, so they must agree.
    """
    state: dict[int, dict[str, Tensor]] = {}
    parameters = list(network.parameters())
    for name, value in _under(tensors, "optimizer.").items():
        number, key = name.split(".")
        if value.dim():
            value = torch.empty_like(parameters[int(number)]).copy_(value)
        state.setdefault(int(number), {})[key] = value
    return state


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
