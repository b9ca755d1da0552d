"""Spectrogram shards on disk, and the index that finds a clip in them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from music_detectors.audio.clips import clips_by_shard
from music_detectors.common.chunks import Rows
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError, one_line
from music_detectors.common.hdf5 import (
    create_hdf5,
    open_hdf5,
    read_strings,
    read_text,
    write_rows,
    write_strings,
    write_text,
)
from music_detectors.common.tables import read_table, write_table
from music_detectors.spectrograms.columns import INDEX

_KIND = "spectrogram shard"
_SCHEMA_VERSION = 2
# The attributes of a shard that are no parameters of its spectrograms.
_OF_FILE = {"kind", "place", "follows", "schema_version", "stimulus"}


@dataclass(frozen=True)
class SpectrogramShard:
    """A stored shard without its spectrograms, which `read` reads.

    `n_frames` (n,) int32, how many frames of each clip are sound; `labels` (n, classes) bool;
    `shape` of a spectrogram, (bands, frames); `parameters` as in `log_mel.PARAMETERS`, or those of
    another input.
    """

    path: Path
    clip_id: list[str]
    n_frames: np.ndarray
    labels: np.ndarray
    shape: tuple[int, int]
    stimulus: str
    parameters: dict[str, Any]

    def read(
        self,
        rows: Sequence[int] | np.ndarray | None = None,
        out: np.ndarray | None = None,
        places: Sequence[int] | np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the spectrograms of `rows` (all when None), in that order.

        The array is (rows, bands, frames) float16: `out` when given, which must fit, else a new
        one. With `places`, `out` is larger, and each row goes to its place there. Raises
        InputError, naming the file, when a checksum does not match or the shard is no longer what
        it was when opened.
        """
        wanted = range(len(self.clip_id)) if rows is None else [int(row) for row in rows]
        if any(not 0 <= row < len(self.clip_id) for row in wanted):
            raise IndexError(f"{self.path}: has rows 0 to {len(self.clip_id) - 1}")
        shape = (len(wanted), *self.shape)
        if out is None:
            out = np.empty(shape, dtype=np.float16)
        elif (places is None and out.shape != shape) or out.dtype != np.float16:
            raise ValueError(f"out is {out.shape} {out.dtype}, not {shape} float16")
        with open_hdf5(self.path, _KIND, _SCHEMA_VERSION) as file:
            stored = file["log_mel"]
            _check_stored(self.path, stored, (len(self.clip_id), *self.shape))
            where = range(len(wanted)) if places is None else [int(place) for place in places]
            if wanted:
                Rows(stored).read(wanted, out, where)
        return out


def write_spectrogram_shard(
    path: str | os.PathLike,
    log_mel: np.ndarray,
    n_frames: np.ndarray,
    labels: np.ndarray,
    clip_id: Sequence[str],
    stimulus: str,
    parameters: Mapping[str, Any],
) -> None:
    """Write a shard, whole or not at all.

    `log_mel` (n, bands, frames) is stored as float16, which moves values between -100 and 40 dB by
    at most 0.032 dB. Of inputs other than log-Mel spectrograms (docs/inputs.md), it is what they
    have in bands and frames.
    """
    with create_hdf5(path, _KIND, _SCHEMA_VERSION) as file:
        write_text(file, "stimulus", stimulus)
        for name, value in parameters.items():
            if isinstance(value, str):
                write_text(file, name, value)
            else:
                file.attrs[name] = value
        write_rows(file, "log_mel", log_mel.astype(np.float16, copy=False))
        write_rows(file, "labels", labels.astype(bool, copy=False), chunk=len(clip_id))
        write_rows(file, "n_frames", n_frames.astype(np.int32), chunk=len(clip_id))
        write_strings(file, "clip_id", clip_id)


