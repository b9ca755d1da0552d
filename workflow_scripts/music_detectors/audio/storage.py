"""Audio shards on disk: the samples of a shard's usable clips, and which decoder made them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from music_detectors.common.damage import damaged
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
    padding; `clip_id` in the order of clips.tsv. `full_scale` (n,) float32 is the amplitude that
    the sample 32,768 of each clip stands for, or None where that is 1 for all.
    """

    samples: np.ndarray
    n_samples: np.ndarray
    clip_id: list[str]
    sample_rate: int
    decoder: str
    decoder_version: str
    full_scale: np.ndarray | None = None

    def samples_of(self, row: int) -> np.ndarray:
        """Return the sound of a clip without padding, (n_samples,) float32 of full scale 1."""
        stored = self.samples[row, : self.n_samples[row]]
        return to_float(stored, 1.0 if self.full_scale is None else self.full_scale[row])


def full_scale_of(samples: np.ndarray) -> float:
    """Return the `full_scale` at which none of the finite `samples` is clipped, at least 1."""
    peak = float(np.abs(samples).max(initial=0.0))
    return 1.0 if peak <= 1 else float(np.float32(peak * _FULL_SCALE / (_FULL_SCALE - 1)))


def to_int16(samples: np.ndarray, full_scale: float = 1.0) -> np.ndarray:
    """Return finite `samples` as int16, rounded and clipped at `full_scale`, without dither."""
    steps = np.rint(samples * np.float32(_FULL_SCALE / full_scale))
    return np.clip(steps, -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def to_float(samples: np.ndarray, full_scale: float = 1.0) -> np.ndarray:
    """Return int16 `samples` as float32; at a full scale of 1, `to_int16` restores them exactly."""
    return samples.astype(np.float32) * np.float32(full_scale / _FULL_SCALE)


def stacked_full_scales(full_scales: Sequence[float]) -> np.ndarray | None:
    """Return the full scales of clips as an AudioShard holds them."""
    stacked = np.array(full_scales, dtype=np.float32)
    return None if (stacked == 1).all() else stacked


def write_audio_shard(path: str | os.PathLike, shard: AudioShard) -> None:
    """Write `shard`, whole or not at all."""
    with create_hdf5(path, _KIND, _SCHEMA_VERSION) as file:
        file.attrs["sample_rate"] = shard.sample_rate
        write_text(file, "decoder", shard.decoder)
        write_text(file, "decoder_version", shard.decoder_version)
        write_rows(file, "samples", shard.samples)
        write_rows(file, "n_samples", shard.n_samples.astype(np.int32), chunk=len(shard.clip_id))
        if shard.full_scale is not None:
            write_rows(file, "full_scale", shard.full_scale, chunk=len(shard.clip_id))
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
            full_scale=file["full_scale"][:] if "full_scale" in file else None,
        )
    _check(Path(path), shard)
    return shard


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
    elif shard.full_scale is not None and not _are_full_scales(shard.full_scale, n):
        problem = "full_scale must be one number of at least 1 for each clip"
    else:
        return
    raise damaged(path, _KIND, problem)


def _are_full_scales(values: np.ndarray, n: int) -> bool:
    return values.shape == (n,) and bool(np.isfinite(values).all() and (values >= 1).all())
