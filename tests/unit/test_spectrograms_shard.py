"""Spectrogram shards: written, read back, indexed, damaged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.spectrograms.columns import INDEX
from music_detectors.spectrograms.log_mel import PARAMETERS
from music_detectors.spectrograms.shard import (
    index_spectrograms,
    open_spectrogram_shard,
    read_index,
    write_spectrogram_shard,
)
from support.recordings import write_clips


def write_shard(path, clip_ids, frames=5, classes=2, seed=0, **changes):
    """Write a small shard of random values; returns them."""
    n = len(clip_ids)
    values = np.random.default_rng(seed).uniform(-100, 40, (n, 4, frames)).astype(np.float16)
    parts = {
        "n_frames": np.full(n, frames),
        "labels": np.zeros((n, classes), bool),
        "stimulus": "original",
        "parameters": PARAMETERS,
    }
    write_spectrogram_shard(path, log_mel=values, clip_id=clip_ids, **{**parts, **changes})
    return values


@pytest.fixture(scope="module")
def ten_clips(tmp_path_factory):
    path = tmp_path_factory.mktemp("shard") / "00000.h5"
    return write_shard(path, list("abcdefghij")), open_spectrogram_shard(path)


@given(st.lists(st.integers(0, 9), max_size=20), st.randoms())
def test_rows_go_to_their_places(ten_clips, rows, random):
    values, shard = ten_clips
    places = random.sample(range(25), len(rows))
    out = np.full((25, 4, 5), np.float16(7))
    expected = out.copy()
    expected[places] = values[rows]
    assert shard.read(rows, out, places) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("rows", [[], [3], [0, 1, 2, 3, 4, 5], [5, 4, 1, 2, 2], [0, 2, 4]])
def test_rows_are_read_in_the_requested_order(tmp_path, rows):
    values = write_shard(tmp_path / "00000.h5", list("abcdef"))
    shard = open_spectrogram_shard(tmp_path / "00000.h5")
    np.testing.assert_array_equal(shard.read(rows), values[rows])
    np.testing.assert_array_equal(shard.read(np.array(rows, dtype=int)), values[rows])
    out = np.zeros((len(rows), 4, 5), np.float16)
    assert shard.read(rows, out=out) is out
    np.testing.assert_array_equal(out, values[rows])


def test_reading_into_part_of_a_larger_array(tmp_path):
    values = write_shard(tmp_path / "00000.h5", list("abc"))
    whole = np.zeros((10, 4, 5), np.float16)
    open_spectrogram_shard(tmp_path / "00000.h5").read(out=whole[4:7])
    np.testing.assert_array_equal(whole[4:7], values)
    assert not whole[:4].any() and not whole[7:].any()


def test_rows_and_arrays_that_do_not_fit_are_refused(tmp_path):
    write_shard(tmp_path / "00000.h5", list("abc"))
    shard = open_spectrogram_shard(tmp_path / "00000.h5")
    for rows in ([3], [-1]):
        with pytest.raises(IndexError):
            shard.read(rows)
    for out in (np.zeros((2, 4, 5), np.float16), np.zeros((3, 4, 5), np.float32)):
        with pytest.raises(ValueError, match="float16"):
            shard.read(out=out)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"n_frames": np.array([5])}, r"n_frames \(1,\)"),
        ({"n_frames": np.array([5, 6])}, "more than all frames"),
        ({"n_frames": np.array([0, 5])}, "fewer than 1"),
        ({"labels": np.zeros((1, 2), bool)}, r"labels \(1, 2\)"),
        ({"labels": np.zeros(2, bool)}, r"labels are \(2,\) bool"),
        ({"clip_id": ["a", "a"]}, "a clip occurs twice"),
        ({"clip_id": ["a"]}, r"log_mel is \(2, 4, 5\) float16, not \(1, 4, 5\)"),
        ({"log_mel": np.zeros((2, 4), np.float16)}, r"log_mel is \(2, 4\) float16"),
    ],
)
def test_a_shard_that_does_not_fit_together_is_refused(tmp_path, changes, says):
    parts = {
        "log_mel": np.zeros((2, 4, 5)),
        "n_frames": np.array([5, 5]),
        "labels": np.zeros((2, 2), bool),
        "clip_id": ["a", "b"],
        "stimulus": "original",
        "parameters": PARAMETERS,
    }
    write_spectrogram_shard(tmp_path / "00000.h5", **{**parts, **changes})
    with pytest.raises(InputError, match=f"00000.h5: .*{says}"):
        open_spectrogram_shard(tmp_path / "00000.h5")


def test_a_flipped_bit_is_found_when_its_row_is_read(tmp_path):
    path = tmp_path / "00000.h5"
    values = write_shard(path, list("abc"), frames=200)
    content = bytearray(path.read_bytes())
    content[content.find(values[1].tobytes()) + 500] ^= 1
    path.write_bytes(content)
    shard = open_spectrogram_shard(path)
    np.testing.assert_array_equal(shard.read([0, 2]), values[[0, 2]])
    with pytest.raises(InputError) as caught:
        shard.read()
    assert str(caught.value).startswith(f"{path}: damaged spectrogram shard")
    assert "rebuild it: rm -r" in str(caught.value) and "\n" not in str(caught.value)


def test_a_shard_that_changed_since_it_was_opened_is_refused(tmp_path):
    path = tmp_path / "00000.h5"
    write_shard(path, list("abc"))
    shard = open_spectrogram_shard(path)
    write_shard(path, list("abcd"))
    with pytest.raises(InputError, match=r"log_mel is \(4, 4, 5\)"):
        shard.read()


def indexed(folder, shards, clips):
    """Run `index_spectrograms`; `clips` are (split, shard, clip_id)."""
    write_clips(
        folder / "clips.tsv",
        [{"clip_id": c, "split": s, "shard": h, "reference": "/x"} for s, h, c in clips],
    )
    index_spectrograms(shards, folder / "clips.tsv", "train", folder / "index.tsv")
    return read_index(folder / "index.tsv")


ORDER = [("train", "00000", name) for name in "abc"] + [("train", "00001", name) for name in "de"]


def test_the_index_is_in_the_order_of_the_clips(tmp_path):
    write_shard(tmp_path / "00000.h5", ["c", "a"], n_frames=np.array([4, 5]))
    write_shard(tmp_path / "00001.h5", ["d"])
    shards = [tmp_path / "00001.h5", tmp_path / "00000.h5"]
    index = indexed(tmp_path, shards, [*ORDER, ("test", "00000", "t")])
    assert index.to_dict("list") == {
        "clip_id": ["a", "c", "d"],
        "shard": ["00000", "00000", "00001"],
        "row": [1, 0, 0],
        "n_frames": [5, 4, 5],
    }


def test_shards_without_clips_leave_an_index_without_rows(tmp_path):
    write_shard(tmp_path / "00000.h5", [])
    assert len(indexed(tmp_path, [tmp_path / "00000.h5"], ORDER)) == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"frames": 6}, r"bands and frames \(4, 6\), but \(4, 5\) in .*00000\.h5"),
        ({"classes": 3}, "number of classes 3, but 2"),
        ({"stimulus": "quilt-50ms"}, "stimulus quilt-50ms, but original"),
        ({"parameters": {**PARAMETERS, "n_fft": 512}}, "parameters .*512"),
    ],
)
def test_shards_that_differ_are_named(tmp_path, changes, says):
    write_shard(tmp_path / "00000.h5", ["a"])
    write_shard(tmp_path / "00001.h5", ["d"], **changes)
    with pytest.raises(InputError, match=rf"00001\.h5: damaged spectrogram shard .{says}"):
        indexed(tmp_path, [tmp_path / "00000.h5", tmp_path / "00001.h5"], ORDER)


def test_clips_and_shards_out_of_place_are_named(tmp_path):
    write_shard(tmp_path / "00000.h5", ["a", "d"])
    with pytest.raises(
        InputError,
        match=r"00000\.h5: damaged spectrogram shard \(holds clip d, which .* does not put there",
    ):
        indexed(tmp_path, [tmp_path / "00000.h5"], ORDER)
    write_shard(tmp_path / "00007.h5", ["a"])
    with pytest.raises(InputError, match=r"00007\.h5: damaged .*is no shard of train"):
        indexed(tmp_path, [tmp_path / "00007.h5"], ORDER)


def test_an_index_with_a_clip_twice_is_refused(tmp_path):
    write_shard(tmp_path / "00000.h5", ["a"])
    index = indexed(tmp_path, [tmp_path / "00000.h5"], ORDER)
    write_table(tmp_path / "index.tsv", index.loc[[0, 0]], INDEX)
    with pytest.raises(InputError, match=r"index\.tsv: damaged table \(clip a occurs twice"):
        read_index(tmp_path / "index.tsv")
