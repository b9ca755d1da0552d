"""Spectrograms of a stimulus for a shard of clips, and their statuses."""

import numpy as np
import pandas as pd
import pytest

from music_detectors.audio.columns import LEVEL
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import AudioShard, to_float, to_int16, write_audio_shard
from music_detectors.common.errors import InputError
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table, write_table
from music_detectors.inputs.making import study
from music_detectors.spectrograms.log_mel import PARAMETERS, frames_of, log_mel
from music_detectors.spectrograms.shard import (
    index_spectrograms,
    open_spectrogram_shard,
    read_index,
)
from music_detectors.stimuli.making.columns import status_columns
from music_detectors.stimuli.making.names import find
from music_detectors.stimuli.making.spectrograms import compute_spectrogram_shards
from music_detectors.stimuli.quilt import quilted
from music_detectors.stimuli.quilting.windows import segment_samples
from support.recordings import write_classes, write_clips

LENGTH = 2 * SAMPLE_RATE
COMPARED = 1.5
SOUND = {"whole": LENGTH, "half": SAMPLE_RATE, "tiny": 2 * segment_samples(400) - 1}
LABELS = {"whole": "/m/b", "half": "/m/c;/m/a", "tiny": ""}
MIDS = ["/m/a", "/m/b", "/m/c"]


def sound_of(clip_id):
    seed = sum(clip_id.encode())
    samples = np.zeros(LENGTH, np.float32)
    drawn = 0.1 * np.random.default_rng(seed).standard_normal(SOUND[clip_id])
    samples[: SOUND[clip_id]] = drawn
    return to_int16(samples)


def write_audio(path, clip_ids, **changes):
    parts = {"sample_rate": SAMPLE_RATE, "decoder": "x", "decoder_version": "1", **changes}
    samples = np.array([sound_of(clip_id) for clip_id in clip_ids], np.int16)
    n_samples = np.array([SOUND[clip_id] for clip_id in clip_ids], np.int32)
    write_audio_shard(
        path, AudioShard(samples.reshape(-1, LENGTH), n_samples, list(clip_ids), **parts)
    )


def computed(
    folder,
    stimulus="quilt-400ms",
    clip_ids=tuple(SOUND),
    seed=1,
    shard="00000",
    known=tuple(SOUND),
    mids=MIDS,
    padded=False,
    level=None,
    **more,
):
    """Compute a shard of `clip_ids`; returns the shard opened and its statuses by clip."""
    write_clips(
        folder / "clips.tsv",
        [
            {
                "clip_id": clip_id,
                "reference": "/x",
                "split": "test",
                "shard": shard,
                "labels": LABELS[clip_id],
            }
            for clip_id in known
        ],
    )
    write_classes(folder / "classes.tsv", mids)
    write_audio(folder / "audio.h5", clip_ids, **more)
    place = folder / stimulus
    compute_spectrogram_shards(
        folder / "audio.h5",
        folder / "clips.tsv",
        folder / "classes.tsv",
        "test",
        shard,
        [stimulus],
        [place / f"{shard}.h5"],
        [place / f"{shard}.status.tsv"],
        seed=seed,
        compared_seconds=COMPARED if find(stimulus).stimulus.cut else None,
        padded=padded,
        level=level,
    )
    columns = status_columns(find(stimulus).stimulus.columns)
    status = read_table(place / f"{shard}.status.tsv", columns)
    assert status["clip_id"].tolist() == list(clip_ids)
    return open_spectrogram_shard(place / f"{shard}.h5"), status.set_index("clip_id")


def test_the_original_stimulus_is_whole_clips_and_their_labels(tmp_path):
    shard, status = computed(tmp_path, "original")
    assert shard.clip_id == list(SOUND)
    assert shard.shape == (64, 161)
    assert shard.n_frames.tolist() == frames_of(np.array(list(SOUND.values()))).tolist()
    assert shard.labels.tolist() == [
        [False, True, False],
        [True, False, True],
        [False, False, False],
    ]
    assert shard.stimulus == "original" and shard.parameters == PARAMETERS
    expected = log_mel(np.array([sound_of(clip_id) for clip_id in SOUND]))
    found = shard.read()
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, expected.astype(np.float16))
    assert status["status"].to_dict() == {"whole": "ok", "half": "short", "tiny": "short"}
    assert status["n_samples"].to_dict() == SOUND
    assert list(status.columns) == ["status", "message", "n_samples"]


