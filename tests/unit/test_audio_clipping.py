"""Clipped clips are counted, however they are stored."""

import numpy as np
import pytest

from music_detectors.audio.clipping import find_clipped
from music_detectors.audio.columns import CLIPPED
from music_detectors.audio.storage import (
    AudioShard,
    full_scale_of,
    stacked_full_scales,
    to_int16,
    write_audio_shard,
)
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table

N = 20_000


def write(path, clips, lengths=None):
    """Write a shard of `clips` (id to samples), padded with zeros."""
    scales = [full_scale_of(samples) for samples in clips.values()]
    stored = [
        to_int16(samples, scale) for samples, scale in zip(clips.values(), scales, strict=True)
    ]
    shard = AudioShard(
        samples=np.stack(stored),
        n_samples=np.array([N if lengths is None else lengths[name] for name in clips]),
        clip_id=list(clips),
        sample_rate=22050,
        decoder="",
        decoder_version="",
        full_scale=stacked_full_scales(scales),
    )
    write_audio_shard(path, shard)
    return path


def sine(peak):
    return (peak * np.sin(np.arange(N) * 0.01)).astype(np.float32)


def test_clipped_clips_are_counted_and_the_worst_is_named(tmp_path):
    train = write(
        tmp_path / "a.h5",
        {
            "soft": sine(0.5),
            # It touches full scale for some samples in each period, as a clip that is normalised.
            "normalised": np.where(np.arange(N) == 5, 1, 0.7 * sine(1.0)).astype(np.float32),
            "cut": np.clip(sine(1.5), -1, 1),
            # Lossy coding goes beyond full scale, and is stored with a scale of its own.
            "beyond": np.clip(sine(3.0), -1.05, 1.05),
        },
    )
    test = write(tmp_path / "b.h5", {"x": sine(0.9), "y": sine(0.1)})
    find_clipped({"train": [train, test], "test": [test]}, tmp_path / "c.tsv")
    table = read_table(tmp_path / "c.tsv", CLIPPED)
    assert table["split"].tolist() == ["train", "test"]
    assert table["clips"].tolist() == [6, 2] and table["clipped"].tolist() == [2, 0]
    assert table["most"].tolist() == ["beyond", ""]
    # A sine of amplitude 3 is above 1 for this share of the time.
    share = 1 - 2 * np.arcsin(1 / 3) / np.pi
    assert table["most_share"].tolist() == pytest.approx([share, 0], abs=0.01)


def test_padding_does_not_count(tmp_path):
    samples = np.zeros(N, dtype=np.float32)
    samples[:10] = 1.0
    find_clipped({"train": [write(tmp_path / "a.h5", {"a": samples}, {"a": 20})]}, tmp_path / "c")
    assert read_table(tmp_path / "c", CLIPPED)["most_share"].tolist() == [0.5]


def test_a_damaged_shard_is_named(tmp_path):
    path = write(tmp_path / "a.h5", {"a": sine(1.0)})
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"a\.h5"):
        find_clipped({"train": [path]}, tmp_path / "c.tsv")
