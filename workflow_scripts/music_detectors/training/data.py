"""Batches of spectrograms: held in memory if they fit, else read from their shards."""

import logging
import math
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import h5py
import numpy as np
import pandas as pd
import torch
from torch import Tensor

from music_detectors.common.chunks import Rows
from music_detectors.common.damage import damaged, rebuild
from music_detectors.common.errors import InputError, one_line
from music_detectors.common.progress import progress
from music_detectors.models.device import on_device, pinned
from music_detectors.models.heard import Group, cut
from music_detectors.spectrograms.shard import SpectrogramShard, open_spectrogram_shard

_OPEN_FILES = 128
_READERS = 4
# What training takes on a GPU besides the spectrograms: once, CUDA's libraries; for each network,
# its graph, the workspaces of its stream, and validation. On an H100 it was less.
_LIBRARIES_BYTES = 800_000_000
_NETWORK_BYTES = 700_000_000
CLIPS_IN_A_BATCH = 64


class Spectrograms(Protocol):
    """The spectrograms of a network's clips, numbered from 0."""

    on_gpu: Tensor | None
    """All of them (clips, mels, frames) float16, if they are held on the GPU."""

    def batch(self, clips: Tensor) -> Tensor:
        """Return the spectrograms (b, mels, frames) float16, in dB, of `clips` (b,) int64.

        `clips` are on the CPU.
        """

    def batches(self, plan: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield `batch` of each of `plan`, in order."""


def open_spectrograms(
    index: str | os.PathLike,
    clips: pd.DataFrame,
    memory_mb: int,
    device: torch.device,
) -> tuple[Spectrograms, SpectrogramShard]:
    """Return the spectrograms of `clips`, rows of the index at path `index`, and the first shard.

    The shard gives their shape and parameters, the same for all. Batches are on `device`.
    The spectrograms are held on a GPU when they leave room for training a network there, else in
    memory when they take at most `memory_mb`, else read as needed. Raises InputError, naming the
    file, when a shard is damaged or not what the index says.
    """
    parts = _parts(Path(index), clips)
    first = parts[0][0]
    size = len(clips) * math.prod(first.shape) * np.dtype(np.float16).itemsize
    if device.type == "cuda" and networks_with_room(device, size):
        try:
            return _Resident(parts, len(clips), held=device, device=device), first
        except torch.OutOfMemoryError:
            logging.info("another job took the GPU's memory meanwhile; held in memory instead")
    if size <= memory_mb * 1_000_000:
        return _Resident(parts, len(clips), held=torch.device("cpu"), device=device), first
    return _Streamed(parts, len(clips), device), first


def networks_with_room(device: torch.device, taken: int = 0) -> int:
    """Return how many networks can train at a time on a GPU if `taken` bytes more are in use."""
    free = torch.cuda.mem_get_info(device)[0] - taken - _LIBRARIES_BYTES
    return max(int(free // _NETWORK_BYTES), 0)


def _parts(index: Path, clips: pd.DataFrame) -> list[tuple[SpectrogramShard, np.ndarray, list]]:
    """Return each shard with the numbers of its clips and their rows in it."""
    parts: list[tuple[SpectrogramShard, np.ndarray, list]] = []
    numbers = pd.Series(np.arange(len(clips)), index=clips.index)
    for name, members in clips.groupby("shard", sort=False):
        shard = open_spectrogram_shard(index.parent / f"{name}.h5")
        rows = members["row"].tolist()
        for clip_id, row in zip(members["clip_id"], rows, strict=True):
            if not 0 <= row < len(shard.clip_id) or shard.clip_id[row] != clip_id:
                raise InputError(
                    f"{shard.path}: clip {one_line(clip_id)} is not where {index} says; "
                    f"{rebuild(index)}"
                )
        if parts and shard.shape != parts[0][0].shape:
            first = parts[0][0]
            why = f"of {shard.shape} bands and frames, but {first.shape} in {first.path}"
            raise damaged(shard.path, "spectrogram shard", why, first.path)
        parts.append((shard, numbers[members.index].to_numpy(copy=True), rows))
    return parts


def numbered_batches(clips: int) -> tuple[Tensor, ...]:
    """Return a plan that goes through `clips` clips once, in order: numbers (b,) int64."""
    return torch.arange(clips).split(CLIPS_IN_A_BATCH)


def batches_heard(spectrograms: Spectrograms, groups: Iterable[Group]) -> Iterator[Tensor]:
    """Yield what the clips of each of `groups` hear of `spectrograms`, batch by batch."""
    for numbers, frames in groups:
        plan = torch.from_numpy(numbers).split(CLIPS_IN_A_BATCH)
        yield from (cut(log_mel, frames) for log_mel in spectrograms.batches(plan))


class _Resident:
    """Spectrograms in the memory of a GPU or of the computer, loaded shard by shard."""

    def __init__(self, parts: list, n: int, held: torch.device, device: torch.device) -> None:
        self._device = device
        self._log_mel = torch.empty((n, *parts[0][0].shape), dtype=torch.float16, device=held)
        for shard, numbers, rows in progress(
            parts, len(parts), "loading spectrograms", unit="shards"
        ):
            if held.type == "cpu":
                shard.read(rows, self._log_mel.numpy(), numbers)
                continue
            values = pinned((len(rows), *shard.shape), torch.float16)
            shard.read(rows, values.numpy())
            places = on_device(torch.from_numpy(numbers), held)
            self._log_mel[places] = values.to(held, non_blocking=True)
        self.on_gpu: Tensor | None = self._log_mel if held.type == "cuda" else None

    def batch(self, clips: Tensor) -> Tensor:
        if self.on_gpu is not None:
            return self.on_gpu[on_device(clips, self._device)]
        return on_device(self._log_mel[clips], self._device)

    def batches(self, plan: Iterable[Tensor]) -> Iterator[Tensor]:
        return map(self.batch, plan)


class _Streamed:
    """Spectrograms in their shards, read a batch ahead of the one in use."""

    on_gpu: Tensor | None = None

    def __init__(self, parts: list, n: int, device: torch.device) -> None:
        self._device = device
        self._shape = parts[0][0].shape
        self._shards = [shard for shard, _, _ in parts]
        self._shard_of = np.empty(n, dtype=np.int64)
        self._row_of = np.empty(n, dtype=np.int64)
        for place, (_, numbers, rows) in enumerate(parts):
            self._shard_of[numbers] = place
            self._row_of[numbers] = rows
        # A file that leaves the cache is closed, since nothing else refers to it.
        self._stored = lru_cache(_OPEN_FILES)(self._open)
        self._readers = ThreadPoolExecutor(_READERS)

    def batch(self, clips: Tensor) -> Tensor:
        return on_device(self._read(clips), self._device)

    def batches(self, plan: Iterable[Tensor]) -> Iterator[Tensor]:
        with ThreadPoolExecutor(1) as reader:
            coming = None
            for clips in plan:
                previous, coming = coming, reader.submit(self._read, clips)
                if previous is not None:
                    yield on_device(previous.result(), self._device)
            if coming is not None:
                yield on_device(coming.result(), self._device)

    def _open(self, place: int) -> Rows:
        return Rows(h5py.File(self._shards[place].path, "r", locking=False)["log_mel"])

    def _read(self, clips: Tensor) -> Tensor:
        values = np.empty((len(clips), *self._shape), dtype=np.float16)
        for _ in self._readers.map(self._read_clip, clips.tolist(), values):
            pass
        return torch.from_numpy(values)

    def _read_clip(self, clip: int, out: np.ndarray) -> None:
        place = int(self._shard_of[clip])
        try:
            self._stored(place).read_row(int(self._row_of[clip]), out)
        except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise damaged(self._shards[place].path, "spectrogram shard", error) from error