def test_a_clip_too_short_for_two_segments_has_a_status_and_no_row(tmp_path):
    shard, status = computed(tmp_path)
    assert status["status"].to_dict() == {"whole": "ok", "half": "short", "tiny": "too short"}
    assert shard.clip_id == ["whole", "half"]
    assert shard.labels.tolist() == [[False, True, False], [True, False, True]]
    message = f"{SOUND['tiny']} samples, and two segments take {SOUND['tiny'] + 1}"
    assert status.loc["tiny", "message"] == message
    assert status["n_segments"].to_dict() == {"whole": 5, "half": 2, "tiny": 0}
    assert status["n_samples"].to_dict() == {
        "whole": round(COMPARED * SAMPLE_RATE),
        "half": 2 * segment_samples(400),
        "tiny": 0,
    }
    assert np.isnan(status.loc["tiny", "gain_db"])


def test_spectrograms_are_of_the_quilt_of_the_sound_cut_or_padded(tmp_path):
    shard, status = computed(tmp_path)
    length = round(COMPARED * SAMPLE_RATE)
    assert shard.shape == (64, frames_of(length))
    assert shard.n_frames.tolist() == frames_of(status["n_samples"].to_numpy()[:2]).tolist()
    assert shard.stimulus == "quilt-400ms" and shard.parameters == PARAMETERS
    for clip_id, found in zip(shard.clip_id, shard.read(), strict=True):
        samples = to_float(sound_of(clip_id)[: SOUND[clip_id]])
        draw = generator(1, "quilt", "quilt-400ms", clip_id)
        made, gain, order = quilted(samples, 400, draw)
        wave = np.zeros((1, length), np.float32)
        wave[0, : len(made)] = made[:length]
        np.testing.assert_array_equal(found, log_mel(wave)[0].astype(np.float16))
        assert status.loc[clip_id, "first_segment"] == order[0]
        assert status.loc[clip_id, "gain_db"] == pytest.approx(20 * np.log10(gain))


def test_the_intact_stimulus_is_the_clip_itself(tmp_path):
    shard, status = computed(tmp_path, "intact")
    assert shard.clip_id == list(SOUND)
    assert status["status"].tolist() == ["ok", "short", "short"]
    length = round(COMPARED * SAMPLE_RATE)
    expected = log_mel(np.array([sound_of(clip_id)[:length] for clip_id in SOUND]))
    np.testing.assert_array_equal(shard.read(), expected.astype(np.float16))


@pytest.mark.parametrize("stimulus", ["intact", "quilt-400ms"])
def test_silence_follows_what_is_played_up_to_the_length_of_the_clip(tmp_path, stimulus):
    shard, status = computed(tmp_path, stimulus)
    unpadded = shard.read()
    padded, padded_status = computed(tmp_path, stimulus, padded=True)
    found = padded.read()
    assert padded.shape == (64, frames_of(LENGTH))
    # Frames and statuses are of the sound.
    assert padded.n_frames.tolist() == shard.n_frames.tolist()
    assert padded_status.equals(status)
    # The last frame of what is not padded sees its reflection, that of the padded one silence.
    whole = shard.shape[1] - 1
    np.testing.assert_array_equal(found[:, :, :whole], unpadded[:, :, :whole])
    assert (found[:, :, whole + 2 :] == -100).all() and whole + 2 < padded.shape[1]


def test_levels_are_of_whole_clips_and_silent_clips_have_none(tmp_path, monkeypatch):
    quiet = sound_of
    level = tmp_path / "level.tsv"
    write_table(level, pd.DataFrame({"n_clips": [3], "rms": [0.8]}), LEVEL)
    monkeypatch.setitem(
        globals(), "sound_of", lambda clip: 0 * quiet(clip) if clip == "half" else quiet(clip)
    )
    shard, status = computed(tmp_path, "level-6db", level=level)
    assert shard.clip_id == ["whole", "tiny"] and shard.shape == (64, frames_of(LENGTH))
    assert status["status"].to_dict() == {"whole": "ok", "half": "silent", "tiny": "short"}
    assert "RMS of 0" in status.loc["half", "message"] and np.isnan(status.loc["half", "gain_db"])
    for clip_id, found in zip(shard.clip_id, shard.read(), strict=True):
        samples = to_float(quiet(clip_id))
        power = np.mean(samples[: SOUND[clip_id]].astype(float) ** 2)
        loud = (samples * (0.8 / np.sqrt(power) * 10 ** (-6 / 20))).astype(np.float32)
        assert np.abs(loud).max() > 1
        # Rounding of the gain may move a value to the next step of float16, 0.0625 dB at most.
        np.testing.assert_allclose(found, log_mel(loud[None])[0], rtol=0, atol=0.07)


