"""Tables of covariates: only recorded samples are used, failures, and the join by clip id."""

import re

import numpy as np
import pytest

from music_detectors.acoustics.columns import ACOUSTICS, COVARIATES
from music_detectors.acoustics.compute import compute_acoustics_shard
from music_detectors.acoustics.covariates import read_covariates
from music_detectors.acoustics.join import join_acoustics
from music_detectors.acoustics.modulation import modulation_covariates
from music_detectors.acoustics.sound import sound_covariates
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import (
    AudioShard,
    to_float,
    to_int16,
    write_audio_shard,
)
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table
from music_detectors.spectrograms.shard import write_spectrogram_shard
from support.stored import store

PARAMETERS = {"sample_rate": SAMPLE_RATE, "hop_length": 275}


def shards(folder, n=5, seconds=1.0, lengths=None, padding=0.0, names=None):
    """Write shards of noise; past a clip's end, `padding` is in samples and log-Mel."""
    random = np.random.default_rng(1)
    length = round(seconds * SAMPLE_RATE)
    n_samples = np.array(lengths or [length] * n)
    samples = random.normal(0, 0.1, (n, length))
    frames = 1 + (length - 1) // 275
    n_frames = 1 + (n_samples - 1) // 275
    log_mel = random.normal(-30, 5, (n, 64, frames)).astype(np.float16)
    for row in range(n):
        samples[row, n_samples[row] :] = padding
        log_mel[row, :, n_frames[row] :] = -100 + 50 * padding
    ids = [f"clip-{row}" for row in range(n)]
    shard = AudioShard(to_int16(samples), n_samples, ids, SAMPLE_RATE, "test", "1")
    write_audio_shard(folder / "audio.h5", shard)
    labels = np.zeros((n, 1), dtype=bool)
    write_spectrogram_shard(
        folder / "mel.h5", log_mel, n_frames, labels, names or ids, "original", PARAMETERS
    )
    return shard, log_mel, n_frames


def run(folder, name="a.tsv"):
    compute_acoustics_shard(folder / "audio.h5", folder / "mel.h5", folder / name)
    return read_table(folder / name, ACOUSTICS)


def test_a_row_holds_the_covariates_of_the_recorded_sound(tmp_path):
    shard, log_mel, n_frames = shards(tmp_path, n=3, lengths=[22050, 9000, 700])
    table = run(tmp_path)
    assert list(table["clip_id"]) == shard.clip_id
    np.testing.assert_array_equal(table["duration_seconds"], shard.n_samples / SAMPLE_RATE)
    for row in range(3):
        expected = sound_covariates(to_float(shard.samples[row, : shard.n_samples[row]]))
        expected |= modulation_covariates(log_mel[row][:, : n_frames[row]], SAMPLE_RATE / 275)
        assert len(expected) == len(COVARIATES) - 1
        for name, value in expected.items():
            assert table[name][row] == value


def test_padding_has_no_effect(tmp_path):
    shards(tmp_path, n=2, lengths=[22050, 9000])
    silence = run(tmp_path, "silence.tsv")
    shards(tmp_path, n=2, lengths=[22050, 9000], padding=0.5)
    assert run(tmp_path, "offset.tsv").equals(silence)


def test_more_clips_than_are_read_at_once(tmp_path):
    shards(tmp_path, n=70, seconds=0.1)
    table = run(tmp_path)
    assert len(table) == 70 and table["mod_fast_fine_db"].nunique() == 70


def test_a_silent_clip_has_empty_fields_and_is_reported(tmp_path, caplog):
    shard, *_ = shards(tmp_path, n=3)
    shard.samples[1] = 0
    write_audio_shard(tmp_path / "audio.h5", shard)
    with caplog.at_level("INFO"):
        table = run(tmp_path)
    assert "3 clips, 1 of them without sound" in caplog.text
    empty = [name for name in COVARIATES if np.isnan(table[name][1])]
    assert empty == ["centroid_hz", "bandwidth_hz", "flatness", "harmonicity"]
    assert not table.drop(index=1).isna().any(axis=None)


def test_a_shard_without_clips_gives_a_table_without_rows(tmp_path):
    empty = AudioShard(
        np.zeros((0, 100), np.int16), np.zeros(0, np.int32), [], SAMPLE_RATE, "test", "1"
    )
    write_audio_shard(tmp_path / "audio.h5", empty)
    write_spectrogram_shard(
        tmp_path / "mel.h5",
        np.zeros((0, 64, 1), np.float16),
        np.zeros(0, np.int32),
        np.zeros((0, 1), bool),
        [],
        "original",
        PARAMETERS,
    )
    assert len(run(tmp_path)) == 0


def test_shards_of_different_clips_are_refused(tmp_path):
    shards(tmp_path, n=2, names=["clip-1", "clip-0"])
    with pytest.raises(
        InputError,
        match=r"mel\.h5: damaged spectrogram shard \(does not hold the clips of .*audio\.h5",
    ):
        run(tmp_path)


def test_the_same_shard_gives_the_same_bytes(tmp_path):
    shards(tmp_path)
    run(tmp_path, "one.tsv")
    run(tmp_path, "two.tsv")
    assert (tmp_path / "one.tsv").read_bytes() == (tmp_path / "two.tsv").read_bytes()


def test_the_covariates_of_given_clips_are_read_from_the_table_of_a_split(tmp_path):
    shards(tmp_path, n=4)
    table = run(tmp_path)
    lines = (tmp_path / "a.tsv").read_text().splitlines(keepends=True)
    store(tmp_path / "b.tsv", lines[0] + "".join(lines[3:]))
    store(tmp_path / "c.tsv", "".join(lines[:3]))
    join_acoustics([tmp_path / "c.tsv", tmp_path / "b.tsv"], tmp_path / "joined.tsv")
    # Values are written as they were read.
    assert (tmp_path / "joined.tsv").read_bytes() == (tmp_path / "a.tsv").read_bytes()
    join_acoustics([tmp_path / "b.tsv", tmp_path / "c.tsv"], tmp_path / "joined.tsv")
    wanted = ["clip-3", "clip-0", "clip-2"]
    found = read_covariates(tmp_path / "joined.tsv", wanted)
    expected = table.set_index("clip_id").loc[wanted, list(COVARIATES)]
    np.testing.assert_array_equal(found, expected.to_numpy())
    assert read_covariates(tmp_path / "a.tsv", []).shape == (0, len(COVARIATES))


def test_a_clip_that_is_missing_or_occurs_twice_is_named(tmp_path):
    shards(tmp_path, n=2)
    run(tmp_path)
    path = tmp_path / "a.tsv"
    with pytest.raises(
        InputError, match=r"a\.tsv: damaged table \(no covariates of clip clip-7\); rebuild it"
    ):
        read_covariates(path, ["clip-1", "clip-7"])
    lines = path.read_text().splitlines(keepends=True)
    store(tmp_path / "b.tsv", "".join(lines + lines[1:]))
    message = re.escape("b.tsv: damaged table (clip clip-0 occurs twice)")
    with pytest.raises(InputError, match=message):
        read_covariates(tmp_path / "b.tsv", ["clip-1"])
    store(tmp_path / "b.tsv", lines[0] + lines[2])
    message = re.escape("b.tsv: damaged table (clip clip-1 occurs twice)")
    with pytest.raises(InputError, match=message):
        join_acoustics([path, tmp_path / "b.tsv"], tmp_path / "joined.tsv")
    assert not (tmp_path / "joined.tsv").exists()