def open_spectrogram_shard(path: str | os.PathLike) -> SpectrogramShard:
    """Read what a shard holds besides its spectrograms.

    Raises InputError, naming the file, when it is missing or damaged, when its datasets do not
    fit each other, or when a clip occurs twice.
    """
    with open_hdf5(path, _KIND, _SCHEMA_VERSION) as file:
        clip_id = read_strings(file, "clip_id")
        n_frames = file["n_frames"][:]
        labels = file["labels"][:]
        stored = file["log_mel"]
        shape = stored.shape[1:]
        _check_stored(path, stored, (len(clip_id), *shape))
        if n_frames.shape != (len(clip_id),) or labels.shape[:1] != n_frames.shape:
            why = f"n_frames {n_frames.shape}, labels {labels.shape}, {len(clip_id)} clips"
            raise damaged(path, _KIND, why)
        if labels.ndim != 2 or labels.dtype != bool:
            raise damaged(path, _KIND, f"labels are {labels.shape} {labels.dtype}")
        if len(set(clip_id)) != len(clip_id):
            raise damaged(path, _KIND, "a clip occurs twice")
        if len(n_frames) and not 1 <= n_frames.min() <= n_frames.max() <= shape[1]:
            raise damaged(path, _KIND, "a clip has fewer than 1 or more than all frames")
        about = {
            name: value.item() if isinstance(value, np.number) else read_text(file, name)
            for name, value in file.attrs.items()
            if name not in _OF_FILE
        }
        stimulus = read_text(file, "stimulus")
    return SpectrogramShard(
        path=Path(path),
        clip_id=clip_id,
        n_frames=n_frames,
        labels=labels,
        shape=shape,
        stimulus=stimulus,
        parameters=about,
    )


def index_spectrograms(
    shards: Sequence[str | os.PathLike],
    clips: str | os.PathLike,
    split: str,
    output: str | os.PathLike,
) -> None:
    """Write the index of a split's shards, `{shard}.h5`, in the order of clips.tsv.

    Clips that no shard holds are left out. Raises InputError when shards differ in stimulus,
    parameters, shape or number of classes, or when one holds a clip that clips.tsv does not put
    there.
    """
    waiting = {Path(path).stem: Path(path) for path in shards}
    first = None
    rows: list[pd.DataFrame] = []
    for of, name, members in clips_by_shard(clips):
        if of != split or name not in waiting:
            continue
        shard = open_spectrogram_shard(waiting.pop(name))
        first = first or shard
        for what, ours, theirs in (
            ("stimulus", shard.stimulus, first.stimulus),
            ("parameters", shard.parameters, first.parameters),
            ("bands and frames", shard.shape, first.shape),
            ("number of classes", shard.labels.shape[1], first.labels.shape[1]),
        ):
            if ours != theirs:
                why = f"{what} {ours}, but {theirs} in {first.path}"
                raise damaged(shard.path, _KIND, why, first.path)
        place = {clip.clip_id: number for number, clip in enumerate(members)}
        unknown = next((clip_id for clip_id in shard.clip_id if clip_id not in place), None)
        if unknown is not None:
            why = f"holds clip {unknown}, which {clips} does not put there"
            raise damaged(shard.path, _KIND, why)
        found = pd.DataFrame({"clip_id": shard.clip_id, "n_frames": shard.n_frames})
        found["shard"] = name
        found["row"] = np.arange(len(found))
        order = np.argsort([place[clip_id] for clip_id in shard.clip_id], kind="stable")
        rows.append(found.iloc[order])
    if waiting:
        path = next(iter(waiting.values()))
        raise damaged(path, _KIND, f"is no shard of {split} in {clips}")
    if not rows:
        raise InputError(f"{output}: there are no spectrogram shards of {split} to index")
    write_table(output, pd.concat(rows), INDEX)


def read_index(path: str | os.PathLike) -> pd.DataFrame:
    """Return index.tsv with the columns of INDEX.

    Raises InputError when it cannot be read or a clip occurs twice.
    """
    index = read_table(path, INDEX)
    twice = index["clip_id"][index["clip_id"].duplicated()]
    if len(twice):
        raise damaged(path, "table", f"clip {one_line(twice.iloc[0])} occurs twice")
    return index


def _check_stored(path: str | os.PathLike, stored: h5py.Dataset, shape: tuple[int, ...]) -> None:
    if stored.shape != shape or len(shape) != 3 or stored.dtype != np.float16:
        raise damaged(path, _KIND, f"log_mel is {stored.shape} {stored.dtype}, not {shape} float16")