def test_a_quilt_depends_on_seed_stimulus_and_clip_and_on_nothing_else(tmp_path):
    def read(name, clip_ids=("half", "whole"), **more):
        (tmp_path / name).mkdir()
        shard, status = computed(tmp_path / name, "quilt-50ms", clip_ids, **more)
        return dict(zip(shard.clip_id, shard.read(), strict=True)), status

    first, _ = read("first")
    for name, more in (
        ("again", {}),
        ("turned", {"clip_ids": ("whole", "half")}),
        ("alone", {"clip_ids": ("whole",)}),
        ("elsewhere", {"clip_ids": ("whole",), "shard": "00007"}),
    ):
        found, _ = read(name, **more)
        np.testing.assert_array_equal(found["whole"], first["whole"])
    other, _ = read("other", seed=2)
    assert not np.array_equal(other["whole"], first["whole"])


def test_several_stimuli_in_one_job_are_those_of_a_job_each(tmp_path):
    names = ["quilt-50ms", "intact", "quilt-400ms"]
    for name in names:
        computed(tmp_path, name)
    together = tmp_path / "together"
    compute_spectrogram_shards(
        tmp_path / "audio.h5",
        tmp_path / "clips.tsv",
        tmp_path / "classes.tsv",
        "test",
        "00000",
        names,
        [together / f"{name}.h5" for name in names],
        [together / f"{name}.status.tsv" for name in names],
        seed=1,
        compared_seconds=COMPARED,
    )
    for name in names:
        for ending in ("h5", "status.tsv"):
            alone = (tmp_path / name / f"00000.{ending}").read_bytes()
            assert (together / f"{name}.{ending}").read_bytes() == alone


@pytest.mark.parametrize("stimulus", ["original", "quilt-400ms"])
def test_the_same_shard_gives_the_same_bytes(tmp_path, stimulus):
    computed(tmp_path, stimulus)
    files = sorted((tmp_path / stimulus).iterdir())
    before = [path.read_bytes() for path in files]
    computed(tmp_path, stimulus)
    assert [path.read_bytes() for path in files] == before


@pytest.mark.parametrize(
    ("stimulus", "clip_ids"), [("original", ()), ("quilt-400ms", ()), ("quilt-400ms", ("tiny",))]
)
def test_a_shard_without_any_spectrogram_is_written_and_indexed(tmp_path, stimulus, clip_ids):
    shard, status = computed(tmp_path, stimulus, clip_ids)
    assert shard.read().shape == (0, *shard.shape) and shard.labels.shape == (0, 3)
    assert len(status) == len(clip_ids)
    place = tmp_path / stimulus
    index_spectrograms([place / "00000.h5"], tmp_path / "clips.tsv", "test", place / "index.tsv")
    assert read_index(place / "index.tsv").empty


def test_the_index_leaves_out_what_could_not_be_quilted(tmp_path):
    computed(tmp_path, clip_ids=("tiny", "half", "whole"))
    place = tmp_path / "quilt-400ms"
    index_spectrograms([place / "00000.h5"], tmp_path / "clips.tsv", "test", place / "index.tsv")
    index = read_index(place / "index.tsv")
    # In the order of clips.tsv.
    assert index["clip_id"].tolist() == ["whole", "half"] and index["row"].tolist() == [1, 0]


@pytest.mark.parametrize("stimulus", ["original", "quilt-50ms"])
def test_what_cannot_be_computed_is_named(tmp_path, monkeypatch, stimulus):
    with pytest.raises(
        InputError, match=r"audio\.h5: damaged audio shard \(at 16000 Hz, not 22050"
    ):
        computed(tmp_path, stimulus, sample_rate=16_000)
    with pytest.raises(InputError, match="no clip tiny in shard test/00000"):
        computed(tmp_path, stimulus, known=("whole", "half"))
    with pytest.raises(InputError, match="clip half has the label '/m/c'"):
        computed(tmp_path, stimulus, mids=MIDS[:2])
    seen = []

    def broken(samples):
        seen.append(samples)
        values = log_mel(samples)
        values[0, 3, 4] = np.nan if len(seen) == 2 else 0
        return values

    monkeypatch.setattr(study, "log_mel", broken)
    with pytest.raises(InputError, match="clip half gives a spectrogram that is not finite"):
        computed(tmp_path, stimulus)
