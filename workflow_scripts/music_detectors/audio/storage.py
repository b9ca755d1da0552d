"""Audio shards on disk: the samples of a shard's usable clips, and which decoder made them."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from music_detectors.common.damage import damaged
from music_detectors.common.errors import one_line
from music_detectors.common.hdf5 import (
    create_hdf5,
    open_hdf5,
    read_strings,
    read_text,
    write_rows,
    write_strings,
    write_text,
)

_FULL_SCALE = 32_768
_KIND = "audio shard"
_SCHEMA_VERSION = 2


@dataclass(frozen=True)
class AudioShard:
    """The usable clips of a shard.

    `samples` (n, length) int16, zero-padded at the end; `n_samples` (n,) the lengths without
    padding; `clip_id` in the order of clips.tsv.
    """

    samples: np.ndarray
    n_samples: np.ndarray
    clip_id: list[str]
    sample_rate: int
    decoder: str
    decoder_version: str


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Return finite `samples` (full scale 1) as int16, rounded and clipped, without dither."""
    steps = np.rint(samples * np.float32(_FULL_SCALE))
    return np.clip(steps, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def to_float(samples: np.ndarray) -> np.ndarray:
    """Return int16 `samples` as float32 of full scale 1; `to_int16` restores them exactly."""
    return samples.astype(np.float32) / np.float32(_FULL_SCALE)


def write_audio_shard(path: str | os.PathLike, shard: AudioShard) -> None:
    """Write `shard`, whole or not at all."""
    with create_hdf5(path, _KIND, _SCHEMA_VERSION) as file:
        file.attrs["sample_rate"] = shard.sample_rate
        write_text(file, "decoder", shard.decoder)
        write_text(file, "decoder_version", shard.decoder_version)
        write_rows(file, "samples", shard.samples)
        write_rows(file, "n_samples", shard.n_samples.astype(np.int32), chunk=len(shard.clip_id))
        write_strings(file, "clip_id", shard.clip_id)


def read_audio_shard(path: str | os.PathLike) -> AudioShard:
    """Read a shard made by `write_audio_shard`.

    Raises InputError, which names the file, when it is missing or damaged, its datasets do not
    match, or a clip occurs twice.
    """
    with open_hdf5(path, _KIND, _SCHEMA_VERSION) as file:
        shard = AudioShard(
            samples=file["samples"][:],
            n_samples=file["n_samples"][:],
            clip_id=read_strings(file, "clip_id"),
            sample_rate=int(file.attrs["sample_rate"]),
            decoder=read_text(file, "decoder"),
            decoder_version=read_text(file, "decoder_version"),
        )
    _check(Path(path), shard)
    return shard


def read_intact_clips(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Return the samples (n,) int16, without padding, of the undamaged clips of a shard by id.

    Clips with a wrong checksum are left out, with a warning. Raises InputError when the shard
    cannot be opened or its list of clips is damaged.
    """
    intact = {}
    # A journal has the shard under another name.
    with open_hdf5(path, _KIND, _SCHEMA_VERSION, anywhere=True) as file:
        n_samples = file["n_samples"][:]
        for row, clip_id in enumerate(read_strings(file, "clip_id")):
            try:
                intact[clip_id] = file["samples"][row, : n_samples[row]]
            except OSError as error:
                logging.warning("%s: clip %s is damaged (%s)", path, clip_id, one_line(error))
    return intact


def _check(path: Path, shard: AudioShard) -> None:
    n = len(shard.clip_id)
    if shard.samples.ndim != 2 or len(shard.samples) != n or shard.n_samples.shape != (n,):
        problem = f"samples {shard.samples.shape}, n_samples {shard.n_samples.shape}, {n} clips"
    elif shard.samples.dtype != np.int16:
        problem = f"samples of type {shard.samples.dtype}"
    elif len(set(shard.clip_id)) != n:
        problem = "a clip occurs twice"
    elif n and not 1 <= shard.n_samples.min() <= shard.n_samples.max() <= shard.samples.shape[1]:
        problem = "a clip has fewer than 1 or more than all samples"
    else:
        return
    raise damaged(path, _KIND, problem)
